#include "core/fd.h"
#include "core/log.h"
#include "director/director_stream.h"
#include "director/replica_line.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIALLER "127.0.0.2"
#define OTHER "127.0.0.3"
#define STRANGER "127.0.0.9"

/* A director's end of the stream, and what it has been told. */
struct end {
	struct director_stream *stream;
	unsigned ups, downs, msgs, reads, rooms;
	uint64_t last;  /* of what was heard */
	bool in_order;  /* each one more than the one before */
	bool hangs_up;  /* with the first that is heard */
	bool in_a_call; /* of ours: nobody may be told now */
};

struct bed {
	struct ev_loop *loop;
	int listener; /* as the supervisor's */
	struct end dials, listens;
};

static void
on_up(void *arg)
{
	struct end *e = arg;

	assert_false(e->in_a_call);
	e->ups++;
	e->last = 0;
}

static void
on_down(void *arg)
{
	struct end *e = arg;

	assert_false(e->in_a_call);
	e->downs++;
}

static void
on_msg(void *arg, const struct replica_msg *m)
{
	struct end *e = arg;

	assert_int_equal(m->type, REPLICA_MSG_ACK);
	e->in_order = e->in_order && m->seq == e->last + 1;
	e->last = m->seq;
	e->msgs++;
	if (e->hangs_up)
		director_stream_hang_up(e->stream, "it talks");
}

static void
on_read_all(void *arg)
{
	struct end *e = arg;

	assert_true(e->msgs > 0);
	e->reads++;
}

static void
on_room(void *arg)
{
	struct end *e = arg;

	assert_true(director_stream_has_room(e->stream));
	e->rooms++;
}

static const struct director_stream_calls calls = { .on_up = on_up,
	.on_down = on_down,
	.on_msg = on_msg,
	.on_read_all = on_read_all,
	.on_room = on_room };

static struct secret_keys
keys_of(uint8_t first, uint8_t second)
{
	struct secret_keys k = { .n = second == 0 ? 1 : 2 };

	k.all[0].bytes[0] = first;
	k.all[1].bytes[0] = second;
	return k;
}

static union addr
ip(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	return a;
}

static void
end_open(struct end *e, struct ev_loop *loop, unsigned node,
    const struct secret_keys *keys)
{
	const struct director_stream_setup setup = { .loop = loop,
		.calls = &calls,
		.arg = e,
		.subject = "test",
		.node = node,
		.self = ip(node == 0 ? DIALLER : OTHER),
		.other = ip(node == 0 ? OTHER : DIALLER),
		.port = test_port(SOCK_STREAM),
		.keys = keys };

	*e = (struct end){ .in_order = true };
	e->stream = director_stream_open(&setup);
	assert_non_null(e->stream);
}

