/*
 * Failover's part in what both nodes agree on, with the test as its supervisor
 * and as its wire.
 */
#include "failover/state_sync.h"

#include "core/accord.h"
#include "core/buf.h"
#include "core/event.h"
#include "core/fd.h"
#include "core/msg.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static struct state_sync s;
static int supervisor; /* its end of the channel */
static unsigned room;  /* of the wire, in frames */
static unsigned restarts, frames;
static enum peer_link_type sent; /* the last frame's */
static size_t sent_len;

static int
on_send(void *arg, enum peer_link_type type, const void *body, size_t len)
{
	(void)arg;
	(void)body;
	if (room == 0)
		return -EAGAIN;
	room--;
	frames++;
	sent = type;
	sent_len = len;
	return 0;
}

static void
on_restart(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	restarts++;
}

static void
begin(void)
{
	static const struct state_sync_calls calls = { .send = on_send,
		.restart = on_restart };
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	supervisor = ends[1];
	room = restarts = frames = 0;
	state_sync_init(&s, ev_default_loop(0), ends[0], &calls, NULL);
}

static void
finish(void)
{
	struct channel_packet p;

	assert_int_equal(channel_recv(supervisor, &p), -EAGAIN);
	state_sync_close(&s);
	fd_close(&s.supervisor);
	fd_close(&supervisor);
}

static struct channel_packet got;

static struct buf
hears(enum msg_type type)
{
	assert_int_equal(channel_recv(supervisor, &got), 1);
	assert_int_equal(got.type, type);
	return buf_reader(got.body, got.len);
}

static void
hears_wanted(uint32_t wire)
{
	struct buf b = hears(MSG_WANTED);
	struct msg_ask m;

	assert_int_equal(msg_get_ask(&b, &m), 0);
	assert_int_equal(m.id, wire);
}

/* The supervisor's answer, with so many bytes for the peer. */
static int
answer(uint32_t wire, size_t len)
{
	struct channel_packet p = { .type = MSG_FOR_PEER, .fd = -1 };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	buf_put_u32(&b, wire);
	p.len = b.pos + len;
	return state_sync_take(&s, &p);
}

static void
a_new_wire_asks_for_all_and_passes_it_on(void **state)
{
	(void)state;
	begin();
	state_sync_meet_peer(&s);
	hears_wanted(1);
	room = 9;
	assert_int_equal(answer(1, 40), 0);
	assert_int_equal(sent, PEER_LINK_ACCORDS);
	assert_int_equal(sent_len, 40);
	hears_wanted(1);
	assert_int_equal(answer(1, 0), 0);
	assert_int_equal(sent, PEER_LINK_ACCORDS_END);
	assert_int_equal(sent_len, 0);
	hears_wanted(1);
	assert_int_equal(frames, 2);
	finish();
}

static void
one_packet_waits_for_room_and_no_more_is_asked_for(void **state)
{
	(void)state;
	begin();
	state_sync_meet_peer(&s);
	hears_wanted(1);
	assert_int_equal(answer(1, CHANNEL_BODY_MAX - 4), 0);
	state_sync_pay(&s);
	assert_int_equal(frames, 0);
	assert_int_equal(channel_recv(supervisor, &got), -EAGAIN);
	/* Two for one question are nothing that a supervisor says. */
	assert_int_equal(answer(1, 40), -EBADMSG);
	room = 1;
	state_sync_pay(&s);
	assert_int_equal(frames, 1);
	assert_int_equal(sent_len, CHANNEL_BODY_MAX - 4);
	hears_wanted(1);
	finish();
}

/* An end that an earlier wire had asked for would be too early on this one. */
static void
what_an_earlier_wire_had_asked_for_is_dropped(void **state)
{
	(void)state;
	begin();
	state_sync_meet_peer(&s);
	hears_wanted(1);
	assert_int_equal(answer(1, 40), 0); /* and has no room */
	state_sync_meet_peer(&s);
	hears_wanted(2);
	room = 9;
	assert_int_equal(answer(1, 0), 0);
	state_sync_pay(&s);
	assert_int_equal(frames, 0);
	assert_int_equal(answer(2, 40), 0);
	assert_int_equal(frames, 1);
	hears_wanted(2);
	finish();
}

