#include "director/tuple_index.h"

#include "tests/lib/test.h"

#define SLOTS 64

static struct tuple_index_entry entries[2 * SLOTS];
static uint32_t buckets[8]; /* few: chains are long */

static struct conn_tuple
tuple(unsigned number)
{
	return (struct conn_tuple){ .src = { [15] = (uint8_t)number },
		.sport = (uint16_t)(number * 7),
		.dport = 80 };
}

/* Beside what a plain array would say, for some thousand changes. */
static void
it_finds_what_is_in_and_nothing_else(void **state)
{
	struct tuple_index x = { .entries = entries,
		.buckets = buckets,
		.n_buckets = ARRAY_LEN(buckets) };
	unsigned in[SLOTS][2] = { 0 };
	uint32_t chance = 1;

	(void)state;
	tuple_index_init(&x, SLOTS);
	for (unsigned n = 0; n < 4000; n++) {
		const enum conn_tuple_from from = chance >> 16 & 1;
		const uint32_t slot = (chance >> 17) % SLOTS;
		/* Of each direction no two slots have one. */
		const unsigned number = 1 + slot + SLOTS * (chance >> 30 & 1);
		const struct conn_tuple t = tuple(number);

		chance = chance * 1103515245 + 12345;
		if (n % 3 == 0) {
			tuple_index_unset(&x, slot, from);
			in[slot][from] = 0;
		} else {
			tuple_index_set(&x, slot, from, &t);
			in[slot][from] = number;
		}
	}
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		for (unsigned from = 0; from < 2; from++) {
			const struct conn_tuple t = tuple(
			    in[slot][from] != 0 ? in[slot][from] : 1 + slot);
			const uint32_t at = tuple_index_find(&x, from, &t);

			assert_int_equal(
			    at, in[slot][from] != 0 ? slot : TUPLE_INDEX_NONE);
		}
}

static void
the_directions_are_apart(void **state)
{
	struct tuple_index x = { .entries = entries,
		.buckets = buckets,
		.n_buckets = ARRAY_LEN(buckets) };
	const struct conn_tuple t = tuple(1);

	(void)state;
	tuple_index_init(&x, SLOTS);
	tuple_index_set(&x, 9, CONN_TUPLE_SERVER, &t);
	assert_int_equal(
	    tuple_index_find(&x, CONN_TUPLE_CLIENT, &t), TUPLE_INDEX_NONE);
	assert_int_equal(tuple_index_find(&x, CONN_TUPLE_SERVER, &t), 9);
	/* What it was set to is known after it left: it is to be erased. */
	tuple_index_unset(&x, 9, CONN_TUPLE_SERVER);
	assert_true(
	    conn_tuple_is_same(tuple_index_get(&x, 9, CONN_TUPLE_SERVER), &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_is_in_and_nothing_else),
		cmocka_unit_test(the_directions_are_apart),
	};

	TEST_MAIN(tests);
}
