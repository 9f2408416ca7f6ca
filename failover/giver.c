#include "failover/giver.h"

#include <string.h>

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "failover/beat.h"
#include "failover/errand.h"
#include "failover/group.h"
#include "failover/renewer.h"

/*
 * After an address has left, the peer announces it at 0, 20 and 100 ms: a
 * process that stops outlives the third, in case the others were lost.
 */
#define LINGER_MS 150

/*
 * A peer that was heard so recently is asked, and waited for, even where the
 * settings call it silent sooner: held clients wait, and that costs them less
 * than a handover that is given up because a heartbeat was late.
 */
#define PEER_PATIENCE_MS 100

static void post(struct role_group *g, const struct handover_event *ev);

static void
on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	post(w->data, &(struct handover_event){ .type = HANDOVER_TICK });
}

static void
wake_at(struct role_group *g, struct mono at)
{
	struct ev_loop *loop = g->role->loop;
	double after_s;

	ev_timer_stop(loop, &g->handover_tick);
	if (mono_is_never(at))
		return;
	after_s = (double)mono_span_us(mono_now(), at) / 1e6;
	ev_timer_set(&g->handover_tick, after_s > 0. ? after_s : 0., 0.);
	ev_timer_start(loop, &g->handover_tick);
}

static bool
has_relay(const struct role *role)
{
	return role->relay != -1 && !role->relay_leaves;
}

static bool
tell_supervisor(struct role_group *g, bool hushed)
{
	const struct msg_hush m = { .group = (uint16_t)g->index,
		.wanted = hushed };
	uint8_t body[16];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_hush(&b, &m);
	return chan_send(g->role->supervisor, MSG_HUSH, body, b.pos, -1) == 0;
}

static void
hush(struct role_group *g)
{
	g->answer_owed = false;
	if (!tell_supervisor(g, true))
		post(
		    g, &(struct handover_event){ .type = HANDOVER_NOT_HUSHED });
}

static void
drop(struct role_group *g)
{
	const struct msg_drop m = { .group = (uint16_t)g->index };
	uint8_t body[16];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_drop(&b, &m);
	if (g->role->relay == -1 ||
	    chan_send(g->role->relay, MSG_DROP, body, b.pos, -1) < 0)
		post(
		    g, &(struct handover_event){ .type = HANDOVER_RELAY_GONE });
}

static void
hold(struct role_group *g)
{
	int r = seam_hold(&g->role->seam, g->index, g->config, &g->holder.link);

	/* Without it, those clients ask again after a second. */
	if (r < 0)
		log_warning(g->subject,
		    "new clients cannot be held for %s: %s, going on without",
		    g->role->other->name, strerror(-r));
}

static void
forward(struct role_group *g)
{
	int r = seam_forward(&g->role->seam, g->index, g->peer_mac);

	if (r < 0)
		log_warning(g->subject,
		    "new clients cannot be sent on to %s: %s",
		    g->role->other->name, strerror(-r));
}

static void
tell_seam(const struct role_group *g)
{
	const struct seam_side *side = &g->role->seam.sides[g->index];

	if (side->held > 0 || side->forwarded > 0)
		log_debug(g->subject,
		    "handover: %u new clients held, %u frames sent on, "
		    "%u given back",
		    side->held, side->forwarded, side->returned);
}

static void
delete_now(struct role_group *g)
{
	int r;

	renewer_forget(g->role->renewer, g->index);
	r = holder_release(&g->holder);
	if (r < 0) {
		log_error(g->subject, "deleting addresses failed on %s: %s",
		    g->config->interface, strerror(-r));
		group_post(g,
		    &(struct election_event){ .type = ELECTION_ACTION_FAILED });
	}
	/* Within the election's step it says so itself. */
	if (!g->settling)
		beat_send(g->role);
}

static void
post_election(struct role_group *g, enum election_type type)
{
	group_post(g, &(struct election_event){ .type = type });
}

