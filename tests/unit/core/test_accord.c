#include "core/accord.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FAR (ACCORD_EPOCH_REACH + 1)

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
	memset(in.said.reason, 'z', sizeof(in.said.reason) - 1);
	accord_put(&w, &in);
	assert_false(w.bad);
}

static void
absurd_ones_are_refused(void **state)
{
	static const struct row {
		const char *name, *subject, *server;
		uint64_t epoch;
		enum accord_kind kind;
		uint16_t value;
	} rows[] = {
		{ "admin", "web", "s1", 1, ACCORD_ADMIN, 3 },
		{ "weight", "web", "s1", 1, ACCORD_WEIGHT, 257 },
		{ "no service", "", "s1", 1, ACCORD_WEIGHT, 1 },
		{ "no server", "web", "", 1, ACCORD_WEIGHT, 1 },
		{ "no epoch", "web", "s1", 0, ACCORD_WEIGHT, 1 },
		{ "an epoch that JSON cannot say", "web", "s1",
		    ACCORD_EPOCH_MAX + 1, ACCORD_WEIGHT, 1 },
		{ "a name that no file can have", "web", "s\xff", 1,
		    ACCORD_WEIGHT, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[ACCORD_BYTES_MAX];
		struct buf w = buf_writer(room, sizeof(room)), r;
		struct accord in = admin(rows[i].server, rows[i].value,
		                  rows[i].epoch, 0),
		              out;

		test_row(rows[i].name);
		in.kind = rows[i].kind;
		strcpy(in.subject, rows[i].subject);
		accord_put(&w, &in);
		r = buf_reader(room, w.pos);
		assert_int_equal(accord_get(&r, &out), -EBADMSG);
	}
}

/* Of two that cannot both be true the lower one: lies are high. */
static void
what_cannot_be_true_is_not_newer(void **state)
{
	static const struct row {
		uint64_t known, heard;
		bool newer;
	} rows[] = {
		{ 1, 1 + ACCORD_EPOCH_REACH, true },
		{ 1, 1 + FAR, false },
		{ 1 + FAR, 1, true },
		{ 1, ACCORD_EPOCH_MAX, false },
		{ ACCORD_EPOCH_MAX, 1, true },
		{ ACCORD_EPOCH_MAX - 1, ACCORD_EPOCH_MAX, true },
		{ ACCORD_EPOCH_MAX, ACCORD_EPOCH_MAX / 2, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct accord known =
		    admin("s1", ACCORD_READY, rows[i].known, 1);
		const struct accord heard =
		    admin("s1", ACCORD_MAINT, rows[i].heard, 0);

		assert_int_equal(
		    accord_is_newer(&heard, &known), rows[i].newer);
		assert_int_equal(
		    accord_is_newer(&known, &heard), !rows[i].newer);
	}
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

/* Its bytes behind the length, without the last so many. */
static int
get_cut(const struct accord *in, size_t cut, struct accord *ret_out)
{
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf w = buf_writer(room, sizeof(room)), r;

	accord_put(&w, in);
	room[0] = (uint8_t)(room[0] - cut);
	r = buf_reader(room, w.pos - cut);
	return accord_get(&r, ret_out);
}

/* The time and the reason are behind all that the first version had. */
static void
when_and_why_come_along_where_they_are_known(void **state)
{
	struct accord in = admin("s1:80", ACCORD_MAINT, 7, 1), out;
	const size_t said = 8 + 2 + 4;

	(void)state;
	in.said = (struct accord_said){ 1795600000000, "disk" };
	assert_int_equal(get_cut(&in, 0, &out), 0);
	assert_int_equal(out.said.wall_ms, 1795600000000);
	assert_string_equal(out.said.reason, "disk");
	assert_int_equal(get_cut(&in, said, &out), 0);
	assert_same(&in, &out);
	assert_int_equal(out.said.wall_ms, 0);
	assert_string_equal(out.said.reason, "");
	for (size_t cut = 1; cut < said; cut++)
		assert_int_equal(get_cut(&in, cut, &out), -EBADMSG);
	in.said = (struct accord_said){ INT64_MAX, "a\033[2J\nb" };
	assert_int_equal(get_cut(&in, 0, &out), 0);
	assert_int_equal(out.said.wall_ms, 0);
	assert_string_equal(out.said.reason, "a?[2J?b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_got_or_refused),
		cmocka_unit_test(what_a_later_version_adds_is_skipped),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(when_and_why_come_along_where_they_are_known),
		cmocka_unit_test(absurd_ones_are_refused),
		cmocka_unit_test(what_cannot_be_true_is_not_newer),
		cmocka_unit_test(an_operators_words),
	};

	TEST_MAIN(tests);
}
