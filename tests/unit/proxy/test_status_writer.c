#include "proxy/control/status_writer.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/msg.h"
#include "proxy/control/status_collect.h"
#include "proxy/control/status_query.h"
#include "proxy/kernel/kernel_link.h"
#include "proxy/services.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* status_writer.c has no more texts than so many in memory. */
#define JOBS_MAX 64

static const char yaml[] =
    "pair:\n"
    "  nodes: [{name: p1, address: 10.0.0.1}, {name: p2, address: 10.0.0.2}]\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n";

/* A relay without a service, and those who ask for its status. */
struct run {
	struct ev_loop *loop;
	struct config *config;
	struct msg_start start;
	struct services services;
	struct status_writer *writer;
	int clients[JOBS_MAX + 2];
	unsigned n_clients;
};

static void
set_up(struct run *r)
{
	*r = (struct run){ .loop = ev_loop_new(EVFLAG_AUTO),
		.config = from_yaml(yaml),
		.start = { .path = "/f" } };
	assert_non_null(r->loop);
	r->writer = status_writer_new(r->loop);
	assert_non_null(r->writer);
}

static void
tear_down(struct run *r)
{
	status_writer_free(r->writer);
	for (unsigned i = 0; i < r->n_clients; i++)
		fd_close(&r->clients[i]);
	ev_loop_destroy(r->loop);
	config_free(r->config);
}

static struct status_collect_snapshot *
snapshot(struct run *r, int pid)
{
	static const struct kernel_link none;
	static const struct mono there;
	const struct status_collect from = { .config = r->config,
		.start = &r->start,
		.failover_lost_at = &there,
		.services = &r->services,
		.kernel = &none,
		.pid = pid };
	static const struct msg_role_ends ends;
	const struct status_query_said said = { .ends = &ends };
	struct status_collect_snapshot *s = status_collect_take(&from, &said);

	assert_non_null(s);
	return s;
}

/* The next client asks, and gets a status that this number tells apart. */
static void
ask(struct run *r, struct status_collect_snapshot *s)
{
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	r->clients[r->n_clients++] = ends[1];
	status_writer_answer(r->writer, &ends[0], s);
	assert_int_equal(ends[0], -1);
}

/* What it has heard when the other end has been closed. */
static const char *
hear(struct run *r, unsigned client)
{
	static char text[65536];
	size_t len = 0;

	for (unsigned tries = 0; tries < 10000; tries++) {
		ssize_t n = read(
		    r->clients[client], text + len, sizeof(text) - 1 - len);

		if (n == 0)
			break;
		if (n > 0) {
			len += (size_t)n;
			continue;
		}
		ev_run(r->loop, EVRUN_NOWAIT);
		(void)poll(NULL, 0, 1);
	}
	text[len] = '\0';
	return text;
}

/* Whole, and to whom it belongs. */
static void
assert_status(struct run *r, unsigned client, int pid)
{
	const char *text = hear(r, client);
	char wanted[32];

	(void)snprintf(wanted, sizeof(wanted), "\"pid\":%d,", pid);
	assert_int_equal(text[0], '{');
	assert_int_equal(text[strlen(text) - 1], '}');
	assert_non_null(strstr(text, wanted));
}

static void
each_gets_its_own_answer(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	for (unsigned i = 0; i < 20; i++)
		ask(&r, snapshot(&r, 1000 + (int)i));
	for (unsigned i = 0; i < 20; i++)
		assert_status(&r, i, 1000 + (int)i);
	/* The thread has waited for more. */
	ask(&r, snapshot(&r, 7));
	assert_status(&r, 20, 7);
	tear_down(&r);
}

/* Nobody turns the loop meanwhile, so all of them are still in memory. */
static void
too_many_at_once_are_told(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	for (unsigned i = 0; i < JOBS_MAX + 1; i++)
		ask(&r, snapshot(&r, 1000 + (int)i));
	assert_text(
	    hear(&r, JOBS_MAX), "{\"error\":\"too many requests at once\"}");
	for (unsigned i = 0; i < JOBS_MAX; i++)
		assert_status(&r, i, 1000 + (int)i);
	ask(&r, snapshot(&r, 7));
	assert_status(&r, JOBS_MAX + 1, 7);
	tear_down(&r);
}

static void
who_cannot_be_answered_is_told(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	ask(&r, NULL);
	assert_text(hear(&r, 0), "{\"error\":\"out of memory\"}");
	tear_down(&r);
}

/* Ended with the texts of some written, and of others not. */
static void
the_end_waits_for_nobody(void **state)
{
	(void)state;
	for (unsigned n = 0; n < JOBS_MAX; n += 9) {
		struct run r;

		set_up(&r);
		for (unsigned i = 0; i < n; i++)
			ask(&r, snapshot(&r, 7));
		(void)poll(NULL, 0, (int)n % 4);
		status_writer_free(r.writer);
		r.writer = NULL;
		for (unsigned i = 0; i < n; i++)
			assert_text(hear(&r, i), "");
		tear_down(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own_answer),
		cmocka_unit_test(too_many_at_once_are_told),
		cmocka_unit_test(who_cannot_be_answered_is_told),
		cmocka_unit_test(the_end_waits_for_nobody),
	};

	TEST_MAIN(tests);
}
