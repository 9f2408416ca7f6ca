#include "proxy/health/negotiate.h"

#include "tests/lib/test.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EACH 4 /* threads for one server */

/* The KDC: a thread that asks it waits at the gate, unless that is open. */
static sem_t limit;
static atomic_uint asked, left;
static atomic_bool hangs;
static atomic_uint renewed;

static void
fake_get(const struct ticket_wish *wish, struct ticket *ret_ticket)
{
	struct ticket t = { .token = strdup(wish->anew ? "new" : wish->host) };

	atomic_fetch_add(&asked, 1);
	if (atomic_load(&hangs))
		(void)sem_wait(&limit);
	(void)snprintf(t.name, sizeof(t.name), "%s",
	    wish->keytab != NULL ? wish->keytab : "environment");
	*ret_ticket = t;
	atomic_fetch_add(&left, 1);
}

static void
fake_renew(const struct ticket_wish *wish, struct ticket *ret_ticket)
{
	struct ticket t = { .token = NULL };

	(void)wish;
	atomic_fetch_add(&renewed, 1);
	*ret_ticket = t;
}

static const struct negotiate_means means = { fake_get, fake_renew, 20 };

struct run {
	struct ev_loop *loop;
	struct negotiate *all;
	struct negotiate_call call;
	unsigned answers;
	char token[32], name[TICKET_NAME_MAX], error[TICKET_ERROR_MAX];
};

static void
on_answer(void *arg, const struct ticket *ticket)
{
	struct run *r = arg;

	r->answers++;
	(void)snprintf(r->token, sizeof(r->token), "%s",
	    ticket->token != NULL ? ticket->token : "none");
	(void)snprintf(r->name, sizeof(r->name), "%s", ticket->name);
	(void)snprintf(r->error, sizeof(r->error), "%s", ticket->error);
	ev_break(r->loop, EVBREAK_ALL);
}

static void
set_up(struct run *r, bool hanging)
{
	*r = (struct run){ .loop = ev_loop_new(EVBACKEND_EPOLL) };
	assert_non_null(r->loop);
	assert_int_equal(sem_init(&limit, 0, 0), 0);
	atomic_store(&asked, 0);
	atomic_store(&left, 0);
	atomic_store(&renewed, 0);
	atomic_store(&hangs, hanging);
	r->all = negotiate_open(r->loop, &means);
	assert_non_null(r->all);
	r->call.on_answer = on_answer;
	r->call.arg = r;
}

/* Lets all go, and waits for the last of them. */
static void
let_go(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	atomic_store(&hangs, false);
	while (atomic_load(&left) < atomic_load(&asked)) {
		(void)sem_post(&limit);
		(void)nanosleep(&moment, NULL);
	}
}

static void
tear_down(struct run *r)
{
	negotiate_close(r->all);
	let_go();
	ev_loop_destroy(r->loop);
}

static void
ask(struct run *r, const char *host, const char *keytab, uint32_t timeout_ms)
{
	const struct negotiate_question q = {
		.host = host, .keytab = keytab, .timeout_ms = timeout_ms
	};

	assert_int_equal(negotiate_ask(r->all, &r->call, &q), 0);
}

static void
wait_for_thread(unsigned number)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (atomic_load(&asked) < number)
		(void)nanosleep(&moment, NULL);
}

static void
a_ticket_comes_by_the_loop(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, false);
	ask(&r, "a", "FILE:b", 60000);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "a");
	assert_text(r.name, "FILE:b");
	ask(&r, "c", NULL, 60000);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "c");
	assert_text(r.name, "environment");
	assert_int_equal(r.answers, 2);
	tear_down(&r);
}

static void
a_kdc_that_hangs_keeps_nobody_waiting(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, true);
	ask(&r, "a", NULL, 20);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "none");
	assert_text(r.error, "no ticket within 20 ms, no KDC answers");
	wait_for_thread(1);
	/* Others do not wait for that one. */
	atomic_store(&hangs, false);
	ask(&r, "a", NULL, 60000);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "a");
	ask(&r, "b", NULL, 60000);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "b");
	assert_int_equal(r.answers, 3);
	tear_down(&r);
}

