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
what_is_put_is_got_or_refused(void **state)
{
	const struct accord in = admin("s1:80", ACCORD_MAINT, 7, 1);
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf w = buf_writer(room, sizeof(room)), r;
	struct accord out;

	(void)state;
	accord_put(&w, &in);
	assert_false(w.bad);
	r = buf_reader(room, w.pos);
	assert_int_equal(accord_get(&r, &out), 0);
	assert_true(buf_is_done(&r));
	assert_same(&in, &out);
	for (size_t len = 0; len < w.pos; len++) {
		r = buf_reader(room, len);
		assert_int_equal(accord_get(&r, &out), -EBADMSG);
	}
}

/* A next version has more to say of a thing, and of more things. */
static void
what_a_later_version_adds_is_skipped(void **state)
{
	const struct accord in = admin("s1:80", ACCORD_MAINT, 7, 1);
	struct accord later = in, out;
	struct buf w = BUF_WRITER(4 * ACCORD_BYTES_MAX), r;

	(void)state;
	later.kind = 99;
	accord_put(&w, &later);
	accord_put(&w, &in);
	w.data[w.pos++] = 0xee;
	w.data[w.data[0] + 1]++; /* the length of the second */
	accord_put(&w, &in);
	r = buf_reader(w.data, w.pos);
	assert_int_equal(accord_get(&r, &out), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(accord_get(&r, &out), 0);
		assert_same(&in, &out);
	}
	assert_true(buf_is_done(&r));
}

static void
the_longest_fits(void **state)
{
	struct accord in = admin("", 0, ACCORD_EPOCH_MAX, UINT8_MAX);
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf w = buf_writer(room, sizeof(room));

	(void)state;
	memset(in.subject, 'x', sizeof(in.subject) - 1);
	memset(in.server, 'y', sizeof(in.server) - 1);
	accord_put(&w, &in);
	assert_false(w.bad);
}

static void
absurd_ones_are_refused(void **state)
{
	static const struct row {
		const char *name;
		struct accord a;
	} rows[] = {
		{ "admin", { ACCORD_ADMIN, "web", "s1", 3, 1, 0 } },
		{ "weight", { ACCORD_WEIGHT, "web", "s1", 257, 1, 0 } },
		{ "no service", { ACCORD_WEIGHT, "", "s1", 1, 1, 0 } },
		{ "no server", { ACCORD_WEIGHT, "web", "", 1, 1, 0 } },
		{ "no epoch", { ACCORD_WEIGHT, "web", "s1", 1, 0, 0 } },
		{ "an epoch that JSON cannot say",
		    { ACCORD_WEIGHT, "web", "s1", 1, ACCORD_EPOCH_MAX + 1,
		        0 } },
		{ "a name that no file can have",
		    { ACCORD_WEIGHT, "web", "s\xff", 1, 1, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[ACCORD_BYTES_MAX];
		struct buf w = buf_writer(room, sizeof(room)), r;
		struct accord out;

		test_row(rows[i].name);
		accord_put(&w, &rows[i].a);
		r = buf_reader(room, w.pos);
		assert_int_equal(accord_get(&r, &out), -EBADMSG);
	}
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
	assert_int_equal(
	    take(&all, admin("s1", ACCORD_MAINT, ACCORD_EPOCH_MAX, 0)), 1);
	assert_int_equal(shared_state_make(&all, 0, &a, &index), -EOVERFLOW);
	assert_int_equal(all.all[1].value, ACCORD_MAINT);
	shared_state_fini(&all);
}

static void
an_operators_words(void **state)
{
	static const struct row {
		const char *word;
		int kind; /* 0: it is none */
		uint16_t value;
	} rows[] = {
		{ "ready", ACCORD_ADMIN, ACCORD_READY },
		{ "drain", ACCORD_ADMIN, ACCORD_DRAIN },
		{ "maint", ACCORD_ADMIN, ACCORD_MAINT },
		{ "weight=0", ACCORD_WEIGHT, 0 },
		{ "weight=256", ACCORD_WEIGHT, 256 },
		{ "weight=257", 0, 0 },
		{ "weight=", 0, 0 },
		{ "weight=-1", 0, 0 },
		{ "weight= 1", 0, 0 },
		{ "weight=1x", 0, 0 },
		{ "weight=99999999999999999999", 0, 0 },
		{ "weight", 0, 0 },
		{ "Ready", 0, 0 },
		{ "activate", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum accord_kind kind;
		uint16_t value;

		test_row(rows[i].word);
		assert_int_equal(accord_parse_word(rows[i].word, &kind, &value),
		    rows[i].kind != 0);
		if (rows[i].kind == 0)
			continue;
		assert_int_equal(kind, rows[i].kind);
		assert_int_equal(value, rows[i].value);
	}
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
		cmocka_unit_test(what_is_put_is_got_or_refused),
		cmocka_unit_test(what_a_later_version_adds_is_skipped),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(absurd_ones_are_refused),
		cmocka_unit_test(the_newer_one_holds),
		cmocka_unit_test(two_nodes_end_with_the_same),
		cmocka_unit_test(what_is_made_here_takes_the_place_of_what_was),
		cmocka_unit_test(an_operators_words),
		cmocka_unit_test(there_is_a_bound),
	};

	TEST_MAIN(tests);
}
