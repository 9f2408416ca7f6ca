/*
 * HTTP for the page, in turns of a loop that the test makes: what the thread's
 * test cannot bring about at the same moment each time.
 */
#include "proxy/web/web_http.h"

#include "core/fd.h"
#include "core/secret.h"
#include "proxy/web/web_auth.h"
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
come(struct lab *l)
{
	union addr client;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(addr_parse("127.0.0.1:1", &client), 0);
	web_http_add(l->http, &fds[0], &client);
	assert_int_equal(fds[0], -1);
	return fds[1];
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_at_the_end_does_not_wait),
		cmocka_unit_test(health_needs_no_text),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN(tests);
}
