#include "tests/lib/golden.h"

#include "core/base.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (2 << 20)

char *
golden_read(const char *path, size_t *ret_len)
{
	FILE *in = fopen(path, "r");
	char *text;

	if (in == NULL)
		return NULL;
	text = calloc(1, TEXT_MAX + 1);
	assert_non_null(text);
	*ret_len = fread(text, 1, TEXT_MAX, in);
	assert_int_equal(fclose(in), 0);
	return text;
}

static void
write_anew(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
}

void
golden_compare(const char *path, const char *actual)
{
	CLEANUP(free_str) char *expected = NULL;
	size_t len;

	test_row(path);
	if (getenv("UPDATE_GOLDEN") != NULL) {
		write_anew(path, actual);
		return;
	}
	expected = golden_read(path, &len);
	if (expected == NULL)
		fail_msg("%s cannot be opened", path);
	assert_text(actual, expected);
}
