/*
 * One relay takes over from the other, with workers that run.
 */
#include "proxy/transfer/succession.h"

#include "tests/lib/succession_lab.h"

static void
ten_relays_one_after_the_other(void **state)
{
	struct lab *l = lab_new();
	struct pool *pool;
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 30; i++)
		come(l);
	for (unsigned round = 1; round <= 10; round++) {
		all_speak(l, round);
		succeed(l, servers, WORKERS);
		/* Nobody is asked first. */
		pool = services_pool(&l->relay->services, 0);
		assert_true(services_is_open(&l->relay->services));
		assert_int_equal(
		    pool_server_state(&pool->servers[0]), SERVER_UP);
		assert_int_equal(
		    pool_server_state(&pool->servers[1]), SERVER_DOWN);
		assert_int_equal(
		    services_count_connections(&l->relay->services),
		    l->n_clients);
		come(l);
		assert_int_equal(sum(l).sum.active, l->n_clients);
		assert_int_equal(sum(l).sum.total, l->n_clients);
	}
	all_speak(l, 11);
	/* 8 bytes at first, and as many each round that one was there. */
	assert_int_equal(sum(l).sum.bytes_in,
	    8 * (l->n_clients + 10 * 30 + 45 + l->n_clients));
	assert_int_equal(sum(l).endings[END_REASON_NORMAL], 0);
	lab_free(l);
}

/* Sessions are spread over as many as there are. */
static void
the_number_of_workers_may_change(void **state)
{
	static const uint16_t workers[] = { 1, 4, 3, 2 };
	struct lab *l = lab_new();
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 20; i++)
		come(l);
	for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
		succeed(l, servers, workers[i]);
		all_speak(l, i);
		come(l);
	}
	lab_free(l);
}

/* It dies before it is told to take over, or right after: nothing has been. */
static void
one_that_dies_costs_nothing(void **state)
{
	struct lab *l = lab_new();
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 20; i++)
		come(l);
	for (unsigned turns = 0; turns < 3; turns++) {
		int channel;
		struct relay *next = begin(l, servers, WORKERS, &channel);

		take(l->relay, MSG_SUCCESSOR, channel);
		for (unsigned i = 0; i < turns; i++) {
			run(l->relay);
			(void)poll(NULL, 0, 2);
		}
		/* Its main thread has not turned: no session was asked for. */
		relay_free(next);
		while (l->relay->succession.successor != NULL) {
			run(l->relay);
			(void)poll(NULL, 0, 1);
		}
		all_speak(l, turns);
		come(l);
	}
	assert_false(l->relay->ended);
	succeed(l, servers, WORKERS);
	all_speak(l, 9);
	lab_free(l);
}

/* The one before it dies: it serves, as any relay that begins. */
static void
one_whose_predecessor_dies_begins_alone(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	run(l->relay);
	fd_close(&channel);
	wait_open(l);
	while (!l->relay->taken)
		run(l->relay);
	come(l);
	all_speak(l, 1);
	lab_free(l);
}

/* A server that is gone from the file keeps its connections, in the old one. */
static void
what_the_file_has_no_more_ends_in_order(void **state)
{
	struct lab *l = lab_new();
	struct relay *old, *next;
	char servers[256], others[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	servers_of(l, "two", others);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 5; i++)
		come(l);
	old = l->relay;
	next = begin(l, others, WORKERS, &channel);
	hand_on(old, next, channel);
	assert_int_equal(old->left, 5);
	assert_false(old->ended);
	all_speak(l, 1);
	l->relay = next;
	wait_open(l);
	come(l);
	assert_int_equal(sum(l).sum.total, 6);
	for (unsigned i = 0; i < 5; i++) {
		fd_close(&l->clients[i]);
		fd_close(&l->peers[i]);
	}
	while (!old->ended) {
		run(old);
		run(next);
		(void)poll(NULL, 0, 1);
	}
	run(next);
	assert_int_equal(old->left, 0);
	/* What was counted there meanwhile is known here. */
	assert_int_equal(sum(l).endings[END_REASON_NORMAL] +
	        sum(l).endings[END_REASON_CLIENT_DATA] +
	        sum(l).endings[END_REASON_SERVER_DATA],
	    5);
	relay_free(old);
	lab_free(l);
}

