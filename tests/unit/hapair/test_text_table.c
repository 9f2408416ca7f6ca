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

/* Both ends tell them apart: the host and the port. */
static void
an_address_is_cut_in_its_midst(void **state)
{
	struct text_table *t = text_table_new("ID", "CLIENT", "PATH", NULL);
	const struct text_table_form form = {
		.bold = "", .plain = "", .width = 40, .address = 2
	};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	text_table_cell(t, "7f2292401");
	text_table_cell(t, "[fd00:1111:2222:3333::6666:7777]:65535");
	text_table_cell(t, "splice");
	text_table_end_row(t);
	text_table_print(t, f, &form);
	(void)fclose(f);
	assert_string_equal(text,
	    "ID         CLIENT                 PATH\n"
	    "7f2292401  [fd00:1111…777]:65535  splice\n");
	free(text);
	text_table_free_at(&t);
}

/* A list has its headings once, and needs no more memory than a part of it. */
static void
a_long_table_is_printed_in_parts(void **state)
{
	struct text_table *t = text_table_new("ID", "WHY", NULL);
	const struct text_table_form form = { .bold = "<", .plain = ">" };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	text_table_put(t, "1234", 2);
	text_table_put(t, "x", 1);
	text_table_end_row(t);
	text_table_flush(t, f, &form);
	text_table_flush(t, f, &form);
	text_table_cell(t, "1234");
	text_table_cell(t, "y");
	text_table_end_row(t);
	text_table_flush(t, f, &form);
	text_table_cell(t, "1");
	text_table_cell(t, "z");
	text_table_end_row(t);
	text_table_flush(t, f, &form);
	(void)fclose(f);
	assert_string_equal(text,
	    "<ID  WHY>\n"
	    "12  x\n"
	    "1234  y\n"
	    "1     z\n");
	free(text);
	text_table_free_at(&t);
}

static void
nothing_is_printed_of_nothing(void **state)
{
	const struct text_table_form form = { .bold = "", .plain = "" };

	(void)state;
	text_table_cell(NULL, "x");
	text_table_put(NULL, "x", 1);
	text_table_flush(NULL, stdout, &form);
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
		cmocka_unit_test(an_address_is_cut_in_its_midst),
		cmocka_unit_test(a_long_table_is_printed_in_parts),
		cmocka_unit_test(nothing_is_printed_of_nothing),
	};

	TEST_MAIN(tests);
}
