#include "keytab/lint.h"

#include "tests/lib/test.h"

#include <string.h>

#define GOOD                                                                   \
	"--principal=proxy/vip.org@R\n"                                        \
	"--be_principal=impala/h1.org@R\n"                                     \
	"--keytab_file=/k\n"

static const struct lint_world nothing_known = { .vip = NULL };
static const struct lint_world told = { .vip = "vip.org", .host = "h1.org" };
static const struct lint_world keytab = { .keytab_path = "/k" };

/* How what can be found begins, and is called below: a, b… */
static const char *const kinds[] = {
	"missing; impalad",
	"missing; no",
	"more",
	"not of",
	"_HOST",
	"the host",
	"swapped",
	"missing; daemons",
	"not the",
	"not this",
	"the keytab",
	"another",
};

static char
kind_of(const char *words)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(words, kinds[i], strlen(kinds[i])) == 0)
			return (char)('a' + (int)i);
	return '?';
}

static const struct row {
	const char *name;
	const char *text;
	const struct lint_world *world;
	const char *found;
} rows[] = {
	{ "as it should be", GOOD, &told, "" },
	{ "told nothing", GOOD, &nothing_known, "" },
	{ "one dash, and comments",
	    "# --principal=impala/x@R\n -principal=proxy/vip.org@R \n"
	    "-be_principal=impala/h1.org@R\r\n-keytab_file=/k",
	    &told, "" },
	{ "a variable of a shell",
	    "IMPALA_SERVER_ARGS=\" \\\n"
	    "  -principal=proxy/vip.org@R \\\n"
	    "  -be_principal=impala/h1.org@R \\\n"
	    "  -keytab_file=/k\"\n",
	    &told, "" },
	{ "swapped, by the services",
	    "--principal=impala/h1.org@R\n--be_principal=proxy/vip.org@R\n"
	    "--keytab_file=/k",
	    &nothing_known, "g" },
	{ "swapped, by the virtual IP, one service",
	    "--principal=impala/h1.org@R\n--be_principal=impala/vip.org@R\n"
	    "--keytab_file=/k",
	    &told, "g" },
	{ "one service, and nobody told which is which",
	    "--principal=impala/h1.org@R\n--be_principal=impala/vip.org@R\n"
	    "--keytab_file=/k",
	    &nothing_known, "" },
	{ "as the write-up has it",
	    "--principal=impala/${hostname}@R "
	    "--be_principal=proxy/haproxy_host@R --keytab_file=/k",
	    &nothing_known, "ffg" },
	{ "nothing", "", &nothing_known, "ab" },
	{ "an executor", "--principal=impala/h1.org@R\n--keytab_file=/k",
	    &nothing_known, "" },
	{ "a coordinator with one name",
	    "--principal=proxy/vip.org@R\n--keytab_file=/k", &told, "h" },
	{ "be_principal alone",
	    "--be_principal=impala/h1.org@R\n--keytab_file=/k", &told, "a" },
	{ "twice", GOOD "--principal=proxy/vip.org@R\n", &told, "c" },
	{ "keytab twice", GOOD "--keytab_file=/k", &told, "c" },
	{ "no names",
	    "--principal=impala\n--be_principal=impala/h1.org\n"
	    "--keytab_file=/k",
	    &told, "dd" },
	{ "_HOST",
	    "--principal=proxy/_HOST@R\n--be_principal=impala/_HOST@R\n"
	    "--keytab_file=/k",
	    &told, "ee" },
	{ "short and capital",
	    "--principal=proxy/vip@R\n--be_principal=impala/H1.org@R\n"
	    "--keytab_file=/k",
	    &nothing_known, "ff" },
	{ "another virtual IP and host",
	    "--principal=proxy/vip2.org@R\n--be_principal=impala/h2.org@R\n"
	    "--keytab_file=/k",
	    &told, "ij" },
	{ "another keytab",
	    "--principal=proxy/vip.org@R\n--be_principal=impala/h1.org@R\n"
	    "--keytab_file=/other",
	    &keytab, "l" },
	{ "a flag that begins alike", GOOD "--principal_of_something=x\n",
	    &told, "" },
};

static void
each_mistake_is_found_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lint_finding found[LINT_MAX];
		struct lint_flags flags;
		char text[LINT_MAX + 1] = "";
		unsigned n;

		test_row(rows[i].name);
		lint_parse(rows[i].text, strlen(rows[i].text), &flags);
		n = lint_find(&flags, rows[i].world, found);
		for (unsigned k = 0; k < n; k++)
			text[k] = kind_of(found[k].words);
		assert_text(text, rows[i].found);
	}
}

static void
lines_are_counted_and_the_last_place_counts(void **state)
{
	static const char text[] =
	    "\n# x\n--principal=a\n\n--principal=b --keytab_file=c\n";
	struct lint_flags f;

	(void)state;
	lint_parse(text, sizeof(text) - 1, &f);
	assert_int_equal(f.principal.line, 5);
	assert_int_equal(f.principal.times, 2);
	assert_text(f.principal.value, "b");
	assert_int_equal(f.keytab_file.line, 5);
	assert_int_equal(f.be_principal.line, 0);
}

static void
a_keytab_without_the_name_is_told(void **state)
{
	static const char parts[] = "\0\6impala\0\6h1.org";
	const struct keytab_entry e = {
		.realm = { (const uint8_t *)"R", 1 },
		.n_components = 2,
		.components = { (const uint8_t *)parts, sizeof(parts) - 1 },
	};
	const struct lint_world w = { .entries = &e, .n_entries = 1 };
	struct lint_finding found[LINT_MAX];
	struct lint_flags flags;

	(void)state;
	lint_parse(GOOD, sizeof(GOOD) - 1, &flags);
	assert_int_equal(lint_find(&flags, &w, found), 1);
	assert_int_equal(kind_of(found[0].words), 'k');
	assert_text(found[0].flag->name, "principal");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_found_and_nothing_else),
		cmocka_unit_test(lines_are_counted_and_the_last_place_counts),
		cmocka_unit_test(a_keytab_without_the_name_is_told),
	};

	TEST_MAIN(tests);
}
