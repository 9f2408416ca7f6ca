#include "proxy/transfer/session_give.h"

#include "proxy/pool/source_ports.h"
#include "tests/lib/transfer_lab.h"

static void
back_and_forth(unsigned pipes, unsigned times, size_t amount)
{
	struct lab *l = lab_new("", pipes);
	struct stream in, out;

	come(l, 0);
	serve(l, 0);
	in = stream(l, 0, false);
	out = stream(l, 0, true);
	for (unsigned i = 0; i < times; i++) {
		feed(&in, amount + i % 7);
		feed(&out, amount + i % 11);
		if (i % 3 == 0)
			turns(l, 1 + i % 4);
		assert_int_equal(move(l), 0);
		(void)drain(&in, amount * 2);
		if (i % 5 != 0)
			(void)drain(&out, amount * 2);
	}
	drain_all(l, &in);
	drain_all(l, &out);
	assert_true(in.read >= amount && out.read >= amount);
	assert_int_equal(count_bytes(l, false), in.read);
	assert_int_equal(count_bytes(l, true), out.read);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
a_thousand_times_while_little_flows(void **state)
{
	(void)state;
	back_and_forth(0, 1000, 100);
}

static void
often_while_much_flows_by_copying(void **state)
{
	(void)state;
	back_and_forth(0, 200, 60000);
}

static void
often_while_much_flows_by_splicing(void **state)
{
	(void)state;
	back_and_forth(8, 200, 60000);
}

/*
 * Neither reads: both directions are full to the brim, pipes too. Then what is
 * held goes out in parts, and the rest of it changes hands.
 */
static void
stalled(unsigned pipes, int room)
{
	struct lab *l = lab_new("", pipes);
	struct session *s;
	struct stream in, out;
	bool spliced = false;

	come(l, 0);
	serve(l, 0);
	s = LIST_FIRST(&l->halves[0].worker.sessions.sessions);
	for (unsigned i = 0; i < 2 && room > 0; i++)
		assert_int_equal(setsockopt(s->ends[i].fd, SOL_SOCKET,
		                     SO_SNDBUF, &room, sizeof(room)),
		    0);
	in = stream(l, 0, false);
	out = stream(l, 0, true);
	/* Reads have to fill the buffer twice in a row, which takes luck. */
	for (unsigned i = 0; i < 10000 && !spliced && pipes > 0; i++) {
		for (unsigned k = 0; k < 8; k++)
			feed(&in, 65536);
		turns(l, 1);
		spliced = s->flows[SESSION_CLIENT].pipe != NULL;
		if (!spliced && i % 50 == 49)
			drain_all(l, &in);
	}
	assert_int_equal(spliced, pipes > 0);
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < 4; k++) {
			feed(&in, 65536);
			feed(&out, 65536);
		}
		turns(l, 1);
		if (i % 50 == 49)
			assert_int_equal(move(l), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		(void)drain(&in, 20000);
		(void)drain(&out, 30000);
		turns(l, 1);
		assert_int_equal(move(l), 0);
	}
	drain_all(l, &in);
	drain_all(l, &out);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
stalled_both_ways_by_copying(void **state)
{
	(void)state;
	stalled(0, 0);
}

static void
stalled_both_ways_with_little_room(void **state)
{
	(void)state;
	stalled(0, 8192);
}

static void
stalled_both_ways_by_splicing(void **state)
{
	(void)state;
	stalled(8, 0);
}

/* One side has said its last word; the other goes on, over many moves. */
static void
half_closed(bool by_server)
{
	struct lab *l = lab_new("", 8);
	struct stream said, other;

	come(l, 0);
	serve(l, 0);
	said = stream(l, 0, by_server);
	other = stream(l, 0, !by_server);
	feed(&said, 3000);
	assert_int_equal(shutdown(said.from, SHUT_WR), 0);
	/* The end is not passed on yet, then it is, and stays so. */
	assert_int_equal(move(l), 0);
	expect_end(l, &said);
	for (unsigned i = 0; i < 50; i++) {
		feed(&other, 5000);
		assert_int_equal(move(l), 0);
	}
	drain_all(l, &other);
	assert_int_equal(shutdown(other.from, SHUT_WR), 0);
	assert_int_equal(move(l), 0);
	expect_end(l, &other);
	assert_clean(l, 1);
	lab_free(l);
}

static void
half_closed_by_the_client(void **state)
{
	(void)state;
	half_closed(false);
}

static void
half_closed_by_the_server(void **state)
{
	(void)state;
	half_closed(true);
}

/* The end waits behind bytes for which there is no room. */
static void
an_end_behind_what_is_stalled(void **state)
{
	struct lab *l = lab_new("", 8);
	struct stream in;

	(void)state;
	come(l, 0);
	serve(l, 0);
	in = stream(l, 0, false);
	for (unsigned i = 0; i < 100; i++) {
		feed(&in, 65536);
		turns(l, 1);
	}
	assert_int_equal(shutdown(in.from, SHUT_WR), 0);
	turns(l, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(move(l), 0);
	expect_end(l, &in);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* It is urgent on the other side, too, and in its place. */
static void
pend_urgent(const char *before)
{
	struct lab *l = lab_new("", 8);
	const size_t n = strlen(before);
	const int on = 1;
	char text[8] = "";
	int at_mark = 0;
	struct move m;

	come(l, 0);
	serve(l, 0);
	assert_int_equal(
	    setsockopt(l->peers[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)),
	    0);
	/* The giver's worker has heard of none of it when it gives. */
	m = begin_move(l);
	assert_int_equal(send(l->clients[0], before, n, 0), n);
	assert_int_equal(send(l->clients[0], "!", 1, MSG_OOB), 1);
	assert_int_equal(send(l->clients[0], "cd", 2, 0), 2);
	assert_int_equal(end_move(l, &m), 0);
	turns(l, 3);
	assert_int_equal(move(l), 0);
	turns(l, 3);
	if (n > 0)
		assert_int_equal(recv(l->peers[0], text, sizeof(text), 0), n);
	assert_memory_equal(text, before, n);
	assert_int_equal(ioctl(l->peers[0], SIOCATMARK, &at_mark), 0);
	assert_int_equal(at_mark, 1);
	assert_int_equal(recv(l->peers[0], text, sizeof(text), 0), 3);
	assert_memory_equal(text, "!cd", 3);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
an_urgent_byte_pending(void **state)
{
	(void)state;
	pend_urgent("ab");
	pend_urgent("");
}

/* It was held until there was a server, and is not any more. */
static void
an_urgent_byte_that_had_to_wait(void **state)
{
	struct lab *l = lab_new("", 8);
	const uint8_t text[] = "!";
	struct session *s;
	char got[2];

	(void)state;
	come(l, 0);
	s = LIST_FIRST(&l->halves[l->now].worker.sessions.sessions);
	assert_int_equal(
	    flow_hold(&s->flows[SESSION_CLIENT], text, 1, true), 0);
	serve(l, 0);
	turns(l, 3);
	assert_int_equal(recv(l->peers[0], got, sizeof(got), 0), 1);
	assert_int_equal(move(l), 0);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
before_the_first_byte(void **state)
{
	struct lab *l = lab_new("  connect: at_first_byte\n", 0);
	struct stream in;

	(void)state;
	come(l, 0);
	assert_int_equal(move(l), 0);
	turns(l, 3);
	assert_int_equal(accept(l->servers, NULL, NULL), -1);
	in = stream(l, 0, false);
	feed(&in, 10);
	assert_int_equal(move(l), 0);
	serve(l, 0);
	in.to = l->peers[0];
	drain_all(l, &in);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* One place: the others have theirs in the queue, in the order they came. */
static void
queued_ones_keep_their_places(void **state)
{
	struct lab *l = lab_new("", 0);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		l->halves[i].config->services[0].servers[0].max_connections = 1;
	come(l, 0);
	serve(l, 0);
	for (unsigned i = 1; i < 6; i++) {
		come(l, i);
		assert_int_equal(
		    send(l->clients[i], &(char){ (char)i }, 1, 0), 1);
		if (i % 2 == 0)
			assert_int_equal(move(l), 0);
	}
	assert_int_equal(move(l), 0);
	assert_int_equal(atomic_load(&l->halves[l->now].pool.n_waiting), 5);
	for (unsigned i = 1; i < 6; i++) {
		char byte = 0;

		close_both(l, i - 1);
		serve(l, i);
		turns(l, 3);
		assert_int_equal(recv(l->peers[i], &byte, 1, MSG_DONTWAIT), 1);
		assert_int_equal(byte, i);
	}
	close_both(l, 5);
	assert_clean(l, 6);
	lab_free(l);
}

/* The attempt goes along: the server sees one connection. */
static void
connecting(void **state)
{
	struct lab *l = lab_new("", 0);
	struct stream in;
	struct session *s;

	(void)state;
	come(l, 0);
	s = LIST_FIRST(&l->halves[0].worker.sessions.sessions);
	assert_int_equal(s->phase, SESSION_CONNECTING);
	assert_int_equal(move(l), 0);
	serve(l, 0);
	assert_int_equal(accept(l->servers, NULL, NULL), -1);
	in = stream(l, 0, false);
	feed(&in, 1000);
	drain_all(l, &in);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* The server has reset it; the client still gets what was said before. */
static void
parting(void **state)
{
	struct lab *l = lab_new("", 0);
	const struct linger reset = { .l_onoff = 1 };
	struct stream out;
	struct session *s;
	ssize_t n;

	(void)state;
	come(l, 0);
	serve(l, 0);
	out = stream(l, 0, true);
	for (unsigned i = 0; i < 100; i++) {
		feed(&out, 65536);
		turns(l, 1);
	}
	assert_int_equal(setsockopt(l->peers[0], SOL_SOCKET, SO_LINGER, &reset,
	                     sizeof(reset)),
	    0);
	fd_close(&l->peers[0]);
	turns(l, 2);
	s = LIST_FIRST(&l->halves[0].worker.sessions.sessions);
	assert_non_null(s);
	assert_int_equal(s->phase, SESSION_PARTING);
	assert_int_equal(move(l), 0);
	n = 0;
	for (unsigned k = 0; k < 10000 && n != -1; k++) {
		uint8_t bytes[65536];

		(void)poll(NULL, 0, k > 1000);
		turns(l, 1);
		n = recv(l->clients[0], bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			n = 0;
		out.read += n > 0 ? (uint64_t)n : 0;
	}
	/* All that the relay had of it, and then the reset. */
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_true(out.read > 1000000);
	fd_close(&l->clients[0]);
	assert_clean(l, 1);
	lab_free(l);
}

/* `source` and a limit for each client: the port and the place go along. */
static void
ports_and_places_go_along(void **state)
{
	struct lab *l = lab_new(
	    "  source: 127.0.0.1\n  max_connections_per_client: 2\n", 0);
	struct half *h;
	uint16_t port;
	int third;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		come(l, i);
		serve(l, i);
	}
	port = LIST_FIRST(&l->halves[0].worker.sessions.sessions)
	           ->info.source_port;
	assert_int_not_equal(port, 0);
	assert_int_equal(move(l), 0);
	h = &l->halves[1];
	assert_false(source_ports_claim(h->pool.servers[0].ports, port));
	assert_true(
	    source_ports_claim(l->halves[0].pool.servers[0].ports, port));
	source_ports_give(l->halves[0].pool.servers[0].ports, port);
	third = connect_to(l);
	turns(l, 5);
	assert_int_equal(h->worker.sessions.services[0].too_many, 1);
	fd_close(&third);
	for (unsigned i = 0; i < 2; i++)
		close_both(l, i);
	assert_clean(l, 2);
	assert_true(source_ports_claim(h->pool.servers[0].ports, port));
	source_ports_give(h->pool.servers[0].ports, port);
	lab_free(l);
}

/* No descriptor is lost by being given, however often. */
static void
nothing_leaks(void **state)
{
	struct lab *l = lab_new("", 4);
	unsigned before;

	(void)state;
	for (unsigned i = 0; i < LAB_SESSIONS; i++) {
		come(l, i);
		serve(l, i);
	}
	assert_int_equal(move(l), 0);
	before = count_fds();
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(move(l), 0);
	assert_int_equal(count_fds(), before);
	for (unsigned i = 0; i < LAB_SESSIONS; i++)
		close_both(l, i);
	assert_clean(l, LAB_SESSIONS);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_times_while_little_flows),
		cmocka_unit_test(often_while_much_flows_by_copying),
		cmocka_unit_test(often_while_much_flows_by_splicing),
		cmocka_unit_test(stalled_both_ways_by_copying),
		cmocka_unit_test(stalled_both_ways_with_little_room),
		cmocka_unit_test(stalled_both_ways_by_splicing),
		cmocka_unit_test(half_closed_by_the_client),
		cmocka_unit_test(half_closed_by_the_server),
		cmocka_unit_test(an_end_behind_what_is_stalled),
		cmocka_unit_test(an_urgent_byte_pending),
		cmocka_unit_test(an_urgent_byte_that_had_to_wait),
		cmocka_unit_test(before_the_first_byte),
		cmocka_unit_test(queued_ones_keep_their_places),
		cmocka_unit_test(connecting),
		cmocka_unit_test(parting),
		cmocka_unit_test(ports_and_places_go_along),
		cmocka_unit_test(nothing_leaks),
	};

	TEST_MAIN(tests);
}
