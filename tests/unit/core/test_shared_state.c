#include "core/shared_state.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct accord
admin(const char *server, uint16_t value, uint64_t epoch, uint8_t node)
{
	struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.value = value,
		.epoch = epoch,
		.node = node };

	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	return a;
}

static void
assert_same(const struct accord *a, const struct accord *b)
{
	assert_int_equal(accord_compare(a, b), 0);
	assert_false(accord_is_newer(a, b));
	assert_false(accord_is_newer(b, a));
}

static int
take(struct shared_state *all, struct accord a)
{
	size_t index;

	return shared_state_take(all, &a, &index);
}

static void
the_newer_one_holds(void **state)
{
	struct shared_state all = { .n = 0 };

	(void)state;
	assert_int_equal(take(&all, admin("s1", ACCORD_DRAIN, 2, 0)), 1);
	assert_int_equal(take(&all, admin("s1", ACCORD_DRAIN, 2, 0)), 0);
	assert_int_equal(take(&all, admin("s1", ACCORD_MAINT, 1, 1)), 0);
	assert_int_equal(take(&all, admin("s1", ACCORD_READY, 2, 1)), 1);
	assert_int_equal(take(&all, admin("s1", ACCORD_MAINT, 2, 1)), 1);
	assert_int_equal(take(&all, admin("s1", ACCORD_READY, 3, 0)), 1);
	assert_int_equal(all.n, 1);
	assert_int_equal(
	    shared_state_find(&all, ACCORD_ADMIN, "web", "s1")->value,
	    ACCORD_READY);
	assert_null(shared_state_find(&all, ACCORD_WEIGHT, "web", "s1"));
	assert_null(shared_state_find(&all, ACCORD_ADMIN, "web", "s"));
	assert_null(shared_state_find(&all, ACCORD_ADMIN, "we", "s1"));
	shared_state_fini(&all);
}

/* Tells all that one knows to the other, in portions, from the end or not. */
static void
tell(const struct shared_state *from, struct shared_state *to)
{
	size_t next = 0;

	while (next < from->n) {
		uint8_t room[3 * ACCORD_BYTES_MAX];
		struct buf w = buf_writer(room, sizeof(room)), r;
		struct accord a;

		next = shared_state_put(from, next, &w);
		r = buf_reader(room, w.pos);
		while (r.pos < r.len) {
			assert_int_equal(accord_get(&r, &a), 0);
			assert_true(take(to, a) >= 0);
		}
	}
}

/*
 * Two nodes that change things while they hear each other or not, some of which
 * one forgets: once they have told each other all, both know the same.
 */
static void
two_nodes_end_with_the_same(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned seed = 0; seed < 200; seed++) {
		struct shared_state node[2] = { { .n = 0 }, { .n = 0 } };

		for (unsigned turn = 0; turn < 100; turn++) {
			uint8_t self = (uint8_t)(random() & 1);
			char name[8];
			const struct accord *known;

			(void)snprintf(
			    name, sizeof(name), "s%ld", random() % 8);
			known = shared_state_find(
			    &node[self], ACCORD_ADMIN, "web", name);
			assert_true(
			    take(&node[self],
			        admin(name, (uint16_t)(random() % 3),
			            known ? known->epoch + 1 : 1, self)) == 1);
			if (random() % 10 == 0)
				tell(&node[self], &node[1 - self]);
			if (random() % 50 == 0)
				shared_state_fini(&node[self]);
		}
		tell(&node[0], &node[1]);
		tell(&node[1], &node[0]);
		assert_int_equal(node[0].n, node[1].n);
		for (size_t i = 0; i < node[0].n; i++)
			assert_same(&node[0].all[i], &node[1].all[i]);
		shared_state_fini(&node[0]);
		shared_state_fini(&node[1]);
	}
}

static void
what_is_made_here_takes_the_place_of_what_was(void **state)
{
	struct shared_state all = { .n = 0 };
	struct accord a = admin("s1", ACCORD_DRAIN, 0, 0);
	size_t index;

	(void)state;
	assert_int_equal(shared_state_make(&all, 1, &a, &index), 0);
	assert_int_equal(a.epoch, 1);
	assert_int_equal(a.node, 1);
	assert_int_equal(take(&all, admin("s1", ACCORD_MAINT, 7, 0)), 1);
	assert_int_equal(take(&all, admin("r1", ACCORD_MAINT, 1, 0)), 1);
	a.value = ACCORD_READY;
	assert_int_equal(shared_state_make(&all, 0, &a, &index), 0);
	assert_int_equal(index, 1);
	assert_int_equal(a.epoch, 8);
	assert_int_equal(all.all[1].value, ACCORD_READY);
	shared_state_fini(&all);
}