static void
carry_out(struct role_group *g, enum handover_action action)
{
	switch (action) {
	case HANDOVER_HOLD:
		hold(g);
		break;
	case HANDOVER_FORWARD:
		forward(g);
		break;
	case HANDOVER_GIVE_BACK:
		seam_give_back(&g->role->seam, g->index);
		tell_seam(g);
		break;
	case HANDOVER_LET_GO:
		seam_let_go(&g->role->seam, g->index);
		tell_seam(g);
		break;
	case HANDOVER_HUSH:
		hush(g);
		break;
	case HANDOVER_DROP:
		drop(g);
		break;
	case HANDOVER_ANSWER:
		/* They must not stay hushed: said again until it is heard. */
		g->answer_owed = !tell_supervisor(g, false);
		break;
	case HANDOVER_ASK:
		post_election(g, ELECTION_HANDOVER_BEGIN);
		break;
	case HANDOVER_TAKE_BACK:
		post_election(g, ELECTION_HANDOVER_ABORT);
		break;
	case HANDOVER_DELETE:
		delete_now(g);
		break;
	}
}

static void
conclude(struct role_group *g, enum handover_outcome outcome)
{
	char text[ERRAND_TEXT_MAX];

	errand_text(g, outcome, text);
	if (outcome == HANDOVER_DONE)
		log_notice(g->subject, "%s", text);
	else
		log_warning(g->subject, "handover failed, reason: %s", text);
	errand_settle(g, outcome);
}

static void
step(struct role_group *g, const struct handover_event *ev)
{
	struct handover_out out;

	g->handover = handover_step(&g->handover, ev, mono_now(), &out);
	wake_at(g, out.wake);
	for (unsigned i = 0; i < out.n_actions; i++)
		carry_out(g, out.actions[i]);
	if (out.outcome != HANDOVER_UNDECIDED)
		conclude(g, out.outcome);
}

/* No step within a step: what an action raises waits for its turn. */
static void
post(struct role_group *g, const struct handover_event *ev)
{
	if (g->n_handover_events < ROLE_EVENTS_MAX)
		g->handover_events[g->n_handover_events++] = *ev;
	if (g->giving)
		return;
	g->giving = true;
	while (g->n_handover_events > 0) {
		const struct handover_event next = g->handover_events[0];

		g->n_handover_events--;
		memmove(g->handover_events, g->handover_events + 1,
		    g->n_handover_events * sizeof(g->handover_events[0]));
		step(g, &next);
	}
	g->giving = false;
}

static bool
has_same_config(const struct role *role)
{
	return memcmp(role->peer.config_hash, role->config->hash,
	           sizeof(role->peer.config_hash)) == 0;
}

static bool
is_heard(const struct role *role)
{
	const uint32_t dead_ms = beat_dead_ms(role);
	const uint32_t patience_ms =
	    dead_ms > PEER_PATIENCE_MS ? dead_ms : PEER_PATIENCE_MS;

	return peer_is_alive(&role->peer, patience_ms, mono_now()) &&
	    !role->peer.resigned && !role->peer.ended;
}

enum handover_outcome
giver_begin(struct role_group *g)
{
	const struct role *role = g->role;
	const struct handover_view view = {
		.master = g->election.state == ELECTION_MASTER,
		.relay = has_relay(role) && role->relay_serves,
		.peer_heard = is_heard(role),
		.peer_backup = g->peer_state == MSG_GROUP_BACKUP,
		.peer_same_config = has_same_config(role),
	};
	enum handover_outcome objection;

	if (g->handover.wanted)
		return HANDOVER_UNDECIDED; /* under way: the same outcome */
	objection = handover_objection(&view);
	if (objection != HANDOVER_UNDECIDED)
		return objection;
	post(g, &(struct handover_event){ .type = HANDOVER_BEGIN });
	log_notice(g->subject, "handing over to %s", role->other->name);
	return HANDOVER_UNDECIDED;
}

void
giver_offer(struct role_group *g)
{
	const enum handover_outcome objection = giver_begin(g);
	char text[ERRAND_TEXT_MAX];

	/* The election asks again once a second: the same is told once. */
	if (objection != HANDOVER_UNDECIDED && objection != g->objection_told)
		log_warning(g->subject,
		    "the peer is preferred, but cannot be given it: %s",
		    errand_text(g, objection, text));
	g->objection_told = objection;
}

