#include "director/director_node.h"

#include "tests/lib/director_steps.h"

static void
without_a_peer_the_server_hears_at_once(void **state)
{
	struct director_node_count n;

	(void)state;
	director_steps_begin_alone();
	director_steps_syn(1, 0);
	assert_text(director_steps_told(), "keep:0 write:0 emit:0");
	n = director_node_count(&lab.d, 0);
	assert_int_equal(n.connections, 1);
	assert_int_equal(n.protected, 0);
}

static void
with_one_the_server_hears_when_the_peer_has_confirmed(void **state)
{
	(void)state;
	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	assert_text(director_steps_told(), "keep:0 ADD");
	director_steps_syn(1, 0); /* the client repeats it */
	assert_text(director_steps_told(), "");
	director_steps_hear_ack(3);
	assert_text(director_steps_told(), "write:0 emit:0");
	assert_int_equal(director_node_count(&lab.d, 0).protected, 1);
	director_steps_step(DIRECTOR_NODE_LINK_DOWN);
	assert_int_equal(director_node_count(&lab.d, 0).protected, 0);
}

/* Pitfall 4, and a stream that is merely slow. */
static void
a_dead_peer_is_not_waited_for_and_a_slow_one_not_for_long(void **state)
{
	(void)state;
	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	(void)director_steps_told();
	director_steps_step(DIRECTOR_NODE_PEER_DEAD);
	assert_text(director_steps_told(), "hang-up write:0 emit:0");

	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	(void)director_steps_told();
	director_steps_wait_ms(150);
	assert_text(director_steps_told(), "");
	director_steps_wait_ms(70);
	assert_text(director_steps_told(), "write:0 emit:0");
	director_steps_syn(2, 0); /* nor does the next one */
	assert_text(director_steps_told(), "keep:1 ADD write:1 emit:1");
	director_steps_hear_ack(4);
	assert_int_equal(lab.d.replica.groups[0].state, REPLICA_LIVE);
}

static void
a_refusal_goes_to_the_next_server_with_another_port(void **state)
{
	(void)state;
	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	director_steps_hear_ack(3);
	(void)director_steps_told();
	/* Of whoever had the slot before. */
	director_steps_step_slot(DIRECTOR_NODE_REFUSED, 0);
	assert_text(director_steps_told(), "");
	lab.seen[0].refused = true;
	director_steps_step_slot(DIRECTOR_NODE_REFUSED, 0);
	assert_text(director_steps_told(), "accuse:0 erase:0 ADD");
	assert_memory_equal(
	    &lab.sent[lab.n_sent - 1].client, &lab.sent[3].client, 36);
	assert_int_equal(lab.sent[lab.n_sent - 1].server.src[15], 2);
	director_steps_hear_ack(4);
	assert_text(director_steps_told(), "write:0 emit:0");
	/* The other refuses, too: a second round is a second away. */
	director_steps_step_slot(DIRECTOR_NODE_REFUSED, 0);
	assert_text(director_steps_told(), "accuse:0 erase:0 DEL");
	director_steps_wait_ms(1020);
	assert_text(director_steps_told(), "ADD");
	assert_int_not_equal(
	    lab.sent[lab.n_sent - 1].server.dport, lab.sent[3].server.dport);
}

static void
services_with_one_server_share_its_ports(void **state)
{
	(void)state;
	director_steps_begin_alone();
	lab.servers[1].usable = false;
	director_steps_syn(1, 0);
	director_steps_syn(1, 1);
	assert_int_not_equal(lab.slots[0].port, lab.slots[1].port);
	assert_int_equal(lab.slots[0].port % 2, 0);
}

static void
close_slot(uint32_t slot)
{
	lab.seen[slot] = (struct kernel_conn_seen){ .syn_ack = true,
		.established = true,
		.spoken = true,
		.fin_client = true,
		.fin_server = true,
		.fins_acked = true };
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, slot);
}

static void
who_finds_no_place_gets_the_next_that_is_free(void **state)
{
	(void)state;
	director_steps_begin_alone();
	lab.services[0].max_connections = 1;
	director_steps_syn(1, 0);
	director_steps_syn(2, 0);
	director_steps_syn(3, 0);
	assert_text(
	    director_steps_told(), "keep:0 write:0 emit:0 keep:1 keep:2");
	close_slot(0);
	assert_text(director_steps_told(), "ended:0 erase:0 write:1 emit:1");
	director_steps_wait_ms(30020); /* timeouts.queue */
	assert_text(director_steps_told(),
	    "accuse:1 erase:1 write:1 emit:1 reset-client:2 ended:2");
}