/* By the next one's file, as of which they have no server. */
static void
what_the_file_has_no_more_ends_with_drain_timeout(void **state)
{
	struct lab *l = lab_new();
	struct relay *old, *next;
	char servers[256], others[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	servers_of(l, "two", others);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 5; i++)
		come(l);
	old = l->relay;
	next = begin(l, others, WORKERS, &channel);
	next->config->drain_ms = 300;
	hand_on(old, next, channel);
	assert_int_equal(old->left, 5);
	l->relay = next;
	wait_open(l);
	come(l);
	while (!old->ended) {
		run(old);
		run(next);
		(void)poll(NULL, 0, 1);
	}
	run(next);
	assert_int_equal(sum(l).endings[END_REASON_DRAINED], 5);
	assert_int_equal(services_count_connections(&next->services), 1);
	relay_free(old);
	lab_free(l);
}

/* Not only since the last reload, nor where a word of today is another. */
static void
since_when_a_server_is_drained_is_handed_on(void **state)
{
	struct lab *l = lab_new();
	struct pool_server *were, *are;
	struct relay *old, *next;
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	old = l->relay;
	were = services_pool(&old->services, 0)->servers;
	were[0].drained_since = were[1].drained_since =
	    mono_add_ms(mono_now(), -60000);
	next = begin(l, servers, WORKERS, &channel);
	are = services_pool(&next->services, 0)->servers;
	are[0].drained_since = mono_now();
	hand_on(old, next, channel);
	assert_true(mono_span_ms(are[0].drained_since, mono_now()) >= 59000);
	assert_true(mono_is_never(are[1].drained_since));
	l->relay = next;
	relay_free(old);
	lab_free(l);
}