static int
make_listener(void)
{
	const int on = 1;
	union addr a = ip(OTHER);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr_set_port(&a, test_port(SOCK_STREAM));
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, &a.sa, addr_len(&a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void
accept_at(struct bed *b)
{
	int fd = dup(b->listener);

	assert_int_equal(director_stream_listen(b->listens.stream, &fd), 0);
	assert_int_equal(fd, -1);
}

static void
bed_init(struct bed *b, struct secret_keys dialler, struct secret_keys other)
{
	assert_int_equal(secret_init(), 0);
	b->loop = ev_loop_new(EVFLAG_AUTO);
	b->listener = make_listener();
	end_open(&b->listens, b->loop, 1, &other);
	accept_at(b);
	end_open(&b->dials, b->loop, 0, &dialler);
}

static void
bed_fini(struct bed *b)
{
	director_stream_close(b->dials.stream);
	director_stream_close(b->listens.stream);
	fd_close(&b->listener);
	ev_loop_destroy(b->loop);
}

/* Until *what is at least `least`; fails after 10 s. */
static void
await(struct bed *b, const unsigned *what, unsigned least)
{
	for (unsigned i = 0; i < 10000 && *what < least; i++, usleep(1000))
		(void)ev_run(b->loop, EVRUN_NOWAIT);
	assert_true(*what >= least);
}

static void
turn(struct bed *b, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++, usleep(1000))
		(void)ev_run(b->loop, EVRUN_NOWAIT);
}

static void
connect_bed(struct bed *b)
{
	bed_init(b, keys_of(1, 0), keys_of(1, 0));
	await(b, &b->dials.ups, 1);
	await(b, &b->listens.ups, 1);
}

static void
say(struct end *e, uint64_t from, uint64_t to)
{
	e->in_a_call = true;
	for (uint64_t n = from; n <= to; n++) {
		const struct replica_msg m = { .type = REPLICA_MSG_ACK,
			.seq = n };

		director_stream_send(e->stream, &m);
	}
	e->in_a_call = false;
}

static void
messages_pass_both_ways_in_their_order(void **state)
{
	struct bed b;

	(void)state;
	connect_bed(&b);
	say(&b.dials, 1, 1);
	director_stream_flush(b.dials.stream);
	await(&b, &b.listens.msgs, 1);
	/* More than one frame has room for. */
	say(&b.dials, 2, 5000);
	say(&b.listens, 1, 3);
	await(&b, &b.listens.msgs, 5000);
	await(&b, &b.dials.msgs, 3);
	assert_true(b.listens.in_order && b.dials.in_order);
	/* Once for all that was read at a time. */
	assert_true(b.dials.reads == 1);
	assert_true(b.listens.reads > 1 && b.listens.reads < 100);
	assert_int_equal(b.dials.ups + b.listens.ups, 2);
	assert_int_equal(b.dials.downs + b.listens.downs, 0);
	bed_fini(&b);
}

static void
a_full_queue_says_so_and_then_that_it_has_room(void **state)
{
	struct bed b;
	uint64_t n = 0;

	(void)state;
	connect_bed(&b);
	/* Nobody reads: the loop does not turn. */
	while (director_stream_has_room(b.dials.stream)) {
		say(&b.dials, n + 1, n + 1000);
		n += 1000;
		director_stream_flush(b.dials.stream);
	}
	assert_int_equal(b.dials.rooms, 0);
	await(&b, &b.dials.rooms, 1);
	await(&b, &b.listens.msgs, (unsigned)n);
	assert_true(b.listens.in_order);
	assert_int_equal(b.dials.rooms, 1);
	bed_fini(&b);
}

static void
who_never_reads_is_given_up_and_tried_again(void **state)
{
	struct bed b;
	uint64_t n = 0;

	(void)state;
	connect_bed(&b);
	/* Beyond all bounds, the kernel's too. */
	while (n < 4 * REPLICA_LINE_OUT_BYTES / 11) {
		say(&b.dials, n + 1, n + 1000);
		n += 1000;
		director_stream_flush(b.dials.stream);
	}
	assert_int_equal(b.dials.downs, 0);
	await(&b, &b.dials.downs, 1);
	await(&b, &b.dials.ups, 2);
	await(&b, &b.listens.ups, 2);
	assert_true(b.listens.in_order);
	say(&b.dials, 1, 1);
	await(&b, &b.listens.msgs, 1);
	bed_fini(&b);
}

static void
hanging_up_tells_the_other_end_alone(void **state)
{
	struct bed b;

	(void)state;
	connect_bed(&b);
	b.listens.hangs_up = true;
	say(&b.dials, 1, 10);
	await(&b, &b.dials.downs, 1);
	assert_int_equal(b.listens.downs, 0);
	assert_int_equal(b.listens.msgs, 1);
	assert_int_equal(b.listens.reads, 0);
	b.listens.hangs_up = false;
	await(&b, &b.dials.ups, 2);
	await(&b, &b.listens.ups, 2);
	bed_fini(&b);
}

static unsigned
count_text(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

/* As of a peer that has other `slots`: for days, a line a second. */
static void
one_reason_is_told_once_however_often_it_ends(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const struct log_options options = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_NOTICE,
		.path = scratch_path("log", path),
		.role = "test" };
	char *text;
	struct bed b;

	(void)state;
	assert_int_equal(log_open(&options), 0);
	assert_int_equal(log_start(), 0);
	connect_bed(&b);
	b.listens.hangs_up = true;
	for (unsigned i = 1; i <= 4; i++) {
		await(&b, &b.dials.ups, i);
		await(&b, &b.listens.ups, i);
		say(&b.dials, 1, 1);
		await(&b, &b.dials.downs, i);
	}
	bed_fini(&b);
	log_close();
	text = scratch_text("log");
	assert_non_null(text);
	assert_int_equal(count_text(text, "stream: ended here"), 1);
	/* The one that dials learns no reason, and tells each. */
	assert_int_equal(count_text(text, "stream: up"), 4 + 2);
	free(text);
}

static void
an_end_is_told_and_the_peer_found_again(void **state)
{
	const struct secret_keys keys = keys_of(1, 0);
	struct bed b;

	(void)state;
	connect_bed(&b);
	director_stream_close(b.listens.stream);
	await(&b, &b.dials.downs, 1);
	/* Its successor finds what waits in the backlog. */
	turn(&b, 100);
	end_open(&b.listens, b.loop, 1, &keys);
	accept_at(&b);
	await(&b, &b.dials.ups, 2);
	await(&b, &b.listens.ups, 1);
	bed_fini(&b);
}

/* In whatever state it is: between two tries, in one, and when it is up. */
static void
a_peer_that_is_heard_again_is_tried_at_any_time(void **state)
{
	const struct secret_keys keys = keys_of(1, 0);
	struct bed b;
	(void)state;
	connect_bed(&b);
	director_stream_close(b.listens.stream);
	fd_close(&b.listener);
	await(&b, &b.dials.downs, 1);
	for (unsigned i = 0; i < 50; i++) {
		director_stream_try_now(b.dials.stream);
		turn(&b, 1);
	}
	b.listener = make_listener();
	end_open(&b.listens, b.loop, 1, &keys);
	accept_at(&b);
	director_stream_try_now(b.dials.stream);
	director_stream_try_now(b.dials.stream);
	await(&b, &b.dials.ups, 2);
	await(&b, &b.listens.ups, 1);
	director_stream_try_now(b.dials.stream);
	director_stream_try_now(b.listens.stream);
	say(&b.dials, 1, 1);
	await(&b, &b.listens.msgs, 1);
	assert_int_equal(b.dials.ups, 2);
	bed_fini(&b);
}

static void
other_keys_are_no_peer_and_told_as_that(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, keys_of(1, 0), keys_of(2, 0));
	turn(&b, 300);
	assert_int_equal(b.dials.ups + b.listens.ups, 0);
	assert_int_equal(b.dials.downs + b.listens.downs, 0);
	/* Whoever reads first ends it, before the other may have read. */
	assert_true(director_stream_trouble(b.listens.stream) ==
	        DIRECTOR_STREAM_NO_KEY ||
	    director_stream_trouble(b.dials.stream) == DIRECTOR_STREAM_NO_KEY);
	bed_fini(&b);
}

