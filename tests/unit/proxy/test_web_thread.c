/*
 * The page's thread, over TCP: what it answers to whom without a snapshot,
 * which nobody gives it here.
 */
#include "proxy/web/web_thread.h"

#include "core/fd.h"
#include "core/secret.h"
#include "proxy/web/shared_text.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/web_conns.h"
#include "proxy/web/web_content.h"
#include "proxy/web/web_http.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE                                                                \
	"services: [{name: s, listen: '10.0.0.9:80', servers: '10.0.0.3:80'}]\n"
#define ANSWER_MAX 65536

struct lab {
	struct config *config;
	struct web_auth auth;
	struct web_thread *thread;
	union addr address;
	unsigned wanted;
};

static void
on_want(void *arg)
{
	((struct lab *)arg)->wanted++;
}

static int
listener(union addr *ret_address)
{
	socklen_t len = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(addr_parse("127.0.0.1:1", ret_address), 0);
	addr_set_port(ret_address, 0);
	assert_int_equal(bind(fd, &ret_address->sa, addr_len(ret_address)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, &ret_address->sa, &len), 0);
	return fd;
}

static void
set_up(struct lab *l, const char *web, bool password)
{
	char yaml[512];
	int fd;

	(void)snprintf(yaml, sizeof(yaml), SERVICE "web: {%s}\n", web);
	*l = (struct lab){ .config = from_yaml(yaml) };
	if (password)
		assert_int_equal(web_auth_init(&l->auth, "u", "p"), 0);
	l->thread =
	    web_thread_new(&(struct web_thread_setup){ .config = l->config,
	        .auth = &l->auth,
	        .main = ev_default_loop(EVBACKEND_EPOLL),
	        .on_want = on_want,
	        .arg = l });
	assert_non_null(l->thread);
	fd = listener(&l->address);
	web_thread_listen(l->thread, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(web_thread_start(l->thread), 0);
	web_thread_open(l->thread);
}

static void
tear_down(struct lab *l)
{
	web_thread_free(l->thread);
	web_auth_fini(&l->auth);
	config_free(l->config);
}

static int
connect_to(const struct lab *l)
{
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	                     sizeof(patience)),
	    0);
	assert_int_equal(connect(fd, &l->address.sa, addr_len(&l->address)), 0);
	return fd;
}

/* Until it is closed; what comes is the caller's to free. */
static char *
read_all(int fd)
{
	char *text = calloc(1, ANSWER_MAX);
	size_t n = 0;
	ssize_t got;

	assert_non_null(text);
	while ((got = recv(fd, text + n, ANSWER_MAX - 1 - n, 0)) > 0)
		n += (size_t)got;
	return text;
}

static char *
ask(const struct lab *l, const char *head, const char *more)
{
	int fd = connect_to(l);
	char text[1024], *answer;

	(void)snprintf(text, sizeof(text),
	    "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", head,
	    more);
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	answer = read_all(fd);
	fd_close(&fd);
	return answer;
}

static void
assert_answer(const struct lab *l, const char *head, const char *more,
    const char *begins, const char *has)
{
	CLEANUP(free_str) char *answer = ask(l, head, more);

	test_row(head);
	if (strncmp(answer, begins, strlen(begins)) != 0)
		print_error("%s\n", answer);
	assert_int_equal(strncmp(answer, begins, strlen(begins)), 0);
	assert_non_null(strstr(answer, has));
	if (*answer == '\0')
		return;
	assert_non_null(
	    strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(
	    answer, "\r\nContent-Security-Policy: default-src 'none'; "));
	assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
	/* To a stranger: nothing of who answers, or of which version. */
	assert_null(strstr(answer, "Server:"));
	assert_null(strstr(answer, "microhttpd"));
}

#define OK "HTTP/1.1 200 "

static void
files_are_there_and_nothing_can_be_changed(void **state)
{
	CLEANUP(free_str) char *head = NULL;
	struct lab l;

	(void)state;
	set_up(&l, "listen: '*:8404'", false);
	assert_answer(&l, "GET /page.css", "", OK,
	    "\r\nContent-Type: text/css; charset=utf-8\r\n");
	assert_answer(&l, "GET /page.js?x=1", "", OK, "text/javascript");
	head = ask(&l, "HEAD /page.css", "");
	assert_int_equal(strncmp(head, OK, strlen(OK)), 0);
	assert_text(strstr(head, "\r\n\r\n"), "\r\n\r\n");
	assert_answer(&l, "POST /page.css", "Content-Length: 3\r\n",
	    "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
	assert_answer(&l, "DELETE /", "", "HTTP/1.1 405 ", "");
	assert_answer(&l, "GET /page.html", "", "HTTP/1.1 404 ", "");
	assert_answer(&l, "GET /../etc/passwd", "", "HTTP/1.1 404 ", "");
	tear_down(&l);
}

static void
a_question_is_not_left_without_an_answer(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, "listen: '*:8404'", false);
	/* The main thread, which is this one, has no time. */
	assert_answer(
	    &l, "GET /metrics", "", "HTTP/1.1 503 ", "\r\nRetry-After: 1\r\n");
	assert_int_equal(l.wanted, 0);
	(void)ev_run(ev_default_loop(0), EVRUN_NOWAIT);
	assert_int_equal(l.wanted, 1);
	tear_down(&l);
}

