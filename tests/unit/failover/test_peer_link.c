#include "failover/heartbeat/packet_auth.h"
#include "failover/peerlink/peer_line.h"
#include "failover/peerlink/peer_link.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A node's end of the wire, and what it has been told. */
struct node {
	const char *self, *other;
	struct packet_auth auth;
	struct peer_link *wire;
	unsigned ups, downs, rooms, frames;
	uint8_t type;
	size_t bytes;
};

static void
on_up(void *arg)
{
	((struct node *)arg)->ups++;
}

static void
on_down(void *arg)
{
	((struct node *)arg)->downs++;
}

static void
on_frame(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct node *n = arg;

	(void)body;
	n->frames++;
	n->type = type;
	n->bytes += len;
}

static void
on_room(void *arg)
{
	((struct node *)arg)->rooms++;
}

static const struct peer_link_calls calls = { .on_up = on_up,
	.on_down = on_down,
	.on_frame = on_frame,
	.on_room = on_room };

static void
node_open(struct node *n, struct ev_loop *loop, uint8_t key_byte,
    const char *self, const char *other, uint8_t boot)
{
	const struct secret_keys keys = { .n = 1, .all = { { { key_byte } } } };
	struct peer_link_setup setup = { .loop = loop,
		.calls = &calls,
		.arg = n,
		.subject = "test",
		.auth = &n->auth,
		.boot = { { boot } },
		.port = test_port(SOCK_STREAM) };
	int fd;

	*n = (struct node){ .self = self, .other = other };
	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &setup.self), 0);
	assert_int_equal(addr_parse_ip(other, &setup.other), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (peer_line_set_options(fd, false) == -EPERM)
		skip(); /* priority 7 is root's */
	(void)close(fd);
	n->auth = packet_auth_init(&keys, &setup.self, &setup.other);
	n->wire = peer_link_open(&setup);
	assert_non_null(n->wire);
}

/* Until *what is at least `least`; fails after 3 s. */
static void
await(struct ev_loop *loop, const unsigned *what, unsigned least)
{
	for (unsigned i = 0; i < 3000 && *what < least; i++, usleep(1000))
		(void)ev_run(loop, EVRUN_NOWAIT);
	assert_true(*what >= least);
}

struct bed {
	struct ev_loop *loop;
	struct node dials, listens;
};

static void
bed_init(struct bed *b)
{
	b->loop = ev_loop_new(EVFLAG_AUTO);
	node_open(&b->listens, b->loop, 1, "127.0.0.3", "127.0.0.2", 1);
	node_open(&b->dials, b->loop, 1, "127.0.0.2", "127.0.0.3", 2);
	await(b->loop, &b->dials.ups, 1);
	await(b->loop, &b->listens.ups, 1);
}

static void
bed_fini(struct bed *b)
{
	peer_link_close(b->dials.wire);
	peer_link_close(b->listens.wire);
	ev_loop_destroy(b->loop);
}

static void
frames_pass_both_ways(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	assert_int_equal(
	    peer_link_send(b.dials.wire, PEER_LINK_HELLO, "hello", 5), 0);
	assert_int_equal(
	    peer_link_send(b.listens.wire, PEER_LINK_END, NULL, 0), 0);
	await(b.loop, &b.listens.frames, 1);
	await(b.loop, &b.dials.frames, 1);
	assert_int_equal(b.listens.type, PEER_LINK_HELLO);
	assert_int_equal(b.listens.bytes, 5);
	assert_int_equal(b.dials.type, PEER_LINK_END);
	assert_int_equal(peer_link_rejected(b.listens.wire), 0);
	assert_int_equal(peer_link_version(b.dials.wire), PEER_CODEC_VERSION);
	bed_fini(&b);
}

