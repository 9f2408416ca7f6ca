#include "failover/election/node_peer.h"

#include "failover/election/node_offer.h"
#include "failover/election/node_pause.h"
#include "failover/election/node_segment.h"
#include "failover/election/node_view.h"

#include <string.h>

/* A stranger may be anybody's recording: answers are rationed. */
#define CHALLENGE_MS 5

/*
 * How much of the peer is listened to. An honest node changes its mind with the
 * things that happen to it, is started anew when it was ended, and wants an
 * answer where it knows nobody. One that holds the key and is not ours any more
 * could do so with each packet, and have us add, delete, announce and tell with
 * it: what is beyond these numbers is dropped, as if it had been lost.
 */
#define WORDS 200
#define WORD_MS 200
#define BOOTS 20
#define BOOT_MS 1000
#define ANSWERS 8
#define ANSWER_MS 1

/*
 * A reset of the wire and a port unreachable need no key to be forged. Who is
 * said to have ended is asked, at least twice, and answers at once if it has
 * not; and the heartbeat that is due must be missing, too. Its answers are
 * heartbeats that are due: who owes three of them for 9 ms, and for an eighth
 * of what makes it dead (60 ms by default), is not waited for until its next
 * one.
 */
#define HINT_ASK_MS 3
#define HINT_OWED_MS (3 * HINT_ASK_MS)
#define HINT_OWED_PART 8
/*
 * A kernel closes what a process had open once its memory is freed: 100 ms for
 * one with much of it. That a firewall rejects is found out after 3 s.
 */
#define HINT_OLD_MS 500
#define HINT_ASKS 2

/*
 * Nobody has served since before it said that it does not. Its word may have
 * been on its way for as long as the wire is believed to be up.
 */
#define ON_ITS_WAY_MS 3000

static uint32_t
served_ms(
    const struct node_group *g, const struct hello_group *said, struct mono now)
{
	int64_t most_ms;

	if (mono_is_never(g->idle))
		return said->served_ms;
	most_ms = mono_span_ms(g->idle, now) + ON_ITS_WAY_MS;
	return said->served_ms < most_ms ? said->served_ms : (uint32_t)most_ms;
}

void
node_peer_look(struct node_group_step *s)
{
	for (unsigned i = 0; i < s->node->n_groups; i++) {
		struct node_group *g = &s->node->groups[i];

		if (g->answer_owed)
			node_group_do(s, NODE_DO_ANSWER, i);
		g->answer_owed = false;
		node_group_meet(s, i, false);
		node_offer_look(s, i);
	}
}

/* Its file may count its interfaces in another order. */
static void
note_macs(struct node_group *g, const struct hello_group *said)
{
	for (unsigned k = 0; k < HELLO_INTERFACES_MAX; k++)
		memcpy(g->peer_macs[k],
		    said->macs[k < g->n_segments ? g->places[k] : k],
		    HELLO_MAC_BYTES);
}

static void
hear_group(struct node_group_step *s, unsigned i, const struct hello *h,
    bool hears_us, unsigned path)
{
	struct node_group *g = &s->node->groups[i];
	const struct hello_group *said = hello_find(h, g->id);
	const struct hello_group none = { .state = ELECTION_FAULT,
		.priority = 1 };
	struct election_event ev = { .type = ELECTION_HEARTBEAT };

	g->peer_state = said != NULL ? said->state : ELECTION_FAULT;
	node_segment_hear(g, said);
	g->peer_lacks_group = said == NULL;
	/*
	 * A group that its file lacks, or calls something else: its word says
	 * nothing of the addresses, but its kernel's does. So it is silent
	 * here.
	 */
	if (said == NULL && !h->resigning) {
		node_group_meet(s, i, false);
		return;
	}
	if (said == NULL)
		said = &none;
	else
		note_macs(g, said);
	if (said->state != ELECTION_MASTER)
		g->idle = s->now;
	g->peer_lacks = said->lacks;
	g->peer_addresses = said->addresses;
	ev.heartbeat = (struct election_heartbeat){
		.state = said->state,
		.resigning = h->resigning,
		.hears_us = hears_us,
		.hands_over = said->hands_over,
		.deaf = said->deaf,
		.faults = said->faults,
		.lacks = (uint8_t)hello_count_lacks(said->lacks),
		.here = (path == 0 && g->peer_near) ||
		    node_segment_is_heard(s->node, i, s->now),
		.served_ms = served_ms(g, said, s->now),
		.priority = said->priority,
		.term = said->term,
		.dead_ms = node_dead_ms(s->node),
	};
	node_group_elect(s, i, &ev);
	node_group_meet(s, i, said->held);
}

