/* What checks make of answers; who asks is test_probe.c's. */
#include "proxy/health/check.h"

#include "config/config.h"
#include "proxy/pool/pool.h"
#include "tests/lib/test.h"

#include "core/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct run {
	struct ev_loop *loop;
	struct config_server servers[1];
	struct config_service service;
	struct pool pool;
	struct probes *surveys;
	struct check check;
	unsigned changes;
};

static void
on_change(void *arg, struct pool *pool)
{
	struct run *r = arg;

	assert_ptr_equal(pool, &r->pool);
	r->changes++;
}

static void
ignore_wake(void *owner)
{
	(void)owner;
}

/* rise 2, fall 3; a port where nobody is. */
static void
set_up(struct run *r, enum config_check_type type)
{
	*r = (struct run){ .loop = ev_loop_new(EVFLAG_AUTO),
		.servers = { { .name = "a",
		    .weight = 1,
		    .check = { .type = type,
		        .interval_ms = 60000,
		        .timeout_ms = 20,
		        .rise = 2,
		        .fall = 3 } } },
		.service = { .name = "s", .n_servers = 1, .hold_ms = 20 } };
	assert_non_null(r->loop);
	r->service.servers = r->servers;
	assert_int_equal(addr_parse("127.0.0.1:1", &r->servers[0].address), 0);
	assert_int_equal(pool_init(&r->pool, &r->service, 0, 0), 0);
	r->surveys = probe_open(r->loop, NULL, 1);
	assert_non_null(r->surveys);
	r->check.loop = r->loop;
	r->check.surveys = r->surveys;
	r->check.on_change = on_change;
	r->check.arg = r;
	check_prepare(&r->check, &r->pool, &r->pool.servers[0]);
}

static void
tear_down(struct run *r)
{
	check_stop(&r->check);
	probe_close(r->surveys);
	pool_fini(&r->pool);
	ev_loop_destroy(r->loop);
}

/* What the name server says of it. */
static void
name_has(struct run *r, unsigned n, const char *first, ...)
{
	union addr all[3];
	va_list more;

	va_start(more, first);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
		    addr_parse_ip(
		        i == 0 ? first : va_arg(more, const char *), &all[i]),
		    0);
	va_end(more);
	assert_true(check_set_addresses(&r->check, all, n));
}

/* An answer; returns whether the next question shall come soon. */
static bool
hear(struct run *r, enum health_result result, enum server_role role)
{
	struct probe_judge_answer a = { .result = result, .role = role };

	(void)snprintf(a.detail, sizeof(a.detail), "result %d", result);
	return r->check.listener.on_heard(&r->check, &a, 7.);
}

static enum server_state
state_of(struct run *r)
{
	return pool_server_state(&r->pool.servers[0]);
}

static const struct row {
	const char *name;
	const char *answers; /* p, f or d each */
	enum server_state state;
	unsigned changes;
	bool wavers;
} rows[] = {
	{ "the first one decides", "p", SERVER_UP, 1, false },
	{ "also that it is down", "f", SERVER_DOWN, 1, false },
	{ "two failures are none yet", "pff", SERVER_UP, 1, true },
	{ "three are", "pfff", SERVER_DOWN, 2, false },
	{ "not if a good one is among them", "pffpff", SERVER_UP, 1, true },
	{ "one good one is not enough", "fp", SERVER_DOWN, 1, true },
	{ "two are", "fpp", SERVER_UP, 2, false },
	{ "draining is believed at once", "pd", SERVER_DRAIN, 2, false },
	{ "and back", "pdp", SERVER_UP, 3, false },
};

static void
answers_in_a_row_make_a_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run r;
		bool wavers = false;

		test_row(rows[i].name);
		set_up(&r, CONFIG_CHECK_TCP);
		for (const char *a = rows[i].answers; *a != '\0'; a++)
			wavers = hear(&r,
			    *a == 'p'       ? HEALTH_PASSED
			        : *a == 'f' ? HEALTH_FAILED
			                    : HEALTH_DRAINS,
			    SERVER_ROLE_UNSAID);
		assert_int_equal(state_of(&r), rows[i].state);
		assert_int_equal(r.changes, rows[i].changes);
		assert_int_equal(wavers, rows[i].wavers);
		tear_down(&r);
	}
}

