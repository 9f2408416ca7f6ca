#include "proxy/pool/balance.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static const struct row {
	const char *name;
	uint32_t weights[4];
	size_t n;
	const char *order; /* of the servers a, b, … */
} rows[] = {
	{ "equal weights take turns", { 1, 1, 1 }, 3, "abcabc" },
	{ "a heavy one is spread, not served in a row", { 5, 1, 1 }, 3,
	    "aabacaa" },
	{ "weight 0 takes nothing", { 0, 1, 2 }, 3, "cbccbc" },
	{ "one server", { 7 }, 1, "aaa" },
	{ "none that takes anything", { 0, 0 }, 2, "--" },
	{ "none at all", { 0 }, 0, "-" },
};

static void
connections_follow_the_weights(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct balance_slot slots[4] = { { 0 } };
		char order[16] = "";

		test_row(rows[i].name);
		for (size_t k = 0; k < rows[i].n; k++)
			slots[k] = (struct balance_slot){
				.weight = rows[i].weights[k],
				.eligible = true,
			};
		for (size_t k = 0; k < strlen(rows[i].order); k++) {
			int c = balance_roundrobin(slots, rows[i].n);

			order[k] = c == BALANCE_NONE ? '-' : (char)('a' + c);
		}
		assert_text(order, rows[i].order);
	}
}

static void
shares_are_exact_over_a_round(void **state)
{
	struct balance_slot slots[3] = {
		{ .weight = 256, .eligible = true },
		{ .weight = 100, .eligible = true },
		{ .weight = 1, .eligible = true },
	};
	unsigned counts[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 357 * 3; i++)
		counts[balance_roundrobin(slots, 3)]++;
	assert_int_equal(counts[0], 256 * 3);
	assert_int_equal(counts[1], 100 * 3);
	assert_int_equal(counts[2], 1 * 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(slots[i].credit, 0);
}

/* A server that was away gets its share on its return, and no burst. */
static void
a_returning_server_gets_no_burst(void **state)
{
	struct balance_slot slots[3] = {
		{ .weight = 1, .eligible = true },
		{ .weight = 1, .eligible = true },
		{ .weight = 1, .eligible = false },
	};
	unsigned in_a_row = 0, most = 0, taken = 0;

	(void)state;
	for (unsigned i = 0; i < 1001; i++)
		assert_int_not_equal(balance_roundrobin(slots, 3), 2);
	slots[2].eligible = true;
	for (unsigned i = 0; i < 30; i++) {
		bool it = balance_roundrobin(slots, 3) == 2;

		in_a_row = it ? in_a_row + 1 : 0;
		taken += it;
		if (in_a_row > most)
			most = in_a_row;
	}
	assert_int_equal(most, 1);
	assert_int_equal(taken, 10);
}

#define NAMES 10
#define CLIENTS 10000
#define ONE BALANCE_UNIT /* a configured weight of 1 */

/* A generator of its own: the same numbers with every C library. */
static uint64_t
next_random(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15;
	return balance_hash(seed, sizeof(*seed));
}

static uint64_t
name_hash(unsigned number)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "hadoop%u", 461 + number);
	return balance_hash(name, strlen(name));
}

static uint64_t
client_hash(unsigned number)
{
	const uint8_t ip[4] = { 10, 0, (uint8_t)(number >> 8),
		(uint8_t)number };

	return balance_hash(ip, sizeof(ip));
}

/* n servers that are up, of weight 1 each. */
static void
fill(struct balance_slot *slots, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		slots[i] = (struct balance_slot){
			.weight = ONE,
			.eligible = true,
			.name_hash = name_hash(i),
		};
}

static void
shuffle(struct balance_slot *slots, unsigned n, uint64_t *seed)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned other = (unsigned)(next_random(seed) % i);
		struct balance_slot s = slots[i - 1];

		slots[i - 1] = slots[other];
		slots[other] = s;
	}
}

/* Of FNV-1a and the finaliser, written down from another program. */
static void
hashes_are_the_same_everywhere(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ "", 0, 0xefd01f60ba992926 },
		{ "a", 1, 0x82a2a958a9bece5b },
		{ "hadoop461", 9, 0xa7c7af227a994aac },
		{ "\x0a\0\0\x01", 4, 0x251ce681282fdaa9 },
		{ "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16,
		    0x8dec2b2d0b0e530f },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		assert_int_equal(balance_hash(vectors[i].bytes, vectors[i].len),
		    vectors[i].hash);
}

