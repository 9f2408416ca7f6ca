/*
 * The fault matrix in the simulation: what ails whom, for how long and at which
 * moment, on which network, drawn by a seed. What must come of it is worked out
 * from these facts by the rules of doc/design.md, and from nothing that the
 * nodes say; tests/system/matrix.py has the same for real hosts.
 *
 *	sim_faults [CASES [FIRST_SEED]]
 */

#include "tests/sim/cabled.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES 4000
#define WELL_MS 8000 /* longer than any start, and a reign old enough */

/* A doubt's rounds, a heartbeat, a turn each; and its way. */
#define DOUBT_MS (20 + 20 + 10 + 2 * DELAY_MAX_MS)
#define QUESTIONS_MS 450
/* A contest of two who are one network again: see rank.c. */
#define BOTH_MS (2 * 60 + DOUBT_MS)
/* Until a master knows that it is not heard, or hears nobody: rank.c, reign.c.
 */
#define FOUND_OUT_MS (500 + 220 + 2 * 60 + DOUBT_MS)
/* garp_schedule.c: the fifth comes so late, each of two frames. */
#define ROUNDS_MS (1100 + DOUBT_MS)
/* OWN_ADDRESS_PATIENCE_S */
#define BARE_MS 1000
#define START_MS (LISTEN_MS + 3000 + 2 * DOUBT_MS)
/* An end in order, as world_hand_over() has it. */
#define STOP_MS 1500

struct harm {
	const char *name;
	bool hears, speaks, runs; /* what is left of it */
	bool is_heard;            /* by the peer, its heartbeats */
	bool lasts;               /* until it is healed */
	bool restarted; /* ended in order, and started as something else */
};

static const struct harm harms[] = {
	{ "cut off", false, false, true, false, true, false },
	{ "deaf", false, true, true, true, true, false },
	{ "mute", true, false, true, false, true, false },
	{ "at fault", true, true, true, true, true, false },
	{ "not understood", true, true, true, false, true, false },
	{ "stopped", true, true, false, false, true, false },
	{ "killed", true, true, false, false, false, false },
	{ "with another key", true, true, true, false, true, true },
	{ "with another name of the group", true, true, true, false, true,
	    true },
	{ "heard by its announcements alone", true, true, true, false, true,
	    false },
	{ "without its own address", true, true, true, false, true, false },
};
#define OTHER_KEY (&harms[7])
#define ONLY_TO_ALL (&harms[9])
#define BARE (&harms[10])

enum victim {
	VICTIM_MASTER,
	VICTIM_BACKUP,
	VICTIM_BOTH,
	VICTIMS
};

static const char *const victims[] = { "master", "backup", "both" };
static const int64_t times_ms[] = { 60, 200, 1000, 5000 };

struct fault {
	const struct harm *harm;
	enum victim victim;
	unsigned master; /* when it began */
	int64_t ms, harmed_ms, healed_ms;
	uint64_t claims; /* that there were before */
	bool healed;
};

/* What must come of it. */
struct outcome {
	bool keeps; /* the master stays it, without a break */
	bool moves; /* the other one has it when the harm ends, ... */
	bool stays; /* ... and from then on */
	int64_t nobody_ms, both_ms; /* at most so long, while somebody could */
};

static const struct fault *current;

/* What was drawn, and then what was wrong. */
static void
fail(const struct sim *s, const char *what)
{
	const struct fault *f = current;

	world_fail(s, "%s %s for %" PRId64 " ms, master %u%s%s%s%s%s: %s",
	    victims[f->victim], f->harm->name, f->ms, f->master,
	    s->hosts[0].askable ? ", askable" : "",
	    s->clients ? ", clients" : "", s->fabric ? ", fabric" : "",
	    s->cabled ? ", cable" : "", f->healed ? ", healed" : "", what);
}

/* Who takes its own address away and gives it back is given a second. */
static bool
is_able(const struct fault *f)
{
	const struct harm *h = f->harm;

	if (h == BARE)
		return f->ms < BARE_MS;
	return h->hears && h->speaks && h->runs && h != &harms[3];
}

/* Until the peer may take over from a master that is not able. */
static int64_t
noticed_ms(const struct sim *s, const struct harm *h)
{
	/* A switch that answers for it: the second questions. */
	const int64_t echo_ms = s->fabric ? HANG_MS + QUESTIONS_MS : 0;

	if (h == &harms[3])
		return HANDOVER_RELEASE_MS + DOUBT_MS; /* it says so */
	if (h == BARE) /* it can say so by a cable, if there is one */
		return BARE_MS + HANDOVER_RELEASE_MS + echo_ms + DOUBT_MS;
	if (h->runs && h->is_heard)
		return 500 + DEAF_MS + DOUBT_MS; /* it says that it serves */
	if (!h->runs)
		return HANG_MS + LEASE_MS + QUESTIONS_MS + echo_ms + DOUBT_MS;
	return 60 + DOUBT_MS + echo_ms;
}

