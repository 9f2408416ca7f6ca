#pragma once

/*
 * Carries what both nodes agree on (core/accord.h), and their events, between
 * this node's supervisor, who keeps it, and the peer. Nothing is kept or
 * understood here. What the peer says goes on at once; where the supervisor
 * does not read, the peer says it again a second later, on another wire. What
 * the peer has not been told is asked of the supervisor, packet by packet, when
 * the wire has room for one: so there is one under way at most, nothing waits,
 * and a new wire just asks for all.
 *
 * One per role, in its only thread.
 */

#include "core/base.h"
#include "core/channel.h"
#include "failover/peerlink/peer_link.h"

#include <ev.h>

struct state_sync_calls {
	/* A frame for the peer. Returns 0, or -EAGAIN: see state_sync_pay(). */
	int (*send)(
	    void *arg, enum peer_link_type type, const void *body, size_t len);
	/* The wire shall be made anew, so that the peer tells all again. */
	void (*restart)(void *arg, const char *why);
};

struct state_sync {
	struct ev_loop *loop;
	int supervisor; /* channel; the role's */
	const struct state_sync_calls *calls;
	void *arg;         /* theirs */
	uint32_t wire;     /* a number for each that there was */
	bool wanted_owed;  /* the supervisor has not been asked yet */
	bool holds;        /* an answer, while the wire has no room for it */
	bool holds_events; /* else accords */
	size_t held_len;
	uint8_t held[CHANNEL_BODY_MAX];
	ev_timer again;
	ev_timer mend; /* something was lost: a new wire, then */
};

void state_sync_init(struct state_sync *s, struct ev_loop *loop, int supervisor,
    const struct state_sync_calls *calls, void *arg);
void state_sync_close(struct state_sync *s); /* takes zeros */

/* Another wire is up: the peer is told all. */
void state_sync_meet_peer(struct state_sync *s);

/* What the peer says; empty: that was all it knew. False: malformed. */
MUST_CHECK bool state_sync_take_from_peer(
    struct state_sync *s, const void *body, size_t len);

/* The same for events, which nobody waits for. */
MUST_CHECK bool state_sync_take_events(
    struct state_sync *s, const void *body, size_t len);

/* FOR_PEER or EVENTS, of the supervisor. Returns 0 or -EBADMSG. */
MUST_CHECK int state_sync_take(
    struct state_sync *s, const struct channel_packet *p);

/* The wire may have room: what is under way goes on. */
void state_sync_pay(struct state_sync *s);