/* Computed with logarithms of 40 decimal digits. */
static void
source_answers_as_real_logarithms_do(void **state)
{
	static const unsigned weights[] = { 1, 1, 1, 3, 2 };
	struct balance_slot slots[ARRAY_LEN(weights)];
	char order[49] = "";

	(void)state;
	fill(slots, ARRAY_LEN(weights));
	for (size_t i = 0; i < ARRAY_LEN(weights); i++)
		slots[i].weight = weights[i] * ONE;
	for (unsigned c = 0; c < sizeof(order) - 1; c++)
		order[c] = (char)('1' +
		    balance_source(
		        slots, ARRAY_LEN(weights), client_hash(c + 1)));
	assert_text(order, "524144314445454515544451344453154121455555234151");
}

/* T35: nodes agree for the same servers, whatever their order. */
static void
source_does_not_ask_for_the_order(void **state)
{
	struct balance_slot ours[NAMES], theirs[NAMES];
	uint64_t seed = 35;

	(void)state;
	fill(ours, NAMES);
	for (unsigned i = 0; i < NAMES; i++)
		ours[i].weight = (1 + i % 3) * ONE;
	memcpy(theirs, ours, sizeof(ours));
	for (unsigned c = 0; c < CLIENTS; c++) {
		int here, there;

		shuffle(theirs, NAMES, &seed);
		here = balance_source(ours, NAMES, client_hash(c));
		there = balance_source(theirs, NAMES, client_hash(c));
		assert_int_equal(ours[here].name_hash, theirs[there].name_hash);
	}
}

/* T35: each in turn goes, and its clients alone move; then it returns. */
static void
only_the_clients_of_a_lost_server_move(void **state)
{
	static int before[CLIENTS];
	struct balance_slot slots[NAMES];

	(void)state;
	fill(slots, NAMES);
	slots[3].weight = 4 * ONE;
	for (unsigned c = 0; c < CLIENTS; c++)
		before[c] = balance_source(slots, NAMES, client_hash(c));
	for (int gone = 0; gone < NAMES; gone++) {
		unsigned moved_to[NAMES] = { 0 };

		slots[gone].eligible = false;
		for (unsigned c = 0; c < CLIENTS; c++) {
			int now = balance_source(slots, NAMES, client_hash(c));

			if (before[c] != gone)
				assert_int_equal(now, before[c]);
			else
				moved_to[now]++;
		}
		slots[gone].eligible = true;
		/* About 770 clients, or 3,100: evenly to the others. */
		for (int i = 0; i < NAMES; i++)
			assert_int_equal(moved_to[i] > 20, i != gone);
	}
}

/* Each count is within `percent` of its weight's share of the sum. */
static void
assert_shares(const unsigned *counts, const struct balance_slot *slots,
    unsigned n, double percent)
{
	double all = 0, weights = 0;

	for (unsigned i = 0; i < n; i++) {
		all += counts[i];
		weights += slots[i].weight;
	}
	for (unsigned i = 0; i < n; i++) {
		double share = all * slots[i].weight / weights;

		assert_true(counts[i] >= share * (1 - percent / 100));
		assert_true(counts[i] <= share * (1 + percent / 100));
	}
}

static void
clients_of_source_follow_the_weights(void **state)
{
	static const uint32_t weights[] = { ONE, ONE, 2 * ONE, 256 * ONE,
		100 * ONE, ONE / 2 };
	struct balance_slot slots[ARRAY_LEN(weights)];
	unsigned counts[ARRAY_LEN(weights)] = { 0 };

	(void)state;
	fill(slots, ARRAY_LEN(weights));
	for (size_t i = 0; i < ARRAY_LEN(weights); i++)
		slots[i].weight = weights[i];
	for (uint32_t c = 0; c < 4000000; c++)
		counts[balance_source(
		    slots, ARRAY_LEN(weights), balance_hash(&c, sizeof(c)))]++;
	/* The smallest expects 5,548: three deviations are 4 %. */
	assert_shares(counts, slots, ARRAY_LEN(weights), 4);
}