static void
what_the_peer_says_goes_on_whole_or_not_at_all(void **state)
{
	const struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.server = "s1",
		.value = ACCORD_DRAIN,
		.epoch = 1 };
	uint8_t bytes[2 * ACCORD_BYTES_MAX];
	struct buf b = buf_writer(bytes, sizeof(bytes));

	(void)state;
	begin();
	accord_put(&b, &a);
	accord_put(&b, &a);
	assert_false(state_sync_take_from_peer(&s, bytes, b.pos - 1));
	assert_int_equal(channel_recv(supervisor, &got), -EAGAIN);
	assert_true(state_sync_take_from_peer(&s, bytes, b.pos));
	(void)hears(MSG_ACCORDS);
	assert_int_equal(got.len, b.pos);
	assert_memory_equal(got.body, bytes, b.pos);
	assert_true(state_sync_take_from_peer(&s, bytes, 0)); /* that was all */
	(void)hears(MSG_ACCORDS);
	assert_int_equal(got.len, 0);
	finish();
}

/* It is not waited for: it is asked again, and the peer by another wire. */
static void
a_supervisor_that_does_not_read_misses_nothing(void **state)
{
	const struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.server = "s1",
		.value = ACCORD_DRAIN,
		.epoch = 1 };
	uint8_t bytes[ACCORD_BYTES_MAX];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	unsigned n = 0;

	(void)state;
	begin();
	accord_put(&b, &a);
	while (!ev_is_active(&s.mend)) {
		assert_true(state_sync_take_from_peer(&s, bytes, b.pos));
		assert_in_range(++n, 1, 1000000);
	}
	/* Once, after a while, whatever the peer says until then. */
	for (unsigned i = 0; i < 100; i++)
		assert_true(state_sync_take_from_peer(&s, bytes, b.pos));
	assert_int_equal(restarts, 0);
	assert_in_range(ev_timer_remaining(s.loop, &s.mend) * 1000, 500, 1100);
	while (restarts == 0)
		(void)ev_run(s.loop, EVRUN_ONCE);
	state_sync_meet_peer(&s);
	while (n-- > 1)
		(void)hears(MSG_ACCORDS);
	assert_int_equal(channel_recv(supervisor, &got), -EAGAIN);
	assert_true(ev_is_active(&s.again));
	(void)ev_run(s.loop, EVRUN_ONCE);
	hears_wanted(1);
	finish();
}

/* Nor does the wire end for them at once, or for each. */
static void
events_that_are_not_read_end_the_wire_later(void **state)
{
	struct event a = event_of(EVENT_RELOAD, "configuration", "x", NULL);
	struct buf b = BUF_WRITER(EVENT_BYTES_MAX);
	unsigned n = 0;

	(void)state;
	begin();
	a.id = 1;
	event_put(&b, &a);
	while (!ev_is_active(&s.mend) && restarts == 0) {
		assert_true(state_sync_take_events(&s, b.data, b.pos));
		assert_in_range(++n, 1, 1000000);
	}
	assert_int_equal(restarts, 0);
	assert_in_range(ev_timer_remaining(s.loop, &s.mend) * 1000, 500, 1100);
	for (unsigned i = 0; i < 100; i++)
		assert_true(state_sync_take_events(&s, b.data, b.pos));
	while (restarts == 0)
		(void)ev_run(s.loop, EVRUN_ONCE);
	while (n-- > 1)
		(void)hears(MSG_EVENTS);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_wire_asks_for_all_and_passes_it_on),
		cmocka_unit_test(
		    one_packet_waits_for_room_and_no_more_is_asked_for),
		cmocka_unit_test(what_an_earlier_wire_had_asked_for_is_dropped),
		cmocka_unit_test(
		    what_the_peer_says_goes_on_whole_or_not_at_all),
		cmocka_unit_test(
		    a_supervisor_that_does_not_read_misses_nothing),
		cmocka_unit_test(events_that_are_not_read_end_the_wire_later),
	};

	TEST_MAIN(tests);
}