static void
hear(struct node_group_step *s, const struct hello *h, unsigned path, bool anew)
{
	const bool hears_us =
	    peer_hears_us(&s->node->peer, node_dead_ms(s->node), s->now);

	node_pause_hear(s, h); /* before its silence is judged again */
	/* It waits for our echo before it believes us. */
	if (anew)
		node_group_do(s, NODE_DO_EXPECT, NODE_EVERY);
	if (anew ||
	    (h->type == HELLO_CHALLENGE &&
	        rate_allows(&s->node->answers, ANSWERS, ANSWER_MS, s->now)))
		node_group_do(s, NODE_DO_SAY, NODE_EVERY);
	for (unsigned i = 0; i < s->node->n_groups; i++)
		hear_group(s, i, h, hears_us, path);
	node_segment_look(s);
	node_group_add(
	    s, &(struct node_effect){ .type = NODE_TELL_HEARD, .anew = anew });
}

static void
challenge(struct node_group_step *s)
{
	struct node *n = s->node;

	if (mono_before(s->now, mono_add_ms(n->challenged, CHALLENGE_MS)))
		return;
	n->challenged = s->now;
	node_group_do(s, NODE_DO_CHALLENGE, NODE_EVERY);
	for (unsigned i = 0; i < n->n_groups; i++)
		node_group_elect_type(s, i, ELECTION_UNPROVEN);
}

/* What would be taken, and is more than we listen to. */
static bool
is_excess(struct node *n, const struct hello *h, struct mono now)
{
	switch (peer_judge(&n->peer, h)) {
	case PEER_NEW_BOOT:
		return !rate_allows(&n->boots, BOOTS, BOOT_MS, now);
	case PEER_ACCEPTED:
		return !hello_says_same(h, &n->said) &&
		    !rate_allows(&n->words, WORDS, WORD_MS, now);
	case PEER_STRANGER:
	case PEER_REPEATED:
	case PEER_MISDIRECTED:
		break;
	}
	return false;
}

static void
refuse(struct node *n, unsigned path)
{
	peer_count_reject(&n->peer, PEER_REJECT_EXCESS);
	if (path < NODE_PATHS_MAX)
		n->paths[path].rejected++;
}

void
node_peer_hear(struct node_group_step *s, const struct node_event *ev)
{
	struct node *n = s->node;
	const struct hello *h = &ev->hello.said;
	enum peer_verdict verdict;

	if (is_excess(n, h, s->now)) {
		refuse(n, ev->hello.path);
		return;
	}
	verdict = peer_receive(&n->peer, h, ev->hello.fresh, s->now);
	if (verdict == PEER_NEW_BOOT || verdict == PEER_ACCEPTED)
		n->said = *h;
	for (unsigned i = 0; i < NODE_PATHS_MAX; i++)
		peer_path_miss(&n->paths[i], verdict);
	if (ev->hello.path < NODE_PATHS_MAX)
		peer_path_note(
		    &n->paths[ev->hello.path], &n->peer, h, verdict, s->now);
	switch (verdict) {
	case PEER_NEW_BOOT:
		hear(s, h, ev->hello.path, true);
		break;
	case PEER_ACCEPTED:
		hear(s, h, ev->hello.path, false);
		break;
	case PEER_STRANGER:
		challenge(s);
		break;
	case PEER_REPEATED:
	case PEER_MISDIRECTED:
		break;
	}
}

void
node_peer_change_keys(struct node_group_step *s, const struct node_event *ev)
{
	struct node *n = s->node;

	memcpy(n->peer.config.keys, ev->keys, sizeof(ev->keys));
	/* It may sign with another one, now that we take that. */
	if (n->started)
		node_group_do(s, NODE_DO_SAY, NODE_EVERY);
}

static void
end(struct node_group_step *s)
{
	s->node->peer.ended = true;
	node_group_do(s, NODE_TELL_ENDED, 0);
	for (unsigned i = 0; i < s->node->n_groups; i++)
		node_group_elect_type(s, i, ELECTION_PEER_ENDED);
	node_peer_look(s);
}

static bool
was_heard_since(const struct peer *p, struct mono then)
{
	return !mono_is_never(p->heard) && mono_before(then, p->heard);
}

