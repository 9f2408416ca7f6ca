#pragma once

/*
 * The door to cmocka, and what unit tests share. A test file has functions
 * whose names are sentences, `static void x(void **state)`, and a main() that
 * hands their table to TEST_MAIN.
 */

#include "core/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * In a network that it has for itself, as far as it may make one: what others
 * hold open is in nobody's way. TEST_MAIN_WITH() for a set-up and a tear-down.
 */
#define TEST_MAIN(tests) TEST_MAIN_WITH(tests, NULL, NULL)
#define TEST_MAIN_WITH(tests, set_up, tear_down)                               \
	do {                                                                   \
		test_leave_network();                                          \
		return cmocka_run_group_tests(tests, set_up, tear_down);       \
	} while (0)

/* Fails with both texts printed; either may be NULL. */
#define assert_text(actual, expected)                                          \
	test_assert_text(actual, expected, __FILE__, __LINE__)

void test_assert_text(
    const char *actual, const char *expected, const char *file, int line);

/*
 * A port of this process alone, among those that run tests at the same time:
 * the same one each time. Held at an address that no test uses. Of SOCK_STREAM
 * or SOCK_DGRAM.
 */
uint16_t test_port(int type);

/*
 * From now on in a network that this process has for itself, with a loopback,
 * where it may make one: else no port is safe from what others hold open.
 */
void test_leave_network(void);

/* The name of the table row that is being checked, printed on failure. */
void test_row(const char *name);
