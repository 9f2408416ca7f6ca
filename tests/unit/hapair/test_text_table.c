#include "hapair/cli/text_table.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static void
columns_line_up_by_characters(void **state)
{
	struct text_table *t = text_table_new("A", "B", NULL);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	text_table_cell(t, "é%d", 12);
	text_table_cell(t, "x");
	text_table_end_row(t);
	text_table_cell(t, "one");
	text_table_end_row(t);
	text_table_print(
	    t, f, &(struct text_table_form){ .bold = "<", .plain = ">" });
	(void)fclose(f);
	assert_string_equal(text, "<A    B>\né12  x\none\n");
	free(text);
	text_table_free_at(&t);
}

static void
the_widest_column_is_cut_to_fit(void **state)
{
	struct text_table *t = text_table_new("NAME", "WHY", NULL);
	const struct text_table_form form = {
		.bold = "", .plain = ">", .width = 20
	};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	text_table_cell(t, "impala-of-the-cluster");
	text_table_cell(t, "refused");
	text_table_tint(t, "<");
	text_table_end_row(t);
	text_table_cell(t, "é");
	text_table_cell(t, "%s", "");
	text_table_end_row(t);
	text_table_print(t, f, &form);
	(void)fclose(f);
	assert_string_equal(text,
	    "NAME         WHY>\n"
	    "impala-of-…  <refused>\n"
	    "é\n");
	free(text);
	text_table_free_at(&t);
}

static void
nothing_is_printed_of_nothing(void **state)
{
	const struct text_table_form form = { .bold = "", .plain = "" };

	(void)state;
	text_table_cell(NULL, "x");
	text_table_end_row(NULL);
	text_table_tint(NULL, "");
	text_table_print(NULL, stdout, &form);
	text_table_free_at(&(struct text_table *){ NULL });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up_by_characters),
		cmocka_unit_test(the_widest_column_is_cut_to_fit),
		cmocka_unit_test(nothing_is_printed_of_nothing),
	};

	TEST_MAIN(tests);
}