static void
a_full_queue_refuses_and_then_says_that_it_has_room(void **state)
{
	static const uint8_t body[PEER_CODEC_BODY_MAX];
	unsigned sent = 0;
	struct bed b;

	(void)state;
	bed_init(&b);
	/* Nobody reads: the loop does not turn. */
	while (peer_link_send(
	           b.dials.wire, PEER_LINK_RECORDS, body, sizeof(body)) == 0)
		sent++;
	assert_false(peer_link_has_room(b.dials.wire));
	assert_false(peer_link_is_drained(b.dials.wire));
	assert_int_equal(peer_link_send(b.dials.wire, PEER_LINK_RECORDS, body,
	                     sizeof(body) + 1),
	    -EMSGSIZE);
	await(b.loop, &b.listens.frames, sent);
	await(b.loop, &b.dials.rooms, 1);
	assert_true(peer_link_has_room(b.dials.wire));
	assert_true(peer_link_is_drained(b.dials.wire));
	assert_int_equal(b.listens.bytes, (size_t)sent * sizeof(body));
	bed_fini(&b);
}

/* What the kernel has, and the other end has not. */
static int
unread(const struct node *n)
{
	int bytes = -1;

	assert_int_equal(ioctl(peer_link_fd(n->wire), SIOCOUTQ, &bytes), 0);
	return bytes;
}

/* For a pulse there was room, and it takes along what was waiting. */
static void
room_that_a_send_has_made_is_told(void **state)
{
	static const uint8_t body[PEER_CODEC_BODY_MAX];
	struct ev_loop *peers = ev_loop_new(EVFLAG_AUTO);
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct node dials, listens;

	(void)state;
	node_open(&listens, peers, 1, "127.0.0.3", "127.0.0.2", 1);
	node_open(&dials, loop, 1, "127.0.0.2", "127.0.0.3", 2);
	for (unsigned i = 0; i < 3000 && dials.ups + listens.ups < 2;
	     i++, usleep(1000)) {
		(void)ev_run(loop, EVRUN_NOWAIT);
		(void)ev_run(peers, EVRUN_NOWAIT);
	}
	while (peer_link_has_room(dials.wire))
		assert_int_equal(peer_link_send(dials.wire, PEER_LINK_RECORDS,
		                     body, sizeof(body)),
		    0);
	for (unsigned i = 0; i < 3000 && unread(&dials) > 0; i++, usleep(1000))
		(void)ev_run(peers, EVRUN_NOWAIT);
	assert_false(peer_link_is_drained(dials.wire));
	assert_int_equal(
	    peer_link_send(dials.wire, PEER_LINK_PULSE, NULL, 0), 0);
	assert_int_equal(dials.rooms, 0); /* not from within our call */
	(void)ev_run(loop, EVRUN_NOWAIT);
	assert_true(peer_link_has_room(dials.wire));
	assert_int_equal(dials.rooms, 1);
	peer_link_close(dials.wire);
	peer_link_close(listens.wire);
	ev_loop_destroy(loop);
	ev_loop_destroy(peers);
}

static void
an_end_is_told_and_the_wire_returns(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	peer_link_restart(b.listens.wire, "the test wants it");
	assert_int_equal(b.listens.downs, 1);
	assert_int_equal(
	    peer_link_send(b.listens.wire, PEER_LINK_END, NULL, 0), -ENOTCONN);
	await(b.loop, &b.dials.downs, 1);
	await(b.loop, &b.dials.ups, 2);
	await(b.loop, &b.listens.ups, 2);
	bed_fini(&b);
}

/* Who ends each line that was proven is not dialled without end. */
static void
a_peer_that_ends_each_line_is_dialled_now_and_then(void **state)
{
	struct mono begun;
	struct bed b;
	unsigned seen = 0;

	(void)state;
	bed_init(&b);
	begun = mono_now();
	for (; mono_span_ms(begun, mono_now()) < 1500; usleep(1000)) {
		(void)ev_run(b.loop, EVRUN_NOWAIT);
		if (b.listens.ups > seen)
			peer_link_restart(b.listens.wire, "the test lies");
		seen = b.listens.ups;
	}
	assert_in_range(b.dials.ups, 5, 20);
	bed_fini(&b);
}

