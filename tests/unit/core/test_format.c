#include "core/format.h"

#include "tests/lib/test.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static void check(bool known, const char *format, ...) PRINTF_LIKE(2, 3);

/* It says what printf says, in as many characters, and no more. */
static void
check(bool known, const char *format, ...)
{
	char ours[128], theirs[128];
	va_list args;
	int n, expected;

	test_row(format);
	va_start(args, format);
	expected = vsnprintf(theirs, sizeof(theirs), format, args);
	va_end(args);
	memset(ours, '#', sizeof(ours));
	va_start(args, format);
	n = format_text(ours, sizeof(ours), format, args);
	va_end(args);
	assert_int_equal(n, known ? expected : -1);
	if (known)
		assert_memory_equal(ours, theirs, (size_t)n);
	va_start(args, format);
	memset(ours, '#', sizeof(ours));
	n = format_text(ours, 3, format, args);
	va_end(args);
	assert_int_equal(n, !known ? -1 : expected < 3 ? expected : 3);
	assert_int_equal(ours[3], '#');
}

static void
it_says_what_printf_says(void **state)
{
	(void)state;
	check(true, "plain");
	check(true, "%s", "");
	check(true, "<%s> and %s", "text", "more of it");
	check(true, "100%% of %d", 7);
	check(true, "%d %d %d", 0, INT_MIN, INT_MAX);
	check(true, "%u %u", 0u, UINT_MAX);
	check(true, "%ld %lu", LONG_MIN, ULONG_MAX);
	check(true, "%lld %llu", LLONG_MIN, ULLONG_MAX);
	check(true, "%" PRId64 "ms %" PRIu64, (int64_t)-1, (uint64_t)10);
	check(true, "%zu", SIZE_MAX);
}

static void
it_leaves_all_else_alone(void **state)
{
	(void)state;
	check(false, "%5d", 1);
	check(false, "%.2f", 1.5);
	check(false, "%.*s", 2, "abc");
	check(false, "%s %x", "a", 10u);
	check(false, "%c", 'a');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_printf_says),
		cmocka_unit_test(it_leaves_all_else_alone),
	};

	TEST_MAIN(tests);
}
