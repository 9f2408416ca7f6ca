/*
 * A pair (world.h) under cuts, losses, pauses (in the middle of a step, too),
 * kills, restarts, faults, refused addresses, heartbeats that are filtered
 *while all else gets through, a third host with the address, handovers, stops
 *that begin with one, and a supervisor and a relay that refuse, die or are
 *silent. Chaos and calm alternate, for what must hold is about what happens
 *once things are well again:
 *
 *   1. both connected, awake and sound: two masters for BOTH_MS at most
 *   2. ... none for NONE_MS at most; a sound node that hears nobody: master
 *   3. nobody claims what its peer's kernel, or a third host, answers for
 *   4. terms never fall, over restarts with a restored state too
 *   5. what was believed once is never believed again
 *   6. after an overlap the one who stays has announced since, or recently
 *   7. with one direction cut there are not two masters for CUT_OFF_MS, where
 *      who is deaf can find out
 *   8. a backup is one no longer than its master is heard, or in fault
 *   9. who slept too long holds nothing when it wakes
 *  10. where somebody can be asked, who is cut off claims nothing, and holds
 *      nothing after CUT_OFF_MS
 *  11. nobody claims from a master that it hears and was not asked by
 *  12. listeners that were muted answer again after MUTED_MS
 *  13. clients are held or sent on while a handover is under way, and not to
 *      and fro between two nodes for longer than BOTH_MS
 *  14. a master that nothing ails stays it, whatever ails its peer
 *  15. where the nodes hear each other by a cable, who is cut off from the
 *      network leaves the group to one that is not (cabled.h)
 *  16. of two that are ill the less ill one holds, LESS_ILL_MS after that
 *
 * The node, its elections and handovers assert more after each step (is_sane).
 *
 *	sim_failover [--break early|yield|keep|handover] [SEEDS [FIRST_SEED]]
 */

#include "tests/sim/broken.h"
#include "tests/sim/cabled.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNS 60000
#define SEEDS 1200

/* Doubt's rounds, its wait for anybody's answer, and the second questions. */
#define DOUBT_MS 20
#define DEAF_WAIT_MS 220
#define QUESTIONS_MS 450
/* Where a third host had the address it is asked for so often. */
#define CONFLICT_MS 520
/*
 * A heartbeat, its delay, an answer, its delay, and a turn each; the same again
 * where both have served about as long, after two dead times.
 */
#define BOTH_MS (DELAY_MAX_MS * 2 + 60 + 10 + 2 * 60 + DELAY_MAX_MS)
/* A refused address is tried again, then somebody listens, and doubts. */
#define NONE_MS                                                                \
	(RETRY_MS + LISTEN_MS + BOTH_MS + HANG_MS + QUESTIONS_MS +             \
	    DEAF_WAIT_MS + 300)
/* The wait of unproven traffic: TRANSITION_LISTEN_LIMIT_MS in transition.h. */
#define ALONE_MS (3000 + RETRY_MS + HANG_MS + QUESTIONS_MS + DOUBT_MS + 300)
/* The last of the early rounds of garp_schedule.c. */
#define ANNOUNCED_MS 5000
/* A master asks who is there each 500 ms while its peer is silent. */
#define CUT_OFF_MS (60 + 500 + DEAF_MS + 100 + 60 + HANDOVER_RELEASE_MS + 10)
/* What was done to a master is over after that: an old fault is no excuse. */
#define HEALTHY_MS 1500
/* Muted, asked for, and nobody claims; or the answer is said again. */
/* The less ill one tries again, listens, is offered it, and takes it. */
#define LESS_ILL_MS                                                            \
	(RETRY_MS + LISTEN_MS + BOTH_MS + 1000 + HANDOVER_MUTE_MS +            \
	    HANDOVER_SETTLE_MS + BOTH_MS + HANDOVER_RELEASE_MS)
#define MUTED_MS (HANDOVER_MUTE_MS + HANDOVER_SETTLE_MS + HANDOVER_ASK_MS + 100)

struct judge {
	enum {
		CALM,
		CHAOS,
		SPLIT,
		HARM, /* of the backup alone */
	} phase;
	int64_t phase_end_ms, well_ms, alone_ms[2], overlap_ms;
	int64_t some_ms, few_ms; /* when there was a holder; and not two */
	int64_t one_way_ms, faulted_ms[2], cut_ms[2], lit_ms[2];
	int64_t rogue_ms; /* when a third host last had the address */
	int64_t kept_ms;  /* when the other did, and lived */
	int64_t muted_ms[2], apart_ms; /* not both send on */
	int64_t other_ms[2];           /* when it was no backup */
	int64_t
	    ailed_ms[2];  /* when something was wrong with it, or no holder */
	int64_t right_ms; /* when not the iller one held it */
	uint32_t illness[2];
	uint64_t boots[2];
	uint64_t overlaps;
	struct cabled cabled;
};

