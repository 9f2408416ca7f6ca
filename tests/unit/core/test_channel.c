#include "core/channel.h"

#include "core/fd.h"
#include "core/proc.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void
a_packet_arrives_with_its_descriptor(void **state)
{
	struct channel_packet p;
	int ends[2], file = proc_sealed_file("test", "sealed", 6);
	char text[8] = "";

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_recv(ends[1], &p), -EAGAIN);
	assert_int_equal(channel_send(ends[0], 7, "body", 4, file), 0);
	assert_int_equal(channel_send(ends[0], 8, NULL, 0, -1), 0);
	assert_int_equal(channel_recv(ends[1], &p), 1);
	assert_int_equal(p.type, 7);
	assert_int_equal(p.len, 4);
	assert_memory_equal(p.body, "body", 4);
	assert_int_equal(read(p.fd, text, sizeof(text)), 6);
	assert_string_equal(text, "sealed");
	assert_int_equal(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	fd_close(&p.fd);
	assert_int_equal(channel_recv(ends[1], &p), 1);
	assert_int_equal(p.type, 8);
	assert_int_equal(p.len, 0);
	assert_int_equal(p.fd, -1);
	fd_close(&ends[0]);
	assert_int_equal(channel_recv(ends[1], &p), 0);
	assert_int_equal(channel_send(ends[1], 9, NULL, 0, -1), -EPIPE);
	fd_close(&ends[1]);
	fd_close(&file);
}

static void
what_is_no_packet_is_refused(void **state)
{
	static char huge[CHANNEL_BODY_MAX + 3];
	struct channel_packet p;
	int ends[2];

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(
	    channel_send(ends[0], 1, huge, CHANNEL_BODY_MAX + 1, -1),
	    -EMSGSIZE);
	assert_int_equal(send(ends[0], huge, sizeof(huge), 0), sizeof(huge));
	assert_int_equal(channel_recv(ends[1], &p), -EBADMSG);
	assert_int_equal(send(ends[0], huge, 1, 0), 1);
	assert_int_equal(channel_recv(ends[1], &p), -EBADMSG);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
a_reader_that_does_not_read_is_told_of(void **state)
{
	static char body[CHANNEL_BODY_MAX];
	int ends[2], e = 0;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	for (int i = 0; i < 100000 && e == 0; i++)
		e = channel_send(ends[0], 1, body, sizeof(body), -1);
	assert_int_equal(e, -EAGAIN);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* Who has much to say leaves room for who has little. */
static void
half_of_a_channel_is_room(void **state)
{
	static char body[CHANNEL_BODY_MAX];
	static struct channel_packet p;
	unsigned n = 0, more = 0;
	int ends[2];

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	while (channel_has_room(ends[0])) {
		assert_int_equal(
		    channel_send(ends[0], 1, body, sizeof(body), -1), 0);
		assert_in_range(++n, 1, 100000);
	}
	while (channel_send(ends[0], 1, body, sizeof(body), -1) == 0)
		more++;
	assert_in_range(more, n / 2, 2 * n);
	while (channel_recv(ends[1], &p) == 1)
		;
	assert_true(channel_has_room(ends[0]));
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
what_is_unread_holds_up_nobody(void **state)
{
	static struct channel_packet p;
	char byte;
	int ends[2], pipe_ends[2];

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(channel_send(ends[0], 1, NULL, 0, pipe_ends[1]), 0);
	fd_close(&pipe_ends[1]);
	channel_close(NULL, &ends[1]);
	assert_int_equal(ends[1], -1);
	/* All of it is closed, and the other side knows. */
	assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
	assert_int_equal(channel_recv(ends[0], &p), 0);
	channel_close(NULL, &ends[1]);
	fd_close(&pipe_ends[0]);
	fd_close(&ends[0]);
}

static void
a_sealed_file_cannot_be_changed(void **state)
{
	int file = proc_sealed_file("test", "text", 4);

	(void)state;
	assert_int_equal(write(file, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(file, 0), -1);
	assert_ptr_equal(
	    mmap(NULL, 4, PROT_WRITE, MAP_SHARED, file, 0), MAP_FAILED);
	fd_close(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_arrives_with_its_descriptor),
		cmocka_unit_test(what_is_no_packet_is_refused),
		cmocka_unit_test(a_reader_that_does_not_read_is_told_of),
		cmocka_unit_test(half_of_a_channel_is_room),
		cmocka_unit_test(what_is_unread_holds_up_nobody),
		cmocka_unit_test(a_sealed_file_cannot_be_changed),
	};

	TEST_MAIN(tests);
}
