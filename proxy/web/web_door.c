#include "proxy/web/web_door.h"

#include "core/log.h"
#include "proxy/web/metrics.h"
#include "proxy/web/web_guests.h"

#include <errno.h>
#include <inttypes.h>

int
web_door_init(
    struct web_door *d, const struct config *config, struct metrics_web *counts)
{
	*d = (struct web_door){ .counts = counts };
	web_conns_init(&d->conns);
	web_share_init(&d->share);
	d->guests = web_guests_new(config);
	return d->guests != NULL ? 0 : -ENOMEM;
}

void
web_door_fini(struct web_door *d)
{
	web_guests_free(d->guests);
	d->guests = NULL;
}

static void
charge(struct web_door *d, const union addr *client, unsigned units,
    struct mono now)
{
	char ip[ADDR_TEXT_MAX];
	uint64_t left_out;
	const bool held = web_share_charge(&d->share, client, units, now);

	d->counts->held = d->share.n_held;
	if (held && limiter_allows(&d->share_lines, now, &left_out))
		log_info("web",
		    "%s asks for more than its share, held back (%" PRIu64
		    " more before)",
		    addr_format_ip(client, ip), left_out);
}

static struct web_conns_one *
turn_away(struct web_door *d, enum metrics_refusal why)
{
	d->counts->refused[why]++;
	return NULL;
}

/* Whose place it gets is told, and closes its connection. */
static enum web_conns_answer
enter(struct web_door *d, const union addr *client, struct mono now,
    struct web_conns_one **ret_one)
{
	const enum web_conns_answer answer =
	    web_conns_enter(&d->conns, client, now, ret_one);
	struct web_conns_one *other = answer == WEB_CONNS_FULL && d->end != NULL
	    ? web_conns_find_yielding(&d->conns, client)
	    : NULL;

	if (other == NULL)
		return answer;
	d->counts->refused[METRICS_REFUSAL_YIELDED]++;
	d->end(d->arg, other);
	return web_conns_enter(&d->conns, client, now, ret_one);
}

struct web_conns_one *
web_door_enter(struct web_door *d, const union addr *client)
{
	const struct mono now = mono_now();
	const bool held = web_share_holds(&d->share, client, now);
	struct web_conns_one *one = NULL;

	charge(d, client, WEB_SHARE_CONNECTION, now);
	if (!web_guests_are_welcome(d->guests, client))
		return turn_away(d, METRICS_REFUSAL_STRANGER);
	if (held)
		return turn_away(d, METRICS_REFUSAL_HELD);
	switch (enter(d, client, now, &one)) {
	case WEB_CONNS_WELCOME:
		break;
	case WEB_CONNS_FULL:
		return turn_away(d, METRICS_REFUSAL_FULL);
	case WEB_CONNS_CLIENT_FULL:
		return turn_away(d, METRICS_REFUSAL_CLIENT);
	}
	d->counts->connections = d->conns.n;
	return one;
}

bool
web_door_pay(struct web_door *d, const struct web_conns_one *one)
{
	const struct mono now = mono_now();

	if (web_share_holds(&d->share, &one->client, now))
		return false;
	charge(d, &one->client, WEB_SHARE_QUESTION, now);
	return true;
}

void
web_door_charge_answer(
    struct web_door *d, const struct web_conns_one *one, size_t len)
{
	charge(d, &one->client, (unsigned)(len / WEB_SHARE_PIECE_BYTES),
	    mono_now());
}

bool
web_door_pass(struct web_door *d)
{
	web_share_pass(&d->share, mono_now());
	d->counts->held = d->share.n_held;
	return d->share.n_held > 0;
}

void
web_door_leave(struct web_door *d, struct web_conns_one *one)
{
	web_conns_leave(&d->conns, one);
	d->counts->connections = d->conns.n;
}

void
web_door_note_late(struct web_door *d, const struct web_conns_one *one)
{
	if (one->busy || !one->answered)
		d->counts->refused[METRICS_REFUSAL_LATE]++;
}

void
web_door_note_wrong(struct web_door *d, const struct web_conns_one *one)
{
	char ip[ADDR_TEXT_MAX];
	uint64_t left_out;

	d->counts->refused[METRICS_REFUSAL_PASSWORD]++;
	if (one != NULL &&
	    limiter_allows(&d->password_lines, mono_now(), &left_out))
		log_warning("web",
		    "[web] %s gave a wrong name or password, refused (%" PRIu64
		    " more before)",
		    addr_format_ip(&one->client, ip), left_out);
}
