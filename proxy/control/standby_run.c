#include "proxy/control/standby_run.h"

#include "config/config.h"
#include "core/log.h"
#include "core/mono.h"
#include "core/timeout.h"
#include "proxy/control/standby_send.h"
#include "proxy/control/standby_view.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_UNIT SIZE_MAX

/* A service, or those of a group. */
struct unit {
	struct standby_run *standby_run;    /* borrowed: the one it is in */
	size_t leader;                      /* its first service */
	char subject[CONFIG_NAME_MAX + 16]; /* of its log lines */
	struct standby_rules rules;
	struct standby standby;
	bool settling, again; /* see settle() */
	const char *why;      /* its server is the active one */
	unsigned unanswered;  /* choices of ours; the last answer holds */
	ev_timer wake;
	/* While it is fencing: services in order, one after the other. */
	uint32_t fence_id;
	size_t fence_service;
	char fault[MSG_TEXT_MAX]; /* of the last one; "": it has none */
};

struct standby_run {
	struct standby_run_setup setup;
	struct standby_send send;
	bool known;
	uint32_t last_id;
	size_t n_units;
	struct unit *units;
	size_t *unit_of; /* by service; NO_UNIT */
};

static const struct config_service *
leader_of(const struct unit *u)
{
	return &u->standby_run->setup.config->services[u->leader];
}

/* The next service of the unit after this one; NO_UNIT: it was the last. */
static size_t
next_member(const struct unit *u, size_t after)
{
	const struct standby_run *m = u->standby_run;

	for (size_t i = after + 1; i < m->setup.config->n_services; i++)
		if (m->unit_of[i] == m->unit_of[u->leader])
			return i;
	return NO_UNIT;
}

/* -- what it sees ------------------------------------------------------- */

static struct standby_host
look_at(struct unit *u, unsigned n)
{
	struct standby_view seen = { 0 };

	for (size_t i = u->leader; i != NO_UNIT; i = next_member(u, i)) {
		struct pool *p =
		    services_pool(u->standby_run->setup.services, i);
		struct pool_view server;

		pool_look(p, &p->servers[n], &server);
		standby_view_add(&seen, &server);
	}
	return standby_view_host(&seen);
}

/* -- what it does ------------------------------------------------------- */

/* The next fence that there is; false: that was all. */
static bool
run_fence(struct unit *u)
{
	struct standby_run *m = u->standby_run;
	const struct config *c = m->setup.config;
	const struct standby *s = &u->standby;

	while (u->fence_service != NO_UNIT &&
	    c->services[u->fence_service].fence == NULL)
		u->fence_service = next_member(u, u->fence_service);
	if (u->fence_service == NO_UNIT)
		return false;
	u->fence_id = ++m->last_id;
	standby_send_fence(&m->send,
	    &(struct msg_fence){ .id = u->fence_id,
	        .service = (uint16_t)u->fence_service,
	        .from = (uint16_t)s->active,
	        .to = (uint16_t)s->target });
	return true;
}

static void
promote(struct unit *u, unsigned from, unsigned to)
{
	struct standby_run *m = u->standby_run;

	for (size_t i = u->leader; i != NO_UNIT; i = next_member(u, i))
		if (m->setup.config->services[i].promote != NULL)
			standby_send_fence(&m->send,
			    &(struct msg_fence){ .id = ++m->last_id,
			        .service = (uint16_t)i,
			        .promote = true,
			        .from = (uint16_t)from,
			        .to = (uint16_t)to });
}

static void
point(struct unit *u)
{
	struct services *r = u->standby_run->setup.services;

	for (size_t i = u->leader; i != NO_UNIT; i = next_member(u, i)) {
		pool_set_active(services_pool(r, i), u->standby.active);
		services_changed(r, services_pool(r, i));
	}
}

/* Tells the supervisor, which agrees on it and keeps it. */
static void
choose(struct unit *u)
{
	const struct msg_active m = { .service = (uint16_t)u->leader,
		.server = (uint16_t)u->standby.active };

	if (standby_send_chosen(&u->standby_run->send, &m))
		u->unanswered++;
}

static void
tell(const struct unit *u, const struct standby_out *out, const char *what)
{
	const struct config_service *c = leader_of(u);

	const char *from = c->servers[out->from].name;
	const char *to = c->servers[out->to].name;
	const char *reason = standby_reason_text(out->reason);

	if (out->reason == STANDBY_TOLD)
		log_notice(u->subject, "[switch] %s: %s -> %s, reason: %s",
		    what, from, to, reason);
	else
		log_warning(u->subject, "[switch] %s: %s -> %s, reason: %s",
		    what, from, to, reason);
}

