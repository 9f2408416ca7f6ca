#include "director/client_count.h"

#include "tests/lib/test.h"

#define SIZE 64
#define CLIENTS 24

static struct client_count_entry entries[SIZE];

static void
ip_of(unsigned number, uint8_t ip[static CONN_TUPLE_IP])
{
	for (unsigned i = 0; i < CONN_TUPLE_IP; i++)
		ip[i] = 0;
	ip[15] = (uint8_t)number;
}

/* Beside a plain array: whoever moves up is found there. */
static void
it_counts_as_an_array_would(void **state)
{
	struct client_count c = { .entries = entries, .size = SIZE };
	unsigned open[CLIENTS] = { 0 }, young[CLIENTS] = { 0 };
	uint32_t chance = 7;
	uint8_t ip[CONN_TUPLE_IP];

	(void)state;
	client_count_init(&c);
	for (unsigned n = 0; n < 20000; n++) {
		const unsigned who = (chance >> 16) % CLIENTS;
		const bool more = chance >> 27 & 1;

		chance = chance * 1103515245 + 12345;
		ip_of(who, ip);
		if (more) {
			client_count_add(&c, 1, ip, 1, n % 2 == 0);
			open[who]++;
			young[who] += n % 2 == 0;
		} else if (open[who] > 0) {
			const int y = young[who] > 0 ? -1 : 0;

			client_count_add(&c, 1, ip, -1, y);
			open[who]--;
			young[who] += (unsigned)y;
		}
		for (unsigned i = 0; i < CLIENTS; i++) {
			struct client_count_numbers has;

			ip_of(i, ip);
			has = client_count_look(&c, 1, ip);
			assert_int_equal(has.open, open[i]);
			assert_int_equal(has.young, young[i]);
		}
	}
}

static void
services_are_apart_and_nothing_is_below_nothing(void **state)
{
	struct client_count c = { .entries = entries, .size = SIZE };
	uint8_t ip[CONN_TUPLE_IP];

	(void)state;
	client_count_init(&c);
	ip_of(1, ip);
	client_count_add(&c, 0, ip, -1, -1);
	client_count_add(&c, 0, ip, 1, 0);
	client_count_add(&c, 1, ip, 0, 1);
	assert_int_equal(client_count_look(&c, 0, ip).open, 1);
	assert_int_equal(client_count_look(&c, 0, ip).young, 0);
	assert_int_equal(client_count_look(&c, 1, ip).open, 0);
	assert_int_equal(client_count_look(&c, 1, ip).young, 1);
	assert_int_equal(client_count_look(&c, 2, ip).young, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_as_an_array_would),
		cmocka_unit_test(
		    services_are_apart_and_nothing_is_below_nothing),
	};

	TEST_MAIN(tests);
}