/*
 * Who is ended gives it away, if to nobody. Two that do not understand each
 * other any more are each as good as alone.
 */
static struct outcome
expected_of_restart(const struct sim *s, const struct fault *f)
{
	const bool known = s->hosts[0].askable || s->clients;
	/* A switch that answers for who has just left: the second questions. */
	const int64_t echo_ms = s->fabric ? HANG_MS + QUESTIONS_MS : 0;
	const int64_t taken_ms = STOP_MS + DOUBT_MS + echo_ms;
	struct outcome o = { .keeps = f->victim == VICTIM_BACKUP,
		.moves = f->victim == VICTIM_MASTER && f->ms > taken_ms,
		.both_ms = BOTH_MS };

	o.stays = o.moves && known && !s->hosts[0].preempt;
	if (f->victim == VICTIM_MASTER)
		o.nobody_ms = HANDOVER_RELEASE_MS + DOUBT_MS + BOTH_MS;
	else if (f->victim == VICTIM_BOTH)
		/* Each of two starts, one after the other, has its doubts. */
		o.nobody_ms = START_MS + taken_ms + echo_ms +
		    /* Ended again before it had started. */
		    (f->ms < START_MS ? f->ms : 0);
	return o;
}

static struct outcome
expected(const struct sim *s, const struct fault *f)
{
	const struct harm *h = f->harm;
	const bool able = is_able(f);
	/* Where nobody at all is there to be heard nobody knows who is ill. */
	const bool known = s->hosts[0].askable || s->clients;
	const bool cut = !h->hears || !h->speaks || h == ONLY_TO_ALL;
	/* They hear each other all the same, and ask who else is there. */
	const bool by_cable = s->cabled && cut;
	const int64_t taken_ms = by_cable ? CABLED_MOVE_MS : noticed_ms(s, h);
	struct outcome o = { .both_ms = BOTH_MS };

	if (h->restarted)
		return expected_of_restart(s, f);
	o.keeps =
	    (able || f->victim == VICTIM_BACKUP) && (known || !cut || by_cable);
	o.moves = f->victim == VICTIM_MASTER && !able && f->ms > taken_ms;
	/* Who speaks, and hears no peer: that one may be mute. Others know. */
	if (!h->hears && h->speaks && !s->hosts[0].askable)
		o.moves = false;
	/* Nobody shows that the backup is there, or a switch that both are. */
	if (by_cable && (!s->hosts[0].askable || s->fabric))
		o.moves = false;
	/* Who was ill for a moment only has its connections still. */
	o.stays = o.moves && known && !s->hosts[0].preempt &&
	    f->ms > taken_ms + FOUND_OUT_MS;
	if (able || f->victim == VICTIM_BACKUP)
		o.nobody_ms = o.keeps ? 0 : DOUBT_MS;
	else if (f->victim == VICTIM_MASTER)
		o.nobody_ms = taken_ms + BOTH_MS;
	else
		o.nobody_ms = START_MS + taken_ms;
	/* Who claims sees in the rounds of announcements that it was wrong. */
	if (h == ONLY_TO_ALL)
		o.both_ms += ROUNDS_MS;
	/* Who was killed has it until its lease ends. */
	if (!h->runs)
		o.both_ms += LEASE_MS;
	return o;
}

static void
restart(struct sim *s, const struct harm *h, unsigned i, bool on)
{
	const uint32_t odd = on ? 2 + i : 0;

	s->hosts[i].keys[0] = h == OTHER_KEY && on ? 10 + odd : 7;
	s->hosts[i].group = h != OTHER_KEY && on ? odd : 1;
	world_hand_over(s, i, true);
}

/* It is a fault after a while, and over at once. */
static void
set_bare(struct host *h, bool on)
{
	h->bare = on;
	if (!on && h->faulted)
		world_set_fault(h->sim, h->index, false);
}

static void
find_bare(struct sim *s, const struct fault *f)
{
	if (f->harm != BARE || s->now_ms != f->harmed_ms + BARE_MS)
		return;
	for (unsigned i = 0; i < 2; i++)
		if (s->hosts[i].bare)
			world_set_fault(s, i, true);
}

static void
inflict(struct sim *s, const struct harm *h, unsigned i, bool on)
{
	struct host *n = &s->hosts[i];

	if (h->restarted) {
		restart(s, h, i, on);
		return;
	}
	s->cut[i] = on && !h->hears;
	s->silent[i] = on && !h->speaks;
	if (h == &harms[3])
		world_set_fault(s, i, on);
	else if (h == ONLY_TO_ALL)
		s->only_to_all = on;
	else if (h == BARE)
		set_bare(n, on);
	else if (h->hears && h->speaks && h->runs)
		s->mute = on;
	else if (!h->runs && h->lasts)
		n->awake_ms = on ? INT64_MAX : s->now_ms;
	else if (!h->runs && on)
		world_kill(s, i);
	if (!h->runs && !h->lasts)
		n->reborn_ms = on ? INT64_MAX : s->now_ms;
	n->restorable = n->restorable && n->alive;
}

