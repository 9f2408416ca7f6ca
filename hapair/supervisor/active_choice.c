#include "hapair/supervisor/active_choice.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/log.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/state_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct accord
accord_of(const struct config *c, size_t leader, const char *server)
{
	const struct config_service *s = &c->services[leader];
	const bool grouped = s->standby_group != NULL;
	struct accord a = { .kind =
		                grouped ? ACCORD_ACTIVE_GROUP : ACCORD_ACTIVE };

	(void)snprintf(a.subject, sizeof(a.subject), "%s",
	    grouped ? s->standby_group : s->name);
	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	return a;
}

static const struct accord *
find(const struct state_store *s, size_t leader)
{
	const struct accord like = accord_of(s->setup.config, leader, "");

	return shared_state_find(&s->all, like.kind, like.subject, "");
}

static struct standby_guard_sight
sight(const struct state_store *s, size_t leader)
{
	const struct config *c = s->setup.config;
	const struct accord *a = find(s, leader);

	return (struct standby_guard_sight){ .decides = config_standby_decides(
		                                 c, leader, s->setup.node,
		                                 s->known, s->setup.groups),
		.waits = s->places.choices[leader].waits,
		.active =
		    a != NULL ? config_standby_host(c, leader, a->server) : 0 };
}

/* By what is agreed on: the relay may have to take back what it chose. */
static void
answer(struct state_store *s, size_t leader)
{
	const int host = sight(s, leader).active;
	const struct accord *a = find(s, leader);
	const struct msg_active m = { .service = (uint16_t)leader,
		.server = (uint16_t)(host < 0 ? 0 : host),
		.epoch = a != NULL ? a->epoch : 0 };
	struct buf b = BUF_WRITER(16);

	msg_put_active(&b, &m);
	child_send(s->setup.relay, MSG_CHOSEN, b.data, b.pos, -1);
}

static void
agree(struct state_store *s, size_t leader, unsigned server, int before)
{
	const struct config *c = s->setup.config;
	const struct config_service *service = &c->services[leader];
	struct accord a = accord_of(c, leader, service->servers[server].name);
	int e = state_store_make(s, &a);

	if (e < 0)
		log_error("state",
		    "[state] service %s: %s cannot be kept as active: %s",
		    service->name, a.server, state_store_fault(e));
	else
		standby_guard_note_choice(
		    s->places.guards, c, leader, before, server, mono_now());
}

static void
tell_refusal(struct state_store *s, size_t leader, const char *why)
{
	uint64_t more;

	if (limiter_allows(
	        &s->places.choices[leader].refusals, mono_now(), &more))
		log_warning("state",
		    "[refused] service %s: the relay made another server active, but %s (%" PRIu64
		    " times more since the last line)",
		    s->setup.config->services[leader].name, why, more);
}

/* Agreed on, refused, or it still waits. */
static void
settle(struct state_store *s, size_t leader)
{
	const struct standby_guard_sight seen = sight(s, leader);
	struct active_choice *c = &s->places.choices[leader];
	const struct mono now = mono_now();
	enum standby_guard_answer verdict;
	const char *why;

	if (s->held)
		return;
	verdict = standby_guard_choose(s->places.guards, s->setup.config,
	    leader, c->server, &seen, now, &why);
	if (verdict == STANDBY_GUARD_YES) {
		agree(s, leader, c->server, seen.active);
	} else if (verdict == STANDBY_GUARD_LATER &&
	    mono_before(now, c->until)) {
		ev_timer_again(s->setup.loop, &s->choice_patience);
		return;
	} else {
		tell_refusal(s, leader, why);
	}
	c->waits = false;
	answer(s, leader);
}

void
active_choice_look(struct state_store *s)
{
	for (size_t i = 0; i < s->setup.config->n_services; i++)
		if (s->places.choices[i].waits)
			settle(s, i);
}

int
active_choice_take(struct state_store *s, struct buf *b)
{
	const struct config *c = s->setup.config;
	struct active_choice *choice;
	struct msg_active m;

	if (msg_get_active(b, &m) < 0 || m.service >= c->n_services ||
	    c->services[m.service].mode != CONFIG_MODE_STANDBY ||
	    config_standby_leader(c, m.service) != m.service ||
	    m.server >= c->services[m.service].n_servers)
		return -EBADMSG;
	choice = &s->places.choices[m.service];
	if (choice->waits) /* each is answered, and the last answer holds */
		answer(s, m.service);
	choice->waits = true;
	choice->server = m.server;
	choice->until = mono_add_ms(mono_now(), ACTIVE_CHOICE_PATIENCE_MS);
	settle(s, m.service);
	return 0;
}

bool
active_choice_is_under_way(const struct state_store *s)
{
	const struct config *c = s->setup.config;
	const struct mono now = mono_now();

	for (size_t i = 0; i < c->n_services; i++)
		if (s->places.choices[i].waits ||
		    (c->services[i].promote != NULL &&
		        standby_guard_owes_promote(&s->places.guards[i], now)))
			return true;
	return false;
}

void
active_choice_hold(struct state_store *s, bool hold)
{
	const struct mono until =
	    mono_add_ms(mono_now(), ACTIVE_CHOICE_PATIENCE_MS);

	s->held = hold;
	for (size_t i = 0; !hold && i < s->setup.config->n_services; i++)
		s->places.choices[i].until = until;
	if (!hold)
		active_choice_look(s);
}

void
active_choice_forget(struct state_store *s)
{
	for (size_t i = 0; i < s->setup.config->n_services; i++)
		s->places.choices[i].waits = false;
	standby_guard_forget(s->places.guards, s->setup.config);
}

enum standby_guard_answer
active_choice_may_run(
    struct state_store *s, const struct msg_fence *m, const char **ret_why)
{
	const size_t leader =
	    config_standby_leader(s->setup.config, m->service);
	const struct standby_guard_sight seen = sight(s, leader);

	*ret_why = "a reload is under way";
	if (s->held)
		return STANDBY_GUARD_LATER;
	return standby_guard_run(
	    s->places.guards, m, &seen, mono_now(), ret_why);
}

void
active_choice_note_fence(struct state_store *s, const struct msg_fence *m)
{
	standby_guard_note_fence(
	    &s->places.guards[m->service], m->from, mono_now());
}
