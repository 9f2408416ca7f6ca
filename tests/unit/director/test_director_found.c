#include "director/director_found.h"

#include "tests/lib/director_steps.h"

/* Of client 1, at the second server, by a port of node 0's. */
static struct director_found
found_at(uint32_t slot)
{
	return (struct director_found){ .slot = slot,
		.service = 0,
		.server = 1,
		.isn = 7,
		.client = director_steps_client_tuple(1, 0),
		.server_side = { .src = DIRECTOR_LAB_IP(2, 2),
		    .dst = DIRECTOR_LAB_IP(0, 100),
		    .sport = 90,
		    .dport = PORT_POOL_FIRST + 2 } };
}

static void
take(uint32_t slot)
{
	const struct director_found f = found_at(slot);

	director_lab_init(&lab, 0);
	assert_true(director_found_take(&lab.d, &f, lab.now));
}

static void
nothing_of_it_is_withheld_and_its_end_is_told_anew(void **state)
{
	(void)state;
	take(2);
	assert_text(director_steps_told(), "let-pass:2 go-on:2");
	assert_int_equal(lab.d.slots[2].conn.state, KERNEL_CONN_OPEN);
	assert_int_equal(lab.d.free.n, DIRECTOR_LAB_SLOTS - 1);
	assert_int_equal(lab.services[0].connections, 1);
	assert_int_equal(lab.services[0].choice.slots[1].load, 1);
	/* Until failover has spoken nothing is decided. */
	lab.seen[2].fins_acked = lab.seen[2].fin_client =
	    lab.seen[2].fin_server = true;
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, 2);
	assert_text(director_steps_told(), "");
	director_steps_claim(3, false);
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, 2);
	assert_text(director_steps_told(), "ended:2 erase:2");
	assert_int_equal(lab.d.free.n, DIRECTOR_LAB_SLOTS);
	assert_int_equal(lab.services[0].connections, 0);
}

/* The one that was kept died with the process. */
static void
its_client_repeats_its_syn(void **state)
{
	(void)state;
	take(0);
	director_steps_claim(3, false);
	(void)director_steps_told();
	director_steps_syn(1, 0);
	assert_text(director_steps_told(), "anew:0 keep:0 emit:0");
	lab.seen[0].refused = true;
	director_steps_step_slot(DIRECTOR_NODE_REFUSED, 0);
	assert_text(director_steps_told(), "accuse:0 erase:0 write:0 emit:0");
	assert_int_equal(lab.d.slots[0].server, 0);
}

static void
the_peer_is_told_of_it(void **state)
{
	const struct replica_msg hello = director_lab_hello(1);

	(void)state;
	take(1);
	director_steps_claim(3, false);
	director_steps_step(DIRECTOR_NODE_LINK_UP);
	director_steps_hear(&hello);
	(void)director_steps_told();
	director_steps_step(DIRECTOR_NODE_CAN_SEND);
	assert_text(director_steps_told(), "ADD FINISH");
	assert_int_equal(lab.sent[lab.n_sent - 2].slot, 1);
}

static void
two_of_one_tuple_are_not_there(void **state)
{
	struct director_found f = found_at(3);

	(void)state;
	take(0);
	assert_false(director_found_take(&lab.d, &f, lab.now));
	f.client.sport++;
	assert_false(director_found_take(&lab.d, &f, lab.now));
	f.server_side.dport += 2;
	assert_true(director_found_take(&lab.d, &f, lab.now));
	f.client.sport++;
	f.server_side.dport += 2;
	f.slot = DIRECTOR_LAB_SLOTS;
	assert_false(director_found_take(&lab.d, &f, lab.now));
}

/* Its service has another name by now: nobody's limits and no rules. */
static void
one_of_an_unknown_service_goes_on(void **state)
{
	struct director_found f = found_at(1);

	(void)state;
	f.service = f.server = DIRECTOR_NODE_NONE;
	director_lab_init(&lab, 0);
	assert_true(director_found_take(&lab.d, &f, lab.now));
	director_steps_claim(3, false);
	director_steps_wait_ms(20000);
	assert_int_equal(lab.d.slots[1].conn.state, KERNEL_CONN_OPEN);
	assert_int_equal(lab.services[0].connections, 0);
}

static void
its_port_is_taken_when_there_is_a_pool(void **state)
{
	static const uint8_t source[] = DIRECTOR_LAB_IP(0, 100);
	static const uint8_t server[] = DIRECTOR_LAB_IP(2, 2);
	static const uint8_t other[] = DIRECTOR_LAB_IP(2, 1);
	const uint16_t port = PORT_POOL_FIRST + 2;

	(void)state;
	take(1);
	director_found_claim_ports(&lab.d, 1, source, other, 90);
	director_found_claim_ports(&lab.d, 1, source, server, 91);
	assert_false(port_pool_is_taken(&lab.pools[1], port));
	director_found_claim_ports(&lab.d, 1, source, server, 90);
	assert_true(port_pool_is_taken(&lab.pools[1], port));
	director_steps_claim(3, false);
	lab.seen[1].fins_acked = true;
	director_steps_step_slot(DIRECTOR_NODE_CLOSED, 1);
	assert_false(port_pool_is_taken(&lab.pools[1], port));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    nothing_of_it_is_withheld_and_its_end_is_told_anew),
		cmocka_unit_test(its_client_repeats_its_syn),
		cmocka_unit_test(the_peer_is_told_of_it),
		cmocka_unit_test(two_of_one_tuple_are_not_there),
		cmocka_unit_test(one_of_an_unknown_service_goes_on),
		cmocka_unit_test(its_port_is_taken_when_there_is_a_pool),
	};

	TEST_MAIN(tests);
}
