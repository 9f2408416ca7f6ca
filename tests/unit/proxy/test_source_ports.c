#include "proxy/pool/source_ports.h"

#include "config/config.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static void
each_port_is_given_to_one_at_a_time(void **state)
{
	struct source_ports *p = source_ports_new(false);
	bool *seen = calloc(65536, sizeof(*seen));
	unsigned n = 0;
	uint16_t port;

	(void)state;
	while ((port = source_ports_take(p)) != 0) {
		assert_false(seen[port]);
		seen[port] = true;
		n++;
	}
	assert_true(n > 1000);
	/* All are out: asking on costs nothing and gives nothing. */
	for (int i = 0; i < 100000; i++)
		assert_int_equal(source_ports_take(p), 0);
	for (unsigned i = 1; i < 65536; i++)
		if (seen[i])
			source_ports_give(p, (uint16_t)i);
	assert_int_not_equal(source_ports_take(p), 0);
	free(seen);
	source_ports_free(p);
}

/* What was just given back may be in TIME_WAIT: it comes last. */
static void
a_port_rests_as_long_as_can_be(void **state)
{
	struct source_ports *p = source_ports_new(false);
	uint16_t first = source_ports_take(p), port;
	unsigned others = 0;

	(void)state;
	source_ports_give(p, first);
	while ((port = source_ports_take(p)) != first) {
		source_ports_give(p, port);
		others++;
	}
	assert_true(others > 1000);
	source_ports_free(p);
	source_ports_free(NULL);
}

/* Of an address that the kernel path has, too, these are the relay's. */
static void
beside_the_kernel_path_they_never_meet(void **state)
{
	struct source_ports *p = source_ports_new(true);
	unsigned n = 0;
	uint16_t port;

	(void)state;
	assert_non_null(p);
	while ((port = source_ports_take(p)) != 0) {
		assert_true(port > CONFIG_KERNEL_PORT_LAST);
		n++;
	}
	assert_int_equal(n, 65535 - CONFIG_KERNEL_PORT_LAST);
	assert_false(source_ports_claim(p, CONFIG_KERNEL_PORT_LAST));
	source_ports_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_port_is_given_to_one_at_a_time),
		cmocka_unit_test(a_port_rests_as_long_as_can_be),
		cmocka_unit_test(beside_the_kernel_path_they_never_meet),
	};

	TEST_MAIN(tests);
}
