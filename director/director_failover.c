#include "director/director_failover.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/kernel/msg_kernel.h"
#include "core/timeout.h"
#include "director/director_channel.h"
#include "director/director_peer.h"
#include "director/director_rings.h"
#include "director/director_role.h"
#include "director/director_turn.h"

#include <errno.h>

/*
 * Whose SYN waits for the peer's word when the addresses are to go would have
 * to repeat it after a second: the word is there within a millisecond. Failover
 * waits longer than this.
 */
#define SETTLE_MS 30

/* That a server has answered is told by nobody. A flood is not waited for. */
#define LOOK_MS 1
#define ASKED_MAX 256

/*
 * The new owner has announced itself three times by then. Not as long as
 * failover sends on: if the group comes back meanwhile, who is new is ours.
 */
#define FORWARD_MS 300

struct director_failover {
	struct director_channel channel;
	ev_timer settle, forward;
	struct mono settled; /* then those below are released, come what may */
	/* Groups, a bit for each. */
	unsigned leaving, handed_on;
	/* Of groups, a bit for each. */
	unsigned owed;        /* RELEASED that did not fit */
	unsigned told, level; /* LEVEL was told since the claim; as this */
	bool peer_lives;
};

static bool
is_group(const struct director_role *role, unsigned group)
{
	return group < role->node.setup.n_groups;
}

static void
release(struct director_role *role, unsigned group)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_RELEASE,
		.group = group };

	role->failover->leaving &= ~(1U << group);
	/* Who has no program has nothing to let go of. */
	if (role->program == NULL)
		director_failover_released(role, group);
	director_turn_step(role, &ev);
	director_rings_know_owner(role, group);
}

/* Some of the groups' servers have not answered yet: they may refuse. */
static bool
is_asking(const struct director_role *role, unsigned groups)
{
	const struct director_node *d = &role->node;
	unsigned left = ASKED_MAX;

	for (uint32_t i = d->young.first; i != SLOT_LIST_NONE && left-- > 0;
	     i = d->links[i].after) {
		struct kernel_conn_seen seen;

		if (d->slots[i].conn.state != KERNEL_CONN_CONNECTING ||
		    (groups & 1U << d->slots[i].group) == 0)
			continue;
		d->calls->look(d->arg, i, &seen);
		if (!seen.syn_ack)
			return true;
	}
	return false;
}

/*
 * As soon as nobody waits for the peer's word, or a server's: who is refused is
 * connected to the next one from here.
 */
static void
release_settled(struct director_role *role)
{
	struct director_failover *f = role->failover;

	if (f->leaving == 0 ||
	    ((role->node.committing.n > 0 || is_asking(role, f->leaving)) &&
	        mono_before(mono_now(), f->settled)))
		return;
	for (unsigned g = 0; g < REPLICA_GROUPS; g++)
		if ((f->leaving & 1U << g) != 0)
			release(role, g);
}

static void
on_settled(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	release_settled(role);
	if (role->failover->leaving == 0)
		ev_timer_stop(loop, w);
	else
		timeout_arm(loop, w, LOOK_MS / 1e3);
}

/*
 * Who is new is the next owner's: his SYN goes to the stack, where failover
 * finds it and sends it on.
 */
static void
hand_on(struct director_role *role, unsigned group, bool on)
{
	struct director_failover *f = role->failover;
	const unsigned bit = 1U << group;

	if (((f->handed_on & bit) != 0) == on || role->program == NULL)
		return;
	f->handed_on = on ? f->handed_on | bit : f->handed_on & ~bit;
	director_rings_hand_on(role, group, on);
}

/* Nobody sends here by mistake any more. */
static void
on_forwarded(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	ev_timer_stop(loop, w);
	for (unsigned g = 0; g < REPLICA_GROUPS; g++)
		hand_on(role, g, false);
}

static int
take_claim(struct director_role *role, struct buf *b)
{
	struct msg_kernel_claim m;
	struct director_node_event ev = { .type = DIRECTOR_NODE_CLAIM };

	if (msg_kernel_get_claim(b, &m) < 0 || !is_group(role, m.group))
		return -EBADMSG;
	ev.group = m.group;
	ev.term = m.term;
	ev.peer_dead = m.peer_dead;
	role->failover->told &= ~(1U << m.group);
	hand_on(role, m.group, false);
	/* It was asked for, and is answered, though it is void. */
	if ((role->failover->leaving & 1U << m.group) != 0)
		release(role, m.group);
	director_turn_step(role, &ev);
	director_rings_know_owner(role, m.group);
	return 0;
}