static void
misfortune_of(struct sim *s, unsigned i)
{
	struct host *n = &s->hosts[i];

	switch (world_below(s, 13)) {
	case 10:
	case 11:
		world_set_tracked(s, i, (uint8_t)world_below(s, 3));
		break;
	case 12:
		world_set_barred(s, i, world_below(s, 1 << ADDRESSES));
		break;
	case 0:
		if (world_is_awake(s, i))
			n->awake_ms = s->now_ms +
			    world_below(s, world_percent(s, 20) ? 3000 : 400);
		break;
	case 1:
		if (n->alive)
			world_kill(s, i);
		break;
	case 2:
		if (world_is_awake(s, i))
			world_stop(s, i);
		break;
	case 3:
		world_set_fault(s, i, !n->faulted);
		break;
	case 4:
		n->refusals = world_below(s, 3);
		break;
	case 5:
		world_set_lowered(s, i, n->lowered != 0 ? 0 : 60);
		break;
	case 6:
	case 7:
		world_hand_over(s, i, world_percent(s, 30));
		break;
	case 8:
		world_kill_relay(s, i);
		break;
	case 9:
		n->sullen = !n->sullen;
		break;
	}
}

static void
misfortune(struct sim *s)
{
	const unsigned i = world_below(s, 2);

	switch (world_below(s, 12)) {
	case 11:
		cabled_harm(s, i);
		break;
	case 10:
		s->jerky = !s->jerky && world_percent(s, 50);
		break;
	case 0:
		s->cut[i] = !s->cut[i];
		break;
	case 1:
		s->cut[0] = s->cut[1] = !s->cut[0];
		break;
	case 2:
		s->loss_percent = world_below(s, 2) * world_below(s, 60);
		s->twice_percent = world_below(s, 30);
		break;
	case 3:
		s->delay_ms = world_below(s, 2) * world_below(s, DELAY_MAX_MS);
		break;
	case 4:
		s->mute = !s->mute;
		break;
	case 5:
		s->rogue = !s->rogue && world_percent(s, 30);
		break;
	default:
		misfortune_of(s, i);
		break;
	}
}

static void
calm_down(struct sim *s)
{
	world_mend_network(s);
	s->jerky = false;
	for (unsigned i = 0; i < 2; i++) {
		s->hosts[i].refusals = 0;
		s->hosts[i].sullen = false;
		s->hosts[i].stop_ms = 0;
		if (!s->hosts[i].alive)
			s->hosts[i].reborn_ms = s->now_ms;
	}
}

static bool
is_sound(const struct sim *s, unsigned i)
{
	const struct host *n = &s->hosts[i];

	return world_is_awake(s, i) && !n->faulted && n->refusals == 0 &&
	    n->barred != (1u << ADDRESSES) - 1 && n->relay_up;
}

static uint32_t
illness_at(const struct sim *s, unsigned i)
{
	const struct host *h = &s->hosts[i];

	return (uint32_t)h->tracked << 8 |
	    (uint32_t)__builtin_popcount(h->barred);
}

static void
check_illness(const struct sim *s, struct judge *j, bool well)
{
	const struct host *h = s->hosts;
	bool right = !well || h[0].held == h[1].held;

	for (unsigned i = 0; i < 2; i++) {
		const uint32_t illness = illness_at(s, i);

		right = right || illness != j->illness[i] ||
		    (h[i].held && illness <= illness_at(s, 1 - i));
		j->illness[i] = illness;
	}
	if (right)
		j->right_ms = s->now_ms;
	if (s->now_ms > j->right_ms + LESS_ILL_MS)
		world_fail(s, "the iller one holds it");
}

static void
check_overlap(const struct sim *s, struct judge *j)
{
	const bool both = s->hosts[0].held && s->hosts[1].held;
	const bool one = s->hosts[0].held != s->hosts[1].held;
	const struct host *n = &s->hosts[s->hosts[0].held ? 0 : 1];

	if (both) {
		if (j->overlap_ms == 0)
			j->overlaps++;
		j->overlap_ms = s->now_ms;
	} else if (j->overlap_ms != 0 && (!one || j->well_ms == 0)) {
		if (!one)
			j->overlap_ms = 0;
	} else if (j->overlap_ms != 0 && s->now_ms > j->well_ms + BOTH_MS &&
	    s->now_ms > j->overlap_ms + BOTH_MS) {
		if (n->announced_ms + ANNOUNCED_MS < j->overlap_ms)
			world_fail(s, "nobody announced after an overlap");
		j->overlap_ms = 0;
	}
}