static void
threads_that_hang_are_few_and_of_use_when_they_end(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, true);
	for (unsigned i = 0; i < 3 * EACH; i++) {
		ask(&r, "a", NULL, 5);
		(void)ev_run(r.loop, 0);
		assert_text(r.token, "none");
	}
	wait_for_thread(EACH);
	assert_int_equal(atomic_load(&asked), EACH);
	/* No more may start, so it is one of them that brings the ticket. */
	ask(&r, "a", NULL, 60000);
	let_go();
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "a");
	assert_int_equal(r.answers, 3 * EACH + 1);
	assert_int_equal(atomic_load(&asked), EACH);
	tear_down(&r);
}

/* Once in the time that is due, by the way, and only with a keytab. */
static void
a_login_is_renewed_beside(void **state)
{
	const struct timespec due = { .tv_nsec = 30000000 };
	struct run r;
	unsigned asked_for = 0;

	(void)state;
	set_up(&r, false);
	ask(&r, "a", NULL, 60000);
	(void)ev_run(r.loop, 0);
	(void)nanosleep(&due, NULL);
	ask(&r, "a", NULL, 60000);
	(void)ev_run(r.loop, 0);
	ask(&r, "a", "FILE:b", 60000);
	(void)ev_run(r.loop, 0);
	assert_int_equal(atomic_load(&renewed), 0);
	while (atomic_load(&renewed) < 3) {
		ask(&r, "a", "FILE:b", 60000);
		(void)ev_run(r.loop, 0);
		assert_text(r.token, "a");
		(void)nanosleep(&due, NULL);
		asked_for++;
	}
	assert_in_range(asked_for, 3, 1000);
	tear_down(&r);
}

/* Once: the next refusal of the new one changes nothing, for a minute. */
static void
who_was_refused_gets_a_new_ticket(void **state)
{
	static const char *const tokens[] = { "a", "new", "a", "a" };
	struct run r;

	(void)state;
	set_up(&r, false);
	negotiate_distrust(&r.call); /* nothing was asked */
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		ask(&r, "a", "FILE:b", 60000);
		(void)ev_run(r.loop, 0);
		assert_text(r.token, tokens[i]);
		negotiate_distrust(&r.call);
	}
	ask(&r, "other", "FILE:b", 60000);
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "other");
	tear_down(&r);
}

static void
what_is_cancelled_is_not_told(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, true);
	negotiate_cancel(&r.call); /* nothing is asked */
	ask(&r, "a", NULL, 1);
	negotiate_cancel(&r.call);
	wait_for_thread(1);
	ask(&r, "b", NULL, 60000);
	let_go();
	(void)ev_run(r.loop, 0);
	assert_text(r.token, "b");
	assert_int_equal(r.answers, 1);
	tear_down(&r);
}

/* Also with tickets that have arrived and nobody took. */
static void
threads_may_outlive_all_else(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, false);
	ask(&r, "a", NULL, 60000);
	negotiate_cancel(&r.call);
	wait_for_thread(1);
	let_go();
	atomic_store(&hangs, true);
	ask(&r, "a", NULL, 60000);
	negotiate_cancel(&r.call);
	wait_for_thread(2);
	negotiate_close(r.all);
	ev_loop_destroy(r.loop);
	let_go();
	assert_int_equal(r.answers, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_comes_by_the_loop),
		cmocka_unit_test(a_kdc_that_hangs_keeps_nobody_waiting),
		cmocka_unit_test(
		    threads_that_hang_are_few_and_of_use_when_they_end),
		cmocka_unit_test(a_login_is_renewed_beside),
		cmocka_unit_test(who_was_refused_gets_a_new_ticket),
		cmocka_unit_test(what_is_cancelled_is_not_told),
		cmocka_unit_test(threads_may_outlive_all_else),
	};

	TEST_MAIN(tests);
}
