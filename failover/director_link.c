#include "failover/director_link.h"

#include "core/buf.h"
#include "core/kernel/msg_kernel.h"
#include "core/log.h"
#include "core/sibling_channel.h"
#include "core/timeout.h"
#include "failover/election/peer.h"
#include "failover/handover/handover_run.h"

#include <errno.h>
#include <stdlib.h>

/*
 * It answers within a millisecond, since it only has to note it. Half of what a
 * handover waits for its listeners to be muted (HANDOVER_MUTE_MS).
 */
#define RELEASE_MS 50

/* Before a handover is given up since it took too long: it goes on instead. */
#define SPARE_MS 10

/* A group, as the director shall know it, and as it was told last. */
struct group {
	bool owned; /* this node has the addresses, and may keep them */
	bool muted; /* else: new clients are held, and not answered here */
	bool told;  /* anything, over this channel */
	bool told_owned;
	uint64_t told_term, told_known;
	unsigned releases; /* that it has not answered */
	bool held_back;    /* NODE_MUTED, until it has */
};

struct director_link {
	struct sibling_channel channel;
	ev_timer release;
	bool begun;
	bool told_life, told_dead;
	struct group groups[CONFIG_GROUPS_MAX];
};

/* Who was kept waiting for the director goes on. */
static void
go_on(struct role *role, unsigned group)
{
	struct group *d = &role->director_link->groups[group];

	if (!d->held_back)
		return;
	d->held_back = false;
	inbox_put_group(&role->inbox, NODE_MUTED, group);
}

static void
go_on_all(struct role *role)
{
	ev_timer_stop(role->loop, &role->director_link->release);
	for (unsigned i = 0; i < role->n_groups; i++)
		go_on(role, i);
}

static void
on_overdue(struct ev_loop *loop, ev_timer *w, int revents)
{
	go_on_all(ev_userdata(loop));
}

static void
put_level(struct role *role, unsigned group, bool level)
{
	inbox_put(&role->inbox,
	    &(struct node_event){
	        .type = NODE_LEVEL, .group = group, .level = level });
}

/* Of a channel that is another's, or nobody's. */
static void
forget_told(struct role *role)
{
	struct director_link *l = role->director_link;

	l->told_life = false;
	for (unsigned i = 0; i < ARRAY_LEN(l->groups); i++)
		l->groups[i] = (struct group){ .owned = l->groups[i].owned,
			.muted = l->groups[i].muted,
			.held_back = l->groups[i].held_back };
}

/* It says nothing any more, and nobody waits for its word. */
static void
forget(struct role *role)
{
	forget_told(role);
	go_on_all(role);
	for (unsigned i = 0; i < role->n_groups; i++)
		put_level(role, i, true);
}

static bool
on_lost(void *arg, const char *sent)
{
	struct role *role = arg;

	forget(role);
	if (role_node(role)->stopping)
		return false;
	if (sent != NULL)
		log_warning("failover",
		    "[process] director: it sent %s, going on without it until there is another channel",
		    sent);
	return true;
}

/* False: it does not read, and is told later. */
static bool
say(struct director_link *l, enum msg_type type, const struct buf *b)
{
	return sibling_channel_send(&l->channel, type, b) == 0;
}

/* The heartbeat's judgement: nobody need wait for it. */
static bool
is_peer_dead(const struct role *role)
{
	const struct node *n = role_node(role);

	return n->peer.ended || n->peer.resigned ||
	    !peer_is_alive(&n->peer, node_dead_ms(n), mono_now());
}

/*
 * Of this reign, for the peer's director. Of two masters who stays is not
 * always the one with the higher term (election.h), but what its director says
 * must not look as if it were of the past.
 */
static uint64_t
term_of(const struct node_group *g)
{
	const struct election *e = &g->election;

	if (g->peer_state != ELECTION_MASTER &&
	    election_term_is_later(e->heard_term, e->term))
		return e->heard_term;
	return e->term;
}

static void
tell_life(struct role *role)
{
	struct director_link *l = role->director_link;
	const struct msg_kernel_life m = { .dead = is_peer_dead(role) };
	struct buf b = BUF_WRITER(8);

	if (l->told_life && l->told_dead == m.dead)
		return;
	msg_kernel_put_life(&b, &m);
	if (!say(l, MSG_PEER_LIFE, &b))
		return;
	l->told_life = true;
	l->told_dead = m.dead;
}

static void
tell_owned(struct role *role, unsigned i)
{
	struct director_link *l = role->director_link;
	struct group *d = &l->groups[i];
	const struct msg_kernel_claim m = { .group = (uint16_t)i,
		.term = term_of(&role_node(role)->groups[i]),
		.peer_dead = is_peer_dead(role) };
	struct buf b = BUF_WRITER(16);

	if (d->told && d->told_owned && d->told_term == m.term)
		return;
	msg_kernel_put_claim(&b, &m);
	if (!say(l, MSG_CLAIM, &b))
		return;
	d->told = d->told_owned = true;
	d->told_term = m.term;
}