/* What a database that is well comes to, by what its clients need. */
static const struct role_row {
	const char *name, *wanted;
	enum config_mode mode;
	enum server_role role;
	enum server_state state;
	const char *detail;
} role_rows[] = {
	{ "any", NULL, CONFIG_MODE_BALANCE, SERVER_ROLE_UNSAID, SERVER_UP,
	    "result 1" },
	{ "a primary", "primary", CONFIG_MODE_BALANCE, SERVER_ROLE_ACTIVE,
	    SERVER_UP, "result 1" },
	{ "a replica instead", "primary", CONFIG_MODE_BALANCE,
	    SERVER_ROLE_STANDBY, SERVER_DOWN, "result 1, expected a primary" },
	{ "nothing said instead", "primary", CONFIG_MODE_BALANCE,
	    SERVER_ROLE_UNSAID, SERVER_DOWN, "result 1, expected a primary" },
	{ "a replica", "replica", CONFIG_MODE_BALANCE, SERVER_ROLE_STANDBY,
	    SERVER_UP, "result 1" },
	{ "a primary instead", "replica", CONFIG_MODE_BALANCE,
	    SERVER_ROLE_ACTIVE, SERVER_DOWN, "result 1, expected a replica" },
	{ "a standby service takes both", "primary", CONFIG_MODE_STANDBY,
	    SERVER_ROLE_STANDBY, SERVER_UP, "result 1" },
};

static void
a_database_in_another_role_is_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(role_rows); i++) {
		struct run r;

		test_row(role_rows[i].name);
		set_up(&r, CONFIG_CHECK_MYSQL);
		r.servers[0].check.role = role_rows[i].wanted;
		r.service.mode = role_rows[i].mode;
		(void)hear(&r, HEALTH_PASSED, role_rows[i].role);
		assert_int_equal(state_of(&r), role_rows[i].state);
		assert_text(r.check.view.detail, role_rows[i].detail);
		tear_down(&r);
	}
}

/* R5: and `status` tells why from the first time on. */
static void
r05_a_check_that_cannot_be_made_ends_in_a_verdict(void **state)
{
	struct probe_judge_answer a = { .is_void = true,
		.detail = "connect: Cannot assign requested address" };
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_TCP);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(state_of(&r), SERVER_UNKNOWN);
		assert_int_equal(
		    r.check.listener.on_heard(&r.check, &a, 0.), i < 2);
		assert_text(r.check.view.detail,
		    "cannot be asked: connect: Cannot assign requested "
		    "address");
	}
	assert_int_equal(state_of(&r), SERVER_DOWN);
	assert_int_equal(r.changes, 1);
	tear_down(&r);
}

static void
status_sees_the_last_answer(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_TCP);
	assert_int_equal(r.check.view.since_wall_ms, 0);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
	assert_true(r.check.view.passed);
	assert_true(r.check.view.since_wall_ms > 0);
	assert_true(r.check.view.latency_ms == 7.);
	(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
	assert_false(r.check.view.passed);
	assert_text(r.check.view.detail, "result 0");
	tear_down(&r);
}

static void
another_role_is_told_though_the_state_is_the_same(void **state)
{
	struct pool_view view;
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_TCP);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_STANDBY);
	assert_int_equal(r.changes, 1);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_ACTIVE);
	assert_int_equal(r.changes, 2);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_ACTIVE);
	assert_int_equal(r.changes, 2);
	pool_look(&r.pool, &r.pool.servers[0], &view);
	assert_int_equal(view.role, SERVER_ROLE_ACTIVE);
	tear_down(&r);
}

