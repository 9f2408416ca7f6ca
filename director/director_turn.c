#include "director/director_turn.h"

#include "core/secret.h"
#include "core/timeout.h"
#include "director/director_effects.h"
#include "director/director_entries.h"
#include "director/director_failover.h"
#include "director/director_peer.h"
#include "director/director_report.h"
#include "director/director_role.h"
#include "director/director_sender.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

/* The program reports ends without waking us up. */
#define CLOSED_MS 10

/* Connections: what takes some 5 ms, for others wait meanwhile. */
#define TICKLED_A_TURN 128
#define TICKLE_LOOKS 16384

/*
 * The address has been told to neighbours by then, and once more for who was
 * not reached: some switches learn with the second announcement.
 *
 * Clients go first. What they answer completes handshakes whose last ACK died
 * with the other node, or was withheld there; a server that still waits for one
 * would take our ACK, which has no number of its own, for somebody else's, and
 * answer with a RST.
 */
#define TICKLE_FIRST_MS 20
#define TICKLE_SERVERS_MS 20
#define TICKLE_SECOND_MS 200
#define TICKLE_ROUNDS 3

#define CHANCES 256

/* Entries that could not be written. */
#define FAILED_MAX 256

struct tickling {
	uint32_t next;   /* slot */
	unsigned rounds; /* that are left; 0: none */
	struct mono due;
};

struct director_turn {
	struct director_role *role;
	ev_prepare prepare;
	ev_timer wake, again, closed, tickle;
	unsigned n_chances;
	uint64_t chances[CHANCES];
	unsigned n_failed;
	uint32_t failed[FAILED_MAX];
	struct tickling groups[REPLICA_GROUPS];
};

static uint64_t
draw(struct director_turn *t)
{
	if (t->n_chances == 0) {
		secret_random(t->chances, sizeof(t->chances));
		t->n_chances = CHANCES;
	}
	return t->chances[--t->n_chances];
}

/* Else there are no tables, or they are not its own any more. */
static bool
is_at_work(const struct director_role *role)
{
	return role->begun && !role->stopped && role->program != NULL;
}

void
director_turn_step(struct director_role *role, struct director_node_event *ev)
{
	if (!is_at_work(role))
		return;
	ev->chance = draw(role->turn);
	director_node_step(&role->node, ev, mono_now());
}

void
director_turn_put(
    struct director_role *role, enum director_node_event_type type)
{
	struct director_node_event ev = { .type = type };

	director_turn_step(role, &ev);
}

/* Of director_entries: within a flush, so it waits until that is over. */
static void
on_failed(void *arg, uint32_t slot)
{
	struct director_turn *t = ((struct director_role *)arg)->turn;

	if (t->n_failed < FAILED_MAX)
		t->failed[t->n_failed++] = slot;
}

void
director_turn_flush(struct director_role *role)
{
	struct director_turn *t = role->turn;

	if (!is_at_work(role))
		return;
	director_entries_flush(role->entries);
	while (t->n_failed > 0) {
		struct director_node_event ev = { .type = DIRECTOR_NODE_FAILED,
			.slot = t->failed[--t->n_failed] };

		director_turn_step(role, &ev);
		director_entries_flush(role->entries);
	}
	director_sender_flush(role->sender);
	director_peer_flush(role);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	ev_timer_stop(loop, w);
}

/* A portion of a dump a turn; between two the loop looks at the rest. */
static void
go_on_dumping(struct director_role *role)
{
	if (!director_node_is_dumping(&role->node) ||
	    !director_peer_has_room(role))
		return;
	director_turn_put(role, DIRECTOR_NODE_CAN_SEND);
	timeout_arm(role->loop, &role->turn->again, 0);
}

static void
on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	if (!role->begun || role->stopped)
		return;
	go_on_dumping(role);
	director_turn_flush(role);
	director_failover_look(role);
	timeout_arm_at(
	    loop, &role->turn->wake, director_node_wake(&role->node));
}

static void
on_wake(struct ev_loop *loop, ev_timer *w, int revents)
{
	ev_timer_stop(loop, w);
	director_turn_put(ev_userdata(loop), DIRECTOR_NODE_TICK);
}

static bool
is_idle(const struct director_role *role)
{
	return role->node.free.n == role->node.setup.n_slots &&
	    !director_entries_are_late(role->entries);
}

