#include "core/addr.h"
#include "core/secret.h"
#include "failover/connsync/local_conns.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>

#define MAX 10

static struct conn_record
conn(unsigned port, uint64_t id, enum conn_record_change change)
{
	struct conn_record c = { .id = id, .change = change };
	union addr a;

	assert_int_equal(addr_parse_ip("10.0.0.50", &a), 0);
	addr_set_port(&a, (uint16_t)port);
	c.client = conn_record_end_of(&a);
	assert_int_equal(addr_parse_ip("10.0.0.100", &a), 0);
	addr_set_port(&a, 80);
	c.local = conn_record_end_of(&a);
	return c;
}

static void
take(struct local_conns *l, unsigned port, uint64_t id,
    enum conn_record_change change)
{
	const struct conn_record c = conn(port, id, change);

	assert_int_equal(local_conns_take(l, &c), 0);
}

/* What is owed, as text: "begin +1 -2 /3 end" are opened, closed, left. */
static const char *
owed(struct local_conns *l)
{
	static char text[256];
	size_t n = 0;
	struct conn_record c;
	enum local_conns_debt debt;

	text[0] = '\0';
	while ((debt = local_conns_next(l, &c)) != LOCAL_CONNS_PAID) {
		const char *space = n > 0 ? " " : "";

		if (debt == LOCAL_CONNS_RECORD)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%c%u", space, "?+-/"[c.change], c.client.port);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", space,
			    debt == LOCAL_CONNS_BEGIN ? "begin" : "end");
	}
	return text;
}

/* Connected, and the relay has told that there is nothing. */
static struct local_conns *
connected(void)
{
	struct local_conns *l;

	assert_int_equal(secret_init(), 0);
	l = local_conns_new(MAX);
	assert_non_null(l);
	local_conns_begin(l);
	local_conns_end(l);
	local_conns_restart(l);
	assert_text(owed(l), "begin end");
	return l;
}

