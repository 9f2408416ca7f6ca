#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "failover/connsync/backlog_watch.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <sys/socket.h>

static struct config_address addresses[2];
static struct config_group group = {
	.name = "a", .addresses = addresses, .n_addresses = 2
};
static const struct config_pair pair = { .groups = &group, .n_groups = 1 };

/* What is said of the one client whose port this is. */
struct said {
	struct ev_loop *loop;
	uint16_t port, local_port;
	uint64_t id;
	enum conn_record_change change; /* the last; 0: none */
	unsigned n;
};

static void
on_changed(void *arg, const struct conn_record *c)
{
	struct said *s = arg;

	if (c->client.port != s->port || c->local.port != s->local_port)
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

	if (s->n > 0)
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

	s->n = 0;
	ev_timer_init(&late, on_late, seconds, 0.);
	ev_timer_start(s->loop, &late);
	ev_run(s->loop, 0);
	ev_timer_stop(s->loop, &late);
}

static int
listen_at(const char *text, union addr *ret_at)
{
	union addr at;
	socklen_t len = sizeof(at);
	int fd;

	assert_int_equal(addr_parse_ip(text, &at), 0);
	fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &at.sa, addr_len(&at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, &at.sa, &len), 0);
	*ret_at = at;
	return fd;
}

/* A client waits, and is accepted: what is said of it. */
static void
watch(const char *at_text, struct said *ret_came, struct said *ret_went)
{
	struct said s = { .loop = ev_loop_new(EVFLAG_AUTO) };
	struct backlog_watch *w = backlog_watch_new(s.loop, &pair, &calls, &s);
	union addr at, own;
	socklen_t len = sizeof(own);
	int listener = listen_at(at_text, &at), client, accepted;

	assert_non_null(w);
	client = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, &at.sa, addr_len(&at)), 0);
	assert_int_equal(getsockname(client, &own.sa, &len), 0);
	s.port = addr_port(&own);
	s.local_port = addr_port(&at);
	assert_int_equal(backlog_watch_start(w), 0);
	run(&s, ret_went == NULL ? 0.5 : 10.);
	*ret_came = s;
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	if (ret_went != NULL) {
		run(&s, 10.);
		*ret_went = s;
	}
	backlog_watch_free(w);
	fd_close(&accepted);
	fd_close(&client);
	fd_close(&listener);
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

static void
who_waits_elsewhere_is_not(void **state)
{
	struct said came;

	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00::8", &addresses[1].addr), 0);
	watch("127.0.0.7", &came, NULL);
	assert_int_equal(came.n, 0);
}

static void
an_end_before_the_begin_is_one(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	(void)state;
	backlog_watch_free(backlog_watch_new(loop, &pair, &calls, NULL));
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
		cmocka_unit_test(an_end_before_the_begin_is_one),
	};

	TEST_MAIN(tests);
}
