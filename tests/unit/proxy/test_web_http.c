/*
 * HTTP for the page, in turns of a loop that the test makes: what the thread's
 * test cannot bring about at the same moment each time.
 */
#include "proxy/web/web_http.h"

#include "core/fd.h"
#include "core/mono.h"
#include "core/secret.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/web_conns.h"
#include "proxy/web/web_content.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char yaml[] =
    "services: [{name: s, listen: '10.0.0.9:80', servers: '10.0.0.3:80'}]\n"
    "web: {listen: '*:8404'}\n";

struct lab {
	struct config *config;
	struct ev_loop *loop;
	struct web_auth auth;
	struct web_content content;
	struct web_http *http;
	unsigned wanted;
};

static void
on_want(void *arg)
{
	((struct lab *)arg)->wanted++;
}

static void
set_up(struct lab *l)
{
	char why[LATE_LIBRARY_WHY_MAX];

	assert_int_equal(web_http_load(why), 0);
	*l = (struct lab){ .config = from_yaml(yaml),
		.loop = ev_loop_new(EVBACKEND_EPOLL) };
	assert_non_null(l->loop);
	assert_int_equal(web_content_init(&l->content, l->config), 0);
	l->http = web_http_new(&(struct web_http_setup){ .loop = l->loop,
	    .config = l->config,
	    .content = &l->content,
	    .auth = &l->auth,
	    .want = on_want,
	    .arg = l });
	assert_non_null(l->http);
}

static void
tear_down(struct lab *l)
{
	web_http_free(l->http);
	web_content_fini(&l->content);
	ev_loop_destroy(l->loop);
	config_free(l->config);
}

/* Who has come in, at his own end. */
static int
come_from(struct lab *l, const char *address)
{
	union addr client;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(addr_parse(address, &client), 0);
	(void)web_http_add(l->http, &fds[0], &client);
	assert_int_equal(fds[0], -1);
	return fds[1];
}

static int
come(struct lab *l)
{
	return come_from(l, "127.0.0.1:1");
}

/* It has no more work left. Returns a time before that was so. */
static struct mono
hold_back(struct lab *l)
{
	struct mono begun = mono_now();

	while (l->content.counts.held == 0) {
		int fd;

		begun = mono_now();
		fd = come(l);
		fd_close(&fd);
	}
	return begun;
}

static void
run_a_while(struct lab *l)
{
	for (unsigned i = 0; i < 8; i++)
		(void)ev_run(l->loop, EVRUN_NOWAIT);
}