static void
check_alone(const struct sim *s, struct judge *j, unsigned i)
{
	const bool deaf =
	    (s->cut[i] && !world_has_cable(s)) || !s->hosts[1 - i].alive;

	if (!deaf || !is_sound(s, i) || j->alone_ms[i] == 0 || s->rogue ||
	    (s->hosts[i].askable && s->cut[i]))
		j->alone_ms[i] = s->now_ms;
	else if (s->now_ms > j->alone_ms[i] + ALONE_MS && !s->hosts[i].held)
		world_fail(s, "node %u: alone, and not master", i);
}

static void
check_cut_off(const struct sim *s, struct judge *j, unsigned i)
{
	const struct host *n = &s->hosts[i];

	/* Where the peer has been stopped there is none to leave it to. */
	if (!n->askable || !s->cut[i] || !is_sound(s, i) ||
	    world_has_cable(s) || world_node(s, i)->peer.resigned)
		j->cut_ms[i] = s->now_ms;
	else if (s->now_ms > j->cut_ms[i] + CUT_OFF_MS && n->held)
		world_fail(s, "node %u: cut off, and holds on", i);
}

/* A boot that was never proven can't be, while one direction is cut. */
static bool
is_known(const struct sim *s, unsigned i)
{
	const struct peer *p = &world_node(s, i)->peer;

	return p->known &&
	    hello_boot_is_same(
	        &p->boot, &world_node(s, 1 - i)->config.peer.boot);
}

/*
 * How long a backup may hear nobody: hardly longer than the dead time where the
 * other host is off, and so can't answer either.
 */
static int64_t
patience_of(const struct sim *s, struct judge *j, unsigned i)
{
	const struct host *other = &s->hosts[1 - i];
	int64_t patience = world_dead_ms(s, i) + DOUBT_MS +
	    (s->hosts[i].askable ? DEAF_WAIT_MS : 0) +
	    (s->fabric ? HANG_MS + QUESTIONS_MS : 0);

	if (!other->dark)
		j->lit_ms[i] = s->now_ms;
	if (s->rogue)
		j->rogue_ms = s->now_ms;
	if (s->now_ms <= j->lit_ms[i] + patience)
		patience += HANG_MS + 2 * DOUBT_MS;
	/* It lives, and renews: it is not understood, and not claimed from. */
	if (other->held && !other->dark)
		j->kept_ms = s->now_ms;
	return s->now_ms <= j->rogue_ms + CONFLICT_MS + patience ||
	        s->now_ms <= j->kept_ms + patience
	    ? INT64_MAX
	    : patience;
}

static void
check_backup(const struct sim *s, struct judge *j, unsigned i)
{
	const struct host *n = &s->hosts[i];
	const struct host *other = &s->hosts[1 - i];
	const int64_t patience = patience_of(s, j, i);

	if (!is_sound(s, i) || world_state(s, i) != ELECTION_BACKUP ||
	    !world_is_awake(s, 1 - i) || !other->faulted || s->cut[i] ||
	    s->silent[1 - i] || s->mute || s->filtered[i] ||
	    s->loss_percent != 0 || !is_known(s, i))
		j->faulted_ms[i] = s->now_ms;
	if (s->now_ms > j->faulted_ms[i] + BOTH_MS)
		world_fail(s, "node %u: backup of a node at fault", i);
	if (world_state(s, i) != ELECTION_BACKUP)
		j->other_ms[i] = s->now_ms;
	if (patience != INT64_MAX && world_is_awake(s, i) &&
	    s->now_ms > n->awake_ms + patience &&
	    s->now_ms > j->other_ms[i] + patience &&
	    mono_span_ms(world_node(s, i)->peer.heard, world_now(s)) > patience)
		world_fail(s, "node %u: backup of nobody", i);
}

