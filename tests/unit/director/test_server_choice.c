#include "director/server_choice.h"

#include "tests/lib/test.h"

#include <string.h>

#define SERVERS 3
#define V4 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

static const struct mono now = { .ns = INT64_C(100000000000) };

struct lab {
	struct server_choice_server servers[SERVERS];
	struct balance_slot slots[SERVERS];
	struct pool_choice_server choices[SERVERS];
	struct server_choice choice;
};

static void
set_up(struct lab *l, enum config_balance balance)
{
	*l = (struct lab){ .choice = { .balance = balance,
		               .servers = l->servers,
		               .slots = l->slots,
		               .choices = l->choices,
		               .n = SERVERS } };
	for (unsigned i = 0; i < SERVERS; i++) {
		l->servers[i] = (struct server_choice_server){ .usable = true,
			.weight = 1,
			.up_since = mono_never(),
			.ip = { V4, 10, 0, 0, (uint8_t)(i + 1) },
			.port = 80 };
		l->slots[i].name_hash = balance_hash(&i, sizeof(i));
	}
}

static const struct server_choice_client client = { .ip = { V4, 192, 0, 2, 7 },
	.chance = 0x123456789abcdef };

/* The server; or, below 0, what it has to wait for. */
static int
take(struct lab *l, const struct server_choice_client *c)
{
	unsigned server;
	const enum pool_choice choice =
	    server_choice_take(&l->choice, c, now, &server);

	return choice == POOL_CHOICE_SERVER ? (int)server : -(int)choice;
}

static void
least_loaded_counts_what_the_relay_has_there(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, CONFIG_BALANCE_LEASTCONN);
	l.servers[0].elsewhere = 2;
	l.servers[1].elsewhere = 1;
	assert_int_equal(take(&l, &client), 2);
	assert_int_equal(l.slots[0].load, 0); /* the relay counts those */
	server_choice_enter(&l.choice, 2);
	server_choice_enter(&l.choice, 2);
	assert_int_equal(take(&l, &client), 1);
	server_choice_give(&l.choice, 2);
	server_choice_give(&l.choice, 2);
	server_choice_give(&l.choice, 2);
	server_choice_give(&l.choice, 2); /* never below nothing */
	assert_int_equal(take(&l, &client), 2);
}

static void
a_limit_counts_the_relays_too(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, CONFIG_BALANCE_ROUNDROBIN);
	for (unsigned i = 0; i < SERVERS; i++) {
		l.servers[i].limit = 2;
		l.servers[i].elsewhere = 1;
	}
	assert_int_equal(take(&l, &client), 0);
	assert_int_equal(take(&l, &client), 1);
	assert_int_equal(take(&l, &client), 2);
	assert_int_equal(take(&l, &client), -POOL_CHOICE_PLACE);
	server_choice_give(&l.choice, 1);
	assert_int_equal(take(&l, &client), 1);
}

static void
only_servers_of_its_family_that_are_resolved(void **state)
{
	struct lab l;
	const struct server_choice_client v6 = { .ip = { 0xfd, [15] = 1 } };

	(void)state;
	set_up(&l, CONFIG_BALANCE_ROUNDROBIN);
	assert_int_equal(take(&l, &v6), -POOL_CHOICE_UP);
	memset(l.servers[1].ip, 0xfd, sizeof(l.servers[1].ip));
	assert_int_equal(take(&l, &v6), 1);
	memset(l.servers[0].ip, 0, sizeof(l.servers[0].ip));
	assert_int_equal(take(&l, &client), 2);
	assert_int_equal(take(&l, &client), 2);
}

static void
who_has_tried_all_waits_for_another_round(void **state)
{
	struct lab l;
	struct server_choice_client tried = client;

	(void)state;
	set_up(&l, CONFIG_BALANCE_SOURCE);
	tried.tried[0] = (uint16_t)take(&l, &client);
	tried.n_tried = 1;
	assert_int_not_equal(take(&l, &tried), tried.tried[0]);
	tried.tried[0] = 0;
	tried.tried[1] = 1;
	tried.tried[2] = 2;
	tried.tried[3] = 999; /* of a file that had more */
	tried.n_tried = 4;
	assert_int_equal(take(&l, &tried), -POOL_CHOICE_ROUND);
	for (unsigned i = 0; i < SERVERS; i++)
		l.servers[i].usable = false;
	assert_int_equal(take(&l, &tried), -POOL_CHOICE_UP);
}

/* Both take an IPv4 address as its four bytes. */
static void
source_says_what_the_relay_says(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, CONFIG_BALANCE_SOURCE);
	for (unsigned i = 0; i < 50; i++) {
		struct server_choice_client c = client;
		int expected;

		c.ip[15] = (uint8_t)i;
		for (unsigned s = 0; s < SERVERS; s++) {
			l.slots[s].eligible = true;
			l.slots[s].weight = BALANCE_UNIT;
		}
		expected = balance_source(
		    l.slots, SERVERS, balance_hash(c.ip + 12, 4));
		assert_int_equal(take(&l, &c), expected);
	}
}

static void
backups_come_when_all_others_are_down(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, CONFIG_BALANCE_RANDOM);
	l.servers[1].tier = 1;
	l.servers[2].weight = 0; /* drained */
	assert_int_equal(take(&l, &client), 0);
	l.servers[0].usable = false;
	assert_int_equal(take(&l, &client), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_loaded_counts_what_the_relay_has_there),
		cmocka_unit_test(a_limit_counts_the_relays_too),
		cmocka_unit_test(only_servers_of_its_family_that_are_resolved),
		cmocka_unit_test(who_has_tried_all_waits_for_another_round),
		cmocka_unit_test(source_says_what_the_relay_says),
		cmocka_unit_test(backups_come_when_all_others_are_down),
	};

	TEST_MAIN(tests);
}
