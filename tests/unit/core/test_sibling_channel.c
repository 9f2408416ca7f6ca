/* An end of a channel, with the test as the other role and the supervisor. */
#include "core/sibling_channel.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>

static struct {
	struct ev_loop *loop;
	struct sibling_channel channel;
	int supervisor[2], other;
	unsigned obeyed, turns, lost, refused;
	bool wants_another;
} t;

static int
obey(void *arg, const struct channel_packet *p)
{
	(void)arg;
	assert_int_equal(p->type, MSG_CONNECTIONS_END);
	t.obeyed++;
	return 0;
}

static void
on_turn(void *arg)
{
	(void)arg;
	t.turns++;
}

static bool
on_lost(void *arg, const char *sent)
{
	(void)arg;
	assert_int_equal(t.channel.fd, -1);
	t.lost++;
	t.refused += sent != NULL;
	return t.wants_another;
}

static void
begin(void)
{
	t.loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(channel_pair(t.supervisor), 0);
	sibling_channel_init(&t.channel,
	    &(struct sibling_channel_setup){ .loop = t.loop,
	        .supervisor = t.supervisor[0],
	        .from = MSG_RIGHTS_RELAY,
	        .to = MSG_RIGHTS_FAILOVER,
	        .packets = 2,
	        .obey = obey,
	        .on_turn = on_turn,
	        .on_lost = on_lost });
	t.other = -1;
	t.obeyed = t.turns = t.lost = t.refused = 0;
	t.wants_another = true;
}

static void
finish(void)
{
	sibling_channel_close(&t.channel);
	fd_close(&t.supervisor[0]);
	fd_close(&t.supervisor[1]);
	fd_close(&t.other);
	ev_loop_destroy(t.loop);
}

static void
bring(uint32_t id)
{
	static struct channel_packet p;
	struct buf b = buf_writer(p.body, sizeof(p.body));
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	fd_close(&t.other);
	t.other = ends[1];
	msg_put_ask(&b, &(struct msg_ask){ .id = id });
	p.len = b.pos;
	p.fd = ends[0];
	assert_int_equal(sibling_channel_take(&t.channel, &p), 0);
	assert_int_equal(p.fd, -1);
	sibling_channel_listen(&t.channel);
}

static void
say(enum msg_type type)
{
	assert_int_equal(channel_send(t.other, (uint16_t)type, NULL, 0, -1), 0);
}

static void
turn(void)
{
	(void)ev_run(t.loop, EVRUN_NOWAIT);
}

/* The number of the channel that the supervisor hears is lost; 0: nothing. */
static uint32_t
told_lost(bool *ret_refused)
{
	static struct channel_packet p;
	struct msg_lost m;
	struct buf b;

	if (channel_recv(t.supervisor[1], &p) != 1)
		return 0;
	assert_int_equal(p.type, MSG_SIBLING_LOST);
	b = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_lost(&b, &m), 0);
	*ret_refused = m.refused;
	return m.id;
}

static void
a_few_packets_are_read_a_turn(void **state)
{
	(void)state;
	begin();
	bring(1);
	for (unsigned i = 0; i < 3; i++)
		say(MSG_CONNECTIONS_END);
	turn();
	assert_int_equal(t.obeyed, 2);
	turn();
	assert_int_equal(t.obeyed, 3);
	assert_int_equal(t.turns, 2);
	assert_int_equal(t.lost, 0);
	finish();
}

static void
an_end_is_told_and_another_channel_taken(void **state)
{
	bool refused = true;

	(void)state;
	begin();
	assert_int_equal(
	    sibling_channel_send(&t.channel, MSG_STOPPED, NULL), -ENOTCONN);
	bring(7);
	fd_close(&t.other);
	turn();
	assert_int_equal(told_lost(&refused), 7);
	assert_false(refused);
	bring(8);
	say(MSG_CONNECTIONS_END);
	turn();
	assert_int_equal(t.obeyed, 1);
	assert_int_equal(
	    sibling_channel_send(&t.channel, MSG_STOPPED, NULL), 0);
	/* Who has no use for another has none brought. */
	t.wants_another = false;
	sibling_channel_lose(&t.channel);
	assert_int_equal(t.lost, 2);
	assert_int_equal(told_lost(&refused), 0);
	finish();
}

static void
what_it_may_not_send_ends_it(void **state)
{
	bool refused = false;

	(void)state;
	begin();
	bring(3);
	say(MSG_STOP); /* the supervisor's */
	turn();
	assert_int_equal(t.obeyed, 0);
	assert_int_equal(t.refused, 1);
	assert_int_equal(told_lost(&refused), 3);
	assert_true(refused);
	finish();
}

/* The word is kept until the supervisor takes it. */
static void
a_supervisor_that_is_behind_is_told_later(void **state)
{
	static struct channel_packet p;
	bool refused;

	(void)state;
	begin();
	bring(4);
	while (channel_send(t.supervisor[0], MSG_STOPPED, NULL, 0, -1) == 0)
		continue;
	fd_close(&t.other);
	turn();
	assert_int_equal(t.lost, 1);
	while (channel_recv(t.supervisor[1], &p) == 1)
		assert_int_equal(p.type, MSG_STOPPED);
	(void)ev_run(t.loop, EVRUN_ONCE);
	assert_int_equal(told_lost(&refused), 4);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_packets_are_read_a_turn),
		cmocka_unit_test(an_end_is_told_and_another_channel_taken),
		cmocka_unit_test(what_it_may_not_send_ends_it),
		cmocka_unit_test(a_supervisor_that_is_behind_is_told_later),
	};

	TEST_MAIN(tests);
}
