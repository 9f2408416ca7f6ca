#include "proxy/pool/pool.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <string.h>

#define SERVERS 3

static struct config_server servers[SERVERS];
static struct config_service service;
static unsigned wakes;

static void
count_wake(void *owner)
{
	(void)owner;
	wakes++;
}

/* Three servers, all up, of weight 1 and without a limit. */
static void
open_pool(struct pool *p, uint32_t limit)
{
	static const char *const names[SERVERS] = { "a", "b", "c" };

	memset(&service, 0, sizeof(service));
	memset(servers, 0, sizeof(servers));
	for (int i = 0; i < SERVERS; i++) {
		servers[i].name = names[i];
		servers[i].weight = 1;
		servers[i].max_connections = limit;
	}
	service.servers = servers;
	service.n_servers = SERVERS;
	assert_int_equal(pool_init(p, &service, 0, 0), 0);
	for (int i = 0; i < SERVERS; i++)
		pool_set_state(p, &p->servers[i], SERVER_UP, mono_now());
	wakes = 0;
}

static struct pool_waiter
new_waiter(void *owner)
{
	return (struct pool_waiter){ .owner = owner, .wake = count_wake };
}

static int
take(struct pool *p, struct pool_waiter *w)
{
	enum pool_choice wants;

	return pool_take(p, w, mono_now(), &wants);
}

/* One that has tried these, and their number. */
static struct pool_waiter
refused_by(unsigned n, const uint16_t *tried)
{
	struct pool_waiter w = new_waiter(NULL);

	for (unsigned i = 0; i < n; i++)
		w.tried[w.n_tried++] = tried[i];
	return w;
}

static void
tried_servers_are_left_out(void **state)
{
	const uint16_t tried[] = { 0, 2, 1 };
	enum pool_choice wants;
	struct pool p;

	(void)state;
	open_pool(&p, 0);
	for (unsigned n = 0; n <= SERVERS; n++) {
		struct pool_waiter w = refused_by(n, tried);
		int server = pool_take(&p, &w, mono_now(), &wants);

		if (n == SERVERS) {
			assert_int_equal(server, POOL_QUEUED);
			assert_int_equal(wants, POOL_CHOICE_ROUND);
			pool_leave(&p, &w);
		}
		for (unsigned i = 0; i < n; i++)
			assert_int_not_equal(server, tried[i]);
	}
	pool_fini(&p);
}

/* N1: one whom only a full server is left does not stand in others' way. */
static void
n01_who_cannot_go_on_holds_up_nobody(void **state)
{
	struct pool_waiter stuck = refused_by(2, (uint16_t[]){ 0, 1 });
	struct pool_waiter w[2] = { new_waiter(&w[0]), new_waiter(&w[1]) };
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	stuck.owner = &stuck;
	assert_int_equal(take(&p, &w[0]), 0);
	assert_int_equal(take(&p, &w[0]), 1);
	assert_int_equal(take(&p, &w[0]), 2);
	assert_int_equal(take(&p, &stuck), POOL_QUEUED);
	assert_int_equal(take(&p, &w[0]), POOL_QUEUED);
	/* A place that the first one has tried goes to the second, */
	pool_give(&p, 0);
	assert_ptr_equal(pool_collect(&p, &w[0]), &w[0]);
	assert_int_equal(w[0].server, 0);
	/* and one that nobody waits for to whoever comes. */
	pool_give(&p, 1);
	assert_int_equal(take(&p, &w[1]), 1);
	/* The third is still the first one's. */
	assert_int_equal(take(&p, &w[1]), POOL_QUEUED);
	pool_give(&p, 2);
	assert_ptr_equal(pool_collect(&p, &stuck), &stuck);
	assert_int_equal(stuck.server, 2);
	pool_leave(&p, &w[1]);
	pool_fini(&p);
}

