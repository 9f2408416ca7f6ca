#include "proxy/control/conn_lines.h"

#include "config/config.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_bool no_stop;

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
	char text[2048] = "";
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(conn_lines_write(ends[0], &part, false, &no_stop), 0);
	assert_int_equal(conn_lines_end(ends[0], 2, NULL, &no_stop), 0);
	assert_true(recv(ends[1], text, sizeof(text) - 1, 0) > 0);
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
	    "\"peer_knows\":false,\"lingering\":false}\n"
	    "{\"end\":2}");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
who_does_not_read_keeps_nobody_that_shall_stop(void **state)
{
	const atomic_bool stop = true;
	int ends[2], e = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	for (unsigned i = 0; i < 1000000 && e == 0; i++)
		e = conn_lines_end(ends[0], i, NULL, &stop);
	assert_int_equal(e, -ECANCELED);
	(void)close(ends[1]);
	assert_int_equal(conn_lines_end(ends[0], 0, "why", &stop), -EPIPE);
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_read_as_it_is_shown),
		cmocka_unit_test(
		    a_connection_is_a_line_and_the_last_one_counts_them),
		cmocka_unit_test(
		    who_does_not_read_keeps_nobody_that_shall_stop),
	};

	TEST_MAIN(tests);
}