#define FAR (ACCORD_EPOCH_REACH + 1)

static void
what_the_peer_says_has_one_of_these_ends(void **state)
{
	static const struct row {
		const char *name;
		bool own;
		uint64_t known, heard; /* 0: nothing is known */
		int comes;
		uint64_t then; /* the epoch that is known */
	} rows[] = {
		{ "unknown", false, 0, 7, SHARED_STATE_NEWS, 7 },
		{ "unknown, and a lie", false, 0, FAR, SHARED_STATE_NEWS, FAR },
		{ "later", true, 7, 8, SHARED_STATE_NEWS, 8 },
		{ "the same", true, 7, 7, SHARED_STATE_SAME, 7 },
		{ "earlier", false, 7, 6, SHARED_STATE_OLDER, 7 },
		{ "a lie", false, 7, 7 + FAR, SHARED_STATE_OLDER, 7 },
		{ "the truth", false, 7 + FAR, 7, SHARED_STATE_NEWS, 7 },
		{ "said here, above a lie", true, 7 + FAR, 7,
		    SHARED_STATE_SAID_AGAIN, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct shared_state all = { .n = 0 };
		struct accord a = admin("s1", ACCORD_DRAIN, row->known, 1);
		size_t index = 77;

		test_row(row->name);
		a.own = row->own;
		if (row->known > 0)
			assert_int_equal(take(&all, a), 1);
		a.epoch = row->heard;
		a.own = false;
		assert_int_equal(
		    shared_state_hear(&all, 0, &a, &index), row->comes);
		assert_int_equal(
		    index, row->comes == SHARED_STATE_SAME ? 77 : 0);
		assert_int_equal(all.n, 1);
		assert_int_equal(all.all[0].epoch, row->then);
		assert_int_equal(all.all[0].node,
		    row->comes == SHARED_STATE_SAID_AGAIN ? 0 : 1);
		shared_state_fini(&all);
	}
}

/* -- two nodes, and somebody who lies ----------------------------------- */

#define WAY_MAX 64

/* A node, and what is on its way to the other one. */
struct side {
	struct shared_state all;
	struct accord way[WAY_MAX];
	unsigned n;
	unsigned heard;
};

static struct side sides[2];
static uint64_t seed;

/* random() takes a lock each time. */
static unsigned
any(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void
send(unsigned from, const struct accord *a)
{
	struct side *s = &sides[from];

	assert_in_range(s->n, 0, WAY_MAX - 1);
	s->way[s->n++] = *a;
}

static struct accord
some_words(uint64_t epoch)
{
	struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.server = "s1",
		.value = (uint16_t)any(3),
		.epoch = epoch,
		.node = (uint8_t)any(2) };

	return a;
}

/* An operator, who is believed. */
static struct accord
say(unsigned self)
{
	struct accord a = some_words(0);
	size_t index;

	assert_int_equal(
	    shared_state_make(&sides[self].all, (uint8_t)self, &a, &index), 0);
	send(self, &a);
	return a;
}

static void
hear(unsigned self, struct accord a)
{
	struct side *s = &sides[self];
	size_t index;

	a.own = false; /* that is not told */
	a.peak = 0;
	switch (shared_state_hear(&s->all, (uint8_t)self, &a, &index)) {
	case SHARED_STATE_OLDER:
	case SHARED_STATE_SAID_AGAIN:
		send(self, &s->all.all[index]);
		break;
	default:
		break;
	}
}

static bool
carry(unsigned from)
{
	struct side *s = &sides[from];
	const struct accord a = s->way[0];

	if (s->n == 0)
		return false;
	memmove(&s->way[0], &s->way[1], --s->n * sizeof(a));
	hear(1 - from, a);
	s->heard++;
	return true;
}

/* A lie to one of them: of its own failover, or of the other's. */
static void
lie(unsigned to)
{
	const struct shared_state *all = &sides[to].all;
	const uint64_t known = all->n > 0 ? all->all[0].epoch : 1;
	const uint64_t epochs[] = { 1, 1 + any(9), known + 1,
		known + ACCORD_EPOCH_REACH, known + FAR, known - 1,
		known > FAR ? known - FAR : 1, ACCORD_EPOCH_MAX - 1,
		ACCORD_EPOCH_MAX, ACCORD_EPOCH_MAX / 2 + any(3) };
	const uint64_t epoch = epochs[any(ARRAY_LEN(epochs))];

	if (epoch > 0 && epoch <= ACCORD_EPOCH_MAX)
		hear(to, some_words(epoch));
}

/* What is on the disk, by an earlier version that took anything. */
static void
poison(unsigned self)
{
	struct shared_state *all = &sides[self].all;

	shared_state_fini(all);
	if (any(2) == 0)
		assert_int_equal(
		    take(all, some_words(ACCORD_EPOCH_MAX - any(2))), 1);
}

static void
join(void)
{
	for (unsigned i = 0; i < 2; i++) {
		sides[i].n = sides[i].heard = 0;
		if (sides[i].all.n > 0)
			send(i, &sides[i].all.all[0]);
	}
}

/* Until nobody has anything to say, which is soon. */
static void
settle(void)
{
	bool more = true;

	while (more) {
		const unsigned first = any(2);

		more = carry(first);
		more = carry(1 - first) || more;
		assert_in_range(sides[0].heard + sides[1].heard, 0, 40);
	}
	assert_int_equal(sides[0].all.n, sides[1].all.n);
	if (sides[0].all.n > 0)
		assert_same(&sides[0].all.all[0], &sides[1].all.all[0]);
}

static void
turn(void)
{
	const unsigned who = any(2);

	switch (any(12)) {
	case 0:
	case 1:
		(void)say(who);
		break;
	case 2:
		join();
		break;
	case 3:
		sides[0].n = sides[1].n = 0;
		break;
	case 4:
		poison(who);
		break;
	case 5:
	case 6:
		lie(who);
		break;
	default:
		(void)carry(who);
		break;
	}
}

/* An operator says something on this node. Returns whether it holds on both. */
static bool
holds(unsigned who)
{
	const uint16_t value = say(who).value;

	join();
	settle();
	return sides[0].all.all[0].value == value;
}

/*
 * Whatever was said by operators, lied, lost, and found on disks: once the two
 * have told each other all, both know the same. What an operator says then on a
 * node to which somebody has lied in the meantime holds on both; at the latest
 * when it is said again, and that only where the last epochs were heard of.
 */
static void
two_nodes_end_with_an_operators_word(void **state)
{
	unsigned said_again = 0;

	(void)state;
	seed = 88172645463325252;
	for (unsigned history = 0; history < 100000; history++) {
		const unsigned who = any(2);
		const struct shared_state *all = &sides[who].all;
		uint64_t peak;

		for (unsigned i = any(10); i > 0; i--)
			turn();
		join();
		settle();
		for (unsigned i = any(4); i > 0; i--)
			lie(who);
		peak = all->n > 0 ? all->all[0].peak : 0;
		if (!holds(who)) {
			assert_true(peak >= ACCORD_EPOCH_LAST - 1);
			assert_true(holds(who));
			said_again++;
		}
		if (history % 4 == 0)
			for (unsigned i = 0; i < 2; i++)
				shared_state_fini(&sides[i].all);
	}
	for (unsigned i = 0; i < 2; i++)
		shared_state_fini(&sides[i].all);
	assert_in_range(said_again, 0, 3000);
}

static void
there_is_a_bound(void **state)
{
	struct shared_state all = { .n = 0 };
	char name[16];

	(void)state;
	for (unsigned i = 0; i < SHARED_STATE_MAX; i++) {
		/* In order, which costs no moving. */
		(void)snprintf(name, sizeof(name), "s%08u", i);
		assert_int_equal(take(&all, admin(name, 0, 1, 0)), 1);
	}
	assert_int_equal(take(&all, admin("t", 0, 1, 0)), -ENOSPC);
	assert_int_equal(take(&all, admin(name, 0, 2, 0)), 1);
	shared_state_fini(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newer_one_holds),
		cmocka_unit_test(two_nodes_end_with_the_same),
		cmocka_unit_test(what_is_made_here_takes_the_place_of_what_was),
		cmocka_unit_test(what_the_peer_says_has_one_of_these_ends),
		cmocka_unit_test(two_nodes_end_with_an_operators_word),
		cmocka_unit_test(there_is_a_bound),
	};

	TEST_MAIN(tests);
}