static void
a_lone_server_gets_all_clients(void **state)
{
	struct balance_slot slots[3];

	(void)state;
	fill(slots, 3);
	slots[0].weight = 0;
	slots[2].eligible = false;
	for (unsigned c = 0; c < 100; c++) {
		uint64_t hash = client_hash(c);

		assert_int_equal(balance_source(slots, 3, hash), 1);
		assert_int_equal(balance_random(slots, 3, hash), 1);
		assert_int_equal(balance_leastconn(slots, 3), 1);
	}
	slots[1].eligible = false;
	assert_int_equal(balance_source(slots, 3, 1), BALANCE_NONE);
	assert_int_equal(balance_random(slots, 3, 1), BALANCE_NONE);
	assert_int_equal(balance_leastconn(slots, 3), BALANCE_NONE);
	assert_int_equal(balance_source(slots, 0, 1), BALANCE_NONE);
	assert_int_equal(balance_random(slots, 0, 1), BALANCE_NONE);
	assert_int_equal(balance_leastconn(slots, 0), BALANCE_NONE);
}

static const struct least_row {
	const char *name;
	uint32_t weights[4], loads[4];
	size_t n;
	bool stay;         /* else each connection ends before the next */
	const char *order; /* of the servers a, b, … */
} least_rows[] = {
	{ "idle equals take turns", { 1, 1, 1 }, { 0 }, 3, false, "abcabcabc" },
	{ "weight counts while idle", { 1, 3 }, { 0 }, 2, false, "bbbb" },
	{ "loads grow by weight", { 1, 3 }, { 0 }, 2, true, "bbbabbab" },
	{ "the least loaded first", { 1, 1, 1 }, { 5, 2, 4 }, 3, true,
	    "bbbccabba" },
	{ "weight 0 takes nothing", { 0, 1 }, { 0, 9 }, 2, true, "bb" },
	{ "huge loads", { 256, 255 }, { UINT32_MAX, UINT32_MAX - 1 }, 2, false,
	    "aa" },
};

static void
leastconn_goes_where_there_is_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(least_rows); i++) {
		const struct least_row *r = &least_rows[i];
		struct balance_slot slots[4] = { { 0 } };
		char order[16] = "";

		test_row(r->name);
		for (size_t k = 0; k < r->n; k++)
			slots[k] = (struct balance_slot){
				.weight = r->weights[k] * ONE,
				.eligible = true,
				.load = r->loads[k],
			};
		for (size_t k = 0; k < strlen(r->order); k++) {
			int c = balance_leastconn(slots, r->n);

			order[k] = (char)('a' + c);
			slots[c].load += r->stay;
		}
		assert_text(order, r->order);
	}
}

/*
 * T34: of 10 servers with 100 connections each one bounces. It gets 500 new
 * ones within its slow start of 30 s, at 50 ms each; returns how many of them
 * it took, and how many in a row at most.
 */
static unsigned
bounce(uint32_t slow_start_ms, struct balance_slot *slots, unsigned *ret_row)
{
	unsigned in_a_row = 0;

	*ret_row = 0;
	fill(slots, 10);
	for (unsigned i = 0; i < 9; i++)
		slots[i].load = 100;
	for (int64_t turn = 0; turn < 500; turn++) {
		int c;

		slots[9].weight = balance_ramp(1, turn * 50, slow_start_ms);
		c = balance_leastconn(slots, 10);
		slots[c].load++;
		in_a_row = c == 9 ? in_a_row + 1 : 0;
		if (in_a_row > *ret_row)
			*ret_row = in_a_row;
	}
	return slots[9].load;
}

static void
a_returning_server_is_not_given_everything(void **state)
{
	struct balance_slot slots[10];
	unsigned row, took;

	(void)state;
	/* At once, it takes all until it is level: 140 of each in the end. */
	took = bounce(0, slots, &row);
	assert_in_range(took, 139, 141);
	assert_true(row >= 100);
	/* With a slow start none starves, and it still gets its share. */
	took = bounce(30000, slots, &row);
	assert_in_range(row, 1, 6);
	assert_in_range(took, 100, 130);
	for (unsigned i = 0; i < 9; i++)
		assert_in_range(slots[i].load, 140, 146);
}

static void
random_follows_the_weights_among_idle_servers(void **state)
{
	struct balance_slot slots[4];
	unsigned counts[4] = { 0 };
	uint64_t seed = 1;

	(void)state;
	fill(slots, 4);
	slots[1].weight = 3 * ONE;
	slots[2].weight = 10 * ONE;
	for (unsigned i = 0; i < 200000; i++)
		counts[balance_random(slots, 4, next_random(&seed))]++;
	assert_shares(counts, slots, 4, 3);
}