void
node_peer_hint(struct node_group_step *s)
{
	struct node *n = s->node;

	/* One that was heard since may have ended since: it is asked anew. */
	if (n->peer.ended ||
	    (!mono_is_never(n->hinted) &&
	        !was_heard_since(&n->peer, n->hinted)))
		return;
	/*
	 * Who has been silent is doubted, and the network asked. A firewall
	 * that rejects says the same of a peer that lives, and holds all.
	 */
	if (!peer_is_alive(&n->peer,
	        node_dead_ms(n) > HINT_OLD_MS ? node_dead_ms(n) : HINT_OLD_MS,
	        s->now))
		return;
	n->hinted = s->now;
	n->hint_due = mono_add_ms(s->now, HINT_ASK_MS);
	n->hint_asks = 1;
	node_group_do(s, NODE_DO_CHALLENGE, NODE_EVERY);
}

/* Missed by then, it is believed. */
static struct mono
hint_end(const struct node *n)
{
	const uint32_t part_ms = node_dead_ms(n) / HINT_OWED_PART;

	return mono_min(n->peer.due,
	    mono_add_ms(
	        n->hinted, part_ms > HINT_OWED_MS ? part_ms : HINT_OWED_MS));
}

void
node_peer_tick(struct node_group_step *s)
{
	struct node *n = s->node;
	const struct mono hinted = n->hinted;

	if (mono_is_never(n->hint_due) || mono_before(s->now, n->hint_due))
		return;
	if (was_heard_since(&n->peer, hinted)) {
		n->hinted = n->hint_due = mono_never();
	} else if (n->hint_asks >= HINT_ASKS &&
	    !mono_before(s->now, hint_end(n))) {
		n->hinted = n->hint_due = mono_never();
		end(s);
	} else if (n->hint_asks <= HINT_ASKS) {
		n->hint_asks++;
		n->hint_due = mono_add_ms(s->now, HINT_ASK_MS);
		if (n->hint_asks > HINT_ASKS)
			n->hint_due = hint_end(n);
		node_group_do(s, NODE_DO_CHALLENGE, NODE_EVERY);
	}
}

void
node_peer_answer(
    struct node_group_step *s, unsigned i, enum suspect_answer answer)
{
	node_group_elect(s, i,
	    &(struct election_event){
	        .type = ELECTION_ANSWER, .answer = answer });
}

/* Of an event's `segment`; where it is unknown, the first. */
static unsigned
interface_of(const struct node_group *g, unsigned segment)
{
	return segment > 0 && segment <= g->n_segments ? segment - 1 : 0;
}

/*
 * Each of the peer's interfaces has hardware of its own, and its file may have
 * the addresses on others. On a network where its hardware is not known, and
 * where its own address could not be asked for, it may be anybody's.
 */
static bool
is_peers(const struct node_group *g, unsigned k, const uint8_t *mac)
{
	const bool near =
	    k < g->n_segments ? g->segments[k].path == 0 : g->peer_near;

	return node_view_is_peers(g, mac) || !node_view_is_said(mac) ||
	    (!node_view_is_said(g->peer_macs[k]) && !near);
}

void
node_peer_show(
    struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	const struct node *n = s->node;
	struct node_group *g = &s->node->groups[i];
	const unsigned k = interface_of(g, ev->segment);
	const uint8_t *mac = ev->shown.mac;
	const bool at_peer = is_peers(g, k, mac);

	node_segment_note(s, i, ev->segment, true);
	if (ev->shown.own) {
		if (!node_view_is_said(g->peer_macs[k]))
			memcpy(g->peer_macs[k], mac, HELLO_MAC_BYTES);
		node_peer_answer(s, i, SUSPECT_PEER);
		return;
	}
	node_peer_answer(s, i,
	    at_peer ? SUSPECT_ADDRESS_AT_PEER : SUSPECT_ADDRESS_ELSEWHERE);
	/*
	 * What a peer does that we hear is settled with it, not with ARP; where
	 * its file lacks the group its word is about something else.
	 */
	if (at_peer &&
	    (g->election.handing ||
	        (!g->peer_lacks_group &&
	            peer_is_alive(&n->peer, node_dead_ms(n), s->now))))
		return;
	node_group_elect(s, i,
	    &(struct election_event){
	        .type = ELECTION_CONTRADICTED, .at_peer = at_peer });
}
