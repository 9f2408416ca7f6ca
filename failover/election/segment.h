#pragma once

/*
 * Segment: one of the networks that a group's addresses are on, and which of
 * the nodes is still on it. The peer's heartbeats have stopped there, or it
 * says that it hears nobody there, while it is well heard on another road. One
 * of the two is cut off, and what the other road says does not tell which. So
 * this node looks around: it asks who is there, and whether anybody answers for
 * the group's addresses.
 *
 * Pure: no clock, socket, allocation or log. A value inside struct node_group;
 * node_segment.c begins and ends a look, and draws the conclusion.
 */

#include "core/base.h"
#include "core/mono.h"

struct segment {
	unsigned path; /* of node.paths: hellos that come over it */
	bool open;     /* we look around, since */
	struct mono since;
	struct mono due;   /* the next question; never(): none */
	bool asked;        /* one is out, and: */
	bool waited;       /* we came late, and left the answers more time */
	bool shown;        /* answered: the peer, or an address of ours */
	bool others;       /* answered: anybody else */
	unsigned unmet;    /* rounds in a row in which others answered alone */
	unsigned silent;   /* ... in which nobody did */
	struct mono heard; /* anybody was, since we look; never() */
};

struct segment segment_init(unsigned path);

/* Looks around from now on. False where it does so already. */
bool segment_open(struct segment *s, struct mono now);
void segment_close(struct segment *s);

/* True: ask now. To be called when `due` has come; sooner does no harm. */
MUST_CHECK bool segment_tick(struct segment *s, struct mono now);

/* Somebody is heard there; `shown`: the peer, or who has an address of ours. */
void segment_note(struct segment *s, bool shown, struct mono now);

/* Others are there, and nobody answers for the peer or for the addresses. */
bool segment_misses_peer(const struct segment *s);

/* Nothing speaks for our being cut off there: no doubt, or it was answered. */
bool segment_is_sound(const struct segment *s);

/*
 * We have asked, and nobody is heard there: for so long. The first is enough
 * where the peer hears others there, or who has the addresses does.
 */
#define SEGMENT_DEAF_MS 20
#define SEGMENT_DEAF_LONG_MS 200
bool segment_is_deaf(const struct segment *s, uint32_t for_ms, struct mono now);