static void
a_key_that_is_taken_out_ends_its_stream(void **state)
{
	const struct secret_keys both = keys_of(2, 1), second = keys_of(2, 0);
	struct bed b;

	(void)state;
	connect_bed(&b);
	/* Node by node, as an operator does: nothing happens to what is up. */
	director_stream_set_keys(b.dials.stream, &both);
	director_stream_set_keys(b.listens.stream, &both);
	turn(&b, 50);
	assert_int_equal(b.dials.ups, 1);
	b.dials.in_a_call = true;
	director_stream_set_keys(b.dials.stream, &second);
	b.dials.in_a_call = false;
	await(&b, &b.dials.downs, 1);
	await(&b, &b.dials.ups, 2);
	await(&b, &b.listens.ups, 2);
	director_stream_set_keys(b.listens.stream, &second);
	turn(&b, 50);
	assert_int_equal(b.dials.downs, 1);
	assert_int_equal(
	    director_stream_trouble(b.dials.stream), DIRECTOR_STREAM_WELL);
	bed_fini(&b);
}

static void
nobody_but_the_peer_is_answered(void **state)
{
	struct bed b;
	union addr from = ip(STRANGER), to = ip(OTHER);
	struct pollfd p = { .events = POLLOUT };

	(void)state;
	connect_bed(&b);
	addr_set_port(&to, test_port(SOCK_STREAM));
	p.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(p.fd, &from.sa, addr_len(&from)), 0);
	assert_int_equal(connect(p.fd, &to.sa, addr_len(&to)), -1);
	assert_int_equal(errno, EINPROGRESS);
	turn(&b, 50);
	assert_int_equal(poll(&p, 1, 0), 0);
	fd_close(&p.fd);
	bed_fini(&b);
}

/* Each user of the peer's host has its address. */
static void
who_is_beside_the_peer_is_no_trouble(void **state)
{
	static const char junk[256] = "GET / HTTP/1.1\r\n";
	union addr from = ip(DIALLER), to = ip(OTHER);
	CLEANUP(fd_close) int fd = -1;
	struct bed b;

	(void)state;
	connect_bed(&b);
	addr_set_port(&to, test_port(SOCK_STREAM));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, &from.sa, addr_len(&from)), 0);
	assert_int_equal(connect(fd, &to.sa, addr_len(&to)), 0);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	turn(&b, 100);
	assert_int_equal(
	    director_stream_trouble(b.listens.stream), DIRECTOR_STREAM_WELL);
	assert_int_equal(b.listens.ups + b.listens.downs, 1);
	bed_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass_both_ways_in_their_order),
		cmocka_unit_test(
		    a_full_queue_says_so_and_then_that_it_has_room),
		cmocka_unit_test(who_never_reads_is_given_up_and_tried_again),
		cmocka_unit_test(hanging_up_tells_the_other_end_alone),
		cmocka_unit_test(one_reason_is_told_once_however_often_it_ends),
		cmocka_unit_test(an_end_is_told_and_the_peer_found_again),
		cmocka_unit_test(
		    a_peer_that_is_heard_again_is_tried_at_any_time),
		cmocka_unit_test(other_keys_are_no_peer_and_told_as_that),
		cmocka_unit_test(a_key_that_is_taken_out_ends_its_stream),
		cmocka_unit_test(nobody_but_the_peer_is_answered),
		cmocka_unit_test(who_is_beside_the_peer_is_no_trouble),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
