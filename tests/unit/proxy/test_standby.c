#include "proxy/control/standby.h"

#include "core/shared_state.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS 3
#define HOLD 6000

enum {
	U = STANDBY_UNKNOWN,
	F = STANDBY_FIT,
	D = STANDBY_UNFIT
};
enum {
	P = STANDBY_PARKED,
	O = STANDBY_OUT
};

static struct standby_rules rules;
static struct standby s;
static struct standby_out out;
static bool decides;
static enum standby_claim claims[HOSTS];

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
begin(bool fences, bool failback)
{
	rules = (struct standby_rules){ .n_hosts = HOSTS,
		.hold_ms = HOLD,
		.fences = fences,
		.failback = failback };
	s = standby_init(at(0));
	decides = true;
	memset(claims, 0, sizeof(claims));
}

static enum standby_action
look(int64_t ms, int a, int b, int c)
{
	const struct standby_event ev = { .type = STANDBY_LOOK,
		.decides = decides,
		.hosts = { { (enum standby_fitness)a, claims[0] },
		    { (enum standby_fitness)b, claims[1] },
		    { (enum standby_fitness)c, claims[2] } } };

	s = standby_step(&s, &rules, &ev, at(ms), &out);
	return out.action;
}

static enum standby_action
fenced(int64_t ms, bool passed)
{
	const struct standby_event ev = { .type = STANDBY_FENCED,
		.passed = passed };

	s = standby_step(&s, &rules, &ev, at(ms), &out);
	return out.action;
}

static const char *
ask(int64_t ms, unsigned host)
{
	const struct standby_event ev = { .type = STANDBY_ASKED, .host = host };

	s = standby_step(&s, &rules, &ev, at(ms), &out);
	return out.refusal;
}

static void
agree(int64_t ms, unsigned host, uint64_t epoch)
{
	const struct standby_event ev = {
		.type = STANDBY_AGREED, .host = host, .epoch = epoch
	};

	s = standby_step(&s, &rules, &ev, at(ms), &out);
}

static void
assert_switched(unsigned from, unsigned to, enum standby_reason reason)
{
	assert_int_equal(out.action, STANDBY_SWITCH);
	assert_int_equal(out.from, from);
	assert_int_equal(out.to, to);
	assert_int_equal(out.reason, reason);
	assert_int_equal(s.active, to);
	assert_int_equal(s.phase, STANDBY_STEADY);
}