/* N2: a server that refuses, without a limit, is not the way out for all. */
static void
n02_who_waits_is_granted_by_what_it_has_not_tried(void **state)
{
	struct pool_waiter w[4], first = new_waiter(NULL);
	struct pool p;

	(void)state;
	open_pool(&p, 0);
	servers[1].max_connections = 1;
	pool_set_state(&p, &p.servers[2], SERVER_DOWN, mono_now());
	assert_int_equal(take(&p, &first), 0);
	assert_int_equal(take(&p, &first), 1);
	for (int i = 0; i < 4; i++) {
		w[i] = refused_by(1, (uint16_t[]){ 0 });
		w[i].owner = &w[i];
		assert_int_equal(take(&p, &w[i]), POOL_QUEUED);
	}
	pool_give(&p, 1);
	assert_int_equal(wakes, 1);
	assert_ptr_equal(pool_collect(&p, &w[0]), &w[0]);
	assert_int_equal(w[0].server, 1);
	pool_give(&p, 0); /* a place there is nothing for them */
	assert_int_equal(wakes, 1);
	/* A check found it well again: for all of them, in their order. */
	pool_forgive(&p, &p.servers[0]);
	for (int i = 1; i < 4; i++) {
		assert_ptr_equal(pool_collect(&p, &w[i]), &w[i]);
		assert_int_equal(w[i].server, 0);
	}
	pool_fini(&p);
}

/* After a while it tries again, at its place in the queue. */
static void
n01_who_forgets_keeps_its_place(void **state)
{
	struct pool_waiter first = refused_by(1, (uint16_t[]){ 0 });
	struct pool_waiter later = new_waiter(&later);
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	first.owner = &first;
	for (int i = 0; i < SERVERS; i++)
		assert_int_equal(take(&p, &later), i);
	assert_int_equal(take(&p, &first), POOL_QUEUED);
	assert_int_equal(take(&p, &later), POOL_QUEUED);
	pool_forget(&p, &first);
	pool_give(&p, 0);
	assert_ptr_equal(pool_collect(&p, &first), &first);
	pool_leave(&p, &later);
	pool_fini(&p);
}

/* R6: with nobody up they wait, and the first that comes up serves them. */
static void
r06_with_nobody_up_clients_wait(void **state)
{
	struct pool_waiter w[2] = { new_waiter(&w[0]),
		refused_by(1, (uint16_t[]){ 1 }) };
	enum pool_choice wants;
	struct pool p;

	(void)state;
	open_pool(&p, 0);
	w[1].owner = &w[1];
	for (int i = 0; i < SERVERS; i++)
		pool_set_state(&p, &p.servers[i], SERVER_DOWN, mono_now());
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    pool_take(&p, &w[i], mono_now(), &wants), POOL_QUEUED);
		assert_int_equal(wants, POOL_CHOICE_UP);
	}
	pool_set_state(&p, &p.servers[1], SERVER_UP, mono_now());
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(pool_collect(&p, &w[i]), &w[i]);
		assert_int_equal(w[i].server, 1);
	}
	pool_fini(&p);
}

static void
open_with_backups(struct pool *p, int first, enum config_backups backups)
{
	memset(&service, 0, sizeof(service));
	open_pool(p, 0);
	pool_fini(p);
	for (int i = first; i < SERVERS; i++)
		servers[i].backup = true;
	service.backups = backups;
	assert_int_equal(pool_init(p, &service, 0, 0), 0);
	for (int i = 0; i < SERVERS; i++)
		pool_set_state(p, &p->servers[i], SERVER_UP, mono_now());
}

static void
backups_serve_only_when_no_other_is_up(void **state)
{
	struct pool_waiter w = new_waiter(NULL);
	struct pool p;

	(void)state;
	open_with_backups(&p, 2, CONFIG_BACKUPS_ORDERED);
	for (int i = 0; i < 10; i++)
		assert_int_not_equal(take(&p, &w), 2);
	pool_set_state(&p, &p.servers[0], SERVER_DOWN, mono_now());
	assert_int_equal(take(&p, &w), 1);
	pool_set_state(&p, &p.servers[1], SERVER_DOWN, mono_now());
	assert_int_equal(take(&p, &w), 2);
	pool_set_state(&p, &p.servers[1], SERVER_UP, mono_now());
	assert_int_equal(take(&p, &w), 1);
	pool_fini(&p);
}

/* Two writers, where one was meant, are worse than none. */
static void
r08_of_several_backups_the_first_serves_unless_all_shall(void **state)
{
	struct pool_waiter w = new_waiter(NULL);
	struct pool p;

	(void)state;
	for (enum config_backups b = 0; b <= CONFIG_BACKUPS_ALL; b++) {
		unsigned got = 0;

		open_with_backups(&p, 1, b);
		pool_set_state(&p, &p.servers[0], SERVER_DOWN, mono_now());
		for (int i = 0; i < 10; i++)
			got += take(&p, &w) == 1;
		assert_int_equal(got, b == CONFIG_BACKUPS_ORDERED ? 10 : 5);
		pool_set_state(&p, &p.servers[1], SERVER_DOWN, mono_now());
		assert_int_equal(take(&p, &w), 2);
		pool_fini(&p);
	}
}

