#include "director/director_hear.h"

#include "director/director_ghosts.h"

#include "tests/lib/director_steps.h"

static void
a_backup_writes_then_confirms(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);

	(void)state;
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	add = director_steps_add_of(3, 2, 1, 10240);
	director_steps_hear(&add);
	director_steps_step(DIRECTOR_NODE_READ_ALL);
	director_steps_step(DIRECTOR_NODE_READ_ALL); /* once is enough */
	assert_text(director_steps_told(), "write:0 write:1 ACK");
	assert_int_equal(lab.sent[lab.n_sent - 1].seq, add.seq);
	assert_int_equal(lab.balance[0][1].load, 1);
	director_steps_hear(
	    &(struct replica_msg){ .type = REPLICA_MSG_DEL, .slot = 2 });
	assert_text(director_steps_told(), "erase:0");
	/* Nothing is its own to decide. */
	lab.seen[1].rst = true;
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, 1);
	director_steps_syn(9, 0);
	director_steps_wait_ms(100000);
	assert_text(director_steps_told(), "");
	director_steps_claim(2, true);
	assert_text(director_steps_told(), "hang-up tickle-all");
	lab.seen[1].last = lab.now;
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, 1);
	director_steps_wait_ms(1020);
	assert_text(director_steps_told(), "ended:1 erase:1");
}

static struct server_choice_server
forget_server(unsigned server)
{
	const struct server_choice_server was = lab.servers[server];

	memset(lab.servers[server].ip, 0, sizeof(lab.servers[server].ip));
	lab.servers[server].pool = SERVER_CHOICE_NO_POOL;
	return was;
}

/* The dump is there long before the first checks have ended. */
static void
a_server_that_is_known_later_has_its_connections(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 1, 10241);
	struct director_node_event ev = { .type = DIRECTOR_NODE_SERVER,
		.server = 1 };

	(void)state;
	director_steps_begin_as_backup();
	ev.said = forget_server(1);
	director_steps_hear(&add);
	assert_int_equal(lab.balance[0][1].load, 0);
	director_lab_step(&lab, &ev);
	director_lab_step(&lab, &ev); /* once is enough */
	assert_int_equal(lab.balance[0][1].load, 1);
	assert_true(port_pool_is_taken(&lab.pools[1], 10241));
	director_steps_claim(2, true);
	(void)director_steps_told();
	ev.type = DIRECTOR_NODE_CUT;
	ev.reason = END_REASON_SERVER_DOWN;
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "reset-both:0 ended:0 erase:0");
	assert_int_equal(lab.balance[0][1].load, 0);
	assert_false(port_pool_is_taken(&lab.pools[1], 10241));
}

/* It may be this node's own, or there is no source address for it. */
static void
a_server_without_ports_here_is_inherited(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 1, 10241);

	(void)state;
	director_steps_begin_as_backup();
	lab.servers[1].pool = SERVER_CHOICE_NO_POOL;
	director_steps_hear(&add);
	assert_text(director_steps_told(), "write:0");
	assert_int_equal(lab.balance[0][1].load, 1);
	director_steps_hear(
	    &(struct replica_msg){ .type = REPLICA_MSG_DEL, .slot = 2 });
	assert_text(director_steps_told(), "erase:0");
	assert_int_equal(lab.balance[0][1].load, 0);
}

/*
 * The stream was cut, and an end was not told: whatever has the addresses of
 * what comes goes before, or its entries would take the new ones along.
 */
static void
what_has_its_addresses_goes_before(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);

	(void)state;
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	add = director_steps_add_of(
	    1, 1, 1, 10240); /* the client's, in another slot */
	director_steps_hear(&add);
	assert_text(director_steps_told(), "write:0 erase:0 write:1");
	add = director_steps_add_of(3, 2, 1, 10240); /* the server's */
	director_steps_hear(&add);
	assert_text(director_steps_told(), "erase:1 write:2");
	add =
	    director_steps_add_of(3, 2, 0, 10244); /* a retry: the slot's own */
	director_steps_hear(&add);
	assert_text(director_steps_told(), "erase:2 write:3");
	add = director_steps_add_of(3, 2, 0, 10244); /* told again */
	director_steps_hear(&add);
	assert_text(director_steps_told(), "");
}

static void
what_a_dump_does_not_name_is_over(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);
	const struct replica_msg begin = { .type = REPLICA_MSG_BEGIN,
		.term = 1 };
	struct replica_msg finish = { .type = REPLICA_MSG_FINISH };

	(void)state;
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	add = director_steps_add_of(1, 2, 0, 10240);
	director_steps_hear(&add);
	(void)director_steps_told();
	director_steps_hear(&begin);
	add = director_steps_add_of(1, 2, 0, 10240);
	director_steps_hear(&add);
	finish.seq = add.seq + 1;
	director_steps_hear(&finish);
	director_steps_step(DIRECTOR_NODE_READ_ALL);
	assert_text(director_steps_told(), "erase:0 ACK");
	assert_int_equal(lab.sent[lab.n_sent - 1].seq, finish.seq);
}

