#include "proxy/data/flow.h"

#include "core/fd.h"
#include "proxy/data/dial.h"
#include "proxy/data/pipes.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * One direction between two real TCP connections on loopback: `in` writes what
 * the flow reads, `out` reads what it sends.
 */
struct bench {
	int in, out;
	struct flow_end src, dst;
	struct flow flow;
	struct pipes *pipes;
	uint8_t *scratch;
};

/* All tests run twice: with pipes to splice through, and without. */
static unsigned n_pipes;

static int
use_pipes(void **state)
{
	(void)state;
	n_pipes = PIPES_MAX;
	return 0;
}

/* Two ends of one TCP connection. */
static void
tcp_pair(int ret[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ret[0], (struct sockaddr *)&a, len), 0);
	ret[1] = accept(listener, NULL, NULL);
	assert_int_not_equal(ret[1], -1);
	(void)close(listener);
}

static struct bench
bench_open(void)
{
	struct bench b = { .scratch = malloc(FLOW_SCRATCH_BYTES) };
	const int on = 1;
	int source[2], destination[2];

	b.pipes = malloc(sizeof(*b.pipes));
	pipes_init(b.pipes, n_pipes);
	tcp_pair(source);
	tcp_pair(destination);
	/* As in a session: splice() knows no MSG_DONTWAIT for sockets. */
	assert_int_equal(fd_set_nonblock(source[1]), 0);
	assert_int_equal(fd_set_nonblock(destination[0]), 0);
	assert_int_equal(
	    setsockopt(source[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)),
	    0);
	b.in = source[0];
	b.out = destination[1];
	b.src = (struct flow_end){ .fd = source[1], .readable = true };
	b.dst = (struct flow_end){ .fd = destination[0], .writable = true };
	return b;
}

static void
bench_close(struct bench *b)
{
	flow_fini(&b->flow, b->pipes);
	pipes_fini(b->pipes);
	free(b->pipes);
	fd_close(&b->in);
	fd_close(&b->out);
	fd_close(&b->src.fd);
	fd_close(&b->dst.fd);
	free(b->scratch);
}

static enum flow_result
turn(struct bench *b)
{
	const struct flow_tools tools = { .turn_bytes = FLOW_TURN_BYTES,
		.scratch = b->scratch,
		.pipes = b->pipes };
	enum flow_result r;
	int ignored;

	r = flow_pump(&b->flow, &b->src, &b->dst, &tools, &ignored);
	if (r == FLOW_ENDED)
		assert_int_equal(flow_pass_end(&b->flow, &b->dst), 0);
	return r;
}

/* What epoll would say of the source now. */
static void
look(struct bench *b)
{
	struct pollfd p = { .fd = b->src.fd,
		.events = POLLIN | POLLPRI | POLLRDHUP };

	assert_int_equal(poll(&p, 1, 1000), 1);
	b->src.readable = true;
	if ((p.revents & POLLPRI) != 0) {
		b->src.mark = FLOW_MARK_AHEAD;
		b->src.asks = true;
	}
	b->src.hung_up = b->src.hung_up || (p.revents & POLLRDHUP) != 0;
	b->src.failed = b->src.failed || (p.revents & POLLERR) != 0;
}

static void
small_exchanges_keep_nothing(void **state)
{
	struct bench b = bench_open();
	char text[16] = "";

	(void)state;
	assert_int_equal(send(b.in, "hello", 5, 0), 5);
	assert_int_equal(turn(&b), FLOW_WAITS);
	assert_int_equal(recv(b.out, text, sizeof(text), 0), 5);
	assert_string_equal(text, "hello");
	assert_null(b.flow.held);
	assert_int_equal(b.flow.bytes, 5);
	assert_false(b.src.readable);
	bench_close(&b);
}

/*
 * The reader is stuck: at most one scratch buffer is held, and nothing more is
 * read. When it reads on, every byte is there, in order, and then the end.
 */
