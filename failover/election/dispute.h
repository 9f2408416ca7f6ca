#pragma once

/*
 * Dispute: two nodes that do not understand each other and ask at the same
 * moment who has the addresses both hear nobody, and both claim. So a claim
 * that was found out by asking is open for a moment, as if an answer could
 * still be on its way (RFC 5227 section 2.4): where the peer goes on to show
 * the addresses, unasked and without a word of its own, one of the two lets go.
 * It is the one with the lower address, as each knows from its file; if that
 * one does not, it has held them for longer, or hears nothing: then the other
 * one does. After that moment, and once the peer was heard, nothing that is
 * seen on the network ends a reign.
 *
 * A network may carry announcements, which go to all, and lose heartbeats and
 * answers, which go to one: a bonded link of which one member is dead. There
 * who has let go finds again that nobody answers, and would claim again, for a
 * moment each time. So as long as the peer goes on to show the addresses, its
 * missing answers count for nothing: until it was seen to answer, was heard, or
 * has shown nothing for longer than an announcement is due.
 *
 * Pure: no clock, socket, allocation or log. A value inside struct election.
 */

#include "core/base.h"
#include "core/mono.h"

struct dispute {
	struct mono until; /* never(): no claim is open */
	struct mono since; /* the peer has shown them; never() */
	struct mono shown; /* the same, by now, since we let go; never() */
	bool answered;     /* something did, and was no living host */
};

/* An announcement is due each minute (garp_schedule.c); it comes late. */
#define DISPUTE_AWAY_MS 65000

/* The empty value. */
struct dispute dispute_none(void);

/*
 * A claim. `answered`: something did, and was no living host. Switches answer
 * others, too, so then the one with the higher address stays in any case.
 */
struct dispute dispute_begin(bool answered, uint32_t dead_ms, struct mono now);

/* By words, or by time: no claim is open. That we let go is still so. */
void dispute_close(struct dispute *d);

/* The peer shows them. True: we let go. Ignored where no claim is open. */
MUST_CHECK bool dispute_lose(
    struct dispute *d, uint32_t dead_ms, bool wins_ties, struct mono now);

/* Who has let go asks anew after so long: not both at the same time. */
uint32_t dispute_wait_ms(uint32_t dead_ms, bool wins_ties);

/* We have let go, and the peer shows them. */
void dispute_begin_away(struct dispute *d, struct mono now);

/* The peer shows them still. Ignored where we have not let go. */
void dispute_note(struct dispute *d, struct mono now);

/* That nobody answers is no proof that nobody has them. */
bool dispute_is_away(const struct dispute *d, struct mono now);

/* Somebody has answered for them for so long: its silence will be a proof. */
void dispute_trust(struct dispute *d, int64_t answered_ms);