static void
changes_are_told_once(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	take(l, 2, 2, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1 +2");
	assert_text(owed(l), "");
	take(l, 1, 1, CONN_RECORD_CLOSED);
	assert_text(owed(l), "-1");
	take(l, 1, 1, CONN_RECORD_CLOSED);
	assert_text(owed(l), "");
	local_conns_free(l);
}

static void
what_is_over_before_its_turn_was_never_there(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	take(l, 1, 1, CONN_RECORD_CLOSED);
	assert_text(owed(l), "");
	local_conns_free(l);
}

static void
a_new_wire_hears_all_that_is_live(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1 +2 +3");
	take(l, 2, 2, CONN_RECORD_CLOSED); /* not told when the wire ends */
	local_conns_restart(l);
	assert_text(owed(l), "begin +1 +3 end");
	take(l, 3, 3, CONN_RECORD_CLOSED);
	assert_text(owed(l), "-3");
	local_conns_free(l);
}

static void
all_is_told_only_when_the_relay_has_told_all(void **state)
{
	struct local_conns *l;

	(void)state;
	assert_int_equal(secret_init(), 0);
	l = local_conns_new(MAX);
	local_conns_restart(l);
	local_conns_begin(l);
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_text(owed(l), "begin +1");
	take(l, 2, 2, CONN_RECORD_OPENED);
	local_conns_end(l);
	assert_text(owed(l), "+2 end");
	local_conns_free(l);
}

static void
what_the_relay_does_not_mention_again_has_closed(void **state)
{
	struct local_conns *l = connected();
	const struct conn_record one = conn(1, 1, CONN_RECORD_OPENED);

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	take(l, 2, 2, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1 +2");
	local_conns_begin(l);
	take(l, 2, 2, CONN_RECORD_OPENED);
	assert_true(local_conns_is_live(l, &one));
	assert_false(local_conns_sweep(l, 10));
	local_conns_end(l);
	assert_false(local_conns_is_live(l, &one));
	assert_false(local_conns_sweep(l, 10));
	assert_text(owed(l), "-1");
	local_conns_free(l);
}

static void
a_new_relay_without_connections_ends_all(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1 +2 +3");
	local_conns_begin(l);
	local_conns_end(l);
	assert_true(local_conns_sweep(l, 2));
	assert_text(owed(l), "-1 -2");
	assert_false(local_conns_sweep(l, 2));
	assert_text(owed(l), "-3");
	local_conns_free(l);
}

static void
the_next_user_of_the_ends_is_another(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	take(l, 1, 2, CONN_RECORD_OPENED);
	take(l, 1, 1, CONN_RECORD_CLOSED); /* comes late, from another worker */
	assert_text(owed(l), "+1");
	take(l, 1, 2, CONN_RECORD_CLOSED);
	assert_text(owed(l), "-1");
	local_conns_free(l);
}

static void
a_server_that_comes_later_is_told(void **state)
{
	struct local_conns *l = connected();
	struct conn_record one = conn(1, 1, CONN_RECORD_OPENED), told;

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	one.source = one.server = one.local;
	assert_int_equal(local_conns_take(l, &one), 0);
	assert_int_equal(local_conns_next(l, &told), LOCAL_CONNS_RECORD);
	assert_true(conn_record_is_same(&told, &one));
	assert_int_equal(local_conns_take(l, &one), 0);
	assert_text(owed(l), "");
	assert_int_equal(local_conns_count(l), 1);
	local_conns_free(l);
}

/* Whatever comes first, and late: the relay knows better. */
static void
who_waits_in_a_backlog_is_told_until_accepted(void **state)
{
	struct local_conns *l = connected();
	const uint64_t cookie = conn_record_waiting_id(7);

	(void)state;
	take(l, 1, cookie, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	/* A new relay does not know of it. */
	local_conns_begin(l);
	local_conns_end(l);
	assert_false(local_conns_sweep(l, 10));
	assert_text(owed(l), "");
	assert_int_equal(local_conns_count(l), 1);
	/* Accepted, and then seen as gone, and once more from before. */
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	take(l, 1, cookie, CONN_RECORD_CLOSED);
	take(l, 1, cookie, CONN_RECORD_OPENED);
	assert_text(owed(l), "");
	take(l, 1, 1, CONN_RECORD_CLOSED);
	assert_text(owed(l), "-1");
	take(l, 1, conn_record_waiting_id(8), CONN_RECORD_OPENED);
	take(l, 2, conn_record_waiting_id(9), CONN_RECORD_OPENED);
	assert_text(owed(l), "+1 +2");
	take(l, 2, conn_record_waiting_id(9), CONN_RECORD_CLOSED);
	assert_text(owed(l), "-2");
	local_conns_free(l);
}

static void
what_left_is_told_and_must_arrive(void **state)
{
	struct local_conns *l = connected();
	const struct conn_record one = conn(1, 1, CONN_RECORD_OPENED);

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	take(l, 1, 1, CONN_RECORD_LEFT);
	assert_false(local_conns_is_live(l, &one));
	assert_text(owed(l), "/1");
	assert_true(local_conns_awaits(l));
	local_conns_restart(l); /* it did not */
	assert_text(owed(l), "begin /1 end");
	local_conns_settle(l, 10);
	assert_false(local_conns_awaits(l));
	local_conns_restart(l);
	assert_text(owed(l), "begin end");
	local_conns_free(l);
}

static void
who_comes_back_by_the_same_ends_is_live(void **state)
{
	struct local_conns *l = connected();
	const struct conn_record one = conn(1, 1, CONN_RECORD_OPENED);

	(void)state;
	take(l, 1, 1, CONN_RECORD_OPENED);
	take(l, 1, 1, CONN_RECORD_LEFT);
	assert_text(owed(l), "/1");
	take(l, 1, 2, CONN_RECORD_OPENED);
	assert_true(local_conns_is_live(l, &one));
	assert_false(local_conns_awaits(l));
	assert_text(owed(l), "+1");
	local_conns_free(l);
}

static void
debts_have_a_bound_and_live_ones_always_a_place(void **state)
{
	struct local_conns *l = connected();
	struct conn_record c;

	(void)state;
	for (unsigned i = 1; i <= MAX; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	(void)owed(l);
	for (unsigned i = 1; i <= MAX; i++)
		take(l, i, i, CONN_RECORD_CLOSED);
	take(l, 100, 100, CONN_RECORD_OPENED);
	(void)local_conns_next(l, &c); /* one of them is told */
	take(l, 101, 101, CONN_RECORD_OPENED);
	(void)owed(l);
	local_conns_restart(l);
	for (unsigned i = 1; i <= MAX; i++) {
		take(l, i, i, CONN_RECORD_OPENED);
		take(l, i, i, CONN_RECORD_LEFT);
	}
	/* As many live ones beside those that have left, wire or none. */
	take(l, 100, 100, CONN_RECORD_CLOSED);
	take(l, 101, 101, CONN_RECORD_CLOSED);
	for (unsigned i = 201; i <= 200 + MAX; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	local_conns_free(l);
}

static void
a_peer_that_does_not_read_is_noticed(void **state)
{
	struct local_conns *l = connected();
	int r = 0;

	(void)state;
	for (unsigned i = 1; i <= MAX + 1; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	(void)owed(l); /* told; their closings wait */
	for (unsigned i = 1; i <= MAX + 1 && r == 0; i++) {
		const struct conn_record c = conn(i, i, CONN_RECORD_CLOSED);

		r = local_conns_take(l, &c);
	}
	assert_int_equal(r, -ENOSPC);
	local_conns_free(l);
}

/* Of the clients of an overload many more wait than may connect. */
static void
who_waits_takes_nobodys_place_and_ends_no_wire(void **state)
{
	struct local_conns *l = connected();

	(void)state;
	for (unsigned i = 1; i <= 4 * MAX; i++) {
		const struct conn_record c =
		    conn(i, conn_record_waiting_id(i), CONN_RECORD_OPENED);

		assert_int_equal(
		    local_conns_take(l, &c), i <= MAX ? 0 : -ENOSPC);
	}
	(void)owed(l);
	for (unsigned i = 101; i <= 100 + MAX; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	assert_int_equal(local_conns_count(l), 2 * MAX);
	(void)owed(l);
	/* All at once they wait no more, which is none of the relay's debts. */
	for (unsigned i = 1; i <= MAX; i++)
		take(l, i, conn_record_waiting_id(i), CONN_RECORD_CLOSED);
	for (unsigned i = 101; i <= 100 + MAX; i++)
		take(l, i, i, CONN_RECORD_CLOSED);
	for (unsigned i = 201; i <= 200 + MAX; i++) {
		take(l, i, i, CONN_RECORD_OPENED);
		take(l, i, i, CONN_RECORD_LEFT);
	}
	for (unsigned i = 301; i <= 300 + MAX; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	assert_int_equal(local_conns_count(l), MAX);
	/* There is room for as many, and no more until that was told. */
	for (unsigned i = 401; i <= 401 + MAX; i++) {
		const struct conn_record c =
		    conn(i, conn_record_waiting_id(i), CONN_RECORD_OPENED);

		assert_int_equal(
		    local_conns_take(l, &c), i <= 400 + MAX ? 0 : -ENOSPC);
	}
	for (unsigned i = 401; i <= 400 + MAX; i++)
		take(l, i, conn_record_waiting_id(i), CONN_RECORD_CLOSED);
	(void)owed(l);
	take(l, 1, conn_record_waiting_id(1), CONN_RECORD_OPENED);
	assert_text(owed(l), "+1");
	local_conns_free(l);
}

/* Of a group's addresses, IPv4 and IPv6, whatever the port. */
static void
those_at_some_addresses_are_counted(void **state)
{
	struct local_conns *l = connected();
	struct conn_record_end at[2];
	struct conn_record six;
	union addr a;

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		take(l, i, i, CONN_RECORD_OPENED);
	take(l, 3, 3, CONN_RECORD_CLOSED);
	six = conn(7, 7, CONN_RECORD_OPENED);
	assert_int_equal(addr_parse_ip("fd00::100", &a), 0);
	addr_set_port(&a, 443);
	six.local = conn_record_end_of(&a);
	assert_int_equal(local_conns_take(l, &six), 0);
	at[0] = conn_record_end_of(&a);
	at[0].port = 0;
	assert_int_equal(local_conns_count_at(l, at, 1), 1);
	at[1] = conn(1, 1, CONN_RECORD_OPENED).local;
	assert_int_equal(local_conns_count_at(l, at, 2), 3);
	/* A new relay has not mentioned them again: they count on. */
	local_conns_begin(l);
	take(l, 1, 1, CONN_RECORD_OPENED);
	assert_int_equal(local_conns_count_at(l, at, 2), 3);
	assert_int_equal(addr_parse_ip("10.0.0.101", &a), 0);
	at[0] = conn_record_end_of(&a);
	assert_int_equal(local_conns_count_at(l, at, 1), 0);
	local_conns_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_told_once),
		cmocka_unit_test(what_is_over_before_its_turn_was_never_there),
		cmocka_unit_test(a_new_wire_hears_all_that_is_live),
		cmocka_unit_test(all_is_told_only_when_the_relay_has_told_all),
		cmocka_unit_test(
		    what_the_relay_does_not_mention_again_has_closed),
		cmocka_unit_test(a_new_relay_without_connections_ends_all),
		cmocka_unit_test(the_next_user_of_the_ends_is_another),
		cmocka_unit_test(a_server_that_comes_later_is_told),
		cmocka_unit_test(who_waits_in_a_backlog_is_told_until_accepted),
		cmocka_unit_test(what_left_is_told_and_must_arrive),
		cmocka_unit_test(who_comes_back_by_the_same_ends_is_live),
		cmocka_unit_test(
		    debts_have_a_bound_and_live_ones_always_a_place),
		cmocka_unit_test(those_at_some_addresses_are_counted),
		cmocka_unit_test(a_peer_that_does_not_read_is_noticed),
		cmocka_unit_test(
		    who_waits_takes_nobodys_place_and_ends_no_wire),
	};

	TEST_MAIN(tests);
}
