#include "proxy/web/page_json.h"

#include "core/json_doc.h"
#include "proxy/web/rate_history.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "services:\n"
    "  - {name: a, listen: '10.0.0.1:80', servers: ['10.0.0.3:80',"
    " '10.0.0.4:80']}\n"
    "  - {name: b, listen: '10.0.0.1:81', servers: '[fd00::1]:80'}\n";

static const char lines[] = "{\"what\":\"old\"}\n{\"what\":\"new\"}\n";

struct page {
	struct config *config;
	struct rate_history rates;
};

static void
set_up(struct page *p)
{
	struct rate_history_sum sums[5] = { { .active = 0 } };

	p->config = from_yaml(yaml);
	assert_int_equal(rate_history_rows(p->config), 5);
	assert_int_equal(rate_history_init(&p->rates, 5), 0);
	rate_history_add(&p->rates, sums, (struct mono){ 1000000000 }, 0);
	for (unsigned i = 0; i < ARRAY_LEN(sums); i++)
		sums[i] = (struct rate_history_sum){ .active = i,
			.total = 10UL * i,
			.bytes_in = 1000UL * i,
			.bytes_out = 500 };
	rate_history_add(
	    &p->rates, sums, (struct mono){ 6000000000 }, 1795600000000);
}

static void
tear_down(struct page *p)
{
	rate_history_fini(&p->rates);
	config_free(p->config);
}

static struct json_doc *
parse(FILE *out, char **text)
{
	struct json_doc *doc;

	assert_int_equal(fclose(out), 0);
	doc = json_doc_parse(*text, strlen(*text));
	if (doc == NULL)
		print_error("%s\n", *text);
	assert_non_null(doc);
	return doc;
}

static void
the_page_gets_status_rates_and_events(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	CLEANUP(free_str) char *text = NULL;
	const struct json_doc *rates, *servers;
	struct page p;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	set_up(&p);
	page_json_live(
	    p.config, "{\"node\":\"p1\"}", &p.rates, lines, strlen(lines), out);
	doc = parse(out, &text);
	assert_int_equal(json_doc_int(doc, "sample"), 1);
	assert_int_equal(json_doc_int(doc, "sample_s"), 5);
	assert_text(json_doc_string(json_doc_get(doc, "status"), "node"), "p1");
	rates = json_doc_get(doc, "rates");
	assert_int_equal(json_doc_count(rates), 2);
	servers = json_doc_get(json_doc_at(rates, 0), "servers");
	assert_text(
	    json_doc_string(json_doc_at(servers, 1), "name"), "10.0.0.4");
	assert_int_equal(json_doc_int(json_doc_at(servers, 1), "active"), 2);
	assert_int_equal(json_doc_int(json_doc_at(servers, 1), "in"), 400);
	assert_true(json_doc_is_number(
	    json_doc_get(json_doc_at(servers, 1), "new"), 4.0));
	servers = json_doc_get(json_doc_at(rates, 1), "servers");
	assert_text(
	    json_doc_string(json_doc_at(servers, 0), "name"), "fd00::1");
	assert_int_equal(json_doc_int(json_doc_at(servers, 0), "in"), 800);
	assert_text(json_doc_string(
	                json_doc_at(json_doc_get(doc, "events"), 0), "what"),
	    "new");
	tear_down(&p);
}

static void
the_history_has_equally_many_of_each(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	CLEANUP(free_str) char *text = NULL;
	static const char *const series[] = { "active", "new", "in", "out" };
	const struct json_doc *service;
	struct page p;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	set_up(&p);
	page_json_history(p.config, &p.rates, out);
	doc = parse(out, &text);
	assert_text(json_doc_string(doc, "at"), "2026-11-25T09:46:40.000Z");
	service = json_doc_at(json_doc_get(doc, "services"), 1);
	for (size_t i = 0; i < ARRAY_LEN(series); i++)
		assert_int_equal(
		    json_doc_count(json_doc_get(service, series[i])), 1);
	tear_down(&p);
}

static void
before_the_first_point_all_is_empty(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	CLEANUP(free_str) char *text = NULL;
	struct page p;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	set_up(&p);
	rate_history_fini(&p.rates);
	assert_int_equal(rate_history_init(&p.rates, 5), 0);
	page_json_history(p.config, &p.rates, out);
	doc = parse(out, &text);
	assert_int_equal(json_doc_int(doc, "sample"), 0);
	assert_true(json_doc_is_null(json_doc_get(doc, "at")));
	tear_down(&p);
}

static void
events_are_a_list_the_oldest_first(void **state)
{
	static const struct {
		const char *lines;
		size_t n;
	} rows[] = { { "", 0 }, { "{}\n", 1 }, { lines, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
		CLEANUP(free_str) char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		assert_non_null(out);
		page_json_events(rows[i].lines, strlen(rows[i].lines), out);
		doc = parse(out, &text);
		assert_int_equal(
		    json_doc_count(json_doc_get(doc, "events")), rows[i].n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_gets_status_rates_and_events),
		cmocka_unit_test(the_history_has_equally_many_of_each),
		cmocka_unit_test(before_the_first_point_all_is_empty),
		cmocka_unit_test(events_are_a_list_the_oldest_first),
	};

	TEST_MAIN(tests);
}
