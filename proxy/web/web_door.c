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
	d->guests = web_guests_new(config);
	return d->guests != NULL ? 0 : -ENOMEM;
}

void
web_door_fini(struct web_door *d)
{
	web_guests_free(d->guests);
	d->guests = NULL;
}

struct web_conns_one *
web_door_enter(struct web_door *d, const union addr *client)
{
	struct web_conns_one *one = NULL;

	if (!web_guests_are_welcome(d->guests, client)) {
		d->counts->refused[METRICS_REFUSAL_STRANGER]++;
		return NULL;
	}
	switch (web_conns_enter(&d->conns, client, mono_now(), &one)) {
	case WEB_CONNS_WELCOME:
		d->counts->connections = d->conns.n;
		return one;
	case WEB_CONNS_FULL:
		d->counts->refused[METRICS_REFUSAL_FULL]++;
		break;
	case WEB_CONNS_CLIENT_FULL:
		d->counts->refused[METRICS_REFUSAL_CLIENT]++;
		break;
	}
	return NULL;
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