static void
tell_trouble(const struct unit *u, enum standby_trouble was)
{
	const struct config_service *c = leader_of(u);
	const enum standby_trouble is = u->standby.trouble;

	if (is == was || is == STANDBY_NO_TROUBLE)
		return;
	log_error(u->subject, "[standby] active server stays %s: %s",
	    c->servers[u->standby.active].name, standby_trouble_text(is));
}

static void
carry_out(struct unit *u, const struct standby_out *out)
{
	switch (out->action) {
	case STANDBY_DO_NOTHING:
		break;
	case STANDBY_FENCE:
		tell(u, out, "fencing the active server");
		u->fence_service = u->leader;
		u->fault[0] = '\0';
		(void)run_fence(u);
		break;
	case STANDBY_SWITCH:
		u->why = standby_reason_text(out->reason);
		point(u);
		choose(u);
		tell(u, out, "active server");
		promote(u, out->from, out->to);
		break;
	}
}

/* One step; what it does may be seen by another one, before this returns. */
static struct standby_out
step(struct unit *u, const struct standby_event *ev)
{
	const enum standby_trouble was = u->standby.trouble;
	struct standby_out out;

	u->standby = standby_step(&u->standby, &u->rules, ev, mono_now(), &out);
	timeout_arm_at(u->standby_run->setup.loop, &u->wake, out.wake);
	carry_out(u, &out);
	tell_trouble(u, was);
	return out;
}

static struct standby_event
sight(struct unit *u)
{
	const struct standby_run *m = u->standby_run;
	/* Until it has taken over, the relay before this one decides. */
	struct standby_event ev = { .type = STANDBY_LOOK,
		.decides = !m->setup.services->waits &&
		    config_standby_decides(m->setup.config, u->leader,
		        m->setup.node, m->known, m->setup.groups) };

	for (unsigned i = 0; i < u->rules.n_hosts; i++)
		ev.hosts[i] = look_at(u, i);
	return ev;
}

/*
 * An event, and then what follows from it. What is carried out may come back
 * as a wish to look: it is remembered, so that no step runs inside another.
 */
static struct standby_out
settle(struct unit *u, const struct standby_event *ev)
{
	struct standby_out first;

	u->settling = true;
	first = step(u, ev);
	u->again = u->again || ev->type != STANDBY_LOOK;
	while (u->again) {
		const struct standby_event again = sight(u);

		u->again = false;
		(void)step(u, &again);
	}
	u->settling = false;
	return first;
}

static void
look(struct unit *u)
{
	const struct standby_event ev = sight(u);

	if (u->settling)
		u->again = true;
	else
		(void)settle(u, &ev);
}

static void
on_wake(struct ev_loop *loop, ev_timer *t, int revents)
{
	look(CONTAINER_OF(t, struct unit, wake));
}

/* -- who asks ----------------------------------------------------------- */

static struct unit *
unit_of(const struct standby_run *m, size_t service)
{
	const size_t i = m->unit_of[service];

	return i == NO_UNIT ? NULL : &m->units[i];
}

void
standby_run_look(struct standby_run *m, size_t service)
{
	struct unit *u = unit_of(m, service);

	if (u != NULL)
		look(u);
}

void
standby_run_look_at_groups(struct standby_run *m)
{
	for (size_t i = 0; i < m->n_units; i++)
		look(&m->units[i]);
}

void
standby_run_set_known(struct standby_run *m, bool known)
{
	m->known = known;
	standby_run_look_at_groups(m);
}

static bool
is_about(const struct unit *u, const struct accord *a)
{
	const struct config_service *c = leader_of(u);

	if (c->standby_group != NULL)
		return a->kind == ACCORD_ACTIVE_GROUP &&
		    strcmp(a->subject, c->standby_group) == 0;
	return a->kind == ACCORD_ACTIVE && strcmp(a->subject, c->name) == 0;
}

static void
follow(struct unit *u, unsigned host, uint64_t epoch)
{
	const struct standby_event ev = {
		.type = STANDBY_AGREED, .host = host, .epoch = epoch
	};
	const unsigned was = u->standby.active;
	const struct config_service *c = leader_of(u);

	(void)settle(u, &ev);
	if (host == was)
		return;
	log_notice(u->subject,
	    "[switch] active server: %s -> %s, reason: it was agreed on",
	    c->servers[was].name, c->servers[host].name);
	u->why = "it was agreed on";
	point(u);
}

static void
agree(struct unit *u, const struct accord *a)
{
	const int host = config_standby_host(
	    u->standby_run->setup.config, u->leader, a->server);

	if (host >= 0)
		follow(u, (unsigned)host, a->epoch);
	else
		log_warning(u->subject,
		    "[standby] %s was active, and is no server any more; %s is",
		    a->server, leader_of(u)->servers[u->standby.active].name);
}