static void
random_takes_the_freer_of_two(void **state)
{
	struct balance_slot slots[3];
	unsigned counts[3] = { 0 };
	uint64_t seed = 2;

	(void)state;
	fill(slots, 3);
	slots[0].load = 10;
	slots[1].load = 20;
	slots[2].load = 30;
	for (unsigned i = 0; i < 100000; i++)
		counts[balance_random(slots, 3, next_random(&seed))]++;
	/* Of three pairs the first wins two, the second one. */
	assert_in_range(counts[0], 65000, 68300);
	assert_in_range(counts[1], 31700, 35000);
	assert_int_equal(counts[2], 0);
}

/* Its promise: the most loaded is hardly above the mean. */
static void
random_keeps_loads_close(void **state)
{
	struct balance_slot slots[50];
	uint64_t seed = 3;

	(void)state;
	fill(slots, 50);
	for (unsigned i = 0; i < 25; i++)
		slots[i].weight = 2 * ONE;
	for (unsigned i = 0; i < 7500; i++)
		slots[balance_random(slots, 50, next_random(&seed))].load++;
	for (unsigned i = 0; i < 50; i++)
		assert_in_range(
		    slots[i].load, i < 25 ? 190 : 92, i < 25 ? 206 : 106);
}

static void
all_chance_is_good(void **state)
{
	struct balance_slot slots[2];

	(void)state;
	fill(slots, 2);
	slots[0].weight = slots[1].weight = 256 * ONE;
	assert_int_equal(balance_random(slots, 2, 0), 0);
	assert_int_equal(balance_random(slots, 2, UINT64_MAX), 1);
	assert_int_equal(balance_source(slots, 1, slots[0].name_hash), 0);
	assert_int_equal(balance_source(slots, 1, ~slots[0].name_hash), 0);
}

static const struct ramp_row {
	uint32_t weight;
	int64_t up_ms;
	uint32_t slow_start_ms;
	uint32_t effective;
} ramp_rows[] = {
	{ 1, 0, 0, ONE },
	{ 256, 0, 0, 256 * ONE },
	{ 0, 0, 30000, 0 },
	{ 0, 30000, 30000, 0 },
	{ 1, 0, 30000, 12 }, /* 256 / 20 */
	{ 100, 0, 30000, 1280 },
	{ 100, -5, 30000, 1280 },     /* two threads' clocks */
	{ 100, 15000, 30000, 13440 }, /* half of 1/20 to 1 */
	{ 100, 30000, 30000, 25600 },
	{ 100, INT64_MAX, 30000, 25600 },
	{ 256, UINT32_MAX - 1, UINT32_MAX, 256 * ONE - 1 },
	{ 1, 0, UINT32_MAX, 12 },
};

static void
a_slow_start_grows_from_a_twentieth(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ramp_rows); i++) {
		const struct ramp_row *r = &ramp_rows[i];

		assert_int_equal(
		    balance_ramp(r->weight, r->up_ms, r->slow_start_ms),
		    r->effective);
	}
	for (int64_t ms = 0; ms <= 30000; ms += 100) {
		uint32_t now = balance_ramp(7, ms, 30000);

		assert_true(now > last);
		last = now;
	}
	assert_int_equal(last, 7 * ONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_follow_the_weights),
		cmocka_unit_test(shares_are_exact_over_a_round),
		cmocka_unit_test(a_returning_server_gets_no_burst),
		cmocka_unit_test(hashes_are_the_same_everywhere),
		cmocka_unit_test(source_answers_as_real_logarithms_do),
		cmocka_unit_test(source_does_not_ask_for_the_order),
		cmocka_unit_test(only_the_clients_of_a_lost_server_move),
		cmocka_unit_test(clients_of_source_follow_the_weights),
		cmocka_unit_test(a_lone_server_gets_all_clients),
		cmocka_unit_test(leastconn_goes_where_there_is_room),
		cmocka_unit_test(a_returning_server_is_not_given_everything),
		cmocka_unit_test(random_follows_the_weights_among_idle_servers),
		cmocka_unit_test(random_takes_the_freer_of_two),
		cmocka_unit_test(random_keeps_loads_close),
		cmocka_unit_test(all_chance_is_good),
		cmocka_unit_test(a_slow_start_grows_from_a_twentieth),
	};

	TEST_MAIN(tests);
}
