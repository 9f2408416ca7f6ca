#include "proxy/control/status_service.h"

#include "core/json_doc.h"
#include "proxy/control/standby.h"
#include "proxy/control/status.h"
#include "proxy/health/check.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdlib.h>

/* Two of each, and servers of which nothing is to be told. */
#define SERVERS 4

static const char yaml[] =
    "pair:\n"
    "  nodes: [{name: p1, address: 10.0.0.1}, {name: p2, address: 10.0.0.2}]\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "services:\n"
    "  - name: pg\n"
    "    listen: '*:5432'\n"
    "    servers: 10.0.0.31:5432\n"
    "  - name: told\n"
    "    source: 10.0.0.100\n"
    "    listen: ['10.0.0.100:5433', '[::]:5434']\n"
    "    servers: 10.0.0.31:5433\n"
    "    check: {type: postgres}\n"
    "  - name: web\n"
    "    listen: 10.0.0.100:80\n"
    "    servers: 10.0.0.31:80\n"
    "  - name: own\n"
    "    listen: 10.0.0.1:3306\n"
    "    servers: 10.0.0.31:3306\n";

struct world {
	struct config *config;
	struct status report;
	struct msg_start start;
	struct check_view check;
	struct status_server server;
	struct status_service services[SERVERS];
};

static void
set_up(struct world *w)
{
	*w = (struct world){ .config = from_yaml(yaml),
		.start = { .path = "/f", .workers = 2, .n_listeners = 12 },
		.check = { .passed = true, .detail = "" } };
	w->server = (struct status_server){ .view = { .state = SERVER_UP },
		.check = &w->check };
	for (size_t i = 0; i < SERVERS; i++)
		w->services[i] = (struct status_service){ .state = "up",
			.servers = &w->server,
			.queued = 1,
			.sums.sum.active = 4 };
	w->report = (struct status){
		.config = w->config, .start = &w->start, .services = w->services
	};
}

static struct json_doc *
report_of(struct world *w)
{
	CLEANUP(free_str) char *text = status_text(&w->report);
	struct json_doc *doc;

	assert_non_null(text);
	doc = json_doc_parse(text, strlen(text));
	assert_non_null(doc);
	return doc;
}

/* The first one of the first service. */
static const struct json_doc *
server_of(const struct json_doc *doc)
{
	const struct json_doc *services = json_doc_get(doc, "services");

	return json_doc_at(
	    json_doc_get(json_doc_at(services, 0), "servers"), 0);
}

/* The one hint there may be. */
static const char *
hint(const struct json_doc *doc)
{
	const struct json_doc *list = json_doc_get(doc, "hints");

	assert_true(json_doc_count(list) < 2);
	return json_doc_count(list) == 0
	    ? ""
	    : json_doc_text_value(json_doc_at(list, 0));
}

static void
f26_servers_that_cannot_be_told_are_named(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL, *calm = NULL;
	const struct json_doc *services;
	struct world w;

	(void)state;
	set_up(&w);
	doc = report_of(&w);
	services = json_doc_get(doc, "services");
	assert_text(hint(doc),
	    "service pg: should this host die, the servers of its 3 connections are not told, and keep sessions and locks until their own patience ends; 'source: 10.0.0.100' lets them be told");
	for (size_t i = 0; i < SERVERS; i++) {
		const struct json_doc *told =
		    json_doc_get(json_doc_at(services, i), "servers_told");

		assert_int_equal(json_doc_is_null(told), i == 3);
		assert_int_equal(
		    json_doc_bool(json_doc_at(services, i), "servers_told"),
		    i == 1);
	}
	/* A backup has none, and nothing to say. */
	w.services[0].sums.sum.active = w.services[0].queued = 0;
	calm = report_of(&w);
	assert_text(hint(calm), "");
	config_free(w.config);
}

/* O7: of one that failed, and while that is what stands in the way. */
static void
what_a_fence_said_is_told(void **state)
{
	static const char said[] = "status 1, its last words: 'no route'";
	struct standby standby = { .phase = STANDBY_BLOCKED };
	struct world w;

	(void)state;
	set_up(&w);
	w.services[0].standby = &standby;
	strcpy(w.services[0].fence_fault, said);
	for (unsigned failed = 0; failed < 2; failed++) {
		CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
		const struct json_doc *at;

		standby.trouble =
		    failed ? STANDBY_FENCE_FAILED : STANDBY_NOBODY_FIT;
		doc = report_of(&w);
		at = json_doc_get(
		    json_doc_at(json_doc_get(doc, "services"), 0), "standby");
		assert_text(
		    json_doc_string(at, "fence_fault"), failed ? said : "");
	}
	config_free(w.config);
}

static void
an_address_that_was_left_out_is_not_listed(void **state)
{
	(void)state;
	for (unsigned lacks = 0; lacks < 2; lacks++) {
		CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
		const struct json_doc *services;
		struct world w;

		set_up(&w);
		w.start.n_listeners -= lacks * w.start.workers;
		doc = report_of(&w);
		services = json_doc_get(doc, "services");
		assert_int_equal(json_doc_count(json_doc_get(
		                     json_doc_at(services, 0), "listen")),
		    lacks ? 1 : 2);
		/* Without IPv6 hapair would not have begun with this one. */
		assert_int_equal(json_doc_count(json_doc_get(
		                     json_doc_at(services, 1), "listen")),
		    2);
		config_free(w.config);
	}
}

static void
what_was_set_by_hand_says_when_and_why(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL, *silent = NULL;
	const struct json_doc *set;
	struct world w;

	(void)state;
	set_up(&w);
	w.server.view.admin = ACCORD_DRAIN;
	w.server.view.weight = 9;
	w.server.admin_word =
	    (struct pool_word){ 2, { 1795600000000, "a disk" } };
	w.server.weight_word = (struct pool_word){ 1, { 0, "" } };
	doc = report_of(&w);
	set = json_doc_get(server_of(doc), "set");
	assert_text(json_doc_string(set, "by"), "p2");
	assert_text(json_doc_string(set, "since"), "2026-11-25T09:46:40.000Z");
	assert_text(json_doc_string(set, "reason"), "a disk");
	w.server.view.admin = ACCORD_READY;
	silent = report_of(&w);
	set = json_doc_get(server_of(silent), "set");
	assert_text(json_doc_string(set, "by"), "p1");
	assert_true(json_doc_is_null(json_doc_get(set, "since")));
	assert_true(json_doc_is_null(json_doc_get(set, "reason")));
	config_free(w.config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f26_servers_that_cannot_be_told_are_named),
		cmocka_unit_test(what_a_fence_said_is_told),
		cmocka_unit_test(an_address_that_was_left_out_is_not_listed),
		cmocka_unit_test(what_was_set_by_hand_says_when_and_why),
	};

	TEST_MAIN(tests);
}
