#include "config/config.h"
#include "core/secret.h"
#include "failover/connsync/peer_conns.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define MAX 10

static struct config_address first[2], second[1];
static struct config_group groups[2] = {
	{ .name = "a", .addresses = first, .n_addresses = ARRAY_LEN(first) },
	{ .name = "b", .addresses = second, .n_addresses = ARRAY_LEN(second) },
};
static const struct config_pair pair = {
	.groups = groups,
	.n_groups = ARRAY_LEN(groups),
};

static struct peer_conns *
new_estate(void)
{
	struct peer_conns *e;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip("10.0.0.100", &first[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00::100", &first[1].addr), 0);
	assert_int_equal(addr_parse_ip("10.0.0.200", &second[0].addr), 0);
	e = peer_conns_new(&pair, MAX);
	assert_non_null(e);
	return e;
}

static struct conn_record_end
end(const char *ip, unsigned port)
{
	union addr a;

	assert_int_equal(addr_parse_ip(ip, &a), 0);
	addr_set_port(&a, (uint16_t)port);
	return conn_record_end_of(&a);
}

static struct conn_record
conn(const char *local, unsigned port, uint64_t id,
    enum conn_record_change change)
{
	return (struct conn_record){ .change = change,
		.id = id,
		.client = end("10.0.0.50", port),
		.local = end(local, 80) };
}

static unsigned
take(struct peer_conns *e, const char *local, unsigned port, uint64_t id,
    enum conn_record_change change)
{
	const struct conn_record c = conn(local, port, id, change);

	return peer_conns_take(e, &c);
}

/* One round through a group, telling all: the ports that were told. */
static const char *
told(struct peer_conns *e, unsigned group)
{
	static char text[256];
	struct peer_conns_leg leg;
	size_t n = 0;

	text[0] = '\0';
	peer_conns_rewind(e, group);
	while (peer_conns_next(e, group, &leg)) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u",
		    n > 0 ? " " : "", leg.to.port);
		peer_conns_tell(e);
	}
	return text;
}

static void
each_is_told_so_often_and_then_forgotten(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	assert_int_equal(take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED), 1);
	assert_int_equal(take(e, "10.0.0.200", 2, 2, CONN_RECORD_OPENED), 2);
	assert_text(told(e, 0), "1");
	/* Comes to it while it goes on, and is told as often. */
	assert_int_equal(take(e, "10.0.0.100", 3, 3, CONN_RECORD_OPENED), 1);
	for (unsigned i = 1; i < PEER_CONNS_TELLINGS_MAX; i++)
		assert_text(told(e, 0), "1 3");
	assert_int_equal(peer_conns_count(e), 2);
	assert_text(told(e, 0), "3");
	assert_true(peer_conns_is_empty(e, 0));
	assert_text(told(e, 0), "");
	assert_int_equal(peer_conns_count(e), 1);
	peer_conns_free(e);
}

/* A peer chooses who that is: nobody is sent to who could not have connected.
 */
static void
who_can_not_be_a_client_is_not_told(void **state)
{
	static const char *const clients[] = { "0.0.0.0", "0.1.2.3",
		"127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.100",
		"10.0.0.200", "::", "::1", "ff02::1", "fe80::1", "fd00::100" };
	struct peer_conns *e = new_estate();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		const bool v6 = strchr(clients[i], ':') != NULL;
		struct conn_record c = conn(v6 ? "fd00::100" : "10.0.0.100", 1,
		    i + 1, CONN_RECORD_OPENED);

		test_row(clients[i]);
		c.client = end(clients[i], 50000);
		assert_int_equal(peer_conns_take(e, &c), 0);
		/* Nor as a server, where the client is one. */
		c.server = c.client;
		c.source = c.local;
		c.client = end(v6 ? "fd00::7" : "10.0.0.7", 7);
		assert_int_equal(peer_conns_take(e, &c), 1);
		assert_text(told(e, 0), "7");
		c.change = CONN_RECORD_CLOSED;
		assert_int_equal(peer_conns_take(e, &c), 0);
		assert_int_equal(peer_conns_count(e), 0);
	}
	peer_conns_free(e);
}

static void
who_has_closed_is_not_told(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_OPENED);
	(void)take(e, "10.0.0.100", 1, 9, CONN_RECORD_CLOSED); /* another's */
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_CLOSED);
	assert_text(told(e, 0), "1");
	peer_conns_free(e);
}

