#pragma once

/*
 * Rank: which of two nodes shall have a group where both could: of two masters
 * who is heard and hears, then the less ill one, then who has served longer,
 * then the later claim, then preference; of a master and its backup the master,
 * unless it is ill or preference says so and may.
 *
 * Pure. Of election.c alone.
 */

#include "failover/election/election.h"

/* By preference alone, when neither is incumbent: both nodes agree on it. */
bool rank_is_outranked(
    const struct election *e, const struct election_heartbeat *h);

/*
 * Two masters, after a cut has healed. The loser drops at once. The winner
 * speaks at once, so that the loser hears it, and announces when the contest
 * begins and when it ends, for the loser's announcements were heard too.
 */
void rank_contest(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out);

/*
 * Neither of us is master. If the peer can't serve, or ranks lower, waiting
 * helps nobody. If it ranks higher, or is less at fault than we are, it claims
 * as soon as it hears us; a backup does not wait for that longer than it waits
 * for a silent master. False: nothing is claimed.
 */
bool rank_claim(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out);

/*
 * The peer is less ill, or preferred: by what ails us, or by what we track,
 * which has pulled us below it, at once; by preference alone only with
 * `preempt`, and once it has been so for long enough. It takes what is given,
 * and nothing is lost on the way.
 */
void rank_give(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out);
