#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static const char *row = "";

void
test_row(const char *name)
{
	row = name;
}

void
test_assert_text(
    const char *actual, const char *expected, const char *file, int line)
{
	if (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)
		return;
	if (actual == NULL && expected == NULL)
		return;
	print_error("row '%s'\n  actual:   %s\n  expected: %s\n", row,
	    actual ? actual : "(none)", expected ? expected : "(none)");
	_fail(file, line);
}
