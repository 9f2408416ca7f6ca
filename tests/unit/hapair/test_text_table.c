#include "hapair/cli/text_table.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static void
columns_line_up_by_characters(void **state)
{
	struct table *t = table_new();
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	table_cell(t, "A");
	table_cell(t, "B");
	table_end_row(t);
	table_cell(t, "é%d", 12);
	table_cell(t, "x");
	table_end_row(t);
	table_cell(t, "one");
	table_end_row(t);
	table_print(t, f, "<", ">");
	(void)fclose(f);
	assert_string_equal(text, "<A    B>\né12  x\none\n");
	free(text);
	table_free(t);
}

static void
nothing_is_printed_of_nothing(void **state)
{
	(void)state;
	table_cell(NULL, "x");
	table_end_row(NULL);
	table_print(NULL, stdout, "", "");
	table_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up_by_characters),
		cmocka_unit_test(nothing_is_printed_of_nothing),
	};

	TEST_MAIN(tests);
}
