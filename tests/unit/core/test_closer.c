#include "core/closer.h"

#include "core/fd.h"
#include "core/mono.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

/* The other end of a pipe hears of the last close. */
static int
pipe_with(int *ret_writer)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	*ret_writer = ends[1];
	return ends[0];
}

static void
wait_for_end(int *reader)
{
	struct pollfd p = { .fd = *reader, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(p.revents, POLLHUP);
	fd_close(reader);
}

/* A connection whose close waits for a reader that does not read. */
static int
lingering(int *ret_reader)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct linger linger = { 1, 30 };
	static char much[1 << 20];
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
	*ret_reader = accept(listener, NULL, NULL);
	fd_close(&listener);
	assert_int_equal(fd_set_nonblock(fd), 0);
	while (send(fd, much, sizeof(much), 0) > 0)
		;
	assert_int_equal(fd_set_nonblock(fd), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	/* close() does not care for O_NONBLOCK. */
	return fd;
}

static void
whoever_gives_away_does_not_wait(void **state)
{
	struct closer *c = closer_new();
	const struct mono begun = mono_now();
	int reader, writer, slow, pipe_end;

	(void)state;
	slow = lingering(&reader);
	closer_close(c, &slow);
	assert_int_equal(slow, -1);
	/* One behind it waits, and gets its turn. */
	pipe_end = pipe_with(&writer);
	closer_close(c, &writer);
	closer_free(c);
	assert_true(mono_span_ms(begun, mono_now()) < 15000);
	fd_close(&reader);
	wait_for_end(&pipe_end);
}

static void
nothing_is_closed_twice(void **state)
{
	struct closer *c = closer_new();
	int none = -1;

	(void)state;
	closer_close(c, &none);
	assert_false(closer_is_full(c));
	closer_free(c);
	closer_free(NULL);
}

static void
without_one_it_is_closed_here(void **state)
{
	int writer, reader = pipe_with(&writer);

	(void)state;
	assert_false(closer_is_full(NULL));
	closer_close(NULL, &writer);
	assert_int_equal(writer, -1);
	wait_for_end(&reader);
}

static void
send_with(int socket, const int *fds, size_t n, const char *text)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text,
		.iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(n * sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	assert_int_equal(sendmsg(socket, &msg, 0), strlen(text));
}

static void
descriptors_that_come_with_bytes_are_closed(void **state)
{
	struct closer *c = closer_new();
	int ends[2], readers[3], writers[3];
	char text[8] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	for (unsigned i = 0; i < 3; i++)
		readers[i] = pipe_with(&writers[i]);
	send_with(ends[0], writers, 3, "line");
	for (unsigned i = 0; i < 3; i++)
		fd_close(&writers[i]);
	assert_int_equal(closer_recv(c, ends[1], text, sizeof(text)), 4);
	assert_string_equal(text, "line");
	for (unsigned i = 0; i < 3; i++)
		wait_for_end(&readers[i]);
	assert_int_equal(closer_recv(c, ends[1], text, sizeof(text)), -1);
	assert_int_equal(errno, EAGAIN);
	fd_close(&ends[0]);
	assert_int_equal(closer_recv(c, ends[1], text, sizeof(text)), 0);
	fd_close(&ends[1]);
	closer_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_gives_away_does_not_wait),
		cmocka_unit_test(nothing_is_closed_twice),
		cmocka_unit_test(without_one_it_is_closed_here),
		cmocka_unit_test(descriptors_that_come_with_bytes_are_closed),
	};

	TEST_MAIN(tests);
}