/* Its table of descriptors does not grow while connections stand still. */
static void
descriptors_have_room_before_any_comes(void **state)
{
	struct lab *l = lab_new();
	FILE *f = fopen("/proc/self/status", "re");
	struct rlimit limit;
	char servers[256], line[256];
	unsigned long room = 0;
	int channel;

	(void)state;
	assert_non_null(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	while (room == 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "FDSize: %lu", &room);
	(void)fclose(f);
	assert_true(room >= 2 * CONNECTIONS_MAX || room >= limit.rlim_cur);
	fd_close(&channel);
	lab_free(l);
}

/* Nobody would accept who comes to a socket that the next one has not. */
static void
what_stays_has_no_listeners(void **state)
{
	struct lab *l = lab_new();
	struct relay *next;
	char servers[256], others[256];
	int channel, fd = -1;

	(void)state;
	servers_of(l, "one", servers);
	servers_of(l, "two", others);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	come(l);
	next = begin(l, others, WORKERS, &channel);
	take(l->relay, MSG_SUCCESSOR, channel);
	while (!next->taken || l->relay->left == UINT32_MAX) {
		run(l->relay);
		run(next);
	}
	relay_free(next);
	for (unsigned i = 0; i < WORKERS; i++)
		fd_close(&l->listeners[i]);
	do {
		fd_close(&fd);
		fd = socket(AF_INET, SOCK_STREAM, 0);
	} while (connect(fd, &l->at.sa, addr_len(&l->at)) == 0);
	assert_int_equal(errno, ECONNREFUSED);
	fd_close(&fd);
	all_speak(l, 1);
	lab_free(l);
}

/* An address leaves while connections to it are on their way, or there. */
static void
an_address_leaves_both(void **state)
{
	struct config_address address = { 0 };
	struct config_group group = {
		.name = "main", .addresses = &address, .n_addresses = 1
	};
	struct lab *l = lab_new();
	struct relay *old, *next;
	char servers[256];
	int channel;

	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.1", &address.addr), 0);
	servers_of(l, "one", servers);
	old = l->relay = relay_new(l, servers, WORKERS);
	start(old);
	wait_open(l);
	for (unsigned i = 0; i < 20; i++)
		come(l);
	next = begin(l, servers, WORKERS, &channel);
	old->config->pair.groups = next->config->pair.groups = &group;
	old->config->pair.n_groups = next->config->pair.n_groups = 1;
	old->config->has_pair = next->config->has_pair = true;
	take(old, MSG_SUCCESSOR, channel);
	while (services_count_connections(&next->services) == 0) {
		run(old);
		run(next);
	}
	services_drop_group(&old->services, 0);
	while (services_count_connections(&old->services) > 0)
		run(old);
	for (unsigned i = 0; i < 20; i++) {
		run(old);
		(void)poll(NULL, 0, 1);
	}
	/* That none is left here is not that none is left. */
	assert_int_equal(old->dropped, 0);
	while (old->dropped == 0 || !next->taken) {
		run(old);
		run(next);
	}
	assert_int_equal(services_count_connections(&next->services), 0);
	while (!old->ended) {
		run(old);
		run(next);
	}
	relay_free(old);
	l->relay = next;
	lab_free(l);
}

/* While they were on their way, or by the new file: theirs is not active. */
static void
who_is_not_with_the_active_server_is_cut(void **state)
{
	struct lab *l = lab_new();
	struct relay *old, *next;
	struct pool *pool;
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	old = relay_new(l, servers, WORKERS);
	l->relay = old;
	start(old);
	wait_open(l);
	for (unsigned i = 0; i < 5; i++)
		come(l);
	next = begin(l, servers, WORKERS, &channel);
	pool = services_pool(&next->services, 0);
	(void)pthread_mutex_lock(&pool->lock);
	pool->active = 1;
	(void)pthread_mutex_unlock(&pool->lock);
	take(old, MSG_SUCCESSOR, channel);
	while (!next->taken || !old->ended) {
		run(old);
		run(next);
	}
	while (services_count_connections(&next->services) > 0)
		run(next);
	relay_free(old);
	l->relay = next;
	assert_int_equal(sum(l).endings[END_REASON_SERVER_DOWN], 5);
	lab_free(l);
}

/*
 * Its failover would take its end for that of all service, and does not know
 * of the next one: a supervisor that is late has not replaced it yet.
 */
static void
one_that_is_watched_does_not_end(void **state)
{
	struct lab *l = lab_new();
	struct relay *old, *next;
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = old = relay_new(l, servers, WORKERS);
	start(old);
	wait_open(l);
	come(l);
	next = begin(l, servers, WORKERS, &channel);
	old->failover = channel; /* any that is one */
	hand_on(old, next, channel);
	assert_int_equal(old->left, 0);
	assert_false(old->ended);
	succession_note_unwatched(&old->succession);
	assert_false(old->ended);
	old->failover = -1;
	succession_note_unwatched(&old->succession);
	assert_true(old->ended);
	/* One that has not given anything goes on. */
	succession_note_unwatched(&next->succession);
	assert_false(next->ended);
	l->relay = next;
	relay_free(old);
	all_speak(l, 1);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_relays_one_after_the_other),
		cmocka_unit_test(the_number_of_workers_may_change),
		cmocka_unit_test(one_that_dies_costs_nothing),
		cmocka_unit_test(one_whose_predecessor_dies_begins_alone),
		cmocka_unit_test(what_the_file_has_no_more_ends_in_order),
		cmocka_unit_test(
		    what_the_file_has_no_more_ends_with_drain_timeout),
		cmocka_unit_test(since_when_a_server_is_drained_is_handed_on),
		cmocka_unit_test(descriptors_have_room_before_any_comes),
		cmocka_unit_test(what_stays_has_no_listeners),
		cmocka_unit_test(an_address_leaves_both),
		cmocka_unit_test(one_that_is_watched_does_not_end),
		cmocka_unit_test(who_is_not_with_the_active_server_is_cut),
	};

	if (secret_init() < 0)
		return EXIT_FAILURE;
	TEST_MAIN(tests);
}