static void
for_each_victim(struct sim *s, const struct fault *f, bool on)
{
	for (unsigned i = 0; i < 2; i++)
		if (f->victim == VICTIM_BOTH ||
		    (i == f->master) == (f->victim == VICTIM_MASTER))
			inflict(s, f->harm, i, on);
}

static void
after_turn(struct sim *s)
{
	(void)s;
}

static bool
is_well(const struct sim *s)
{
	return s->hosts[0].held != s->hosts[1].held &&
	    world_state(s, s->hosts[1].held) == ELECTION_MASTER &&
	    world_state(s, s->hosts[0].held) == ELECTION_BACKUP;
}

static void
draw_fault(struct sim *s, struct fault *f)
{
	f->harm = &harms[world_below(s, ARRAY_LEN(harms))];
	f->victim = (enum victim)world_below(s, VICTIMS);
	f->ms = world_percent(s, 60)
	    ? times_ms[world_below(s, ARRAY_LEN(times_ms))]
	    : 1 + world_below(s, 6000);
	f->master = s->hosts[1].held;
	s->delay_ms = world_percent(s, 50) ? 0 : world_below(s, 5);
}

struct spans {
	int64_t nobody_ms, both_ms, since_nobody_ms, since_both_ms;
};

static bool
reigns(const struct sim *s, unsigned i)
{
	return s->hosts[i].held && world_state(s, i) == ELECTION_MASTER;
}

/* In each turn; where nobody could have it, or they are apart, it begins anew.
 */
static void
judge(const struct sim *s, const struct fault *f, const struct outcome *o,
    struct spans *t)
{
	const unsigned held = s->hosts[0].held + s->hosts[1].held;
	const bool could = f->healed || f->victim != VICTIM_BOTH || is_able(f);
	const bool joined = f->healed || (f->harm->hears && f->harm->speaks);

	if (held > 0 || !could)
		t->since_nobody_ms = s->now_ms;
	if (held < 2 || !joined)
		t->since_both_ms = s->now_ms;
	if (s->now_ms - t->since_nobody_ms > o->nobody_ms)
		fail(s, "nobody has it, and one could");
	if (s->now_ms - t->since_both_ms > o->both_ms)
		fail(s, "both have it, on one network");
	if (o->keeps && !reigns(s, f->master))
		fail(s, "a master that nothing ails was replaced");
	if (f->harm == ONLY_TO_ALL && !f->healed && s->claims > f->claims + 1)
		fail(s, "who has let go has claimed again");
	if (o->stays && f->healed && !reigns(s, 1 - f->master))
		fail(s, "it moved twice");
}

static void
run_case(struct sim *s, uint64_t seed)
{
	struct fault f = { 0 };
	struct outcome o;
	struct spans t;

	current = &f;
	world_init(s, seed);
	s->after_turn = after_turn;
	f.harm = &harms[0];
	for (s->turn = 0; s->now_ms < WELL_MS || !is_well(s); s->turn++) {
		if (s->turn > 2 * WELL_MS)
			fail(s, "they never agreed");
		world_turn(s);
	}
	for (unsigned n = world_below(s, 100); n > 0; n--)
		world_turn(s);
	draw_fault(s, &f);
	o = expected(s, &f);
	f.claims = s->claims;
	f.harmed_ms = t.since_nobody_ms = t.since_both_ms = s->now_ms;
	for_each_victim(s, &f, true);
	for (; s->now_ms < f.harmed_ms + f.ms; s->turn++) {
		world_turn(s);
		find_bare(s, &f);
		judge(s, &f, &o, &t);
	}
	if (o.moves && !s->hosts[1 - f.master].held)
		fail(s, "the one that could serve has nothing");
	for_each_victim(s, &f, false);
	f.healed = true;
	f.healed_ms = s->now_ms;
	for (; s->now_ms < f.healed_ms + WELL_MS; s->turn++) {
		world_turn(s);
		judge(s, &f, &o, &t);
	}
	if (!is_well(s))
		fail(s, "they do not agree again");
}

int
main(int argc, char **argv)
{
	const uint64_t cases = argc > 1 ? strtoull(argv[1], NULL, 0) : CASES;
	const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	static struct sim s;

	for (uint64_t seed = first; seed < first + cases; seed++)
		run_case(&s, seed);
	printf("%" PRIu64 " faults of one node or both: ok\n", cases);
	return 0;
}