static void
what_is_told_again_does_not_begin_anew(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	assert_text(told(e, 0), "1");
	assert_int_equal(take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED), 0);
	assert_text(told(e, 0), "1");
	/* The next user of the ends does, and so does one that has left. */
	assert_int_equal(take(e, "10.0.0.100", 1, 2, CONN_RECORD_OPENED), 1);
	assert_text(told(e, 0), "1");
	assert_text(told(e, 0), "1");
	assert_int_equal(take(e, "10.0.0.100", 1, 2, CONN_RECORD_LEFT), 1);
	for (unsigned i = 0; i < PEER_CONNS_TELLINGS_MAX; i++)
		assert_text(told(e, 0), "1");
	assert_text(told(e, 0), "");
	peer_conns_free(e);
}

static void
who_answers_is_told_no_more(void **state)
{
	struct peer_conns *e = new_estate();
	const struct conn_record c =
	    conn("10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	struct conn_record_end other = c.client;

	(void)state;
	(void)peer_conns_take(e, &c);
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_OPENED);
	/* A reset of its own, of a connection that was well. */
	assert_false(peer_conns_answered(e, &c.client, &c.local));
	assert_text(told(e, 0), "1 2");
	other.port = 9;
	assert_false(peer_conns_answered(e, &other, &c.local));
	assert_true(peer_conns_answered(e, &c.client, &c.local));
	assert_false(peer_conns_answered(e, &c.client, &c.local));
	assert_text(told(e, 0), "2");
	assert_int_equal(peer_conns_count(e), 1);
	peer_conns_free(e);
}

/* Its host is up again at once, and knows nothing of those it had. */
static void
those_of_a_dead_process_are_told_also_when_the_next_has_none(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	(void)take(e, "10.0.0.200", 2, 2, CONN_RECORD_OPENED);
	peer_conns_inherit(e, 0, true);
	peer_conns_begin(e);
	peer_conns_end(e);
	assert_false(peer_conns_sweep(e, 10));
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_CLOSED);
	assert_text(told(e, 0), "1");
	assert_int_equal(peer_conns_count(e), 1); /* the other group's went */
	peer_conns_inherit(e, 0, false);
	peer_conns_begin(e);
	peer_conns_end(e);
	assert_false(peer_conns_sweep(e, 10));
	assert_int_equal(peer_conns_count(e), 0);
	peer_conns_free(e);
}

/* Not from the first again, and not only in the next round. */
static void
who_comes_after_the_last_is_next(void **state)
{
	struct peer_conns *e = new_estate();
	struct peer_conns_leg leg;

	(void)state;
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	assert_text(told(e, 0), "1");
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_OPENED);
	assert_true(peer_conns_next(e, 0, &leg));
	assert_int_equal(leg.to.port, 2);
	assert_false(peer_conns_next(e, 0, &leg));
	peer_conns_free(e);
}

static void
a_server_is_told_where_its_way_begins(void **state)
{
	struct peer_conns *e = new_estate();
	struct conn_record c = conn("10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	struct peer_conns_leg leg;

	(void)state;
	c.source = end("10.0.0.200", 41000);
	c.server = end("10.0.0.21", 8080);
	assert_int_equal(peer_conns_take(e, &c), 3);
	peer_conns_rewind(e, 1);
	assert_true(peer_conns_next(e, 1, &leg));
	assert_false(leg.is_client);
	assert_memory_equal(
	    &leg.from, &c.source, sizeof(struct conn_record_end));
	assert_memory_equal(&leg.to, &c.server, sizeof(struct conn_record_end));
	peer_conns_forget(e);
	assert_int_equal(peer_conns_count(e), 1); /* its client is left */
	peer_conns_rewind(e, 0);
	assert_true(peer_conns_next(e, 0, &leg));
	assert_true(leg.is_client);
	assert_false(leg.told_before);
	assert_memory_equal(&leg.to, &c.client, sizeof(struct conn_record_end));
	peer_conns_forget(e);
	assert_int_equal(peer_conns_count(e), 0);
	peer_conns_free(e);
}

/* A client is known before it has one. */
static void
a_server_may_come_later(void **state)
{
	struct peer_conns *e = new_estate();
	struct conn_record c = conn("10.0.0.100", 1, 1, CONN_RECORD_OPENED);

	(void)state;
	assert_int_equal(peer_conns_take(e, &c), 1);
	c.source = end("10.0.0.200", 41000);
	c.server = end("10.0.0.21", 8080);
	assert_int_equal(peer_conns_take(e, &c), 3);
	assert_int_equal(peer_conns_take(e, &c), 0);
	assert_text(told(e, 0), "1");
	assert_text(told(e, 1), "8080");
	assert_int_equal(peer_conns_count(e), 1);
	peer_conns_free(e);
}

static void
addresses_that_are_none_of_ours_are_left_out(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	assert_int_equal(take(e, "10.0.0.7", 1, 1, CONN_RECORD_OPENED), 0);
	assert_int_equal(peer_conns_count(e), 0);
	peer_conns_free(e);
}

static void
an_end_forgets_what_was_not_mentioned(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		(void)take(e, "10.0.0.100", i, i, CONN_RECORD_OPENED);
	peer_conns_begin(e);
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_OPENED);
	assert_false(peer_conns_sweep(e, 10)); /* the wire may end here */
	assert_int_equal(peer_conns_count(e), 4);
	peer_conns_end(e);
	assert_true(peer_conns_sweep(e, 2));
	assert_false(peer_conns_sweep(e, 2));
	assert_text(told(e, 0), "2");
	peer_conns_free(e);
}

