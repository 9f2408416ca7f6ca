#include "proxy/control/status_kernel.h"

#include "core/json_doc.h"
#include "proxy/control/status.h"
#include "proxy/web/grown_text.h"
#include "proxy/web/metric_text.h"
#include "proxy/web/metrics_kernel.h"
#include "proxy/web/page_tables_kernel.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 10.0.0.1}\n"
    "    - {name: p2, address: 10.0.0.2}\n"
    "  key_file: /k\n"
    "  groups:\n"
    "    - {name: a, interface: eth0, addresses: 10.0.0.100/24}\n"
    "    - {name: b, interface: eth0, addresses: 10.0.0.101/24}\n"
    "services:\n"
    "  - name: plain\n"
    "    listen: 10.0.0.100:80\n"
    "    servers: 10.0.0.31:80\n"
    "  - name: db\n"
    "    path: kernel\n"
    "    listen: 10.0.0.101:5432\n"
    "    servers: 10.0.0.41:1\n";

struct world {
	struct config *config;
	struct msg_kernel_service services[2];
	struct status_kernel kernel;
	struct status status;
};

static void
set_up(struct world *w)
{
	*w = (struct world){ .config = from_yaml(yaml),
		.services = { { .open = 0 },
		    { .open = 7, .protected = 5, .held = 1, .accepted = 9 } },
		.kernel = { .is_up = true,
		    .is_said = true,
		    .state = { .work = MSG_KERNEL_WORKS,
		        .peer = MSG_KERNEL_PEER_LAGGING,
		        .why = { MSG_KERNEL_WHY_SPLIT, MSG_KERNEL_WHY_LAGS },
		        .slots = 100,
		        .slots_used = 8,
		        .counters = { 3, 1 } },
		    .work_wall_ms = 1795600000120 } };
	w->kernel.services = w->services;
	w->status =
	    (struct status){ .config = w->config, .kernel = &w->kernel };
}

static struct json_doc *
document_of(const struct world *w)
{
	struct json_doc *doc = json_doc_new();
	struct json_doc *list = json_doc_put_array(doc, "services");

	status_kernel_put(doc, &w->status);
	for (size_t i = 0; i < w->config->n_services; i++)
		status_kernel_put_service(
		    json_doc_put_object(list, NULL), &w->status, i);
	return doc;
}

static void
what_the_director_said_is_told(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	CLEANUP(free_str) char *text = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	doc = document_of(&w);
	assert_text(json_doc_string(json_doc_get(doc, "kernel"), "since"),
	    "2026-11-25T09:46:40.120Z");
	json_doc_put_null(doc, "kernel");
	text = json_doc_text(doc, false);
	assert_text(text,
	    "{\"services\":[{\"path\":\"relay\",\"relayed_why\":null,\"kernel\":null},"
	    "{\"path\":\"kernel\",\"relayed_why\":null,\"kernel\":{\"active\":7,\"protected\":5,"
	    "\"unprotected\":\"the peer does not keep up\",\"silent\":0,"
	    "\"held\":1,\"total\":9,\"refused\":0,"
	    "\"kept\":0,\"relayed\":0}}],\"kernel\":null}");
	config_free(w.config);
}

/* Switched back by a reload: what came before goes on to its end. */
static void
what_is_left_of_one_that_is_relayed_is_told(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const struct json_doc *plain;
	struct world w;

	(void)state;
	set_up(&w);
	w.services[0].open = 2;
	w.kernel.state.left = 3;
	doc = document_of(&w);
	plain = json_doc_at(json_doc_get(doc, "services"), 0);
	assert_text(json_doc_string(plain, "path"), "relay");
	assert_int_equal(
	    json_doc_int(json_doc_get(plain, "kernel"), "active"), 2);
	assert_int_equal(json_doc_int(json_doc_get(doc, "kernel"), "left"), 3);
	config_free(w.config);
}

static void
where_nobody_is_on_it_there_is_none(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	w.status.kernel = NULL;
	doc = document_of(&w);
	assert_true(json_doc_is_null(json_doc_get(doc, "kernel")));
	config_free(w.config);
}

/* A director that has not spoken yet is one that starts. */
static void
one_that_is_silent_is_told_of_as_such(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const struct json_doc *kernel;
	struct world w;

	(void)state;
	set_up(&w);
	w.kernel.is_said = w.kernel.is_up = false;
	doc = document_of(&w);
	kernel = json_doc_get(doc, "kernel");
	assert_text(json_doc_string(kernel, "state"), "starting");
	assert_true(json_doc_bool(kernel, "answers"));
	json_doc_free_at(&doc);
	w.kernel.is_gone = true;
	doc = document_of(&w);
	assert_true(json_doc_is_bool(
	    json_doc_get(json_doc_get(doc, "kernel"), "answers"), false));
	config_free(w.config);
}

static void
scrapers_get_it_by_service(void **state)
{
	static const char *const lines[] = {
		"hapair_kernel_director_up 1\n",
		"hapair_kernel_connections_active{service=\"db\"} 7\n",
		"hapair_kernel_connections_protected{service=\"db\"} 5\n",
		"hapair_kernel_connections_accepted_total{service=\"db\"} 9\n",
		"hapair_kernel_state{state=\"works\"} 1\n",
		"hapair_kernel_state{state=\"relay_only\"} 0\n",
		"hapair_kernel_stream{state=\"lagging\"} 1\n",
		"hapair_kernel_slots_used 8\n",
		"hapair_kernel_packets_total{packet=\"syns\"} 3\n",
	};
	struct metric_text t = { .openmetrics = true };
	struct world w;
	size_t len;
	char *text;

	(void)state;
	set_up(&w);
	grown_text_init(&t.out, 100);
	metrics_kernel_write(&t, &w.status);
	text = grown_text_take(&t.out, &len);
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("no %sin:\n%s", lines[i], text);
	assert_null(strstr(text, "service=\"plain\""));
	free(text);
	config_free(w.config);
}

static void
the_page_has_a_row_of_each_service_on_it(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct world w;

	(void)state;
	set_up(&w);
	doc = document_of(&w);
	page_tables_kernel(doc, out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "8 of 100 slots"));
	assert_non_null(
	    strstr(text, "<td class=\"num\">7</td><td class=\"num\">5</td>"));
	assert_non_null(strstr(text, "the peer does not keep up"));
	free(text);
	config_free(w.config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_director_said_is_told),
		cmocka_unit_test(what_is_left_of_one_that_is_relayed_is_told),
		cmocka_unit_test(where_nobody_is_on_it_there_is_none),
		cmocka_unit_test(one_that_is_silent_is_told_of_as_such),
		cmocka_unit_test(scrapers_get_it_by_service),
		cmocka_unit_test(the_page_has_a_row_of_each_service_on_it),
	};

	TEST_MAIN(tests);
}
