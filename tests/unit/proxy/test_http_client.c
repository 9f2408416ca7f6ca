#include "proxy/health/http_client.h"

#include "core/fd.h"
#include "proxy/health/graceful_close.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

struct run {
	struct ev_loop *loop;
	struct graceful_close closing;
	struct http_client *fetcher;
	int door; /* that nobody answers; -1 where it is shut */
	union addr to;
	unsigned ended;
	struct http_client_page page; /* of the last one; its body is gone */
	char error[HTTP_CLIENT_ERROR_MAX];
};

static void
on_end(void *arg, const struct http_client_page *page)
{
	struct run *r = arg;

	r->ended++;
	r->page = *page;
	(void)snprintf(r->error, sizeof(r->error), "%s",
	    page->error == NULL ? "none" : page->error);
	ev_break(r->loop, EVBREAK_ALL);
}

static void
set_up(struct run *r)
{
	socklen_t len = sizeof(r->to);
	char why[LATE_LIBRARY_WHY_MAX];

	assert_int_equal(http_client_load(why), 0);
	*r = (struct run){ .loop = ev_loop_new(EVBACKEND_EPOLL) };
	assert_non_null(r->loop);
	graceful_close_init(&r->closing, r->loop, 8);
	r->fetcher = http_client_open(r->loop, &r->closing);
	assert_non_null(r->fetcher);
	assert_int_equal(addr_parse_ip("127.0.0.1", &r->to), 0);
	r->door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(r->door, -1);
	assert_int_equal(bind(r->door, &r->to.sa, addr_len(&r->to)), 0);
	assert_int_equal(getsockname(r->door, &r->to.sa, &len), 0);
	assert_int_equal(listen(r->door, 8), 0);
}

static void
tear_down(struct run *r)
{
	http_client_close(r->fetcher);
	graceful_close_fini(&r->closing);
	fd_close(&r->door);
	ev_loop_destroy(r->loop);
}

static struct http_client_call *
start(struct run *r, uint32_t timeout_ms)
{
	const struct http_client_request request = { .host =
		                                         "server.example.org",
		.to = r->to,
		.path = "/",
		.timeout_ms = timeout_ms };

	return http_client_start(r->fetcher, &request, on_end, r);
}

static void
why_there_is_no_page_is_told(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	assert_non_null(start(&r, 30));
	(void)ev_run(r.loop, 0);
	assert_int_equal(r.ended, 1);
	assert_true(r.page.is_late && !r.page.is_ours);

	fd_close(&r.door);
	assert_non_null(start(&r, 5000));
	(void)ev_run(r.loop, 0);
	assert_int_equal(r.ended, 2);
	assert_text(r.error, "connect: Connection refused");
	assert_true(!r.page.is_late && !r.page.is_ours);
	tear_down(&r);
}

/* A node that is out of descriptors must not think that its servers are. */
static void
our_own_lack_is_no_fault_of_the_server(void **state)
{
	struct rlimit had, none;
	struct run r;

	(void)state;
	set_up(&r);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = had;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_non_null(start(&r, 5000));
	(void)ev_run(r.loop, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_int_equal(r.ended, 1);
	assert_text(r.error, "connect: Too many open files");
	assert_true(r.page.is_ours);
	tear_down(&r);
}

/* What a server says to whoever comes, and that it resets then. */
struct answerer {
	ev_io io;
	char *says;
	bool resets;
};

static void
on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct answerer *a = CONTAINER_OF(io, struct answerer, io);
	const struct linger l = { .l_onoff = a->resets, .l_linger = 0 };
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
	struct pollfd asked = { .fd = fd, .events = POLLIN };
	size_t len = strlen(a->says);

	(void)loop;
	(void)revents;
	assert_int_not_equal(fd, -1);
	assert_int_equal(poll(&asked, 1, 5000), 1);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	/* Of one that hangs up in the middle, the rest is not wanted. */
	(void)!send(fd, a->says, len, MSG_NOSIGNAL);
	fd_close(&fd);
}

/* What a page of this answer is like. */
static void
hear(struct run *r, const char *head, size_t filler, const char *tail)
{
	struct answerer a = { .resets = true };
	size_t len = strlen(head);

	a.says = malloc(len + filler + strlen(tail) + 1);
	assert_non_null(a.says);
	memcpy(a.says, head, len);
	memset(a.says + len, 'x', filler);
	memcpy(a.says + len + filler, tail, strlen(tail) + 1);
	r->ended = 0;
	ev_io_init(&a.io, on_client, r->door, EV_READ);
	ev_io_start(r->loop, &a.io);
	assert_non_null(start(r, 5000));
	(void)ev_run(r->loop, 0);
	ev_io_stop(r->loop, &a.io);
	assert_int_equal(r->ended, 1);
	free(a.says);
}

/* R18: the status is known, whatever becomes of the connection. */
static void
r18_an_answer_that_ends_in_a_reset_is_one(void **state)
{
	static const char whole[] =
	    "HTTP/1.0 200 OK\r\nServer: a shell script\r\n\r\nfine\n";
	static const char part[] =
	    "HTTP/1.1 503 no\r\nContent-Length: 400\r\n\r\nbusy\n";
	struct run r;

	(void)state;
	set_up(&r);
	hear(&r, whole, 0, "");
	assert_text(r.error, "none");
	assert_true(r.page.broken);
	assert_int_equal(r.page.status, 200);
	assert_int_equal(r.page.len, 5);
	hear(&r, part, 0, "");
	assert_text(r.error, "none");
	assert_int_equal(r.page.status, 503);
	/* In the middle of the headers nothing is known. */
	hear(&r, "HTTP/1.0 200 OK\r\nServer: a", 0, "");
	assert_false(r.page.broken);
	assert_text(r.error, "Recv failure: Connection reset by peer");
	assert_false(r.page.is_ours);
	tear_down(&r);
}

/* S6: libcurl says then that memory is out, and it is not ours that is. */
static void
s06_a_header_without_end_is_the_servers_fault(void **state)
{
	static const char *const heads[] = {
		"HTTP/1.0 500 no\r\nX: ",
		"HTTP/1.0 500 ",
		"X",
	};
	struct run r;

	(void)state;
	set_up(&r);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		test_row(heads[i]);
		hear(&r, heads[i], 300000, "\r\n\r\n");
		assert_false(r.page.is_ours);
		assert_false(r.page.broken);
		assert_string_not_equal(r.error, "none");
	}
	tear_down(&r);
}

static void
what_is_cancelled_is_not_told(void **state)
{
	struct http_client_call *fetch;
	struct run r;

	(void)state;
	set_up(&r);
	fetch = start(&r, 5000);
	assert_non_null(fetch);
	(void)ev_run(r.loop, EVRUN_ONCE);
	http_client_cancel(fetch);
	http_client_cancel(NULL);
	(void)ev_run(r.loop, EVRUN_NOWAIT);
	assert_int_equal(r.ended, 0);
	tear_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_there_is_no_page_is_told),
		cmocka_unit_test(our_own_lack_is_no_fault_of_the_server),
		cmocka_unit_test(r18_an_answer_that_ends_in_a_reset_is_one),
		cmocka_unit_test(s06_a_header_without_end_is_the_servers_fault),
		cmocka_unit_test(what_is_cancelled_is_not_told),
	};

	TEST_MAIN(tests);
}