static void
check_handover(const struct sim *s, struct judge *j, unsigned i)
{
	const struct host *h = &s->hosts[i];
	const struct node_group *g = &world_node(s, i)->groups[0];

	if (!h->muted || h->sullen || !world_is_awake(s, i) || s->jerky)
		j->muted_ms[i] = s->now_ms;
	if (s->now_ms > j->muted_ms[i] + MUTED_MS)
		world_fail(s, "node %u: stays hushed", i);
	if (world_is_awake(s, i) && h->syn_hold != SYN_HOLD_OFF &&
	    g->handover.state == HANDOVER_IDLE)
		world_fail(s, "node %u: holds clients for ever", i);
	if (h->syn_hold != SYN_HOLD_FORWARDING || !world_is_awake(s, i) ||
	    s->jerky)
		j->apart_ms = s->now_ms;
	if (s->now_ms > j->apart_ms + BOTH_MS)
		world_fail(s, "both send on what comes");
}

/* Who holds it, and to whom nothing was done. */
static bool
is_healthy(const struct sim *s, unsigned i)
{
	const struct host *h = &s->hosts[i];

	return world_state(s, i) == ELECTION_MASTER && is_sound(s, i) &&
	    (h->askable || s->clients) && h->held && h->lowered == 0 &&
	    illness_at(s, i) == 0 && h->stop_ms == 0 && !h->muted &&
	    !s->cut[i] && !s->silent[i] && !s->rogue && !s->jerky &&
	    s->loss_percent == 0 &&
	    world_node(s, i)->groups[0].handover.state == HANDOVER_IDLE;
}

static void
check_healthy(const struct sim *s, struct judge *j, unsigned i)
{
	const struct host *h = &s->hosts[i], *other = &s->hosts[1 - i];
	/* Not who was killed, and is back in the same turn. */
	const bool was =
	    h->boot == j->boots[i] && s->now_ms > j->ailed_ms[i] + HEALTHY_MS;
	/* Of two that were well until then the older one stays. */
	const bool older =
	    !other->held || other->claimed_ms > j->ailed_ms[i] + HEALTHY_MS;

	j->boots[i] = h->boot;
	if (is_healthy(s, i))
		return;
	if (was && older && world_state(s, i) != ELECTION_MASTER &&
	    is_sound(s, i) && h->stop_ms == 0 && !h->preempt &&
	    illness_at(s, i) == 0 && h->lowered == 0 && !s->cut[i] &&
	    !s->silent[i] && !s->rogue && !s->jerky && s->loss_percent == 0)
		world_fail(s, "node %u: lost it, and nothing ails it", i);
	j->ailed_ms[i] = s->now_ms;
}

static void
check(const struct sim *s, struct judge *j)
{
	const bool joined = !s->cut[0] && !s->cut[1] && !s->mute &&
	    !s->filtered[0] && !s->filtered[1] && !s->silent[0] &&
	    !s->silent[1] && s->loss_percent == 0;
	const bool each[] = { is_sound(s, 0), is_sound(s, 1) };
	const bool sound = each[0] && each[1] && !s->rogue;
	const unsigned held = s->hosts[0].held + s->hosts[1].held;

	if (!joined || !sound)
		j->well_ms = 0;
	else if (j->well_ms == 0)
		j->well_ms = s->now_ms;
	if (!joined || !sound || held > 0)
		j->some_ms = s->now_ms;
	if (!joined || !sound || held < 2)
		j->few_ms = s->now_ms;
	if (s->cut[0] == s->cut[1] || s->mute || s->silent[0] || s->silent[1] ||
	    s->loss_percent != 0 || !sound || held < 2 ||
	    !s->hosts[0].askable ||
	    world_node(s, s->cut[0] ? 0 : 1)->peer.resigned)
		j->one_way_ms = s->now_ms;
	check_overlap(s, j);
	cabled_check(s, &j->cabled, each);
	if (s->now_ms > j->few_ms + BOTH_MS)
		world_fail(s, "2 masters");
	if (s->now_ms > j->some_ms + NONE_MS)
		world_fail(s, "no master");
	check_illness(s, j, joined && sound);
	if (s->now_ms > j->one_way_ms + CUT_OFF_MS)
		world_fail(s, "2 masters, one direction cut");
	for (unsigned i = 0; i < 2; i++) {
		check_alone(s, j, i);
		check_backup(s, j, i);
		check_cut_off(s, j, i);
		check_healthy(s, j, i);
		check_handover(s, j, i);
	}
}

/*
 * Whatever ails the backup: it is deaf for a moment or for long, or not
 * understood, or dies, or stands still.
 */