/* It is proven, and dials as often as it likes: a few at once, then 10/s. */
static void
a_peer_that_dials_without_end_is_accepted_now_and_then(void **state)
{
	struct node again[30];
	struct mono begun;
	struct bed b;

	(void)state;
	bed_init(&b);
	for (unsigned i = 0; i < ARRAY_LEN(again); i++)
		node_open(&again[i], b.loop, 1, "127.0.0.2", "127.0.0.3",
		    (uint8_t)(3 + i));
	begun = mono_now();
	for (; mono_span_ms(begun, mono_now()) < 300; usleep(1000))
		(void)ev_run(b.loop, EVRUN_NOWAIT);
	assert_in_range(
	    b.listens.ups + peer_link_rejected(b.listens.wire), 10, 28);
	for (unsigned i = 0; i < ARRAY_LEN(again); i++)
		peer_link_close(again[i].wire);
	bed_fini(&b);
}

/* As fast as the loop turns; the reader rests meanwhile, and loses nothing. */
static void
a_peer_that_talks_without_end_is_read_at_a_pace(void **state)
{
	static const uint8_t body[PEER_CODEC_BODY_MAX];
	const struct mono begun = mono_now();
	unsigned sent = 0;
	struct bed b;

	(void)state;
	bed_init(&b);
	for (; mono_span_ms(begun, mono_now()) < 500;
	     (void)ev_run(b.loop, EVRUN_NOWAIT))
		while (peer_link_send(b.dials.wire, PEER_LINK_RECORDS, body,
		           sizeof(body)) == 0)
			sent++;
	/* 16 MB a second, and once more what is read at once. */
	assert_true(b.listens.bytes < 10 * 1000 * 1000);
	await(b.loop, &b.listens.frames, sent);
	assert_int_equal(b.listens.bytes, (size_t)sent * sizeof(body));
	assert_int_equal(b.listens.downs + b.dials.downs, 0);
	bed_fini(&b);
}

/*
 * Its supervisor holds the old connection, so nothing of it ends: the new one
 * takes the place, whichever node it is.
 */
static void
a_process_that_is_replaced_is_no_end(void **state)
{
	struct node again;
	struct bed b;
	int held;

	(void)state;
	bed_init(&b);
	held = dup(peer_link_fd(b.dials.wire));
	node_open(&again, b.loop, 1, "127.0.0.2", "127.0.0.3", 3);
	await(b.loop, &b.listens.ups, 2);
	await(b.loop, &again.ups, 1);
	assert_int_equal(b.listens.downs, 0);
	(void)close(held);
	peer_link_close(again.wire);
	bed_fini(&b);
}

static void
a_new_process_is_dialled_when_it_is_heard_of(void **state)
{
	const struct hello_boot same = { { 1 } }, other = { { 9 } };
	struct bed b;

	(void)state;
	bed_init(&b);
	peer_link_expect(b.dials.wire, &same);
	for (unsigned i = 0; i < 50; i++, usleep(1000))
		(void)ev_run(b.loop, EVRUN_NOWAIT);
	assert_int_equal(b.dials.ups, 1);
	peer_link_expect(b.dials.wire, &other);
	await(b.loop, &b.dials.ups, 2);
	assert_int_equal(b.dials.downs + b.listens.downs, 0);
	bed_fini(&b);
}

/* The new key is preferred, the old one is known still. */
static void
give_keys(struct node *n, uint8_t first, uint8_t second)
{
	const struct secret_keys keys = { .n = 2,
		.all = { { { first } }, { { second } } } };
	union addr x, y;

	assert_int_equal(addr_parse_ip(n->self, &x), 0);
	assert_int_equal(addr_parse_ip(n->other, &y), 0);
	n->auth = packet_auth_init(&keys, &x, &y);
}

static void
both_sign(struct bed *b, unsigned key)
{
	const uint64_t id = b->dials.auth.keys[key].id;

	b->dials.auth.signs = b->dials.auth.hears = id;
	b->listens.auth.signs = b->listens.auth.hears = id;
}

static void
keys_are_changed_without_an_end(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b);
	give_keys(&b.dials, 9, 1);
	give_keys(&b.listens, 9, 1);
	both_sign(&b, 1);
	for (unsigned i = 0; i < 300; i++, usleep(1000))
		(void)ev_run(b.loop, EVRUN_NOWAIT);
	assert_int_equal(b.dials.ups, 1); /* as it is made already */
	both_sign(&b, 0);
	await(b.loop, &b.dials.ups, 2);
	await(b.loop, &b.listens.ups, 2);
	for (unsigned i = 0; i < 300; i++, usleep(1000))
		(void)ev_run(b.loop, EVRUN_NOWAIT);
	assert_int_equal(b.dials.ups, 2);
	assert_int_equal(b.dials.downs + b.listens.downs, 0);
	assert_int_equal(peer_link_rejected(b.listens.wire), 0);
	bed_fini(&b);
}

