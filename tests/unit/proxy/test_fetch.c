#include "proxy/fetch.h"

#include "core/fd.h"
#include "proxy/farewell.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

struct run {
	struct ev_loop *loop;
	struct farewell farewell;
	struct fetcher *fetcher;
	int door; /* that nobody answers; -1 where it is shut */
	union addr to;
	unsigned ended;
	struct fetch_page page; /* of the last one, without its body */
	char error[FETCH_ERROR_MAX];
};

static void
on_end(void *arg, const struct fetch_page *page)
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

	*r = (struct run){ .loop = ev_loop_new(EVBACKEND_EPOLL) };
	assert_non_null(r->loop);
	farewell_init(&r->farewell, r->loop, 8);
	r->fetcher = fetch_open(r->loop, &r->farewell);
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
	fetch_close(r->fetcher);
	farewell_fini(&r->farewell);
	fd_close(&r->door);
	ev_loop_destroy(r->loop);
}

static struct fetch *
start(struct run *r, uint32_t timeout_ms)
{
	const struct fetch_request request = { .host = "server.example.org",
		.to = r->to,
		.path = "/",
		.timeout_ms = timeout_ms };

	return fetch_start(r->fetcher, &request, on_end, r);
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

static void
what_is_cancelled_is_not_told(void **state)
{
	struct fetch *fetch;
	struct run r;

	(void)state;
	set_up(&r);
	fetch = start(&r, 5000);
	assert_non_null(fetch);
	(void)ev_run(r.loop, EVRUN_ONCE);
	fetch_cancel(fetch);
	fetch_cancel(NULL);
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
		cmocka_unit_test(what_is_cancelled_is_not_told),
	};

	TEST_MAIN(tests);
}
