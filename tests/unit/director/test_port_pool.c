#include "director/port_pool.h"

#include "tests/lib/test.h"

#define PORTS 4

static struct port_pool_port ports[2][PORT_POOL_PORTS];

static struct port_pool
pool(unsigned parity, uint16_t n, uint16_t chance)
{
	struct port_pool p = {
		.ports = ports[parity], .n = n, .parity = (uint16_t)parity
	};

	port_pool_init(&p, chance);
	return p;
}

static struct mono
at_s(int64_t s)
{
	return (struct mono){ .ns = s * 1000000000 };
}

static void
the_nodes_have_no_port_in_common(void **state)
{
	struct port_pool even = pool(0, PORT_POOL_PORTS, 17);
	struct port_pool odd = pool(1, PORT_POOL_PORTS, 4242);
	static uint8_t had[65536];
	unsigned n = 0;
	uint16_t port;

	(void)state;
	while ((port = port_pool_take(&even, at_s(0))) != 0 && ++n)
		had[port]++;
	while ((port = port_pool_take(&odd, at_s(0))) != 0 && ++n)
		had[port]++;
	assert_int_equal(n, 2 * PORT_POOL_PORTS);
	for (unsigned i = 0; i < 65536; i++)
		assert_int_equal(had[i],
		    i >= PORT_POOL_FIRST && i <= CONFIG_KERNEL_PORT_LAST);
}

static void
what_was_freed_last_is_taken_last(void **state)
{
	struct port_pool p = pool(0, PORTS, 0);
	const uint16_t first = port_pool_take(&p, at_s(0));
	uint16_t port = 0;

	(void)state;
	assert_int_equal(first, PORT_POOL_FIRST);
	port_pool_give(&p, first, false, at_s(0));
	for (unsigned i = 0; i < PORTS; i++)
		port = port_pool_take(&p, at_s(0));
	assert_int_equal(port, first);
}

static void
a_port_in_quarantine_rests_while_there_are_others(void **state)
{
	struct port_pool p = pool(1, PORTS, 0);
	const uint16_t a = port_pool_take(&p, at_s(10));
	const uint16_t b = port_pool_take(&p, at_s(10));
	const uint16_t c = port_pool_take(&p, at_s(10));

	(void)state;
	port_pool_give(&p, b, true, at_s(10));
	port_pool_give(&p, a, true, at_s(11));
	port_pool_give(&p, c, false, at_s(12));
	/* One that never was in use, c; then the oldest of those that rest. */
	assert_int_not_equal(port_pool_take(&p, at_s(13)), a);
	assert_int_equal(port_pool_take(&p, at_s(13)), c);
	assert_int_equal(port_pool_take(&p, at_s(13)), b);
	assert_int_equal(port_pool_take(&p, at_s(13)), a);
	assert_int_equal(port_pool_take(&p, at_s(13)), 0);
}

static void
after_a_minute_it_is_as_any_other(void **state)
{
	struct port_pool p = pool(0, 2, 0);
	const uint16_t a = port_pool_take(&p, at_s(10));
	const uint16_t b = port_pool_take(&p, at_s(10));

	(void)state;
	port_pool_give(&p, a, true, at_s(10));
	port_pool_give(&p, b, false, at_s(69));
	/* `a` comes behind `b`, but it comes. */
	assert_int_equal(port_pool_take(&p, at_s(70)), b);
	assert_int_equal(p.quarantine.n, 0);
	assert_int_equal(port_pool_take(&p, at_s(70)), a);
}

static void
the_peers_word_takes_ports_out(void **state)
{
	struct port_pool p = pool(0, PORTS, 0);
	const uint16_t rests = port_pool_take(&p, at_s(0));

	(void)state;
	port_pool_give(&p, rests, true, at_s(0));
	port_pool_claim(&p, rests);
	port_pool_claim(&p, PORT_POOL_FIRST + 2);
	port_pool_claim(&p, PORT_POOL_FIRST + 2); /* again */
	port_pool_claim(&p, PORT_POOL_FIRST + 3); /* the other node's */
	port_pool_claim(&p, 22);
	port_pool_claim(&p, 65535);
	assert_true(port_pool_is_taken(&p, PORT_POOL_FIRST + 2));
	assert_int_equal(port_pool_take(&p, at_s(0)), PORT_POOL_FIRST + 4);
	assert_int_equal(port_pool_take(&p, at_s(0)), PORT_POOL_FIRST + 6);
	assert_int_equal(port_pool_take(&p, at_s(0)), 0);
	port_pool_give(&p, PORT_POOL_FIRST + 2, false, at_s(0));
	port_pool_give(&p, PORT_POOL_FIRST + 2, false, at_s(0)); /* is free */
	port_pool_give(&p, PORT_POOL_FIRST + 3, false, at_s(0));
	assert_int_equal(p.free.n, 1);
}

/* Whoever is started again begins with others than before. */
static void
chance_says_where_it_begins(void **state)
{
	struct port_pool p = pool(0, PORTS, 4 * PORTS + 2);

	(void)state;
	assert_int_equal(port_pool_take(&p, at_s(0)), PORT_POOL_FIRST + 4);
	assert_int_equal(port_pool_take(&p, at_s(0)), PORT_POOL_FIRST + 6);
	assert_int_equal(port_pool_take(&p, at_s(0)), PORT_POOL_FIRST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nodes_have_no_port_in_common),
		cmocka_unit_test(what_was_freed_last_is_taken_last),
		cmocka_unit_test(
		    a_port_in_quarantine_rests_while_there_are_others),
		cmocka_unit_test(after_a_minute_it_is_as_any_other),
		cmocka_unit_test(the_peers_word_takes_ports_out),
		cmocka_unit_test(chance_says_where_it_begins),
	};

	TEST_MAIN(tests);
}
