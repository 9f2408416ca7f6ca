#include "failover/vip/refusal.h"

#include "tests/lib/test.h"

#define LONG REFUSAL_PATIENCE_MS
#define SHORT REFUSAL_ALL_PATIENCE_MS

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

struct row {
	const char *name;
	int64_t at_ms;
	uint32_t refused;
	uint32_t patience_ms;
	uint32_t told, doubted;
};

static void
run(const struct row *rows, size_t n)
{
	struct refusal r = { 0 };

	for (size_t i = 0; i < n; i++) {
		test_row(rows[i].name);
		refusal_note(&r, rows[i].refused, rows[i].patience_ms,
		    at(rows[i].at_ms));
		assert_int_equal(r.told, rows[i].told);
		assert_int_equal(r.doubted, rows[i].doubted);
	}
}

static void
who_serves_tells_what_lasts(void **state)
{
	static const struct row rows[] = {
		{ "refused", 0, 1, LONG, 0, 1 },
		{ "still", 999, 1, LONG, 0, 1 },
		{ "a second", 1000, 1, LONG, 1, 0 },
		{ "held again", 1001, 0, LONG, 0, 0 },
		{ "refused anew", 1100, 1, LONG, 0, 1 },
		{ "for a moment", 1300, 0, LONG, 0, 0 },
		{ "and again", 2200, 1, LONG, 0, 1 },
		{ "which counts from then", 3199, 1, LONG, 0, 1 },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows));
}

static void
each_has_its_own_second(void **state)
{
	static const struct row rows[] = {
		{ "one", 0, 1, LONG, 0, 1 },
		{ "another", 900, 3, LONG, 0, 1 },
		{ "the first is told", 1000, 3, LONG, 1, 2 },
		{ "the other waits", 1900, 3, LONG, 1, 2 },
		{ "and is told", 2000, 3, LONG, 3, 0 },
		{ "fewer at once", 2001, 2, LONG, 2, 0 },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows));
}

static void
who_serves_nobody_tells_at_once(void **state)
{
	static const struct row rows[] = {
		{ "foreseen", 0, 1, 0, 1, 0 },
		{ "refused when tried", 1, 1, LONG, 1, 0 },
		{ "more", 2, 3, LONG, 1, 2 },
		{ "all", 2, 7, 0, 7, 0 },
		{ "some again", 2, 3, LONG, 3, 0 },
		{ "let go", 3, 3, 0, 3, 0 },
		{ "foreseen no more", 4, 0, 0, 0, 0 },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows));
}

static void
who_served_all_until_now_waits_for_a_moment(void **state)
{
	static const struct row rows[] = {
		{ "all", 0, 3, SHORT, 0, 3 },
		{ "for a moment", 100, 0, LONG, 0, 0 },
		{ "again", 200, 3, SHORT, 0, 3 },
		{ "still", 449, 3, SHORT, 0, 3 },
		{ "too long", 450, 3, SHORT, 3, 0 },
		{ "held again", 500, 0, LONG, 0, 0 },
		{ "one", 600, 1, LONG, 0, 1 },
		{ "the other, too", 700, 3, SHORT, 0, 1 },
		{ "the shorter patience counts", 950, 3, SHORT, 1, 2 },
		{ "for both", 1200, 3, SHORT, 3, 0 },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_serves_tells_what_lasts),
		cmocka_unit_test(each_has_its_own_second),
		cmocka_unit_test(who_serves_nobody_tells_at_once),
		cmocka_unit_test(who_served_all_until_now_waits_for_a_moment),
	};

	TEST_MAIN(tests);
}
