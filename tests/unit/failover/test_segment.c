#include "failover/election/segment.h"

#include "tests/lib/test.h"

#define BEGIN_MS 1000

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, BEGIN_MS + ms);
}

/* What answers each question, until `ms` after the first one. */
static struct segment
look(bool others, bool shown, int64_t ms, unsigned *ret_asked)
{
	struct segment s = segment_init(3);

	*ret_asked = 0;
	assert_true(segment_is_sound(&s));
	assert_true(segment_open(&s, at(0)));
	assert_false(segment_is_sound(&s));
	assert_false(segment_open(&s, at(0)));
	for (int64_t t = 0; t <= ms; t++) {
		if (!segment_tick(&s, at(t)))
			continue;
		++*ret_asked;
		if (others)
			segment_note(&s, false, at(t));
		if (shown)
			segment_note(&s, true, at(t));
	}
	return s;
}

static void
what_answers_say(void **state)
{
	static const struct {
		const char *name;
		bool others, shown;
		int64_t ms;
		bool misses, deaf;
	} rows[] = {
		{ "one question is not enough", true, false, 7, false, false },
		{ "others alone, twice", true, false, 8, true, false },
		{ "the peer among them", true, true, 100, false, false },
		{ "the peer alone", false, true, 100, false, false },
		{ "nobody, a moment", false, false, 19, false, false },
		{ "nobody", false, false, 20, false, true },
		{ "nobody, for long", false, false, 9000, false, true },
		{ "others alone, for long", true, false, 9000, true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned asked;
		const struct segment s =
		    look(rows[i].others, rows[i].shown, rows[i].ms, &asked);

		if (segment_misses_peer(&s) != rows[i].misses ||
		    segment_is_deaf(&s, SEGMENT_DEAF_MS, at(rows[i].ms)) !=
		        rows[i].deaf ||
		    segment_is_sound(&s) != (rows[i].others || rows[i].shown))
			fail_msg("%s", rows[i].name);
	}
}

static void
a_question_that_went_into_a_cut_says_nothing_of_the_peer(void **state)
{
	unsigned asked;
	struct segment s = look(true, false, 7, &asked);

	(void)state;
	assert_int_equal(asked, 2); /* the second went out at 4 ms */
	s.others = false;           /* ... and nobody answered it */
	for (int64_t t = 8; t < 100; t++)
		(void)!segment_tick(&s, at(t));
	assert_false(segment_misses_peer(&s));
	assert_true(segment_is_deaf(&s, SEGMENT_DEAF_MS, at(100)));
}

/* A node that adds 512 addresses comes to its timers 50 ms late. */
static void
who_comes_late_reads_before_it_judges(void **state)
{
	struct segment s = segment_init(3);

	(void)state;
	assert_true(segment_open(&s, at(0)));
	assert_true(segment_tick(&s, at(0)));
	assert_false(segment_tick(&s, at(50)));
	segment_note(&s, true, at(50)); /* it had waited in the socket */
	assert_false(segment_tick(&s, at(54)));
	assert_true(segment_is_sound(&s));
	assert_false(segment_misses_peer(&s));

	/* The peer's answer may wait behind that of others. */
	segment_close(&s);
	assert_true(segment_open(&s, at(100)));
	assert_true(segment_tick(&s, at(100)));
	segment_note(&s, false, at(150));
	assert_false(segment_tick(&s, at(150)));
	segment_note(&s, true, at(151));
	assert_false(segment_tick(&s, at(154)));
	assert_int_equal(s.unmet, 0);
}

/* Who never comes in time finds out as well, a little later. */
static void
who_always_comes_late_judges_too(void **state)
{
	struct segment s = segment_init(3);

	(void)state;
	assert_true(segment_open(&s, at(0)));
	for (int64_t t = 0; t <= 200; t += 20)
		(void)!segment_tick(&s, at(t));
	assert_false(segment_is_sound(&s));
	assert_true(segment_is_deaf(&s, SEGMENT_DEAF_MS, at(200)));
	assert_in_range(s.silent, 2, 4);
}

static void
an_answer_ends_what_was_believed(void **state)
{
	unsigned asked;
	struct segment s = look(true, false, 8, &asked);

	(void)state;
	segment_note(&s, true, at(9));
	assert_false(segment_misses_peer(&s));
	s = look(false, false, 50, &asked);
	segment_note(&s, false, at(51));
	assert_false(segment_is_deaf(&s, SEGMENT_DEAF_MS, at(51)));
	segment_close(&s);
	assert_int_equal(s.path, 3);
	assert_true(mono_is_never(s.due));
	segment_note(&s, true, at(60));
	assert_true(mono_is_never(s.heard));
}

/* What goes on for days asks twice a second. */
static void
it_asks_seldom_in_the_end(void **state)
{
	unsigned first, more;

	(void)state;
	(void)look(true, true, 1000, &first);
	(void)look(true, true, 11000, &more);
	assert_in_range(first, 40, 60);
	assert_in_range(more - first, 18, 22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_answers_say),
		cmocka_unit_test(
		    a_question_that_went_into_a_cut_says_nothing_of_the_peer),
		cmocka_unit_test(who_comes_late_reads_before_it_judges),
		cmocka_unit_test(who_always_comes_late_judges_too),
		cmocka_unit_test(an_answer_ends_what_was_believed),
		cmocka_unit_test(it_asks_seldom_in_the_end),
	};

	TEST_MAIN(tests);
}