static void
who_waits_for_what_is_relayed_asks_again(void **state)
{
	const struct director_node_event ev = { .type =
		                                    DIRECTOR_NODE_TURN_AWAY };

	(void)state;
	director_steps_begin_alone();
	lab.services[0].max_connections = 1;
	director_steps_syn(1, 0);
	director_steps_syn(2, 0);
	director_steps_syn(3, 0);
	(void)director_steps_told();
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "");
	assert_int_equal(lab.services[0].held.n, 0);
	close_slot(0);
	assert_text(director_steps_told(), "ended:0 erase:0");
}

/* In the process's tables, and in its servers' and clients' counts. */
static void
nothing_is_left_of_what_has_ended(void **state)
{
	(void)state;
	director_steps_begin_alone();
	for (unsigned i = 0; i < 50; i++) {
		director_steps_syn(1 + i, i % 2);
		close_slot(i % 4);
		director_steps_wait_ms(20);
	}
	assert_int_equal(lab.d.free.n, 4);
	assert_int_equal(lab.d.n_young, 0);
	assert_int_equal(lab.d.wheel.n, 0);
	for (unsigned i = 0; i < DIRECTOR_LAB_SERVICES; i++) {
		assert_int_equal(lab.services[i].connections, 0);
		assert_int_equal(lab.balance[i][0].load, 0);
		assert_int_equal(lab.balance[i][1].load, 0);
	}
	for (unsigned i = 0; i < ARRAY_LEN(lab.clients); i++)
		assert_int_equal(lab.clients[i].n.open, 0);
	assert_int_equal(lab.pools[0].free.n + lab.pools[1].free.n +
	        lab.pools[0].quarantine.n + lab.pools[1].quarantine.n,
	    2 * DIRECTOR_LAB_PORTS);
}

/* Pitfall 10. */
static void
a_slot_rests_and_is_filled_last(void **state)
{
	(void)state;
	director_steps_begin_alone();
	for (unsigned i = 1; i <= 4; i++)
		director_steps_syn(i, 0);
	(void)director_steps_told();
	close_slot(2);
	(void)director_steps_told();
	director_steps_syn(5, 0);
	assert_text(director_steps_told(), ""); /* the client asks again */
	director_steps_wait_ms(DIRECTOR_NODE_REST_MS);
	director_steps_syn(5, 0);
	assert_text(director_steps_told(), "keep:2 write:2 emit:2");
}

static void
a_client_has_as_many_as_it_may(void **state)
{
	struct conn_tuple t = director_steps_client_tuple(1, 0);
	struct director_node_event ev = { .type = DIRECTOR_NODE_SYN,
		.slot = DIRECTOR_NODE_NONE };

	(void)state;
	director_steps_begin_alone();
	lab.services[0].max_per_client = 2;
	lab.d.setup.young_per_client = 1;
	director_steps_syn(1, 0);
	(void)director_steps_told();
	t.sport++;
	ev.tuple = t;
	director_lab_step(&lab, &ev);
	assert_text(
	    director_steps_told(), ""); /* one that is not made, already */
	lab.seen[0] =
	    (struct kernel_conn_seen){ .syn_ack = true, .established = true };
	director_steps_wait_ms(300);
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "keep:1 write:1 emit:1");
	lab.seen[1] = lab.seen[0];
	director_steps_wait_ms(300);
	ev.tuple.sport++;
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "reject");
}

static void
a_flood_goes_to_the_listener(void **state)
{
	(void)state;
	director_steps_begin_alone();
	lab.d.setup.valve.young_most = 2;
	for (unsigned i = 1; i <= 3; i++)
		director_steps_syn(i, 0);
	assert_text(director_steps_told(),
	    "keep:0 write:0 emit:0 keep:1 write:1 emit:1 "
	    "keep:2 write:2 emit:2 valve");
	for (unsigned i = 0; i < 3; i++)
		lab.seen[i] = (struct kernel_conn_seen){ .syn_ack = true,
			.established = true };
	director_steps_wait_ms(300);
	assert_text(director_steps_told(), "");
	assert_false(mono_is_never(director_node_wake(&lab.d)));
	director_steps_wait_ms(1000);
	assert_text(director_steps_told(), "valve");
}