/* That it owns it not, and who does, as far as this node has heard. */
static void
tell_not_owned(struct role *role, unsigned i)
{
	struct director_link *l = role->director_link;
	struct group *d = &l->groups[i];
	const struct node_group *g = &role_node(role)->groups[i];
	const struct msg_kernel_release m = { .group = (uint16_t)i,
		.muted = d->muted };
	const struct msg_kernel_term known = { .group = (uint16_t)i,
		.term = g->election.heard_term };
	struct buf b = BUF_WRITER(8), t = BUF_WRITER(16);

	if (!d->told || d->told_owned) {
		msg_kernel_put_release(&b, &m);
		if (!say(l, MSG_RELEASE, &b))
			return;
		d->told = true;
		d->told_owned = false;
		d->releases++;
	}
	if (g->peer_state != ELECTION_MASTER || d->told_known == known.term)
		return;
	msg_kernel_put_term(&t, &known);
	if (say(l, MSG_TERM, &t))
		d->told_known = known.term;
}

static bool
listens(const struct director_link *l)
{
	return l->channel.fd != -1 && l->begun;
}

static void
tell_group(struct role *role, unsigned i)
{
	if (!listens(role->director_link))
		return;
	if (role->director_link->groups[i].owned)
		tell_owned(role, i);
	else
		tell_not_owned(role, i);
}

void
director_link_look(struct role *role)
{
	if (!listens(role->director_link))
		return;
	tell_life(role);
	for (unsigned i = 0; i < role->n_groups; i++)
		tell_group(role, i);
}

void
director_link_claim(struct role_group *g)
{
	g->role->director_link->groups[g->index].owned = true;
	tell_group(g->role, g->index);
}

static void
release(struct role *role, unsigned i, bool muted)
{
	struct group *d = &role->director_link->groups[i];

	/* Said once: what is said of the clients is as it was then. */
	if (d->owned)
		d->muted = muted;
	d->owned = false;
	tell_group(role, i);
}

void
director_link_release(struct role_group *g)
{
	release(g->role, g->index, false);
}

/* Nobody has moved, and it can be taken back. */
static bool
is_planned(const struct role *role, unsigned group)
{
	return role_node(role)->groups[group].handover.state == HANDOVER_MUTING;
}

/* The supervisor may have used up most of the time. */
static int64_t
patience_ms(const struct role *role, unsigned group)
{
	const struct handover *h = &role_node(role)->groups[group].handover;
	const int64_t left_ms =
	    mono_span_ms(mono_now(), h->deadline) - SPARE_MS;

	return left_ms < RELEASE_MS ? left_ms : RELEASE_MS;
}

int
director_link_take_mute(struct role *role, const struct channel_packet *p)
{
	struct director_link *l = role->director_link;
	struct buf b = buf_reader(p->body, p->len);
	struct msg_mute m;

	if (msg_get_mute(&b, &m) < 0)
		return -EBADMSG;
	if (m.group >= role->n_groups || !m.wanted || !m.muted ||
	    !is_planned(role, m.group) || !listens(l))
		return handover_run_take_mute(role, p);
	release(role, m.group, true);
	if (l->groups[m.group].releases == 0 || patience_ms(role, m.group) <= 0)
		return handover_run_take_mute(role, p);
	l->groups[m.group].held_back = true;
	if (!ev_is_active(&l->release))
		timeout_arm(role->loop, &l->release,
		    (double)patience_ms(role, m.group) / 1e3);
	return 0;
}

static int
take_released(struct role *role, const struct channel_packet *p)
{
	struct director_link *l = role->director_link;
	struct buf b = buf_reader(p->body, p->len);
	struct msg_kernel_group m;

	if (msg_kernel_get_group(&b, &m) < 0 || m.group >= role->n_groups ||
	    l->groups[m.group].releases == 0)
		return -EBADMSG;
	/* The last counts: what is before it may be of an earlier one. */
	if (--l->groups[m.group].releases == 0)
		go_on(role, m.group);
	return 0;
}

static int
take_level(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_kernel_level m;

	if (msg_kernel_get_level(&b, &m) < 0 || m.group >= role->n_groups)
		return -EBADMSG;
	put_level(role, m.group, m.level);
	return 0;
}

/* What it may say, by the table of rights. Returns 0 or -EBADMSG. */
static int
obey(void *arg, const struct channel_packet *p)
{
	struct role *role = arg;

	switch (p->type) {
	case MSG_RELEASED:
		return take_released(role, p);
	case MSG_LEVEL:
		return take_level(role, p);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

int
director_link_take(struct role *role, struct channel_packet *p)
{
	struct director_link *l = role->director_link;
	int e = sibling_channel_take(&l->channel, p);

	if (e < 0)
		return e;
	forget(role);
	sibling_channel_listen(&l->channel);
	director_link_look(role);
	return 0;
}

void
director_link_begin(struct role *role)
{
	role->director_link->begun = true;
	director_link_look(role);
}

int
director_link_new(struct role *role)
{
	/* One a turn: heartbeats, the supervisor and the wire come between. */
	const struct sibling_channel_setup setup = { .loop = role->loop,
		.closer = role->closer,
		.supervisor = role->supervisor,
		.from = MSG_RIGHTS_DIRECTOR,
		.to = MSG_RIGHTS_FAILOVER,
		.packets = 1,
		.arg = role,
		.obey = obey,
		.on_lost = on_lost };
	struct director_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	sibling_channel_init(&l->channel, &setup);
	ev_init(&l->release, on_overdue);
	role->director_link = l;
	return 0;
}

void
director_link_close(struct role *role)
{
	struct director_link *l = role->director_link;

	if (l == NULL)
		return;
	ev_timer_stop(role->loop, &l->release);
	sibling_channel_close(&l->channel);
	free(l);
	role->director_link = NULL;
}
