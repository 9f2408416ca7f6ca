#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "failover/connsync/backlog_watch.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Told of at once, where it does not matter. */
#define MAX 8

static struct config_address addresses[2];
static struct config_group group = {
	.name = "a", .addresses = addresses, .n_addresses = 2
};
static const struct config_pair pair = { .groups = &group, .n_groups = 1 };

/* So long, and none of the processor's time, takes each word of the kernel. */
static unsigned delay_us;

ssize_t
recv(int fd, void *bytes, size_t len, int flags)
{
	usleep(delay_us);
	return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

/* A client that waits at a listener. */
struct waiter {
	int listener, client;
	uint16_t port, local_port;
};

/* What is said of them. */
struct said {
	struct ev_loop *loop;
	struct waiter of, elsewhere;
	uint64_t id;
	enum conn_record_change change; /* the last; 0: none */
	unsigned n, n_elsewhere;
};

static bool
is_of(const struct conn_record *c, const struct waiter *w)
{
	return c->client.port == w->port && c->local.port == w->local_port;
}

static void
on_changed(void *arg, const struct conn_record *c)
{
	struct said *s = arg;

	s->n_elsewhere += is_of(c, &s->elsewhere);
	if (!is_of(c, &s->of))
		return; /* of another test */
	assert_true(conn_record_is_waiting(c));
	if (s->n++ > 0)
		assert_true(c->id == s->id);
	s->id = c->id;
	s->change = c->change;
}

static void
on_done(void *arg)
{
	struct said *s = arg;

	if (s->n + s->n_elsewhere > 0)
		ev_break(s->loop, EVBREAK_ALL);
}

static const struct backlog_watch_calls calls = { .changed = on_changed,
	.done = on_done };

static void
on_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

/* Until something is said, or it is late. */
static void
run(struct said *s, double seconds)
{
	ev_timer late;

	s->n = s->n_elsewhere = 0;
	ev_timer_init(&late, on_late, seconds, 0.);
	ev_timer_start(s->loop, &late);
	ev_run(s->loop, 0);
	ev_timer_stop(s->loop, &late);
}

static struct waiter
waiter_open(const char *at_text)
{
	struct waiter w;
	union addr at, own;
	socklen_t len = sizeof(at);

	assert_int_equal(addr_parse_ip(at_text, &at), 0);
	w.listener = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w.listener, &at.sa, addr_len(&at)), 0);
	assert_int_equal(listen(w.listener, 8), 0);
	assert_int_equal(getsockname(w.listener, &at.sa, &len), 0);
	w.client = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(w.client, &at.sa, addr_len(&at)), 0);
	len = sizeof(own);
	assert_int_equal(getsockname(w.client, &own.sa, &len), 0);
	w.port = addr_port(&own);
	w.local_port = addr_port(&at);
	return w;
}

static void
waiter_close(struct waiter *w)
{
	fd_close(&w->client);
	fd_close(&w->listener);
}

/* A client waits, and is accepted: what is said of it. */
static void
watch(const char *at_text, struct said *ret_came, struct said *ret_went)
{
	struct said s = { .loop = ev_loop_new(EVFLAG_AUTO),
		.of = waiter_open(at_text) };
	struct backlog_watch *w =
	    backlog_watch_new(s.loop, &pair, MAX, &calls, &s);
	int accepted;

	assert_non_null(w);
	assert_int_equal(backlog_watch_start(w), 0);
	run(&s, 10.);
	*ret_came = s;
	accepted = accept(s.of.listener, NULL, NULL);
	assert_true(accepted >= 0);
	run(&s, 10.);
	*ret_went = s;
	backlog_watch_free(w);
	fd_close(&accepted);
	waiter_close(&s.of);
	ev_loop_destroy(s.loop);
}

static void
who_waits_at_a_virtual_ip_is_told_and_when_no_more(void **state)
{
	static const char *const places[] = { "127.0.0.8", "::1" };
	struct said came, went;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		test_row(places[i]);
		assert_int_equal(
		    addr_parse_ip(places[i], &addresses[i].addr), 0);
		watch(places[i], &came, &went);
		assert_int_equal(came.change, CONN_RECORD_OPENED);
		assert_int_equal(came.n, 1);
		assert_int_equal(went.change, CONN_RECORD_CLOSED);
		assert_int_equal(went.n, 1);
	}
}

/* The look that finds the one at a virtual IP has found both. */
static void
who_waits_elsewhere_is_not(void **state)
{
	struct said s = { .loop = ev_loop_new(EVFLAG_AUTO) };
	struct backlog_watch *w =
	    backlog_watch_new(s.loop, &pair, MAX, &calls, &s);

	(void)state;
	assert_non_null(w);
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00::8", &addresses[1].addr), 0);
	s.elsewhere = waiter_open("127.0.0.7");
	s.of = waiter_open("127.0.0.8");
	assert_int_equal(backlog_watch_start(w), 0);
	run(&s, 10.);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.n_elsewhere, 0);
	backlog_watch_free(w);
	waiter_close(&s.of);
	waiter_close(&s.elsewhere);
	ev_loop_destroy(s.loop);
}

/* Two looks tell of it, and a look has four words or more. */
static void
a_look_that_is_held_up_does_not_hold_up_the_next(void **state)
{
	struct said came, went;

	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	delay_us = 20000;
	watch("127.0.0.8", &came, &went);
	delay_us = 0;
	assert_int_equal(came.change, CONN_RECORD_OPENED);
	assert_int_equal(went.change, CONN_RECORD_CLOSED);
}

/* The one that was told is accepted, and gives its place to the other. */
static void
no_more_are_told_than_there_is_room_for(void **state)
{
	struct said s = { .loop = ev_loop_new(EVFLAG_AUTO) };
	struct backlog_watch *w =
	    backlog_watch_new(s.loop, &pair, 1, &calls, &s);
	char own[32];
	int accepted;

	(void)state;
	/* Nobody else's waits here. */
	(void)snprintf(own, sizeof(own), "127.%d.%d.8", getpid() / 250 % 250,
	    getpid() % 250);
	assert_int_equal(addr_parse_ip(own, &addresses[0].addr), 0);
	s.of = waiter_open(own);
	s.elsewhere = waiter_open(own);
	assert_int_equal(backlog_watch_start(w), 0);
	run(&s, 10.);
	assert_int_equal(s.n + s.n_elsewhere, 1);
	if (s.n == 0) {
		const struct waiter told = s.elsewhere;

		s.elsewhere = s.of;
		s.of = told;
	}
	accepted = accept(s.of.listener, NULL, NULL);
	assert_true(accepted >= 0);
	run(&s, 10.);
	assert_int_equal(s.change, CONN_RECORD_CLOSED);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.n_elsewhere, 1);
	backlog_watch_free(w);
	fd_close(&accepted);
	waiter_close(&s.of);
	waiter_close(&s.elsewhere);
	ev_loop_destroy(s.loop);
}

static void
an_end_before_the_begin_is_one(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	(void)state;
	backlog_watch_free(backlog_watch_new(loop, &pair, MAX, &calls, NULL));
	backlog_watch_free(NULL);
	ev_loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    who_waits_at_a_virtual_ip_is_told_and_when_no_more),
		cmocka_unit_test(who_waits_elsewhere_is_not),
		cmocka_unit_test(
		    a_look_that_is_held_up_does_not_hold_up_the_next),
		cmocka_unit_test(no_more_are_told_than_there_is_room_for),
		cmocka_unit_test(an_end_before_the_begin_is_one),
	};

	TEST_MAIN(tests);
}