static void
on_closed(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	(void)director_program_read_closed(role->program);
	director_entries_tick(role->entries, mono_now());
	director_turn_flush(role);
	if (is_idle(role))
		ev_timer_stop(loop, w);
}

void
director_turn_is_busy(struct director_role *role)
{
	ev_timer *w = &role->turn->closed;

	if (ev_is_active(w))
		return;
	ev_timer_set(w, CLOSED_MS / 1e3, CLOSED_MS / 1e3);
	ev_timer_start(role->loop, w);
}

/* ---- who is tickled ---- */

static struct mono
next_tickle(const struct director_turn *t)
{
	struct mono next = mono_never();

	for (unsigned g = 0; g < REPLICA_GROUPS; g++)
		if (t->groups[g].rounds > 0)
			next = mono_min(next, t->groups[g].due);
	return next;
}

static bool
is_tickled(const struct director_role *role, unsigned group, uint32_t slot)
{
	const struct director_node_slot *s = &role->node.slots[slot];

	return s->conn.written && s->group == group;
}

/* Some of a group; at the last of a round the next one is due later. */
static void
tickle_some(struct director_role *role, unsigned group, struct mono now)
{
	struct tickling *k = &role->turn->groups[group];
	unsigned n = 0, looks = 0;

	if (!replica_is_mine(&role->node.replica, group)) {
		k->rounds = 0;
		return;
	}
	for (; k->next < role->node.setup.n_slots && n < TICKLED_A_TURN &&
	     looks < TICKLE_LOOKS;
	     k->next++, looks++)
		if (is_tickled(role, group, k->next)) {
			director_effects_tickle_client(role, k->next);
			if (k->rounds < TICKLE_ROUNDS)
				director_effects_tickle_server(role, k->next);
			n++;
		}
	k->due = now;
	if (k->next < role->node.setup.n_slots)
		return;
	k->next = 0;
	k->due = mono_add_ms(now,
	    k->rounds == TICKLE_ROUNDS ? TICKLE_SERVERS_MS : TICKLE_SECOND_MS);
	k->rounds--;
}

static void
on_tickle(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);
	struct director_turn *t = role->turn;
	const struct mono now = mono_now();

	ev_timer_stop(loop, w);
	for (unsigned g = 0; g < REPLICA_GROUPS; g++)
		if (t->groups[g].rounds > 0 &&
		    !mono_before(now, t->groups[g].due))
			tickle_some(role, g, now);
	timeout_arm_at(loop, w, next_tickle(t));
}

void
director_turn_tickle(struct director_role *role, unsigned group)
{
	struct director_turn *t = role->turn;

	t->groups[group] = (struct tickling){ .rounds = TICKLE_ROUNDS,
		.due = mono_add_ms(mono_now(), TICKLE_FIRST_MS) };
	timeout_arm_at(role->loop, &t->tickle, next_tickle(t));
}

/* ---- life ---- */

int
director_turn_new(struct director_role *role)
{
	struct director_turn *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	role->turn = t;
	t->role = role;
	ev_prepare_init(&t->prepare, on_prepare);
	ev_init(&t->wake, on_wake);
	ev_init(&t->again, on_again);
	ev_init(&t->closed, on_closed);
	ev_init(&t->tickle, on_tickle);
	return 0;
}

int
director_turn_open(struct director_role *role)
{
	const struct director_entries_setup setup = {
		.program = role->program,
		.sender = role->sender,
		.n_slots = role->config->kernel.slots,
		.on_failed = on_failed,
		.arg = role,
	};

	role->entries = director_entries_new(&setup);
	return role->entries != NULL ? 0 : -ENOMEM;
}

void
director_turn_begin(struct director_role *role)
{
	ev_prepare_start(role->loop, &role->turn->prepare);
	director_turn_is_busy(role);
}

void
director_turn_free(struct director_role *role)
{
	struct director_turn *t = role->turn;

	if (t == NULL)
		return;
	ev_prepare_stop(role->loop, &t->prepare);
	ev_timer_stop(role->loop, &t->wake);
	ev_timer_stop(role->loop, &t->again);
	ev_timer_stop(role->loop, &t->closed);
	ev_timer_stop(role->loop, &t->tickle);
	director_entries_free(role->entries);
	role->entries = NULL;
	free(t);
	role->turn = NULL;
}