static void
put(int fd, const char *path)
{
	char text[128];
	int n = snprintf(
	    text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

	assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

/* It is read in the last turn, in which nobody may go to sleep any more. */
static void
a_question_at_the_end_does_not_wait(void **state)
{
	struct lab l;
	int early, late;

	(void)state;
	set_up(&l);
	early = come(&l);
	put(early, "/metrics");
	while (l.wanted == 0)
		(void)ev_run(l.loop, EVRUN_ONCE);
	late = come(&l);
	put(late, "/health");
	tear_down(&l);
	fd_close(&early);
	fd_close(&late);
}

static void
assert_code(struct lab *l, int fd, const char *begins)
{
	char text[2048] = "";

	while (recv(fd, text, sizeof(text) - 1, 0) <= 0)
		(void)ev_run(l->loop, EVRUN_ONCE);
	assert_int_equal(strncmp(text, begins, strlen(begins)), 0);
}

/* As where too many texts are still read: there is none for others. */
static void
health_needs_no_text(void **state)
{
	struct lab l;
	int fd;

	(void)state;
	set_up(&l);
	web_http_renewed(l.http);
	fd = come(&l);
	put(fd, "/metrics");
	assert_code(&l, fd, "HTTP/1.1 503 ");
	put(fd, "/health");
	assert_code(&l, fd, "HTTP/1.1 200 ");
	fd_close(&fd);
	tear_down(&l);
}

/* 30 units of work come to a client alone in 120 ms. */
static void
a_question_waits_for_its_turn(void **state)
{
	struct mono held;
	struct lab l;
	int fd;

	(void)state;
	set_up(&l);
	fd = come(&l);
	held = hold_back(&l);
	put(fd, "/page.css");
	assert_code(&l, fd, "HTTP/1.1 200 ");
	assert_true(mono_span_ms(held, mono_now()) >= 100);
	assert_int_equal(l.content.counts.held, 0);
	fd_close(&fd);
	tear_down(&l);
}

/* Whoever waits for his turn then has an answer all the same. */
static void
a_turn_at_the_end_does_not_come(void **state)
{
	char text[2048] = "";
	struct lab l;
	int fd;

	(void)state;
	set_up(&l);
	fd = come(&l);
	(void)hold_back(&l);
	put(fd, "/page.css");
	run_a_while(&l);
	tear_down(&l);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strncmp(text, "HTTP/1.1 ", 9), 0);
	fd_close(&fd);
}

enum yield {
	YIELD_NEWS, /* who yields its place sleeps for these */
	YIELD_TURN, /* or for this */
};

#define CLIENTS (WEB_CONNS_MAX / WEB_CONNS_CLIENT_MAX)

/* It is the oldest one that yields; the last of them is who has its place. */
static void
fill_and_yield(
    struct lab *l, enum yield what, int fds[static WEB_CONNS_MAX + 1])
{
	char address[32];

	set_up(l);
	for (unsigned i = 0; i < WEB_CONNS_MAX; i++) {
		(void)snprintf(address, sizeof(address), "127.0.0.%u:1",
		    1 + i / WEB_CONNS_CLIENT_MAX);
		fds[i] = come_from(l, address);
	}
	if (what == YIELD_TURN)
		(void)hold_back(l);
	put(fds[0], "/metrics");
	run_a_while(l);
	assert_int_equal(l->wanted, what == YIELD_NEWS ? 1 : 0);
	fds[WEB_CONNS_MAX] = come_from(l, "127.0.0.99:1");
	assert_int_equal(l->content.counts.refused[METRICS_REFUSAL_YIELDED], 1);
}

/* Without an answer. */
static void
assert_ended(int fd)
{
	char text[16];

	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
}

static void
close_all(int fds[static WEB_CONNS_MAX + 1])
{
	for (unsigned i = 0; i <= WEB_CONNS_MAX; i++)
		fd_close(&fds[i]);
}

static void
who_sleeps_yields_its_place(void **state)
{
	int fds[WEB_CONNS_MAX + 1];
	struct lab l;

	(void)state;
	for (enum yield what = YIELD_NEWS; what <= YIELD_TURN; what++) {
		fill_and_yield(&l, what, fds);
		put(fds[WEB_CONNS_MAX], "/page.css");
		assert_code(&l, fds[WEB_CONNS_MAX], "HTTP/1.1 200 ");
		run_a_while(&l);
		assert_ended(fds[0]);
		assert_int_equal(l.content.counts.connections, WEB_CONNS_MAX);
		tear_down(&l);
		close_all(fds);
	}
}

/* Woken, and nothing else: the thread ends before its loop goes on. */
static void
who_yields_its_place_at_the_end_ends(void **state)
{
	int fds[WEB_CONNS_MAX + 1];
	struct lab l;

	(void)state;
	for (enum yield what = YIELD_NEWS; what <= YIELD_TURN; what++) {
		fill_and_yield(&l, what, fds);
		tear_down(&l);
		assert_ended(fds[0]);
		close_all(fds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_at_the_end_does_not_wait),
		cmocka_unit_test(health_needs_no_text),
		cmocka_unit_test(a_question_waits_for_its_turn),
		cmocka_unit_test(a_turn_at_the_end_does_not_come),
		cmocka_unit_test(who_sleeps_yields_its_place),
		cmocka_unit_test(who_yields_its_place_at_the_end_ends),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN(tests);
}