static void
a_clients_failure_counts_while_it_is_up(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_TCP);
	check_accuse(&r.check); /* nothing is known of it: that says nothing */
	assert_int_equal(state_of(&r), SERVER_UNKNOWN);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
	/* R6: however many there are, they are one witness. */
	for (int i = 0; i < 9; i++)
		check_accuse(&r.check);
	assert_text(r.check.view.detail, "connect of a client failed");
	(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
	assert_int_equal(state_of(&r), SERVER_UP);
	(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
	assert_int_equal(state_of(&r), SERVER_DOWN);
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
	check_accuse(&r.check); /* down: its good answers are not undone */
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
	assert_int_equal(state_of(&r), SERVER_UP);
	tear_down(&r);
}

/*
 * R6: whom it refused waits, and goes back to it when a check has found it well
 * at the port that refused; a check of another port knows nothing of that.
 */
static void
r06_a_good_check_lets_clients_try_again(void **state)
{
	(void)state;
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		struct pool_waiter w = { .wake = ignore_wake, .n_tried = 1 };
		enum pool_choice wants;
		struct run r;

		set_up(&r, CONFIG_CHECK_TCP);
		r.servers[0].check.port = elsewhere ? 2 : 0;
		(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
		assert_int_equal(
		    pool_take(&r.pool, &w, mono_now(), &wants), POOL_QUEUED);
		(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
		assert_null(pool_collect(&r.pool, NULL)); /* not accused */
		check_accuse(&r.check);
		(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
		assert_null(pool_collect(&r.pool, NULL));
		(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
		assert_ptr_equal(
		    pool_collect(&r.pool, NULL), elsewhere ? NULL : &w);
		pool_leave(&r.pool, &w);
		tear_down(&r);
	}
}

/* N5: so that not every second client waits for a host that is gone. */
static void
n05_without_a_check_clients_are_believed(void **state)
{
	struct pool_waiter w = { .wake = ignore_wake };
	enum pool_choice wants;
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_NONE);
	r.servers[0].check.interval_ms = 10;
	r.service.timeouts.connect_ms = 5000;
	assert_int_equal(check_start(&r.check), 0);
	assert_int_equal(state_of(&r), SERVER_UP);
	assert_text(r.check.view.detail, "not checked");
	for (int i = 0; i < 9; i++) {
		assert_false(r.pool.servers[0].doubted);
		check_accuse(&r.check);
		assert_true(r.pool.servers[0].doubted);
		check_prove(&r.check); /* another client was served */
	}
	assert_int_equal(state_of(&r), SERVER_UP);
	for (int i = 0; i < 3; i++)
		check_accuse(&r.check);
	assert_int_equal(state_of(&r), SERVER_DOWN);
	assert_int_equal(
	    pool_take(&r.pool, &w, mono_now(), &wants), POOL_QUEUED);
	/* After an interval one may try, and no other one. */
	while (pool_collect(&r.pool, NULL) == NULL)
		(void)ev_run(r.loop, EVRUN_ONCE);
	assert_int_equal(w.server, 0);
	assert_int_equal(
	    pool_take(&r.pool, &w, mono_now(), &wants), POOL_QUEUED);
	assert_int_equal(state_of(&r), SERVER_DOWN);
	pool_leave(&r.pool, &w);
	check_prove(&r.check);
	assert_int_equal(state_of(&r), SERVER_UP);
	assert_int_equal(pool_take(&r.pool, &w, mono_now(), &wants), 0);
	name_has(&r, 1, "127.0.0.9");
	assert_int_equal(state_of(&r), SERVER_UP);
	tear_down(&r);
}

/* Where the service says so, after `hold`, and not if it is back by then. */
static void
one_that_stays_down_is_given_up(void **state)
{
	struct run r;

	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		for (int back = 0; back < 2; back++) {
			struct pool_waiter place = { .era = 0 };
			const bool cut = reset && !back;

			set_up(&r, CONFIG_CHECK_TCP);
			r.service.on_down =
			    reset ? CONFIG_ON_DOWN_RESET : CONFIG_ON_DOWN_KEEP;
			(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
			for (int i = 0; back && i < 2; i++)
				(void)hear(
				    &r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
			assert_false(pool_is_cut(&r.pool, 0, &place));
			(void)ev_run(r.loop, 0);
			assert_int_equal(pool_is_cut(&r.pool, 0, &place), cut);
			assert_int_equal(r.changes, 1u + (unsigned)back + cut);
			tear_down(&r);
		}
	}
}

static void
a_name_without_an_address_is_down_until_it_has_one(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, CONFIG_CHECK_TCP);
	r.servers[0].host = "db.example";
	r.pool.servers[0].has_address = false;
	assert_int_equal(check_start(&r.check), 0);
	assert_int_equal(state_of(&r), SERVER_UNKNOWN);
	(void)ev_run(r.loop, 0);
	assert_int_equal(state_of(&r), SERVER_DOWN);
	assert_text(r.check.view.detail, "name 'db.example' is not resolved");
	name_has(&r, 1, "127.0.0.1");
	/* It was down for want of an address: one success is enough. */
	(void)hear(&r, HEALTH_PASSED, SERVER_ROLE_UNSAID);
	assert_int_equal(state_of(&r), SERVER_UP);
	tear_down(&r);
}

/*
 * R13: an AAAA whose server listens on IPv4 only; a first address that is dead.
 */
static void
r13_of_a_names_addresses_the_one_that_answers_is_used(void **state)
{
	CLEANUP(fd_close) int door = socket(AF_INET, SOCK_STREAM, 0);
	union addr at, used;
	socklen_t len = sizeof(at);
	struct run r;

	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.2", &at), 0);
	assert_int_equal(bind(door, &at.sa, addr_len(&at)), 0);
	assert_int_equal(listen(door, 8), 0);
	assert_int_equal(getsockname(door, &at.sa, &len), 0);
	set_up(&r, CONFIG_CHECK_TCP);
	r.servers[0].host = "db.example";
	addr_set_port(&r.servers[0].address, addr_port(&at));
	r.pool.servers[0].has_address = false;
	assert_int_equal(check_start(&r.check), 0);
	name_has(&r, 3, "::1", "127.0.0.9", "127.0.0.2");
	while (state_of(&r) == SERVER_UNKNOWN)
		(void)ev_run(r.loop, EVRUN_ONCE);
	assert_int_equal(state_of(&r), SERVER_UP);
	assert_true(pool_get_address(&r.pool, &r.pool.servers[0], &used));
	assert_true(addr_is_same(&used, &at));
	/* Nobody answers: that is one failure, of the server, not three. */
	r.changes = 0;
	fd_close(&door);
	(void)hear(&r, HEALTH_FAILED, SERVER_ROLE_UNSAID);
	assert_int_equal(r.check.health.streak, 0);
	while (r.check.health.streak == 0)
		(void)ev_run(r.loop, EVRUN_ONCE);
	assert_int_equal(r.check.health.streak, 1);
	assert_int_equal(r.changes, 0);
	tear_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_a_row_make_a_verdict),
		cmocka_unit_test(a_database_in_another_role_is_down),
		cmocka_unit_test(
		    r05_a_check_that_cannot_be_made_ends_in_a_verdict),
		cmocka_unit_test(status_sees_the_last_answer),
		cmocka_unit_test(
		    another_role_is_told_though_the_state_is_the_same),
		cmocka_unit_test(a_clients_failure_counts_while_it_is_up),
		cmocka_unit_test(r06_a_good_check_lets_clients_try_again),
		cmocka_unit_test(n05_without_a_check_clients_are_believed),
		cmocka_unit_test(one_that_stays_down_is_given_up),
		cmocka_unit_test(
		    r13_of_a_names_addresses_the_one_that_answers_is_used),
		cmocka_unit_test(
		    a_name_without_an_address_is_down_until_it_has_one),
	};

	TEST_MAIN(tests);
}