static void
who_came_first_is_served_first(void **state)
{
	struct pool_waiter w[4];
	int owners[4];
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	for (int i = 0; i < 4; i++)
		w[i] = new_waiter(&owners[i]);
	for (int i = 0; i < SERVERS; i++)
		assert_true(take(&p, &w[0]) >= 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(take(&p, &w[i]), POOL_QUEUED);
	assert_int_equal(atomic_load(&p.n_waiting), 4);
	assert_null(pool_collect(&p, &owners[0]));
	pool_give(&p, 1);
	assert_int_equal(wakes, 1);
	assert_null(pool_collect(&p, &owners[1]));
	assert_ptr_equal(pool_collect(&p, &owners[0]), &w[0]);
	assert_int_equal(w[0].server, 1);
	assert_int_equal(atomic_load(&p.n_waiting), 3);
	/* A newcomer does not overtake. */
	pool_leave(&p, &w[1]);
	pool_leave(&p, &w[2]);
	assert_int_equal(take(&p, &w[0]), POOL_QUEUED);
	pool_give(&p, 2);
	assert_ptr_equal(pool_collect(&p, &owners[3]), &w[3]);
	pool_leave(&p, &w[0]);
	pool_fini(&p);
}

/* T21, T26: whoever leaves takes nothing along, wherever it stood. */
static void
t21_leaving_the_queue_gives_everything_back(void **state)
{
	struct pool_waiter w[3];
	struct pool p;
	int server = 0;

	(void)state;
	open_pool(&p, 1);
	for (int i = 0; i < 3; i++)
		w[i] = new_waiter(&w[i]);
	for (int i = 0; i < SERVERS; i++)
		server = take(&p, &w[0]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(&p, &w[i]), POOL_QUEUED);
	pool_give(&p, server); /* granted to the first, who leaves */
	pool_leave(&p, &w[0]); /* so it goes to the second */
	pool_leave(&p, &w[2]); /* the third leaves while it waits */
	assert_null(pool_collect(&p, &w[0]));
	assert_null(pool_collect(&p, &w[2]));
	assert_ptr_equal(pool_collect(&p, &w[1]), &w[1]);
	for (int i = 0; i < SERVERS; i++)
		pool_give(&p, i);
	for (int i = 0; i < SERVERS; i++)
		assert_int_equal(p.slots[i].load, 0);
	assert_int_equal(atomic_load(&p.n_waiting), 0);
	assert_int_equal(atomic_load(&p.n_granted), 0);
	pool_fini(&p);
}

/* T17: a limit that is lifted by something else than an end wakes, too. */
static void
t17_a_server_that_comes_up_serves_those_who_wait(void **state)
{
	struct pool_waiter w = new_waiter(&w);
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	pool_set_state(&p, &p.servers[2], SERVER_DOWN, mono_now());
	assert_true(take(&p, &w) >= 0);
	assert_true(take(&p, &w) >= 0);
	assert_int_equal(take(&p, &w), POOL_QUEUED);
	pool_set_state(&p, &p.servers[2], SERVER_UP, mono_now());
	assert_ptr_equal(pool_collect(&p, &w), &w);
	assert_int_equal(w.server, 2);
	pool_fini(&p);
}

/* T34: under leastconn it would otherwise get every new connection. */
static void
t34_a_returning_server_is_not_flooded(void **state)
{
	struct pool_waiter w = new_waiter(NULL);
	unsigned got = 0;
	struct pool p;

	(void)state;
	open_pool(&p, 0);
	service.balance = CONFIG_BALANCE_LEASTCONN;
	for (int i = 0; i < SERVERS; i++)
		servers[i].slow_start_ms = 60000;
	pool_set_state(&p, &p.servers[2], SERVER_DOWN, mono_now());
	for (int i = 0; i < 200; i++)
		assert_int_not_equal(take(&p, &w), 2);
	pool_set_state(&p, &p.servers[2], SERVER_UP, mono_now());
	for (int i = 0; i < 100; i++)
		got += take(&p, &w) == 2;
	assert_true(got > 0);
	assert_true(got < 20);
	pool_fini(&p);
}

/* Nobody has a place while held; then by their tickets, as the limits let. */
static void
a_held_pool_gives_no_place(void **state)
{
	struct pool_waiter w[3], there = new_waiter(NULL);
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	pool_hold(&p, true);
	for (unsigned i = 0; i < 3; i++) {
		w[i] = new_waiter(&w[i]);
		w[i].ticket = 7 + i;
	}
	/* Given from another process, the last first, and one who comes. */
	pool_resume(&p, &w[2]);
	pool_resume(&p, &w[1]);
	assert_int_equal(take(&p, &w[0]), POOL_QUEUED);
	pool_leave(&p, &w[0]);
	w[0].ticket = 7;
	pool_resume(&p, &w[0]);
	pool_enter(&p, 0, &there);
	pool_give(&p, 0);
	pool_set_weight(&p, &p.servers[1], 2);
	pool_enter(&p, 0, &there);
	assert_int_equal(wakes, 0);
	pool_hold(&p, false);
	assert_int_equal(wakes, 2);
	assert_ptr_equal(pool_collect(&p, &w[0]), &w[0]);
	assert_ptr_equal(pool_collect(&p, &w[1]), &w[1]);
	assert_null(pool_collect(&p, &w[2]));
	pool_give(&p, 0);
	assert_ptr_equal(pool_collect(&p, &w[2]), &w[2]);
	pool_fini(&p);
}

static void
a_server_without_an_address_is_not_chosen(void **state)
{
	struct pool_waiter w = new_waiter(NULL);
	union addr ip, got;
	struct pool p;

	(void)state;
	open_pool(&p, 0);
	assert_int_equal(addr_parse("127.0.0.1:80", &servers[1].address), 0);
	p.servers[1].has_address = false;
	for (int i = 0; i < 10; i++)
		assert_int_not_equal(take(&p, &w), 1);
	assert_false(pool_get_address(&p, &p.servers[1], &got));
	assert_int_equal(addr_parse_ip("10.1.1.1", &ip), 0);
	pool_set_address(&p, &p.servers[1], &ip);
	assert_true(pool_get_address(&p, &p.servers[1], &got));
	assert_true(addr_is_same_ip(&got, &ip));
	assert_int_equal(addr_port(&got), 80);
	pool_fini(&p);
}

/* Also of places that were granted, and not of those given after the cut. */
static void
a_cut_is_for_those_who_have_a_place(void **state)
{
	struct pool_waiter w[3];
	struct pool p;

	(void)state;
	open_pool(&p, 1);
	for (int i = 0; i < 3; i++)
		w[i] = new_waiter(&w[i]);
	for (int i = 1; i < SERVERS; i++)
		pool_set_state(&p, &p.servers[i], SERVER_DOWN, mono_now());
	assert_int_equal(take(&p, &w[0]), 0);
	assert_int_equal(take(&p, &w[1]), POOL_QUEUED);
	pool_give(&p, 0);
	assert_ptr_equal(pool_collect(&p, &w[1]), &w[1]);
	assert_false(pool_is_cut(&p, 0, &w[0]));
	pool_cut(&p, &p.servers[0]);
	assert_true(atomic_load(&p.was_cut));
	assert_true(pool_is_cut(&p, 0, &w[0]));
	assert_true(pool_is_cut(&p, 0, &w[1]));
	assert_int_equal(take(&p, &w[2]), POOL_QUEUED);
	pool_give(&p, 0);
	assert_ptr_equal(pool_collect(&p, &w[2]), &w[2]);
	assert_false(pool_is_cut(&p, 0, &w[2]));
	pool_fini(&p);
}

/* And whoever waits is served by a server that is made ready. */
static void
an_operator_takes_servers_out_and_in(void **state)
{
	struct pool_waiter w[2];
	struct pool_view view;
	struct pool p;

	(void)state;
	open_pool(&p, 2);
	w[0] = new_waiter(&w[0]);
	w[1] = new_waiter(&w[1]);
	pool_set_admin(&p, &p.servers[0], ACCORD_DRAIN);
	pool_set_weight(&p, &p.servers[1], 0);
	assert_int_equal(take(&p, &w[0]), 2);
	assert_int_equal(take(&p, &w[0]), 2);
	assert_int_equal(take(&p, &w[1]), POOL_QUEUED);
	pool_look(&p, &p.servers[0], &view);
	assert_int_equal(view.admin, ACCORD_DRAIN);
	assert_false(view.usable);
	assert_false(atomic_load(&p.was_cut));
	pool_set_admin(&p, &p.servers[0], ACCORD_READY);
	assert_ptr_equal(pool_collect(&p, &w[1]), &w[1]);
	assert_int_equal(w[1].server, 0);
	pool_set_admin(&p, &p.servers[0], ACCORD_MAINT);
	assert_true(pool_is_cut(&p, 0, &w[1]));
	assert_true(atomic_load(&p.was_cut));
	pool_set_weight(&p, &p.servers[1], 5);
	pool_look(&p, &p.servers[1], &view);
	assert_int_equal(view.weight, 5);
	assert_true(view.usable);
	assert_int_equal(take(&p, &w[0]), 1);
	pool_set_admin(&p, &p.servers[1], ACCORD_MAINT);
	pool_set_admin(&p, &p.servers[2], ACCORD_MAINT);
	assert_false(pool_is_usable(&p));
	assert_int_equal(take(&p, &w[0]), POOL_QUEUED);
	pool_leave(&p, &w[0]);
	pool_fini(&p);
}

static uint64_t
draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return *seed >> 33;
}