void
standby_run_agree(struct standby_run *m, const struct accord *a)
{
	for (size_t i = 0; i < m->n_units; i++)
		/* The answer that is due tells what holds after both. */
		if (is_about(&m->units[i], a) && m->units[i].unanswered == 0)
			agree(&m->units[i], a);
}

int
standby_run_take_chosen(struct standby_run *m, const struct msg_active *chosen)
{
	struct unit *u = chosen->service < m->setup.config->n_services
	    ? unit_of(m, chosen->service)
	    : NULL;

	if (u == NULL || u->unanswered == 0 ||
	    chosen->server >= u->rules.n_hosts)
		return -EBADMSG;
	u->unanswered--;
	if (u->unanswered > 0)
		return 0;
	/* As we said: what may be under way by now goes on. */
	if (chosen->server == u->standby.active)
		u->standby.epoch = chosen->epoch;
	else
		follow(u, chosen->server, chosen->epoch);
	return 0;
}

void
standby_run_take_fenced(struct standby_run *m, const struct msg_fenced *fenced)
{
	struct standby_event ev = { .type = STANDBY_FENCED,
		.passed = fenced->passed };

	for (size_t i = 0; i < m->n_units; i++) {
		struct unit *u = &m->units[i];

		if (u->standby.phase != STANDBY_FENCING ||
		    u->fence_id != fenced->id)
			continue;
		memcpy(u->fault, fenced->fault, sizeof(u->fault));
		u->fence_service = next_member(u, u->fence_service);
		if (!fenced->passed || !run_fence(u))
			(void)settle(u, &ev);
	}
}

const char *
standby_run_ask(
    struct standby_run *m, size_t service, unsigned server, bool *ret_waits)
{
	const struct standby_event ev = { .type = STANDBY_ASKED,
		.host = server };
	struct unit *u = unit_of(m, service);
	struct standby_out out;

	if (u == NULL)
		return "its service is not one of mode standby";
	out = settle(u, &ev);
	if (out.refusal == NULL)
		*ret_waits = out.action == STANDBY_FENCE;
	return out.refusal;
}

const struct standby *
standby_run_standby(const struct standby_run *m, size_t service)
{
	const struct unit *u = unit_of(m, service);

	return u != NULL ? &u->standby : NULL;
}

const char *
standby_run_reason(const struct standby_run *m, size_t service)
{
	const struct unit *u = unit_of(m, service);

	return u != NULL && u->why != NULL ? u->why : "";
}

const char *
standby_run_fault(const struct standby_run *m, size_t service)
{
	const struct unit *u = unit_of(m, service);

	return u != NULL ? u->fault : "";
}

/* -- life --------------------------------------------------------------- */

static void
init_unit(struct standby_run *m, size_t service)
{
	const struct config_service *c = &m->setup.config->services[service];
	const bool grouped = c->standby_group != NULL;
	struct unit *u = &m->units[m->n_units];

	u->standby_run = m;
	u->leader = service;
	u->rules = (struct standby_rules){ .n_hosts = (unsigned)c->n_servers,
		.hold_ms = c->hold_ms,
		.failback = c->failback };
	u->standby = standby_init(mono_now());
	ev_timer_init(&u->wake, on_wake, 0., 0.);
	(void)snprintf(u->subject, sizeof(u->subject), "%s %s",
	    grouped ? "standby group" : "service",
	    grouped ? c->standby_group : c->name);
	m->unit_of[service] = m->n_units++;
}

static void
init_units(struct standby_run *m)
{
	const struct config *c = m->setup.config;

	for (size_t i = 0; i < c->n_services; i++) {
		m->unit_of[i] = NO_UNIT;
		if (c->services[i].mode != CONFIG_MODE_STANDBY)
			continue;
		if (config_standby_leader(c, i) == i)
			init_unit(m, i);
		else
			m->unit_of[i] = m->unit_of[config_standby_leader(c, i)];
		if (c->services[i].fence != NULL)
			m->units[m->unit_of[i]].rules.fences = true;
	}
}

struct standby_run *
standby_run_new(const struct standby_run_setup *setup)
{
	const size_t n = setup->config->n_services;
	struct standby_run *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->setup = *setup;
	m->units = calloc(n + 1, sizeof(*m->units));
	m->unit_of = calloc(n + 1, sizeof(*m->unit_of));
	if (standby_send_init(&m->send, setup->loop, setup->supervisor, n) <
	        0 ||
	    m->units == NULL || m->unit_of == NULL) {
		standby_run_free(m);
		return NULL;
	}
	init_units(m);
	return m;
}

void
standby_run_free(struct standby_run *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_units; i++)
		ev_timer_stop(m->setup.loop, &m->units[i].wake);
	standby_send_fini(&m->send);
	free(m->units);
	free(m->unit_of);
	free(m);
}