/* Pitfall 3: late words of who had the address. */
static void
who_does_not_own_it_is_refused(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);

	(void)state;
	director_steps_begin_as_backup();
	director_steps_claim(2, false);
	(void)director_steps_told();
	director_steps_hear(&add);
	director_steps_step(DIRECTOR_NODE_READ_ALL);
	assert_text(director_steps_told(), "REFUSE");
	assert_int_equal(lab.sent[lab.n_sent - 1].term, 2);

	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	(void)director_steps_told();
	director_steps_hear(
	    &(struct replica_msg){ .type = REPLICA_MSG_REFUSE, .term = 2 });
	assert_int_equal(lab.d.committing.n, 0);
	director_steps_syn(1, 0); /* it shall ask the other */
	assert_text(director_steps_told(), "");
}

static void
a_peer_that_is_not_one_is_hung_up_on(void **state)
{
	struct replica_msg hello = director_lab_hello(1);
	struct replica_msg add = director_steps_add_of(99, 1, 0, 10242);

	(void)state;
	director_steps_begin_alone();
	director_steps_step(DIRECTOR_NODE_LINK_UP);
	director_steps_hear_ack(0); /* before it has said hello */
	hello.slots++;
	director_steps_hear(&hello);
	assert_text(director_steps_told(), "HELLO hang-up");
	hello = director_lab_hello(0);
	director_steps_hear(&hello);
	assert_text(director_steps_told(), "hang-up");
	hello = director_lab_hello(1);
	director_steps_hear(&hello);
	director_steps_hear(&hello);
	assert_text(director_steps_told(), "BEGIN hang-up");
	director_steps_begin_with_peer();
	director_steps_hear_ack(99);
	assert_text(director_steps_told(), "hang-up");
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	assert_text(director_steps_told(), "hang-up");
	/* A group that this file does not have is not taken, and no harm. */
	director_steps_begin_as_backup();
	director_steps_hear(
	    &(struct replica_msg){ .type = REPLICA_MSG_BEGIN, .group = 7 });
	add = director_steps_add_of(1, 1, 0, 10242);
	add.group = 7;
	director_steps_hear(&add);
	assert_text(director_steps_told(), "REFUSE");
}

static void
what_does_not_fit_into_the_maps_is_not_confirmed(void **state)
{
	const struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);

	(void)state;
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	director_steps_step_slot(DIRECTOR_NODE_FAILED, 0);
	director_steps_step(DIRECTOR_NODE_READ_ALL);
	assert_text(director_steps_told(), "write:0 erase:0 hang-up");
	director_steps_begin_alone();
	director_steps_syn(1, 0);
	(void)director_steps_told();
	director_steps_step_slot(DIRECTOR_NODE_FAILED, 0);
	assert_text(director_steps_told(), "reset-client:0 ended:0 erase:0");
}

/* Its owner has no director: what it has told of once is over, some day. */
static void
what_nobody_tells_of_is_forgotten(void **state)
{
	struct replica_msg add = director_steps_add_of(2, 1, 0, 10242);
	struct mono since = mono_never();

	(void)state;
	director_steps_begin_as_backup();
	director_steps_hear(&add);
	(void)director_steps_told();
	director_steps_step(DIRECTOR_NODE_FORGET);
	assert_text(director_steps_told(), "");
	director_steps_step(DIRECTOR_NODE_LINK_DOWN);
	director_steps_step(DIRECTOR_NODE_FORGET);
	assert_text(director_steps_told(), "erase:0");
	assert_false(director_ghosts_are_due(&since, true, lab.now));
	director_steps_wait_ms(DIRECTOR_GHOSTS_MS - 1);
	assert_false(director_ghosts_are_due(&since, true, lab.now));
	director_steps_wait_ms(1);
	assert_true(director_ghosts_are_due(&since, true, lab.now));
	/* It has spoken: it begins anew. */
	assert_false(director_ghosts_are_due(&since, false, lab.now));
	assert_false(director_ghosts_are_due(&since, true, lab.now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_tells_of_is_forgotten),
		cmocka_unit_test(a_backup_writes_then_confirms),
		cmocka_unit_test(
		    a_server_that_is_known_later_has_its_connections),
		cmocka_unit_test(a_server_without_ports_here_is_inherited),
		cmocka_unit_test(what_has_its_addresses_goes_before),
		cmocka_unit_test(what_a_dump_does_not_name_is_over),
		cmocka_unit_test(who_does_not_own_it_is_refused),
		cmocka_unit_test(a_peer_that_is_not_one_is_hung_up_on),
		cmocka_unit_test(
		    what_does_not_fit_into_the_maps_is_not_confirmed),
	};

	TEST_MAIN(tests);
}