static void
harm_backup(struct sim *s)
{
	const unsigned i = s->hosts[0].held ? 1 : 0;

	if (!s->hosts[1 - i].held)
		return;
	if (world_percent(s, 20))
		s->mute = !s->mute;
	else if (world_percent(s, 20) && s->hosts[i].askable)
		s->filtered[i] = !s->filtered[i];
	else if (world_percent(s, 30))
		cabled_harm(s, i);
	else if (world_percent(s, 60))
		s->cut[i] = !s->cut[i];
	else
		misfortune_of(s, i);
}

/* For long, with the cable: in one direction or both. */
static void
cut_one_off(struct sim *s)
{
	const unsigned i = world_below(s, 2);

	if (!s->cabled)
		return;
	s->cut[0] = s->cut[1] = s->mute = false;
	s->silent[i] = world_percent(s, 70);
	s->cut[i] = !s->silent[i] || world_percent(s, 60);
}

/*
 * Calm follows chaos; now and then there is a long cut in between, and before
 * the chaos a time in which only the backup suffers.
 */
static void
next_phase(struct sim *s, struct judge *j)
{
	if (j->phase == CHAOS && world_percent(s, 30)) {
		j->phase = SPLIT;
		calm_down(s);
		s->mute = world_percent(s, 30);
		s->cut[0] = !s->mute && world_percent(s, 70);
		s->cut[1] = !s->mute && (!s->cut[0] || world_percent(s, 70));
		if (world_percent(s, 60))
			cut_one_off(s);
		j->phase_end_ms = s->now_ms + ANNOUNCED_MS + 2000;
	} else if (j->phase == CALM && world_percent(s, 50)) {
		j->phase = HARM;
		j->phase_end_ms = s->now_ms + 1000 + world_below(s, 6000);
	} else if (j->phase == CALM || j->phase == HARM) {
		calm_down(s);
		j->phase = CHAOS;
		j->phase_end_ms = s->now_ms + 100 + world_below(s, 4000);
	} else {
		j->phase = CALM;
		calm_down(s);
		j->phase_end_ms = s->now_ms + NONE_MS + 1000;
	}
}

/* Also in those turns for which one node was stopped in the middle of one. */
static struct judge *judging;

static void
after_turn(struct sim *s)
{
	check(s, judging);
}

static void
turn(struct sim *s, struct judge *j)
{
	if (s->now_ms >= j->phase_end_ms)
		next_phase(s, j);
	if (j->phase == CHAOS && world_below(s, 60) == 0)
		misfortune(s);
	if (j->phase == HARM && world_below(s, 200) == 0)
		harm_backup(s);
	if (world_below(s, 40) == 0)
		world_replay(s);
	world_turn(s);
	for (unsigned i = 0; i < 2 && j->phase != CHAOS && j->phase != HARM;
	     i++) {
		world_set_fault(s, i, false);
		world_set_lowered(s, i, 0);
		/* Not all: that is no calm. */
		if (s->hosts[i].barred == (1u << ADDRESSES) - 1)
			world_set_barred(s, i, 1);
	}
}

int
main(int argc, char **argv)
{
	const bool breaks = argc > 2 && strcmp(argv[1], "--break") == 0;
	char **rest = breaks ? argv + 2 : argv;
	const uint64_t seeds = rest[1] ? strtoull(rest[1], NULL, 0) : SEEDS;
	const uint64_t first =
	    rest[1] && rest[2] ? strtoull(rest[2], NULL, 0) : 1;
	static struct sim sum;
	uint64_t overlaps = 0;
	static struct sim s;

	if (breaks && !broken_choose(argv[2])) {
		printf("there is no rule '%s'\n", argv[2]);
		return 2;
	}
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct judge j = { .phase = CALM };

		judging = &j;
		world_init(&s, seed);
		s.after_turn = after_turn;
		j.phase_end_ms = s.now_ms + NONE_MS;
		for (s.turn = 0; s.turn < TURNS; s.turn++)
			turn(&s, &j);
		sum.steps += s.steps;
		sum.claims += s.claims;
		sum.forced += s.forced;
		sum.replays += s.replays;
		sum.handovers += s.handovers;
		sum.given_up += s.given_up;
		sum.stops += s.stops;
		overlaps += j.overlaps;
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " steps (%" PRIu64
	       " stopped in the middle), %" PRIu64 " claims (%" PRIu64
	       " after hang_timeout), %" PRIu64 " handovers and %" PRIu64
	       " given up, %" PRIu64 " overlaps, %" PRIu64 " replays: ok\n",
	    seeds, sum.steps, sum.stops, sum.claims, sum.forced, sum.handovers,
	    sum.given_up, overlaps, sum.replays);
	return 0;
}