static void
the_end_waits_for_nobody(void **state)
{
	struct lab l;
	int fds[4];

	(void)state;
	set_up(&l, "listen: '*:8404'", false);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		static const char text[] =
		    "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

		fds[i] = connect_to(&l);
		assert_true(send(fds[i], text, strlen(text) - i, 0) > 0);
	}
	/* Until one of them is known to wait. */
	while (l.wanted == 0)
		(void)ev_run(ev_default_loop(0), EVRUN_ONCE);
	tear_down(&l);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
}

/* One question, and its answer as far as it comes at once. */
static void
ask_and_stay(int fd, const char *path, char *ret, size_t size)
{
	char text[256];
	ssize_t got;

	(void)snprintf(
	    text, sizeof(text), "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	got = recv(fd, ret, size - 1, 0);
	assert_true(got > 0);
	ret[got] = '\0';
}

static void
who_stays_goes_to_the_next_relay(void **state)
{
	char text[1024];
	struct lab l;
	int idle, fresh;

	(void)state;
	set_up(&l, "listen: '*:8404'", false);
	idle = connect_to(&l);
	fresh = connect_to(&l);
	assert_int_equal(send(fresh, "HEA", 3, 0), 3);
	ask_and_stay(idle, "/page.css", text, sizeof(text));
	assert_null(strstr(text, "\r\nConnection: close\r\n"));
	ask_and_stay(idle, "/page.css", text, sizeof(text));
	web_thread_close(l.thread);
	assert_int_equal(recv(idle, text, sizeof(text), 0), 0);
	{
		static const char rest[] =
		    "D /page.css HTTP/1.1\r\nHost: x\r\n\r\n";
		CLEANUP(free_str) char *answer = NULL;

		assert_int_equal(
		    send(fresh, rest, strlen(rest), 0), (ssize_t)strlen(rest));
		answer = read_all(fresh);
		assert_non_null(strstr(answer, OK));
		assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	}
	fd_close(&idle);
	fd_close(&fresh);
	tear_down(&l);
}

/* It has not begun, or somebody else has the processor. */
static void
a_thread_that_stands_is_not_waited_for(void **state)
{
	struct config *c = from_yaml(SERVICE "web: {listen: '*:8404'}\n");
	struct web_auth auth = { .wanted = false };
	struct web_thread *t =
	    web_thread_new(&(struct web_thread_setup){ .config = c,
	        .auth = &auth,
	        .main = ev_default_loop(EVBACKEND_EPOLL),
	        .on_want = on_want });
	union addr address;

	(void)state;
	assert_non_null(t);
	/* What is too much of it is freed at once, the rest in the end. */
	for (unsigned i = 0; i < 100; i++) {
		struct web_content_snapshot snapshot = {
			.events = shared_text_new(1000)
		};
		int fd = listener(&address);

		web_thread_listen(t, &fd);
		assert_int_equal(fd, -1);
		web_thread_count(t, calloc(1000, 1));
		web_thread_give(t, &snapshot);
		assert_null(snapshot.events);
		web_thread_open(t);
		web_thread_close(t);
	}
	web_thread_free(t);
	config_free(c);
}

static void
a_password_is_asked_for_first(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, "listen: '*:8404', user: u, password_file: /p", true);
	assert_answer(&l, "GET /page.css", "", "HTTP/1.1 401 ",
	    "\r\nWWW-Authenticate: Basic realm=\"hapair\"");
	assert_answer(&l, "GET /nothing", "Authorization: Basic eDp5\r\n",
	    "HTTP/1.1 401 ", "");
	assert_answer(&l, "POST /", "", "HTTP/1.1 401 ", "");
	assert_answer(
	    &l, "GET /page.css", "Authorization: Basic dTpw\r\n", OK, "");
	tear_down(&l);
}

static void
strangers_get_no_byte(void **state)
{
	struct lab l;

	(void)state;
	set_up(&l, "listen: '*:8404', allow: 10.0.0.0/8", false);
	assert_answer(&l, "GET /page.css", "", "", "");
	{
		CLEANUP(free_str) char *answer = ask(&l, "GET /page.css", "");

		assert_text(answer, "");
	}
	tear_down(&l);
}

static void
a_client_has_so_many_places(void **state)
{
	int fds[WEB_CONNS_CLIENT_MAX];
	char byte;
	struct lab l;
	int more;

	(void)state;
	set_up(&l, "listen: '*:8404'", false);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_to(&l);
		assert_int_equal(send(fds[i], "GET", 3, 0), 3);
	}
	more = connect_to(&l);
	assert_true(recv(more, &byte, 1, 0) <= 0);
	fd_close(&more);
	/* One goes, and there is a place again; not at once. */
	fd_close(&fds[0]);
	for (unsigned i = 0; i < 200; i++) {
		CLEANUP(free_str) char *answer = ask(&l, "GET /page.css", "");

		if (*answer != '\0')
			break;
		assert_true(i < 199);
		(void)usleep(50000);
	}
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
	tear_down(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_there_and_nothing_can_be_changed),
		cmocka_unit_test(a_question_is_not_left_without_an_answer),
		cmocka_unit_test(the_end_waits_for_nobody),
		cmocka_unit_test(who_stays_goes_to_the_next_relay),
		cmocka_unit_test(a_thread_that_stands_is_not_waited_for),
		cmocka_unit_test(a_password_is_asked_for_first),
		cmocka_unit_test(strangers_get_no_byte),
		cmocka_unit_test(a_client_has_so_many_places),
	};

	char why[LATE_LIBRARY_WHY_MAX];

	if (secret_init() < 0 || web_http_load(why) < 0)
		return 1;
	TEST_MAIN(tests);
}