static int
take_release(struct director_role *role, struct buf *b)
{
	struct director_failover *f = role->failover;
	struct msg_kernel_release m;

	if (msg_kernel_get_release(b, &m) < 0 || !is_group(role, m.group))
		return -EBADMSG;
	/* Where they go at once the peer may have them already: nobody waits.
	 */
	if (role->program == NULL || !m.muted ||
	    !replica_is_mine(&role->node.replica, m.group)) {
		release(role, m.group);
		return 0;
	}
	hand_on(role, m.group, true);
	timeout_arm(role->loop, &f->forward, FORWARD_MS / 1e3);
	/* Those that came before failover began to hold them are ours. */
	director_rings_drain(role);
	f->leaving |= 1U << m.group;
	f->settled = mono_add_ms(mono_now(), SETTLE_MS);
	timeout_arm(role->loop, &f->settle, LOOK_MS / 1e3);
	release_settled(role);
	return 0;
}

static int
take_term(struct director_role *role, struct buf *b)
{
	struct msg_kernel_term m;
	struct director_node_event ev = { .type = DIRECTOR_NODE_KNOW };

	if (msg_kernel_get_term(b, &m) < 0 || !is_group(role, m.group))
		return -EBADMSG;
	ev.group = m.group;
	ev.term = m.term;
	director_turn_step(role, &ev);
	return 0;
}

static int
take_life(struct director_role *role, struct buf *b)
{
	struct msg_kernel_life m;

	if (msg_kernel_get_life(b, &m) < 0)
		return -EBADMSG;
	role->failover->peer_lives = !m.dead;
	if (m.dead)
		director_turn_put(role, DIRECTOR_NODE_PEER_DEAD);
	else
		director_peer_try_now(role);
	return 0;
}

static int
obey(struct director_role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	switch (p->type) {
	case MSG_CLAIM:
		return take_claim(role, &b);
	case MSG_RELEASE:
		return take_release(role, &b);
	case MSG_TERM:
		return take_term(role, &b);
	case MSG_PEER_LIFE:
		return take_life(role, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

static bool
say_released(struct director_role *role, unsigned group)
{
	const struct msg_kernel_group m = { .group = (uint16_t)group };
	struct buf b = BUF_WRITER(8);

	msg_kernel_put_group(&b, &m);
	return director_channel_send(
	    &role->failover->channel, MSG_RELEASED, &b);
}

void
director_failover_released(struct director_role *role, unsigned group)
{
	/* Nothing of it is under way: entries, and what the peer is told. */
	if (!say_released(role, group))
		role->failover->owed |= 1U << group;
}

/* The peer has said that it has all that there is; or there is nothing. */
static bool
is_level(const struct director_role *role, unsigned group)
{
	const enum replica_state state = role->node.replica.groups[group].state;

	return state == REPLICA_LIVE ||
	    role->node.free.n == role->node.setup.n_slots;
}

static void
tell_level(struct director_role *role, unsigned group)
{
	struct director_failover *f = role->failover;
	const unsigned bit = 1U << group;
	const struct msg_kernel_level m = { .group = (uint16_t)group,
		.level = is_level(role, group) };
	struct buf b = BUF_WRITER(8);

	if (!replica_is_mine(&role->node.replica, group) ||
	    ((f->told & bit) != 0 && m.level == ((f->level & bit) != 0)))
		return;
	msg_kernel_put_level(&b, &m);
	if (!director_channel_send(&f->channel, MSG_LEVEL, &b))
		return;
	f->told |= bit;
	f->level = m.level ? f->level | bit : f->level & ~bit;
}

void
director_failover_look(struct director_role *role)
{
	release_settled(role);
	if (role->failover->channel.channel.fd == -1)
		return;
	for (unsigned g = 0; g < role->node.setup.n_groups; g++)
		tell_level(role, g);
}

static void
on_turn(struct director_role *role)
{
	struct director_failover *f = role->failover;

	for (unsigned g = 0; f->owed != 0 && g < REPLICA_GROUPS; g++)
		if ((f->owed & 1U << g) != 0 && say_released(role, g))
			f->owed &= ~(1U << g);
}

/* What the one before said last. */
static void
release_now(struct director_role *role)
{
	role->failover->settled = mono_now();
	release_settled(role);
}

int
director_failover_take(struct director_role *role, struct channel_packet *p)
{
	release_now(role);
	role->failover->owed = role->failover->told = 0;
	return director_channel_take(&role->failover->channel, p);
}

void
director_failover_begin(struct director_role *role)
{
	director_channel_begin(&role->failover->channel);
}

bool
director_failover_peer_lives(const struct director_role *role)
{
	return role->failover->peer_lives;
}

int
director_failover_new(struct director_role *role)
{
	struct director_failover *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	role->failover = f;
	director_channel_init(&f->channel, role, MSG_RIGHTS_FAILOVER, obey);
	f->channel.on_turn = on_turn;
	/* A claim is there before the SYNs that come with it. */
	ev_set_priority(&f->channel.channel.ready, EV_MAXPRI);
	ev_init(&f->settle, on_settled);
	ev_init(&f->forward, on_forwarded);
	return 0;
}

void
director_failover_free(struct director_role *role)
{
	if (role->failover == NULL)
		return;
	ev_timer_stop(role->loop, &role->failover->settle);
	ev_timer_stop(role->loop, &role->failover->forward);
	director_channel_close(&role->failover->channel);
	free(role->failover);
	role->failover = NULL;
}
