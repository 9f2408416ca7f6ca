#include "proxy/control/trouble_servers.h"

#include "core/json_doc.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define UP "{\"name\":\"s\",\"address\":\"10.0.0.1:80\",\"state\":\"up\"}"
#define DRAINED                                                                \
	"{\"name\":\"s\",\"address\":\"10.0.0.2:80\",\"state\":\"up\","        \
	"\"admin\":\"drain\"}"
#define DOWN                                                                   \
	"{\"name\":\"s\",\"address\":\"10.0.0.3:80\",\"state\":\"down\","      \
	"\"check\":{\"detail\":\"refused\"}}"
#define ALSO_DOWN                                                              \
	"{\"name\":\"t\",\"address\":\"10.0.0.4:80\",\"state\":\"down\","      \
	"\"check\":{\"detail\":\"refused\"}}"

/* Of a service, what its first trouble is. */
static void
who_is_down_is_told_by_number(void **state)
{
	static const struct row {
		const char *state, *servers, *says; /* NULL: nothing */
	} rows[] = {
		{ "up", UP, NULL },
		{ "down", DOWN,
		    "service web serves nobody: its only server is down: refused" },
		{ "down", DOWN "," ALSO_DOWN,
		    "service web serves nobody: all its 2 servers are down: refused" },
		{ "down", DRAINED "," DOWN,
		    "service web serves nobody: one of its 2 servers is down" },
		{ "down", DRAINED "," DOWN "," ALSO_DOWN,
		    "service web serves nobody: 2 of its 3 servers are down" },
		{ "up", UP "," DOWN,
		    "server s of service web is down: refused" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *status = NULL;
		CLEANUP(json_doc_free_at)
		struct json_doc *doc = json_doc_new();
		struct json_doc *list = json_doc_put_array(doc, "troubles");
		char text[2048];

		(void)snprintf(text, sizeof(text),
		    "{\"services\":[{\"name\":\"web\",\"state\":\"%s\",\"servers\":[%s]}]}",
		    rows[i].state, rows[i].servers);
		test_row(text);
		status = json_doc_parse(text, strlen(text));
		assert_non_null(status);
		trouble_servers_find(status, list);
		if (rows[i].says == NULL) {
			assert_int_equal(json_doc_count(list), 0);
			continue;
		}
		assert_text(json_doc_string(json_doc_at(list, 0), "text"),
		    rows[i].says);
	}
}

/* What is left of a kind whose lines are too many. */
static void
one_more_is_told_as_one(void **state)
{
	static const struct row {
		const char *says;
		unsigned services, servers; /* of each, that are down */
		const char *up;             /* beside them */
		const char *more;           /* of each service */
	} rows[] = {
		{ "service s: 1 more of its 22 servers is down", 1, 21, "," UP,
		    "" },
		{ "service s: 2 more of its 23 servers are down", 1, 22, "," UP,
		    "" },
		{ "1 more service serves nobody", 21, 1, "", "" },
		{ "2 more services serve nobody", 22, 1, "", "" },
		{ "service s is full: it has the 1 connection that it may, and new clients wait",
		    1, 0, UP, ",\"connections\":{\"active\":1,\"limit\":1}" },
		{ "service s: 1 client said nothing in time, and no other ever did: does this server speak first?",
		    1, 0, UP, ",\"silent_clients\":1" },
	};
	static char text[1 << 16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		CLEANUP(json_doc_free_at) struct json_doc *status = NULL;
		CLEANUP(json_doc_free_at)
		struct json_doc *doc = json_doc_new();
		struct json_doc *list = json_doc_put_array(doc, "troubles");
		FILE *f = fmemopen(text, sizeof(text), "w");

		test_row(r->says);
		assert_non_null(f);
		for (unsigned k = 0; k < r->services; k++) {
			(void)fprintf(f,
			    "%s{\"name\":\"s\",\"state\":\"%s\"%s,\"servers\":[",
			    k == 0 ? "{\"services\":[" : "]},",
			    *r->up == '\0' ? "down" : "up", r->more);
			for (unsigned n = 0; n < r->servers; n++)
				(void)fprintf(f,
				    "%s{\"name\":\"s\",\"state\":\"down\","
				    "\"address\":\"10.0.%u.%u:80\"}",
				    n == 0 ? "" : ",", k, n + 2);
			(void)fputs(r->up, f);
		}
		(void)fputs("]}]}", f);
		assert_int_equal(fclose(f), 0);
		status = json_doc_parse(text, strlen(text));
		assert_non_null(status);
		trouble_servers_find(status, list);
		assert_true(json_doc_count(list) > 0);
		assert_text(
		    json_doc_string(
		        json_doc_at(list, json_doc_count(list) - 1), "text"),
		    r->says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_down_is_told_by_number),
		cmocka_unit_test(one_more_is_told_as_one),
	};

	TEST_MAIN(tests);
}
