#include "director/director_node.h"

#include "director/director_conns.h"

/* More than any step may look at. */
#define DIRECTOR_LAB_SLOTS 40000
#define DIRECTOR_LAB_BUCKETS 65536

#include "tests/lib/director_steps.h"

/*
 * With many connections no step takes longer than with some: what concerns all
 * of them is done a part at a time, and the loop looks at others in between.
 */

/* The peer's, from one client, all at one server. */
static void
tell(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct replica_msg add = director_steps_add_of(i, 1, 0, 10241);

		add.client.sport = (uint16_t)(1024 + i);
		add.server.dport = (uint16_t)(1024 + i);
		director_steps_hear(&add);
	}
	(void)director_steps_told();
}

static uint32_t
used(void)
{
	return DIRECTOR_LAB_SLOTS - lab.d.free.n;
}

/* The peer begins anew, and tells of one only. */
static void
what_is_over_goes_a_part_at_a_time(void **state)
{
	struct replica_msg m = { .type = REPLICA_MSG_BEGIN, .term = 2 };
	unsigned steps = 1;

	(void)state;
	director_steps_begin_as_backup();
	tell(DIRECTOR_LAB_SLOTS);
	m.seq = 900000;
	director_steps_hear(&m);
	assert_int_equal(used(), DIRECTOR_LAB_SLOTS);
	m = director_steps_add_of(7, 1, 0, 10241);
	m.client.sport = m.server.dport = 1024 + 7;
	m.seq = 900001;
	director_steps_hear(&m);
	m = (struct replica_msg){ .type = REPLICA_MSG_FINISH, .seq = 900002 };
	director_steps_hear(&m);
	lab.n_sent = 0;
	while (used() > 1) {
		const uint32_t before = used();

		assert_true(director_node_is_dumping(&lab.d));
		director_steps_step(DIRECTOR_NODE_READ_ALL);
		assert_int_equal(lab.n_sent, 0); /* not before it is so */
		director_steps_step(DIRECTOR_NODE_CAN_SEND);
		assert_true(before - used() <= DIRECTOR_NODE_PORTION);
		(void)director_steps_told();
		steps++;
	}
	assert_true(steps >= DIRECTOR_LAB_SLOTS / DIRECTOR_NODE_PORTION);
	while (director_node_is_dumping(&lab.d))
		director_steps_step(DIRECTOR_NODE_CAN_SEND);
	assert_int_equal(lab.n_sent, 1);
	assert_int_equal(lab.sent[0].seq, 900002);
}

/* Who comes while it goes on has chosen the server after that. */
static void
a_server_is_cut_a_part_at_a_time(void **state)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_CUT,
		.server = DIRECTOR_NODE_NONE,
		.reason = END_REASON_SERVER_DOWN };
	const uint32_t n = DIRECTOR_LAB_SLOTS - 1000;

	(void)state;
	director_steps_begin_as_backup();
	tell(n);
	director_steps_claim(2, true);
	(void)director_steps_told();
	director_lab_step(&lab, &ev);
	assert_int_equal(used(), n - DIRECTOR_NODE_CUT_PORTION);
	director_steps_syn(9, 0);
	while (used() > 1) {
		const uint32_t before = used();

		assert_int_equal(director_node_wake(&lab.d).ns, lab.now.ns);
		director_steps_step(DIRECTOR_NODE_TICK);
		assert_true(before - used() <= DIRECTOR_NODE_CUT_PORTION);
		(void)director_steps_told();
	}
	while (lab.d.n_cuts > 0)
		director_steps_step(DIRECTOR_NODE_TICK);
	assert_int_equal(used(), 1);
}

/* Names are of one stream: nobody goes through them when it ends. */
static void
a_name_is_good_for_one_stream(void **state)
{
	(void)state;
	director_steps_begin_as_backup();
	tell(100);
	assert_int_equal(director_conns_their(&lab.d, 42), 42);
	assert_int_equal(director_conns_named(&lab.d, 42), 42);
	director_steps_claim(2, true);
	assert_int_equal(director_conns_their(&lab.d, 42), DIRECTOR_NODE_NONE);
	assert_int_equal(director_conns_named(&lab.d, 42), DIRECTOR_NODE_NONE);
	assert_int_equal(used(), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_over_goes_a_part_at_a_time),
		cmocka_unit_test(a_server_is_cut_a_part_at_a_time),
		cmocka_unit_test(a_name_is_good_for_one_stream),
	};

	TEST_MAIN(tests);
}
