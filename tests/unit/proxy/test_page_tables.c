/*
 * Every status document of tests/golden/status becomes a page: each tag is
 * closed, each row has as many cells as its table has columns, and nothing that
 * came from elsewhere is a tag.
 */
#include "proxy/web/page_tables.h"

#include "core/json_doc.h"
#include "proxy/web/rate_history.h"
#include "tests/lib/test.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 16

static char *
page_of(const struct json_doc *status, const struct json_doc *const *events,
    size_t n)
{
	struct rate_history rates = { .rows = 0 };
	const struct page_tables p = { .status = status,
		.rates = &rates,
		.events = events,
		.n_events = n };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	page_tables_body(&p, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* A name of a tag, at '<' or "</". */
static size_t
name_at(const char *at, char ret_name[static 16])
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) && n < 15) {
		ret_name[n] = at[n];
		n++;
	}
	ret_name[n] = '\0';
	return n;
}

static void
assert_balanced(const char *html)
{
	char open[DEEPEST][16];
	size_t depth = 0, columns = 0, cells = 0;

	for (const char *at = strchr(html, '<'); at != NULL;
	     at = strchr(at + 1, '<')) {
		char name[16];
		const bool end = at[1] == '/';

		assert_true(name_at(at + 1 + end, name) > 0);
		assert_non_null(strchr(at, '>'));
		if (!end) {
			assert_true(depth < DEEPEST);
			(void)strcpy(open[depth++], name);
			if (strncmp(at, "<th scope=\"col\"", 15) == 0)
				columns++;
			else if (strcmp(name, "td") == 0 ||
			    strcmp(name, "th") == 0)
				cells++;
			continue;
		}
		assert_true(depth > 0);
		assert_string_equal(open[--depth], name);
		if (strcmp(name, "tr") == 0 && cells > 0 && columns > 0)
			assert_int_equal(cells, columns);
		if (strcmp(name, "tr") == 0)
			cells = 0;
		if (strcmp(name, "table") == 0)
			columns = 0;
	}
	assert_int_equal(depth, 0);
}

static struct json_doc *
load(const char *path)
{
	CLEANUP(free_str) char *text = calloc(1, 1 << 20);
	FILE *in = fopen(path, "r");
	size_t len;

	assert_non_null(in);
	assert_non_null(text);
	len = fread(text, 1, (1 << 20) - 1, in);
	assert_int_equal(fclose(in), 0);
	return json_doc_parse(text, len);
}

static void
every_status_is_a_whole_page(void **state)
{
	static const char *const sections[] = { "troubles", "pair", "byhand",
		"services", "servers", "events" };
	glob_t found;

	(void)state;
	assert_int_equal(
	    glob("tests/golden/status/*.json", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 20);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		CLEANUP(json_doc_free_at)
		struct json_doc *status = load(found.gl_pathv[i]);
		CLEANUP(free_str) char *html = NULL;
		const char *last;

		test_row(found.gl_pathv[i]);
		assert_non_null(status);
		html = page_of(status, NULL, 0);
		assert_balanced(html);
		last = html;
		for (size_t k = 0; k < ARRAY_LEN(sections); k++) {
			char id[64];

			(void)snprintf(
			    id, sizeof(id), "<section id=\"%s\"", sections[k]);
			last = strstr(last, id);
			assert_non_null(last);
		}
		assert_null(strstr(html, "(null)"));
	}
	globfree(&found);
}

#define EVIL "<script>alert(\\\"x\\\")</script>&'"

static const char evil[] =
    "{\"node\":\"p<1\",\"time\":\"" EVIL "\",\"troubles\":[{\"id\":\"" EVIL
    "\",\"text\":\"" EVIL "\",\"since\":\"" EVIL "\",\"advice\":\"" EVIL
    "\"}],\"hints\":[\"" EVIL "\"],\"groups\":[{\"name\":\"" EVIL
    "\",\"state\":\"" EVIL "\",\"reason\":\"" EVIL "\",\"addresses\":[\"" EVIL
    "\"]}],\"peers\":[{\"name\":\"" EVIL "\"}],\"services\":[{\"name\":\"" EVIL
    "\",\"state\":\"" EVIL "\",\"listen\":[\"" EVIL
    "\"],\"servers\":[{\"name\":\"" EVIL "\",\"address\":\"" EVIL
    "\",\"admin\":\"" EVIL "\",\"set\":{\"by\":\"" EVIL "\",\"reason\":\"" EVIL
    "\"},\"check\":{\"last\":\"failed\",\"detail\":\"" EVIL "\"}}]}]}";

static void
what_came_from_elsewhere_is_text(void **state)
{
	static const char event[] = "{\"kind\":\"" EVIL "\",\"subject\":\"" EVIL
	                            "\",\"what\":\"" EVIL "\"}";
	CLEANUP(json_doc_free_at)
	struct json_doc *status = json_doc_parse(evil, strlen(evil));
	CLEANUP(json_doc_free_at)
	struct json_doc *one = json_doc_parse(event, strlen(event));
	const struct json_doc *events[] = { one };
	CLEANUP(free_str) char *html = NULL;

	(void)state;
	assert_non_null(status);
	assert_non_null(one);
	html = page_of(status, events, 1);
	assert_balanced(html);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "&'"));
	assert_non_null(strstr(html, "&lt;script&gt;alert(&quot;x&quot;)"));
}

static void
the_title_says_what_is_worth_most(void **state)
{
	static const struct {
		const char *status, *title;
	} rows[] = {
		{ "{}", "all is well - hapair" },
		{ "{\"node\":\"p1\",\"groups\":[{\"state\":\"backup\"},"
		  "{\"state\":\"master\"}],\"troubles\":[]}",
		    "p1: master, all is well - hapair" },
		{ "{\"node\":\"p<\",\"groups\":[{\"state\":\"fault\"}],"
		  "\"troubles\":[{},{}]}",
		    "p&lt;: fault, 2 troubles - hapair" },
		{ "{\"node\":\"\",\"troubles\":[{}]}", "1 trouble - hapair" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at)
		struct json_doc *doc =
		    json_doc_parse(rows[i].status, strlen(rows[i].status));
		CLEANUP(free_str) char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		assert_non_null(out);
		assert_non_null(doc);
		page_tables_title(doc, out);
		assert_int_equal(fclose(out), 0);
		assert_text(text, rows[i].title);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_is_a_whole_page),
		cmocka_unit_test(what_came_from_elsewhere_is_text),
		cmocka_unit_test(the_title_says_what_is_worth_most),
	};

	TEST_MAIN(tests);
}