/* Nothing was heard, so nobody knows which key the other has. */
static void
of_two_keys_the_one_that_both_have_is_found(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct node dials, listens;

	(void)state;
	node_open(&listens, loop, 1, "127.0.0.3", "127.0.0.2", 1);
	node_open(&dials, loop, 1, "127.0.0.2", "127.0.0.3", 2);
	give_keys(&dials, 9, 1);
	await(loop, &dials.ups, 1);
	await(loop, &listens.ups, 1);
	peer_link_close(dials.wire);
	peer_link_close(listens.wire);
	ev_loop_destroy(loop);
}

/* O14: `check --host` on the peer asks whether the port is open. */
static void
a_connection_without_a_word_is_nothing_to_tell(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	union addr from, to;
	struct node listens;

	(void)state;
	node_open(&listens, loop, 1, "127.0.0.3", "127.0.0.2", 1);
	assert_int_equal(addr_parse_ip("127.0.0.2", &from), 0);
	assert_int_equal(addr_parse_ip("127.0.0.3", &to), 0);
	addr_set_port(&to, test_port(SOCK_STREAM));
	for (unsigned words = 0; words < 2; words++) {
		const int fd = socket(AF_INET, SOCK_STREAM, 0);

		(void)ev_run(loop, EVRUN_NOWAIT); /* listens */
		assert_int_equal(bind(fd, &from.sa, addr_len(&from)), 0);
		assert_int_equal(connect(fd, &to.sa, addr_len(&to)), 0);
		if (words > 0)
			assert_int_equal(send(fd, "x", 1, 0), 1);
		for (unsigned i = 0; i < 20; i++, usleep(1000))
			(void)ev_run(loop, EVRUN_NOWAIT);
		(void)close(fd);
		for (unsigned i = 0; i < 100; i++, usleep(1000))
			(void)ev_run(loop, EVRUN_NOWAIT);
		assert_int_equal(peer_link_rejected(listens.wire), words);
	}
	peer_link_close(listens.wire);
	ev_loop_destroy(loop);
}

static void
another_key_never_comes_up(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct node dials, listens;

	(void)state;
	node_open(&listens, loop, 1, "127.0.0.3", "127.0.0.2", 1);
	node_open(&dials, loop, 2, "127.0.0.2", "127.0.0.3", 2);
	for (unsigned i = 0; i < 3000 && peer_link_rejected(listens.wire) < 2;
	     i++, usleep(1000))
		(void)ev_run(loop, EVRUN_NOWAIT);
	assert_true(peer_link_rejected(listens.wire) >= 2);
	assert_int_equal(dials.ups + listens.ups, 0);
	peer_link_close(dials.wire);
	peer_link_close(listens.wire);
	ev_loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_both_ways),
		cmocka_unit_test(
		    a_full_queue_refuses_and_then_says_that_it_has_room),
		cmocka_unit_test(room_that_a_send_has_made_is_told),
		cmocka_unit_test(an_end_is_told_and_the_wire_returns),
		cmocka_unit_test(
		    a_peer_that_ends_each_line_is_dialled_now_and_then),
		cmocka_unit_test(
		    a_peer_that_dials_without_end_is_accepted_now_and_then),
		cmocka_unit_test(
		    a_peer_that_talks_without_end_is_read_at_a_pace),
		cmocka_unit_test(a_process_that_is_replaced_is_no_end),
		cmocka_unit_test(a_new_process_is_dialled_when_it_is_heard_of),
		cmocka_unit_test(keys_are_changed_without_an_end),
		cmocka_unit_test(of_two_keys_the_one_that_both_have_is_found),
		cmocka_unit_test(
		    a_connection_without_a_word_is_nothing_to_tell),
		cmocka_unit_test(another_key_never_comes_up),
	};

	TEST_MAIN(tests);
}