static void
a_stuck_reader_stops_the_reading(void **state)
{
	enum {
		TOTAL = 8 * 1024 * 1024,
		AT_ONCE = 100000
	};
	struct bench b = bench_open();
	uint8_t *data = malloc(TOTAL), *got = malloc(TOTAL + AT_ONCE);
	size_t sent = 0, received = 0;
	enum flow_result r = FLOW_WAITS;

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	while (received < TOTAL || r != FLOW_ENDED) {
		ssize_t n = 0;

		if (sent < TOTAL)
			n = send(b.in, data + sent, TOTAL - sent, MSG_DONTWAIT);
		if (n > 0)
			sent += (size_t)n;
		if (sent == TOTAL) {
			(void)shutdown(b.in, SHUT_WR);
			b.src.hung_up = true; /* as epoll says */
		}
		b.src.readable = true;
		r = turn(&b);
		assert_true(b.flow.held_len <= FLOW_SCRATCH_BYTES);
		/* The reader moves only when everything else is stuck. */
		if (r == FLOW_WAITS || r == FLOW_ENDED) {
			n = recv(b.out, got + received, AT_ONCE, MSG_DONTWAIT);
			if (n > 0)
				received += (size_t)n;
			b.dst.writable = true;
		}
	}
	assert_memory_equal(data, got, TOTAL);
	assert_int_equal(recv(b.out, got, 1, 0), 0);
	assert_null(b.flow.held);
	free(data);
	free(got);
	bench_close(&b);
}

static void
the_end_is_passed_on_after_the_last_byte(void **state)
{
	struct bench b = bench_open();
	char text[16] = "";

	(void)state;
	assert_int_equal(send(b.in, "bye", 3, 0), 3);
	(void)shutdown(b.in, SHUT_WR);
	b.src.hung_up = true; /* as epoll says */
	assert_int_equal(turn(&b), FLOW_ENDED);
	assert_int_equal(recv(b.out, text, sizeof(text), MSG_WAITALL), 3);
	assert_int_equal(recv(b.out, text, sizeof(text), 0), 0);
	/* Once: a second turn does nothing. */
	assert_int_equal(turn(&b), FLOW_ENDED);
	bench_close(&b);
}

/*
 * A short read without a hint of the end: the flow waits for the next edge,
 * and the end that raises it is not missed.
 */
static void
an_end_that_comes_later_is_a_new_edge(void **state)
{
	struct bench b = bench_open();

	(void)state;
	assert_int_equal(send(b.in, "x", 1, 0), 1);
	assert_int_equal(turn(&b), FLOW_WAITS);
	assert_false(b.src.readable);
	(void)shutdown(b.in, SHUT_WR);
	b.src.readable = b.src.hung_up = true;
	assert_int_equal(turn(&b), FLOW_ENDED);
	bench_close(&b);
}

static void
a_reset_source_is_told_after_what_it_said(void **state)
{
	struct bench b = bench_open();
	char text[16] = "";

	(void)state;
	assert_int_equal(send(b.in, "last words", 10, 0), 10);
	assert_int_equal(dial_break_by_default(b.in), 0);
	fd_close(&b.in);
	b.src.hung_up = b.src.failed = true;
	assert_int_equal(turn(&b), FLOW_READ_FAILED);
	assert_int_equal(recv(b.out, text, sizeof(text), MSG_DONTWAIT), 10);
	assert_string_equal(text, "last words");
	bench_close(&b);
}

