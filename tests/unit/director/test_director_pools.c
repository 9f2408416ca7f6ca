#include "director/director_pools.h"

#include "config/config.h"
#include "director/director_role.h"
#include "tests/lib/test.h"

static struct director_role role;
static struct config_service service;
static struct config config;
static struct server_choice_server server;
static struct director_node_service node_service;

static void
begin(void)
{
	service = (struct config_service){ .n_servers = 1 };
	config = (struct config){ .services = &service, .n_services = 1 };
	server = (struct server_choice_server){ .pool = DIRECTOR_POOLS_NONE };
	node_service = (struct director_node_service){
		.choice = { .servers = &server, .n = 1 }
	};
	role = (struct director_role){ .config = &config };
	role.node.setup.n_services = 1;
	role.node.services = &node_service;
	assert_int_equal(director_pools_new(&role), 0);
}

static uint16_t
of(unsigned number)
{
	static const uint8_t source[CONN_TUPLE_IP] = { [15] = 1 };
	const uint8_t ip[CONN_TUPLE_IP] = {
		[14] = (uint8_t)(number >> 8), [15] = (uint8_t)number
	};

	return director_pools_of(&role, source, ip, 80);
}

/* A name in the cloud stands for another address every minute. */
static void
what_is_left_behind_is_used_again(void **state)
{
	const struct mono now = { .ns = 1 };
	uint16_t kept, port;

	(void)state;
	begin();
	kept = of(0);
	port = port_pool_take(&role.node.pools[kept], now);
	for (unsigned i = 1; i < 1000; i++) {
		const uint16_t pool = of(i);

		assert_int_not_equal(pool, DIRECTOR_POOLS_NONE);
		assert_int_not_equal(pool, kept);
		assert_int_not_equal(pool, server.pool);
		assert_int_equal(of(i), pool);
		server.pool = pool;
	}
	/* A connection of the first one lives. */
	assert_int_equal(of(0), kept);
	assert_true(port_pool_is_taken(&role.node.pools[kept], port));
	director_pools_free(&role);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_behind_is_used_again),
	};

	TEST_MAIN(tests);
}