static void
a_release_lets_pass_what_it_withholds_and_times_nothing(void **state)
{
	(void)state;
	director_steps_begin_with_peer();
	director_steps_syn(1, 0);
	director_steps_hear_ack(3);
	director_steps_syn(2, 0);
	lab.services[1].max_connections = 1;
	lab.services[1].connections = 1;
	director_steps_syn(3, 1);
	(void)director_steps_told();
	director_steps_step(DIRECTOR_NODE_RELEASE);
	assert_text(director_steps_told(), "let-pass:0 released");
	assert_int_equal(lab.d.free.n, 3);
	director_steps_hear_ack(4); /* late */
	director_steps_step_slot(DIRECTOR_NODE_REFUSED, 0);
	director_steps_wait_ms(60000);
	assert_text(director_steps_told(), "");
}

static void
a_dump_names_what_was_not_told_yet(void **state)
{
	const struct replica_msg hello = director_lab_hello(1);

	(void)state;
	director_steps_begin_alone();
	director_steps_syn(1, 0);
	director_steps_syn(2, 0);
	(void)director_steps_told();
	director_steps_step(DIRECTOR_NODE_LINK_UP);
	director_steps_hear(&hello);
	director_steps_syn(3, 0); /* goes at once: a dump may be long */
	close_slot(0);
	assert_text(director_steps_told(),
	    "HELLO BEGIN keep:2 ADD write:2 emit:2 ended:0 "
	    "erase:0");
	director_steps_step(DIRECTOR_NODE_CAN_SEND);
	assert_text(director_steps_told(), "ADD FINISH");
	director_steps_hear_ack(3);
	assert_int_equal(lab.d.replica.groups[0].state, REPLICA_PROVING);
	assert_int_equal(director_node_count(&lab.d, 0).protected, 2);
	director_steps_hear_ack(4);
	assert_int_equal(lab.d.replica.groups[0].state, REPLICA_LIVE);
}

static void
a_server_that_is_given_up_loses_its_connections(void **state)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_CUT,
		.server = 0,
		.reason = END_REASON_SERVER_DOWN };

	(void)state;
	director_steps_begin_alone();
	director_steps_syn(1, 0);
	director_steps_syn(2, 0);
	director_steps_syn(3, 1);
	for (unsigned i = 0; i < 3; i++)
		lab.seen[i] = (struct kernel_conn_seen){ .syn_ack = true,
			.established = true };
	director_steps_wait_ms(300);
	(void)director_steps_told();
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "reset-both:0 ended:0 erase:0");
	ev.server = DIRECTOR_NODE_NONE;
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "reset-both:1 ended:1 erase:1");
	ev.type = DIRECTOR_NODE_KILL;
	ev.slot = 2;
	ev.reason = END_REASON_OPERATOR;
	director_lab_step(&lab, &ev);
	assert_text(director_steps_told(), "reset-both:2 ended:2 erase:2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_peer_the_server_hears_at_once),
		cmocka_unit_test(
		    with_one_the_server_hears_when_the_peer_has_confirmed),
		cmocka_unit_test(
		    a_dead_peer_is_not_waited_for_and_a_slow_one_not_for_long),
		cmocka_unit_test(
		    a_refusal_goes_to_the_next_server_with_another_port),
		cmocka_unit_test(services_with_one_server_share_its_ports),
		cmocka_unit_test(who_finds_no_place_gets_the_next_that_is_free),
		cmocka_unit_test(who_waits_for_what_is_relayed_asks_again),
		cmocka_unit_test(nothing_is_left_of_what_has_ended),
		cmocka_unit_test(a_slot_rests_and_is_filled_last),
		cmocka_unit_test(a_client_has_as_many_as_it_may),
		cmocka_unit_test(a_flood_goes_to_the_listener),
		cmocka_unit_test(
		    a_release_lets_pass_what_it_withholds_and_times_nothing),
		cmocka_unit_test(a_dump_names_what_was_not_told_yet),
		cmocka_unit_test(
		    a_server_that_is_given_up_loses_its_connections),
	};

	TEST_MAIN(tests);
}