static void
the_next_takes_over_after_hold_and_stays(void **state)
{
	(void)state;
	begin(false, false);
	assert_int_equal(look(0, F, F, F), STANDBY_DO_NOTHING);
	assert_true(mono_is_never(out.wake));
	assert_int_equal(look(1000, D, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(out.wake.ns, at(1000 + HOLD).ns);
	assert_int_equal(look(1000 + HOLD - 1, D, F, F), STANDBY_DO_NOTHING);
	look(1000 + HOLD, D, F, F);
	assert_switched(0, 1, STANDBY_HAS_FAILED);
	assert_int_equal(s.epoch, 1);
	/* The first returns, and others come and go: nothing moves. */
	assert_int_equal(look(20000, F, F, D), STANDBY_DO_NOTHING);
	assert_int_equal(look(90000, F, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(s.active, 1);
	/* Round again, from the last to the first. */
	look(100000, F, D, D);
	look(100000 + HOLD, F, D, D);
	assert_switched(1, 0, STANDBY_HAS_FAILED);
	assert_int_equal(s.epoch, 2);
}

static void
a_flap_shorter_than_hold_does_nothing(void **state)
{
	(void)state;
	begin(true, true);
	look(0, F, F, F);
	for (int64_t t = 0; t < 1000000; t += HOLD) {
		assert_int_equal(look(t + 1, D, F, F), STANDBY_DO_NOTHING);
		assert_int_equal(
		    look(t + HOLD - 1, D, F, F), STANDBY_DO_NOTHING);
		assert_int_equal(look(t + HOLD, F, F, F), STANDBY_DO_NOTHING);
	}
	assert_int_equal(s.epoch, 0);
}

/* Nothing is known of a host yet: neither it nor others are judged. */
static void
nobody_decides_while_one_is_unknown(void **state)
{
	(void)state;
	begin(false, false);
	look(0, U, F, F);
	assert_int_equal(look(60000, U, F, F), STANDBY_DO_NOTHING);
	/* What it was while nobody knew does not count as unfit. */
	assert_int_equal(look(60001, D, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(look(60000 + HOLD, D, F, U), STANDBY_DO_NOTHING);
	look(60001 + HOLD, D, F, D);
	assert_switched(0, 1, STANDBY_HAS_FAILED);
}

static void
with_nobody_fit_it_stays_until_one_is(void **state)
{
	(void)state;
	begin(true, false);
	look(0, D, D, D);
	assert_int_equal(look(HOLD, D, D, D), STANDBY_DO_NOTHING);
	assert_int_equal(s.phase, STANDBY_BLOCKED);
	assert_int_equal(s.trouble, STANDBY_NOBODY_FIT);
	assert_int_equal(look(HOLD + 1, D, P, O), STANDBY_DO_NOTHING);
	assert_int_equal(look(HOLD + 2, D, D, F), STANDBY_FENCE);
	assert_int_equal(out.to, 2);
	/* The old one is fit again: its fence has begun, so it is off. */
	assert_int_equal(look(HOLD + 3, F, D, F), STANDBY_DO_NOTHING);
	fenced(HOLD + 4, true);
	assert_switched(0, 2, STANDBY_HAS_FAILED);
}

static void
a_fence_that_fails_stops_it_and_is_tried_again(void **state)
{
	(void)state;
	begin(true, false);
	look(0, D, F, F);
	assert_int_equal(look(HOLD, D, F, F), STANDBY_FENCE);
	assert_int_equal(out.from, 0);
	assert_int_equal(out.to, 1);
	assert_int_equal(s.phase, STANDBY_FENCING);
	assert_int_equal(fenced(HOLD + 100, false), STANDBY_DO_NOTHING);
	assert_int_equal(s.active, 0);
	assert_int_equal(s.trouble, STANDBY_FENCE_FAILED);
	assert_int_equal(out.wake.ns, at(HOLD + 100 + STANDBY_RETRY_MS).ns);
	assert_int_equal(look(HOLD + 200, D, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(out.wake.ns, at(HOLD + 100 + STANDBY_RETRY_MS).ns);
	assert_int_equal(
	    look(HOLD + 100 + STANDBY_RETRY_MS, D, F, F), STANDBY_FENCE);
	/* Once more in vain, then the old one is fit again: all is well. */
	fenced(90000, false);
	assert_int_equal(look(90001, F, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(s.phase, STANDBY_STEADY);
	assert_int_equal(s.trouble, STANDBY_NO_TROUBLE);
	assert_int_equal(s.epoch, 0);
	/* An answer that nobody waits for. */
	assert_int_equal(fenced(90002, true), STANDBY_DO_NOTHING);
}

static void
who_failed_meanwhile_does_not_take_over(void **state)
{
	(void)state;
	begin(true, false);
	look(0, D, F, F);
	assert_int_equal(look(HOLD, D, F, F), STANDBY_FENCE);
	look(HOLD + 1, D, D, F);
	fenced(HOLD + 2, true);
	assert_switched(0, 2, STANDBY_HAS_FAILED);
	look(HOLD + 3, F, F, D);
	assert_int_equal(look(2 * HOLD + 3, F, F, D), STANDBY_FENCE);
	look(2 * HOLD + 4, D, D, D);
	assert_int_equal(fenced(2 * HOLD + 5, true), STANDBY_DO_NOTHING);
	assert_int_equal(s.trouble, STANDBY_NOBODY_FIT);
}

static void
failback_waits_for_hold(void **state)
{
	(void)state;
	begin(false, true);
	look(0, D, D, F);
	look(HOLD, D, D, F);
	assert_switched(0, 2, STANDBY_HAS_FAILED);
	assert_int_equal(look(10000, D, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(look(12000, F, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(out.wake.ns, at(10000 + HOLD).ns);
	look(10000 + HOLD, F, F, F);
	assert_switched(2, 1, STANDBY_FAILS_BACK);
	look(12000 + HOLD, F, F, F);
	assert_switched(1, 0, STANDBY_FAILS_BACK);
}

static void
what_an_operator_takes_out_is_left_at_once(void **state)
{
	(void)state;
	begin(false, false);
	look(0, F, F, F);
	assert_int_equal(look(1, P, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(look(90000, P, F, F), STANDBY_DO_NOTHING);
	look(90001, O, P, F);
	assert_switched(0, 2, STANDBY_TAKEN_OUT);
}

static void
who_says_that_it_is_active_is_followed(void **state)
{
	(void)state;
	begin(true, false);
	claims[0] = STANDBY_CLAIMS_STANDBY;
	claims[1] = STANDBY_CLAIMS_ACTIVE;
	look(0, F, F, F); /* no fence: they have settled it themselves */
	assert_switched(0, 1, STANDBY_SAYS_SO);
	/* Of two nobody knows who is right. */
	claims[0] = STANDBY_CLAIMS_NOTHING;
	claims[2] = STANDBY_CLAIMS_ACTIVE;
	assert_int_equal(look(1, F, F, F), STANDBY_DO_NOTHING);
	assert_int_equal(s.active, 1);
	claims[1] = STANDBY_CLAIMS_STANDBY;
	look(2, F, F, F);
	assert_switched(1, 2, STANDBY_SAYS_SO);
	/* It dies, and the others say standby: they are waited for. */
	claims[0] = STANDBY_CLAIMS_STANDBY;
	claims[2] = STANDBY_CLAIMS_NOTHING;
	look(3, F, F, D);
	assert_int_equal(look(3 + HOLD, F, F, D), STANDBY_DO_NOTHING);
	assert_int_equal(s.trouble, STANDBY_NOBODY_FIT);
	claims[0] = STANDBY_CLAIMS_ACTIVE;
	look(9000, F, F, D);
	assert_switched(2, 0, STANDBY_SAYS_SO);
	assert_text(
	    ask(9001, 1), "the servers themselves say who of them is active");
}

/* Each of them, having been told of no other. */
static void
who_always_calls_itself_active_is_not_followed(void **state)
{
	(void)state;
	begin(true, false);
	claims[0] = claims[1] = STANDBY_CLAIMS_ACTIVE;
	assert_int_equal(look(0, F, F, D), STANDBY_DO_NOTHING);
	claims[0] = STANDBY_CLAIMS_NOTHING;
	assert_int_equal(look(10, D, F, D), STANDBY_DO_NOTHING);
	assert_int_equal(look(9 + HOLD, D, F, D), STANDBY_DO_NOTHING);
	assert_int_equal(look(10 + HOLD, D, F, D), STANDBY_FENCE);
	fenced(20 + HOLD, true);
	assert_switched(0, 1, STANDBY_HAS_FAILED);
	/* It returns, and says the same as ever. */
	claims[0] = STANDBY_CLAIMS_ACTIVE;
	assert_int_equal(look(30 + HOLD, F, F, D), STANDBY_DO_NOTHING);
	assert_int_equal(s.active, 1);
	assert_null(ask(40 + HOLD, 0));
}

static void
an_operator_may_ask(void **state)
{
	(void)state;
	begin(true, false);
	look(0, F, F, D);
	assert_text(ask(1, 0), "it is active already");
	assert_text(ask(1, 2), "it is not fit");
	assert_null(ask(1, 1));
	assert_int_equal(out.action, STANDBY_FENCE);
	look(2, F, F, F);
	assert_text(
	    ask(3, 2), "a change is under way, and its fence has not ended");
	fenced(4, true);
	assert_switched(0, 1, STANDBY_TOLD);
	claims[2] = STANDBY_CLAIMS_STANDBY;
	look(5, F, F, F);
	assert_text(
	    ask(6, 2), "the servers themselves say who of them is active");
	decides = false;
	look(7, F, F, F);
	assert_text(ask(8, 0), "the other node decides, ask there");
	assert_int_equal(out.action, STANDBY_DO_NOTHING);
}

static void
who_follows_does_what_was_agreed_on(void **state)
{
	(void)state;
	begin(true, false);
	decides = false;
	look(0, D, F, F);
	assert_int_equal(look(60000, D, F, F), STANDBY_DO_NOTHING);
	agree(60001, 2, 7);
	assert_int_equal(s.active, 2);
	assert_int_equal(s.phase, STANDBY_FOLLOWS);
	/* It becomes master, and goes on from there. */
	decides = true;
	assert_int_equal(look(60002, F, F, F), STANDBY_DO_NOTHING);
	look(60003, F, F, D);
	assert_int_equal(look(60003 + HOLD, F, F, D), STANDBY_FENCE);
	assert_int_equal(out.from, 2);
	/* While its fence runs the peer has decided, or become master. */
	agree(70000, 1, 9);
	assert_int_equal(fenced(70001, true), STANDBY_DO_NOTHING);
	assert_int_equal(s.active, 1);
	look(70002, F, D, D);
	assert_int_equal(look(70002 + HOLD, F, D, D), STANDBY_FENCE);
	decides = false;
	look(80000, F, D, D);
	assert_int_equal(fenced(80001, true), STANDBY_DO_NOTHING);
	assert_int_equal(s.epoch, 9);
}

/* -- two nodes ------------------------------------------------------------ */

struct node {
	struct standby standby;
	struct shared_state agreed, disk;
	bool runs, fencing;
	int64_t fence_ends;
	bool fence_passes;
};

struct world {
	struct node nodes[2];
	int64_t now;
	unsigned master; /* the only one, while they hear each other */
	bool cut;
	enum standby_fitness truth[HOSTS];
};

static struct accord
accord_of(const struct standby *of, unsigned node)
{
	struct accord a = { .kind = ACCORD_ACTIVE,
		.subject = "store",
		.epoch = of->epoch,
		.node = (uint8_t)node };

	(void)snprintf(a.server, sizeof(a.server), "m%u", of->active);
	return a;
}

static void step(struct world *w, unsigned i, struct standby_event ev);

static void
hear(struct world *w, unsigned i, const struct accord *a)
{
	struct node *n = &w->nodes[i];
	size_t index;

	if (shared_state_take(&n->agreed, a, &index) <= 0)
		return;
	assert_true(shared_state_take(&n->disk, a, &index) >= 0);
	step(w, i,
	    (struct standby_event){ .type = STANDBY_AGREED,
	        .host = (unsigned)(a->server[1] - '0'),
	        .epoch = a->epoch });
}

static void
step(struct world *w, unsigned i, struct standby_event ev)
{
	struct node *n = &w->nodes[i];
	struct standby_out o;
	struct accord a;
	size_t index;

	n->standby = standby_step(&n->standby, &rules, &ev, at(w->now), &o);
	if (o.action == STANDBY_FENCE) {
		n->fencing = true;
		n->fence_ends = w->now + random() % 2000;
		n->fence_passes = random() % 4 != 0;
	}
	if (o.action != STANDBY_SWITCH)
		return;
	a = accord_of(&n->standby, i);
	/* Its epoch is higher than all it has heard of. */
	assert_int_equal(shared_state_take(&n->agreed, &a, &index), 1);
	assert_true(shared_state_take(&n->disk, &a, &index) >= 0);
	if (!w->cut && w->nodes[1 - i].runs && random() % 8 != 0)
		hear(w, 1 - i, &a);
}

static void
look_from(struct world *w, unsigned i)
{
	struct standby_event ev = { .type = STANDBY_LOOK,
		.decides = w->cut || w->master == i };

	for (unsigned h = 0; h < HOSTS; h++)
		ev.hosts[h].fitness = w->truth[h];
	step(w, i, ev);
}

/* What a wire that comes up does. */
static void
tell_all(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		for (size_t k = 0; k < w->nodes[i].agreed.n; k++)
			if (w->nodes[1 - i].runs) {
				struct accord a = w->nodes[i].agreed.all[k];

				hear(w, 1 - i, &a);
			}
}

static void
start(struct world *w, unsigned i)
{
	struct node *n = &w->nodes[i];

	n->runs = true;
	n->fencing = false;
	n->standby = standby_init(at(w->now));
	shared_state_fini(&n->agreed);
	for (size_t k = 0; k < n->disk.n; k++) {
		struct accord a = n->disk.all[k];

		hear(w, i, &a);
	}
}

static void
turn(struct world *w)
{
	const unsigned i = (unsigned)random() & 1;
	struct node *n = &w->nodes[i];

	w->now += random() % 1500;
	switch (random() % 16) {
	case 0:
		w->truth[random() % HOSTS] =
		    (enum standby_fitness)(STANDBY_FIT + random() % 4);
		break;
	case 1:
		w->cut = !w->cut;
		if (!w->cut)
			tell_all(w);
		break;
	case 2:
		n->runs = false; /* the other one is master soon */
		w->master = 1 - i;
		break;
	case 3:
		if (!n->runs)
			start(w, i);
		if (!w->cut)
			tell_all(w);
		break;
	case 4:
		w->master = i;
		break;
	default:
		break;
	}
	for (unsigned k = 0; k < 2; k++) {
		struct node *m = &w->nodes[k];

		if (!m->runs)
			continue;
		if (m->fencing && w->now >= m->fence_ends) {
			m->fencing = false;
			step(w, k,
			    (struct standby_event){ .type = STANDBY_FENCED,
			        .passed = m->fence_passes });
		}
		look_from(w, k);
	}
}

static void
settle(struct world *w)
{
	w->cut = false;
	for (unsigned i = 0; i < 2; i++)
		if (!w->nodes[i].runs)
			start(w, i);
	tell_all(w);
}

/*
 * Hosts fail and return, nodes are cut apart, end and start again with what
 * they have on disk, words are lost. Whenever all are up and have told each
 * other what they know, both have the same active one; and it is not another
 * after all hosts were well for long, nor after both nodes started again.
 */
static void
two_nodes_end_with_the_same_active(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct world w = { .master = 0 };
		unsigned active;

		srandom(seed);
		begin(seed % 2 == 0, false);
		for (unsigned h = 0; h < HOSTS; h++)
			w.truth[h] = STANDBY_FIT;
		for (unsigned i = 0; i < 2; i++)
			start(&w, i);
		for (unsigned t = 0; t < 400; t++) {
			turn(&w);
			if (t % 40 != 0)
				continue;
			settle(&w);
			assert_int_equal(w.nodes[0].standby.active,
			    w.nodes[1].standby.active);
			assert_int_equal(
			    w.nodes[0].standby.epoch, w.nodes[1].standby.epoch);
		}
		for (unsigned h = 0; h < HOSTS; h++)
			w.truth[h] = STANDBY_FIT;
		for (unsigned i = 0; i < 2; i++)
			w.nodes[i].fencing = false;
		settle(&w);
		for (unsigned i = 0; i < 2; i++)
			start(&w, i);
		active = w.nodes[0].standby.active;
		for (unsigned t = 0; t < 20; t++) {
			w.now += HOLD;
			look_from(&w, 0);
			look_from(&w, 1);
			w.master = 1 - w.master;
		}
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(w.nodes[i].standby.active, active);
			shared_state_fini(&w.nodes[i].agreed);
			shared_state_fini(&w.nodes[i].disk);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_takes_over_after_hold_and_stays),
		cmocka_unit_test(a_flap_shorter_than_hold_does_nothing),
		cmocka_unit_test(nobody_decides_while_one_is_unknown),
		cmocka_unit_test(with_nobody_fit_it_stays_until_one_is),
		cmocka_unit_test(
		    a_fence_that_fails_stops_it_and_is_tried_again),
		cmocka_unit_test(who_failed_meanwhile_does_not_take_over),
		cmocka_unit_test(failback_waits_for_hold),
		cmocka_unit_test(what_an_operator_takes_out_is_left_at_once),
		cmocka_unit_test(who_says_that_it_is_active_is_followed),
		cmocka_unit_test(
		    who_always_calls_itself_active_is_not_followed),
		cmocka_unit_test(an_operator_may_ask),
		cmocka_unit_test(who_follows_does_what_was_agreed_on),
		cmocka_unit_test(two_nodes_end_with_the_same_active),
	};

	TEST_MAIN(tests);
}
