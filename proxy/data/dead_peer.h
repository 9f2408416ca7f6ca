#pragma once

/*
 * Whether a peer is dead, or only pauses: by what it was asked and has not
 * answered, never by silence alone.
 *
 * Keepalive asks only while nothing of ours waits to be acknowledged. While
 * something does, the kernel asks in other ways: it repeats data that is under
 * way, and probes a window that is closed. A living peer acknowledges both, for
 * hours even, while it does not read. The kernel itself gives up after a
 * quarter of an hour; TCP_USER_TIMEOUT is sooner, but ends living ones, too.
 *
 * Pure: the caller looks again and again, at what tcp_info says.
 */

#include "core/mono.h"

struct tcp_info;

/* What the kernel knows of a peer at one look. */
struct dead_peer_facts {
	uint32_t waiting;   /* bytes of ours that it has not acknowledged */
	uint32_t silent_ms; /* since it has acknowledged anything */
	uint8_t repeats;    /* of data under way, since it took any */
	uint8_t probes;     /* of its window, since it answered one */
};

/* One for each peer. */
struct dead_peer {
	struct mono answered; /* no question was open then, or later answered */
};

struct dead_peer dead_peer_init(struct mono now);

/*
 * A look. Whether it has left questions open for as long as keepalive would
 * have waited (`patience_ms`; 0: for ever), and several of them.
 */
bool dead_peer_look(struct dead_peer *d, const struct dead_peer_facts *f,
    uint32_t patience_ms, struct mono now);

struct dead_peer_facts dead_peer_facts_of(
    const struct tcp_info *info, uint32_t waiting);

/*
 * How far apart the kernel's questions may get, for TCP_RTO_MAX_MS: so that a
 * peer that dies in a long pause has several open within its patience, and the
 * kernel's own limit of 15 is no sooner.
 */
uint32_t dead_peer_apart_ms(uint32_t patience_ms);
