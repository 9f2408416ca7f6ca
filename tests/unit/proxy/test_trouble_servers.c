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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_down_is_told_by_number),
	};

	TEST_MAIN(tests);
}