/* recv() tells of an error once, then says 0, as if that were the end. */
static void
a_reset_is_never_passed_on_as_an_end(void **state)
{
	struct bench b = bench_open();
	char byte;

	(void)state;
	assert_int_equal(dial_break_by_default(b.in), 0);
	fd_close(&b.in);
	b.src.hung_up = b.src.failed = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(turn(&b), FLOW_READ_FAILED);
	assert_int_equal(recv(b.out, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	bench_close(&b);
}

static void
a_reset_destination_is_told(void **state)
{
	struct bench b = bench_open();
	enum flow_result r = FLOW_WAITS;

	(void)state;
	assert_int_equal(dial_break_by_default(b.out), 0);
	fd_close(&b.out);
	for (int i = 0; i < 3 && r == FLOW_WAITS; i++) {
		assert_int_equal(send(b.in, "x", 1, 0), 1);
		b.src.readable = true;
		r = turn(&b);
	}
	assert_int_equal(r, FLOW_WRITE_FAILED);
	bench_close(&b);
}

/* R2: a read stops at the urgent byte, and so many bytes are behind it. */
static void
r02_reading_goes_on_behind_an_urgent_byte(void **state)
{
	struct bench b = bench_open();
	char text[16] = "", byte;

	(void)state;
	assert_int_equal(send(b.in, "abc", 3, 0), 3);
	assert_int_equal(send(b.in, "X", 1, MSG_OOB), 1);
	assert_int_equal(send(b.in, "def", 3, 0), 3);
	look(&b);
	assert_int_equal(turn(&b), FLOW_WAITS);
	assert_int_equal(b.flow.bytes, 7);
	/* As urgent as it was: out of the band, for who wants it so. */
	assert_int_equal(recv(b.out, &byte, 1, MSG_OOB), 1);
	assert_int_equal(byte, 'X');
	assert_int_equal(recv(b.out, text, 3, MSG_WAITALL), 3);
	assert_int_equal(recv(b.out, text + 3, 3, MSG_WAITALL), 3);
	assert_string_equal(text, "abcdef");
	assert_int_equal(b.src.mark, FLOW_MARK_NONE);
	bench_close(&b);
}

/* Each is a byte of the stream to a reader that asks for it (SO_OOBINLINE). */
static void
r02_no_urgent_byte_is_lost(void **state)
{
	struct bench b = bench_open();
	const int on = 1;
	char text[16] = "";

	(void)state;
	assert_int_equal(
	    setsockopt(b.out, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(b.in, "ab", 2, 0), 2);
		assert_int_equal(send(b.in, &"XYZ"[i], 1, MSG_OOB), 1);
		if (i == 1)
			continue; /* overtaken by the next before it is read */
		look(&b);
		assert_int_equal(turn(&b), FLOW_WAITS);
	}
	(void)shutdown(b.in, SHUT_WR);
	look(&b);
	assert_int_equal(turn(&b), FLOW_ENDED);
	for (size_t n = 0; n < 9;) {
		ssize_t r = recv(b.out, text + n, sizeof(text) - n, 0);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(text, "abXabYabZ");
	assert_int_equal(recv(b.out, text, 1, 0), 0);
	bench_close(&b);
}

/*
 * R1: in the middle of bulk, with the FIN there already: splice() says 0 at the
 * urgent byte, as if that were the end.
 */
static void
r01_an_urgent_byte_in_bulk_is_no_end(void **state)
{
	enum {
		FIRST = 3 * 1024 * 1024,
		REST = 100000
	};
	struct bench b = bench_open();
	uint8_t *data = calloc(1, FIRST);
	size_t sent = 0, received = 0;
	enum flow_result r = FLOW_WAITS;
	bool said = false;

	(void)state;
	while (r != FLOW_ENDED) {
		ssize_t n =
		    said ? 0 : send(b.in, data, FIRST - sent, MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		if (sent == FIRST && !said) {
			said = true;
			assert_int_equal(send(b.in, "X", 1, MSG_OOB), 1);
			assert_int_equal(send(b.in, data, REST, 0), REST);
			(void)shutdown(b.in, SHUT_WR);
			(void)usleep(10000);
		}
		if (said)
			look(&b);
		b.src.readable = true;
		r = turn(&b);
		while ((n = recv(b.out, data, FIRST, MSG_DONTWAIT)) > 0)
			received += (size_t)n;
		b.dst.writable = true;
	}
	while (recv(b.out, data, 1, 0) > 0)
		received++;
	assert_int_equal(received, FIRST + REST);
	assert_int_equal(b.flow.bytes, FIRST + REST + 1);
	free(data);
	bench_close(&b);
}

/* R1: and as the very last byte; it waits until the destination takes it. */
static void
r01_an_urgent_byte_waits_as_one(void **state)
{
	struct bench b = bench_open();
	char text[16] = "", byte;

	(void)state;
	b.dst.writable = true;
	b.flow.held = malloc(3);
	memcpy(b.flow.held, "abc", 3);
	b.flow.held_len = 3;
	b.dst.writable = false;
	assert_int_equal(send(b.in, "X", 1, MSG_OOB), 1);
	(void)shutdown(b.in, SHUT_WR);
	look(&b);
	assert_int_equal(turn(&b), FLOW_WAITS);
	b.dst.writable = true;
	assert_int_equal(turn(&b), FLOW_ENDED);
	assert_int_equal(recv(b.out, text, 3, MSG_WAITALL), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(recv(b.out, &byte, 1, MSG_OOB), 1);
	assert_int_equal(byte, 'X');
	assert_int_equal(recv(b.out, &byte, 1, 0), 0);
	bench_close(&b);
}

/* Its last word was said: that it breaks afterwards takes nothing back. */
static void
an_end_before_a_reset_is_an_end(void **state)
{
	struct bench b = bench_open();
	char text[16] = "";

	(void)state;
	assert_int_equal(send(b.in, "all", 3, 0), 3);
	(void)shutdown(b.in, SHUT_WR);
	assert_int_equal(dial_break_by_default(b.in), 0);
	fd_close(&b.in);
	look(&b);
	assert_true(b.src.failed);
	assert_int_equal(turn(&b), FLOW_ENDED);
	assert_int_equal(recv(b.out, text, sizeof(text), MSG_WAITALL), 3);
	bench_close(&b);
}

/* The other direction's send was told of the reset: recv() says 0 for it. */
static void
an_error_told_elsewhere_is_no_end(void **state)
{
	struct bench b = bench_open();

	(void)state;
	assert_int_equal(dial_break_by_default(b.in), 0);
	fd_close(&b.in);
	assert_int_equal(send(b.src.fd, "x", 1, MSG_NOSIGNAL), -1);
	b.src.spent = true; /* as the other flow has noted */
	look(&b);
	assert_int_equal(turn(&b), FLOW_READ_FAILED);
	bench_close(&b);
}

/* R11: of a client that waits for a server a request is enough. */
static void
r11_little_is_held_of_who_waits(void **state)
{
	struct bench b = bench_open();
	const struct flow_tools tools = { .turn_bytes = FLOW_TURN_BYTES,
		.scratch = b.scratch,
		.pipes = b.pipes };
	uint8_t *data = calloc(1, 65536);
	size_t received = 0;
	ssize_t n;
	int e;

	(void)state;
	assert_int_equal(send(b.in, data, 65536, 0), 65536);
	look(&b);
	assert_int_equal(flow_prefetch(&b.flow, &b.src, &tools, &e), FLOW_BUSY);
	assert_int_equal(b.flow.held_len, 4096);
	/* What it left is not forgotten. */
	while (received < 65536) {
		(void)turn(&b);
		while ((n = recv(b.out, data, 65536, MSG_DONTWAIT)) > 0)
			received += (size_t)n;
		b.dst.writable = true;
	}
	free(data);
	bench_close(&b);
}

/* Bulk until its reader, who reads nothing, makes it wait. Bytes sent. */
static size_t
push_till_stuck(struct bench *b, const uint8_t *data, size_t total)
{
	size_t sent = 0;

	for (int quiet = 0; quiet < 20;) {
		ssize_t n =
		    send(b->in, data + sent, total - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		quiet = n > 0 ? 0 : quiet + 1;
		b->src.readable = true;
		(void)turn(b);
		(void)usleep(quiet > 0 ? 1000 : 0);
	}
	return sent;
}

/*
 * R10: one pipe, and its flow stands still; another one gets it, and no byte of
 * the first is lost.
 */
static void
r10_who_stands_still_owns_no_pipe(void **state)
{
	enum {
		TOTAL = 24 * 1024 * 1024
	};
	struct bench b = bench_open(), other = bench_open();
	uint8_t *data = malloc(TOTAL), *got = malloc(TOTAL);
	struct pipes *unused = other.pipes;
	size_t sent, received = 0;

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	sent = push_till_stuck(&b, data, TOTAL);
	if (n_pipes > 0) {
		/* It took in little more than there was room for. */
		assert_true(b.flow.pipe->bytes <= 128 * 1024);
		b.pipes->limit = 1;
		other.pipes = b.pipes;
		other.flow.full_reads = FLOW_BULK_READS;
		assert_int_equal(send(other.in, data, 100000, 0), 100000);
		(void)usleep(100000);
		assert_int_equal(turn(&other), FLOW_WAITS);
		assert_null(b.flow.pipe);
		assert_int_equal(b.pipes->n, 1);
		other.pipes = unused;
	}
	assert_non_null(b.flow.held);
	(void)shutdown(b.in, SHUT_WR);
	while (received < sent) {
		ssize_t n;

		b.src.readable = b.src.hung_up = b.dst.writable = true;
		(void)turn(&b);
		n = recv(b.out, got + received, TOTAL - received, MSG_DONTWAIT);
		received += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(data, got, sent);
	free(data);
	free(got);
	bench_close(&other);
	bench_close(&b);
}

static void
a_turn_is_bounded(void **state)
{
	struct bench b = bench_open();
	const int size = 8 * 1024 * 1024;
	uint8_t *data = calloc(1, (size_t)size);
	size_t read_before;
	char *sink = malloc((size_t)size);

	(void)state;
	(void)setsockopt(b.in, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(b.dst.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(b.out, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* More than a turn moves, however the kernel sizes its buffers. */
	for (int i = 0; i < 64; i++) {
		(void)send(b.in, data, 256 * 1024, MSG_DONTWAIT);
		read_before = b.flow.bytes;
		b.src.readable = true;
		(void)turn(&b);
		assert_true(b.flow.bytes - read_before <= 2 * 1024 * 1024);
		(void)recv(b.out, sink, (size_t)size, MSG_DONTWAIT);
		b.dst.writable = true;
	}
	free(data);
	free(sink);
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_exchanges_keep_nothing),
		cmocka_unit_test(a_stuck_reader_stops_the_reading),
		cmocka_unit_test(the_end_is_passed_on_after_the_last_byte),
		cmocka_unit_test(an_end_that_comes_later_is_a_new_edge),
		cmocka_unit_test(a_reset_source_is_told_after_what_it_said),
		cmocka_unit_test(a_reset_is_never_passed_on_as_an_end),
		cmocka_unit_test(a_reset_destination_is_told),
		cmocka_unit_test(r02_reading_goes_on_behind_an_urgent_byte),
		cmocka_unit_test(r02_no_urgent_byte_is_lost),
		cmocka_unit_test(r01_an_urgent_byte_in_bulk_is_no_end),
		cmocka_unit_test(r01_an_urgent_byte_waits_as_one),
		cmocka_unit_test(an_end_before_a_reset_is_an_end),
		cmocka_unit_test(an_error_told_elsewhere_is_no_end),
		cmocka_unit_test(r11_little_is_held_of_who_waits),
		cmocka_unit_test(r10_who_stands_still_owns_no_pipe),
		cmocka_unit_test(a_turn_is_bounded),
	};

	test_leave_network();
	if (cmocka_run_group_tests_name("copy", tests, NULL, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name("splice", tests, use_pipes, NULL);
}