void
giver_release(struct role_group *g)
{
	const enum election_state is = g->election.state;
	struct handover_event ev = { .type = HANDOVER_RELEASE };

	/*
	 * The peer serves, or is about to: then there are a few milliseconds.
	 * A node that does not trust itself (INIT, late) has none.
	 */
	ev.softly = has_relay(g->role) && !g->role->stopping &&
	    (is == ELECTION_BACKUP || is == ELECTION_FAULT);
	post(g, &ev);
}

void
giver_claim(struct role_group *g)
{
	post(g, &(struct handover_event){ .type = HANDOVER_CLAIM });
}

static void
tell_peer(struct role_group *g, bool held)
{
	const struct role *role = g->role;
	const bool heard = is_heard(role);
	const bool master = g->peer_state == MSG_GROUP_MASTER;
	struct handover_event ev = { .type = HANDOVER_PEER };

	ev.peer.serves = heard && master && held;
	ev.peer.sound = heard && has_same_config(role) &&
	    (master || g->peer_state == MSG_GROUP_BACKUP);
	post(g, &ev);
}

void
giver_heard(struct role_group *g, bool held)
{
	if (g->handover.state != HANDOVER_IDLE)
		tell_peer(g, held);
}

void
giver_look(struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];

		if (g->answer_owed)
			g->answer_owed = !tell_supervisor(g, false);
		if (g->handover.state != HANDOVER_IDLE)
			tell_peer(g, false);
	}
}

void
giver_take_hush(struct role *role, const struct msg_hush *m)
{
	struct handover_event ev = { .type = HANDOVER_NOT_HUSHED };

	if (m->hushed)
		ev.type = HANDOVER_HUSHED;
	if (!m->wanted) {
		if (m->hushed)
			return; /* it could not be done: time tells */
		ev.type = HANDOVER_ANSWERED;
	}
	if (m->group < role->n_groups)
		post(&role->groups[m->group], &ev);
}

void
giver_take_drop(struct role *role, const struct msg_drop *m)
{
	if (m->group < role->n_groups)
		post(&role->groups[m->group],
		    &(struct handover_event){ .type = HANDOVER_DROPPED });
}

void
giver_lose_relay(struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++)
		post(&role->groups[i],
		    &(struct handover_event){ .type = HANDOVER_RELAY_GONE });
}

static void
on_seam(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = w->data;

	(void)loop;
	(void)revents;
	seam_read(&role->seam, (unsigned)(w - role->seam_ready));
}

void
giver_init(struct role *role)
{
	role->errand = errand_none();
	seam_init(&role->seam);
}

int
giver_open(struct role *role)
{
	return seam_open(&role->seam);
}

void
giver_start(struct role *role)
{
	for (unsigned i = 0; i < ARRAY_LEN(role->seam_ready); i++) {
		ev_io *w = &role->seam_ready[i];

		ev_io_init(w, on_seam, seam_fd(&role->seam, i), EV_READ);
		w->data = role;
		ev_io_start(role->loop, w);
	}
}

void
giver_close(struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++)
		ev_timer_stop(role->loop, &role->groups[i].handover_tick);
	for (unsigned i = 0; i < ARRAY_LEN(role->seam_ready); i++)
		ev_io_stop(role->loop, &role->seam_ready[i]);
	seam_close(&role->seam);
	errand_close(&role->errand);
}

void
giver_init_group(struct role_group *g)
{
	g->handover = handover_idle();
	ev_init(&g->handover_tick, on_tick);
	g->handover_tick.data = g;
}

uint32_t
giver_lingers_ms(const struct role *role)
{
	const struct mono now = mono_now();
	int64_t most = 0;

	for (size_t i = 0; i < role->n_groups; i++) {
		const struct handover *h = &role->groups[i].handover;
		int64_t left;

		if (h->state != HANDOVER_FORWARDING)
			continue;
		left = LINGER_MS - HANDOVER_FORWARD_MS +
		    mono_span_ms(now, h->deadline);
		if (left > most)
			most = left;
	}
	return (uint32_t)most;
}

void
giver_finish(struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];

		if (g->handover.state == HANDOVER_RELEASING)
			giver_release(g);
	}
}