/* Something becomes of a server; of both pools the same. */
static void
happen(struct pool *a, struct pool *b, struct mono now, uint64_t *seed)
{
	const unsigned what = (unsigned)(draw(seed) % 5);
	const unsigned i = (unsigned)(draw(seed) % SERVERS);
	const uint32_t value = (uint32_t)draw(seed);
	struct pool *const both[] = { a, b };

	for (int k = 0; k < 2; k++) {
		struct pool_server *s = &both[k]->servers[i];

		if (what == 0)
			pool_set_state(both[k], s,
			    value % 3 == 0 ? SERVER_DOWN : SERVER_UP, now);
		else if (what == 1)
			pool_set_admin(both[k], s,
			    value % 3 == 0 ? ACCORD_DRAIN : ACCORD_READY);
		else if (what == 2)
			pool_set_weight(both[k], s, value % 4);
		else if (what == 3)
			pool_set_trial(both[k], s);
		else
			pool_set_address(
			    both[k], s, &(union addr){ .in.sin_port = 1 });
	}
}

/* Who asks is not the reason to look at all servers again; a change is. */
static void
each_finds_what_a_fresh_look_finds(void **state)
{
	uint64_t seed = 1;
	struct pool a, b;

	(void)state;
	open_pool(&a, 0);
	open_pool(&b, 0);
	servers[1].slow_start_ms = 1;
	servers[2].backup = true;
	a.servers[2].tier = b.servers[2].tier = 1;
	for (int i = 0; i < 100000; i++) {
		const uint16_t tried = (uint16_t)(draw(&seed) % SERVERS);
		const unsigned n = draw(&seed) % 8 == 0;
		struct pool_waiter of_a = refused_by(n, &tried);
		struct pool_waiter of_b = refused_by(n, &tried);
		const struct mono now =
		    mono_add_us((struct mono){ 0 }, i * 100);
		enum pool_choice wants_a, wants_b;
		int at;

		if (draw(&seed) % 4 == 0)
			happen(&a, &b, now, &seed);
		b.marked = false;
		at = pool_take(&a, &of_a, now, &wants_a);
		assert_int_equal(pool_take(&b, &of_b, now, &wants_b), at);
		assert_int_equal(wants_a, wants_b);
		pool_leave(&a, &of_a);
		pool_leave(&b, &of_b);
		if (at >= 0 && draw(&seed) % 2 == 0) {
			pool_give(&a, at);
			pool_give(&b, at);
		}
	}
	pool_fini(&a);
	pool_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tried_servers_are_left_out),
		cmocka_unit_test(each_finds_what_a_fresh_look_finds),
		cmocka_unit_test(n01_who_cannot_go_on_holds_up_nobody),
		cmocka_unit_test(n01_who_forgets_keeps_its_place),
		cmocka_unit_test(
		    n02_who_waits_is_granted_by_what_it_has_not_tried),
		cmocka_unit_test(r06_with_nobody_up_clients_wait),
		cmocka_unit_test(backups_serve_only_when_no_other_is_up),
		cmocka_unit_test(
		    r08_of_several_backups_the_first_serves_unless_all_shall),
		cmocka_unit_test(who_came_first_is_served_first),
		cmocka_unit_test(
		    t17_a_server_that_comes_up_serves_those_who_wait),
		cmocka_unit_test(t21_leaving_the_queue_gives_everything_back),
		cmocka_unit_test(t34_a_returning_server_is_not_flooded),
		cmocka_unit_test(a_held_pool_gives_no_place),
		cmocka_unit_test(a_server_without_an_address_is_not_chosen),
		cmocka_unit_test(a_cut_is_for_those_who_have_a_place),
		cmocka_unit_test(an_operator_takes_servers_out_and_in),
	};

	TEST_MAIN(tests);
}
