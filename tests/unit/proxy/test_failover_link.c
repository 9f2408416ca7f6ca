#include "proxy/failover_link.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/msg.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <string.h>

struct lab {
	struct failover_link link;
	struct ev_loop *loop;
	int ours, supervisor;
	unsigned lost;
};

static enum msg_rights_stage
stage_of(void *arg)
{
	(void)arg;
	return MSG_RIGHTS_WORKING;
}

static int
on_packet(void *arg, const struct channel_packet *p)
{
	(void)arg;
	(void)p;
	return 0;
}

static void
on_lost(void *arg)
{
	((struct lab *)arg)->lost++;
}

/* Failover's end of a new channel. */
static int
bring(struct lab *l)
{
	const struct msg_ask m = { .id = 1 };
	struct buf b = BUF_WRITER(16);
	struct channel_packet p = { .fd = -1 };
	int ends[2];

	msg_put_ask(&b, &m);
	assert_int_equal(channel_pair(ends), 0);
	memcpy(p.body, b.data, b.pos);
	p.len = b.pos;
	p.fd = ends[0];
	assert_int_equal(failover_link_take(&l->link, &p), 0);
	return ends[1];
}

/* Since when, as long as no other comes. */
static void
it_says_since_when_it_is_lost(void **state)
{
	static const struct failover_link_calls calls = {
		.from = MSG_RIGHTS_FAILOVER,
		.name = "failover",
		.stage = stage_of,
		.on_packet = on_packet,
		.on_lost = on_lost
	};
	struct lab l = { .loop = ev_loop_new(EVBACKEND_EPOLL) };
	int ends[2], failover;

	(void)state;
	assert_non_null(l.loop);
	assert_int_equal(channel_pair(ends), 0);
	failover_link_init(&l.link, l.loop, ends[0], &calls, &l);
	assert_int_equal(l.link.lost_at.ns, 0);
	failover = bring(&l);
	assert_int_equal(l.link.lost_at.ns, 0);
	fd_close(&failover);
	while (l.lost == 0)
		(void)ev_run(l.loop, EVRUN_ONCE);
	assert_int_not_equal(l.link.lost_at.ns, 0);
	failover = bring(&l);
	assert_int_equal(l.link.lost_at.ns, 0);
	failover_link_close(&l.link);
	fd_close(&failover);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	ev_loop_destroy(l.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_since_when_it_is_lost),
	};

	TEST_MAIN(tests);
}
