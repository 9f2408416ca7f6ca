#include "proxy/control/conn_lines.h"

#include "config/config.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "tests/lib/test.h"

#include <string.h>

static void
an_id_is_read_as_it_is_shown(void **state)
{
	char text[CONN_LINES_ID_MAX];
	uint64_t id;

	(void)state;
	assert_text(
	    conn_lines_id_text(0x7fffffffffffffff, text), "7fffffffffffffff");
	assert_true(conn_lines_parse_id(text, &id));
	assert_true(id == 0x7fffffffffffffff);
	assert_false(conn_lines_parse_id("", &id));
	assert_false(conn_lines_parse_id("0", &id));
	assert_false(conn_lines_parse_id("0x12", &id));
	assert_false(conn_lines_parse_id("-1", &id));
	assert_false(conn_lines_parse_id("12 ", &id));
	assert_false(conn_lines_parse_id("11112222333344445", &id));
}

static void
a_connection_is_a_line_and_the_last_one_counts_them(void **state)
{
	struct config_server server = { .name = "s1" };
	const struct config_service service = {
		.name = "web", .servers = &server, .n_servers = 1
	};
	const struct session_tour_part part = { .n = 3,
		.rows = { { .service = &service,
		              .server = -1,
		              .phase = SESSION_QUEUED,
		              .why = "it is relayed",
		              .id = 0xab },
		    { .service = &service,
		        .phase = SESSION_MOVING,
		        .splices = true,
		        .is_told = true,
		        .why = "it is relayed",
		        .id = 0xcd,
		        .in = 1,
		        .out = 5000000000,
		        .age_ms = 7,
		        .idle_ms = 3 },
		    { .server = -1,
		        .phase = SESSION_PARTING,
		        .in_kernel = true,
		        .id = 0x8000000000000001 } } };
	static char text[CONN_LINES_MAX], end[CONN_LINES_MAX];
	int len;

	(void)state;
	len = conn_lines_put(&part, false, text);
	assert_int_equal(len, strlen(text));
	assert_text(text,
	    "{\"id\":\"ab\",\"client\":null,\"local\":null,\"service\":\"web\","
	    "\"server\":null,\"source\":null,\"state\":\"queued\","
	    "\"age_ms\":0,\"idle_ms\":0,\"bytes\":{\"in\":0,\"out\":0},"
	    "\"path\":\"copy\",\"protected\":false,"
	    "\"unprotected\":\"it is relayed\","
	    "\"peer_knows\":false,\"lingering\":false}\n"
	    "{\"id\":\"cd\",\"client\":null,\"local\":null,\"service\":\"web\","
	    "\"server\":\"s1\",\"source\":null,\"state\":\"open\","
	    "\"age_ms\":7,\"idle_ms\":3,\"bytes\":{\"in\":1,\"out\":5000000000},"
	    "\"path\":\"splice\",\"protected\":false,"
	    "\"unprotected\":\"it is relayed\","
	    "\"peer_knows\":true,\"lingering\":false}\n"
	    "{\"id\":\"8000000000000001\",\"client\":null,\"local\":null,"
	    "\"service\":null,\"server\":null,\"source\":null,"
	    "\"state\":\"closing\",\"age_ms\":0,\"idle_ms\":0,"
	    "\"bytes\":{\"in\":0,\"out\":0},\"path\":\"kernel\","
	    "\"protected\":true,\"unprotected\":null,"
	    "\"peer_knows\":false,\"lingering\":false}\n");
	len = conn_lines_put_end(2, NULL, end);
	assert_int_equal(len, strlen(end));
	assert_text(end, "{\"end\":2}");
	len = conn_lines_put_end(2, "out of it", end);
	assert_int_equal(len, strlen(end));
	assert_text(end, "{\"error\":\"out of it\"}");
}

/* The longest line there can be. */
static void
a_full_part_of_the_longest_names_fits(void **state)
{
	static char text[CONN_LINES_MAX], name[CONFIG_NAME_MAX];
	struct config_server server = { .name = name };
	const struct config_service service = {
		.name = name, .servers = &server, .n_servers = 1
	};
	struct session_tour_row row = { .service = &service,
		.phase = SESSION_CONNECTING,
		.id = UINT64_MAX,
		.in = INT64_MAX,
		.out = INT64_MAX,
		.age_ms = INT64_MAX,
		.idle_ms = INT64_MAX };
	struct session_tour_part part = { .n = SESSION_TOUR_ROWS };

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(
	    addr_parse(
	        "[fd00:1111:2222:3333:4444:5555:6666:7777]:65535", &row.client),
	    0);
	row.local = row.source = row.client;
	for (unsigned i = 0; i < part.n; i++)
		part.rows[i] = row;
	assert_true(conn_lines_put(&part, true, text) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_read_as_it_is_shown),
		cmocka_unit_test(
		    a_connection_is_a_line_and_the_last_one_counts_them),
		cmocka_unit_test(a_full_part_of_the_longest_names_fits),
	};

	TEST_MAIN(tests);
}