static void
a_round_survives_those_that_vanish_in_it(void **state)
{
	struct peer_conns *e = new_estate();
	struct peer_conns_leg leg;

	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		(void)take(e, "10.0.0.100", i, i, CONN_RECORD_OPENED);
	peer_conns_rewind(e, 0);
	assert_true(peer_conns_next(e, 0, &leg));
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_CLOSED); /* just given */
	(void)take(e, "10.0.0.100", 2, 2, CONN_RECORD_CLOSED); /* the next */
	peer_conns_tell(e);
	assert_true(peer_conns_next(e, 0, &leg));
	assert_int_equal(leg.to.port, 3);
	peer_conns_tell(e);
	assert_true(peer_conns_next(e, 0, &leg));
	assert_int_equal(leg.to.port, 4);
	assert_false(peer_conns_next(e, 0, &leg));
	peer_conns_free(e);
}

static void
there_is_a_bound(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	for (unsigned i = 1; i <= 3 * MAX + 5; i++)
		(void)take(e, "10.0.0.100", i, i, CONN_RECORD_OPENED);
	assert_int_equal(peer_conns_count(e), 3 * MAX);
	peer_conns_free(e);
}

static void
who_waits_leaves_room_for_who_was_accepted(void **state)
{
	struct peer_conns *e = new_estate();

	(void)state;
	for (unsigned i = 1; i <= 4 * MAX; i++)
		(void)take(e, "10.0.0.100", i, conn_record_waiting_id(i),
		    CONN_RECORD_OPENED);
	assert_int_equal(peer_conns_count(e), MAX);
	for (unsigned i = 101; i <= 100 + 2 * MAX; i++)
		assert_int_equal(
		    take(e, "10.0.0.100", i, i, CONN_RECORD_OPENED), 1);
	assert_int_equal(peer_conns_count(e), 3 * MAX);
	/* Accepted, one waits no more, and neither does who gave up. */
	(void)take(e, "10.0.0.100", 101, 101, CONN_RECORD_CLOSED);
	(void)take(e, "10.0.0.100", 1, 1, CONN_RECORD_OPENED);
	(void)take(
	    e, "10.0.0.100", 2, conn_record_waiting_id(2), CONN_RECORD_CLOSED);
	for (unsigned i = 201; i <= 202; i++)
		(void)take(e, "10.0.0.100", i, conn_record_waiting_id(i),
		    CONN_RECORD_OPENED);
	assert_int_equal(peer_conns_count(e), 3 * MAX);
	peer_conns_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_so_often_and_then_forgotten),
		cmocka_unit_test(who_can_not_be_a_client_is_not_told),
		cmocka_unit_test(who_has_closed_is_not_told),
		cmocka_unit_test(what_is_told_again_does_not_begin_anew),
		cmocka_unit_test(who_answers_is_told_no_more),
		cmocka_unit_test(
		    those_of_a_dead_process_are_told_also_when_the_next_has_none),
		cmocka_unit_test(who_comes_after_the_last_is_next),
		cmocka_unit_test(a_server_is_told_where_its_way_begins),
		cmocka_unit_test(a_server_may_come_later),
		cmocka_unit_test(addresses_that_are_none_of_ours_are_left_out),
		cmocka_unit_test(an_end_forgets_what_was_not_mentioned),
		cmocka_unit_test(a_round_survives_those_that_vanish_in_it),
		cmocka_unit_test(there_is_a_bound),
		cmocka_unit_test(who_waits_leaves_room_for_who_was_accepted),
	};

	TEST_MAIN(tests);
}
