#include "core/msg_intake.h"

#include "core/closer.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct closer *closer;
	struct msg_intake intake;
	struct channel_packet packet;
	int theirs, ours;
} t;

static void
begin(enum msg_rights_party from)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	t.theirs = ends[0];
	t.ours = ends[1];
	t.closer = closer_new();
	t.intake = msg_intake_init(from, MSG_RIGHTS_SUPERVISOR, t.closer);
}

static void
finish(void)
{
	fd_close(&t.theirs);
	fd_close(&t.ours);
	closer_free(t.closer);
}

static int
take(void)
{
	return msg_intake_take(
	    &t.intake, t.ours, MSG_RIGHTS_WORKING, &t.packet);
}

/* Refused, for this. */
static void
assert_refused(const char *why)
{
	char text[MSG_INTAKE_TEXT_MAX];

	assert_int_equal(take(), -EBADMSG);
	assert_text(msg_intake_text(&t.intake, text), why);
}

static void
wait_for_end(int *reader)
{
	struct pollfd p = { .fd = *reader, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(p.revents, POLLHUP);
	fd_close(reader);
}

static void
what_is_allowed_arrives(void **state)
{
	int ends[2];

	(void)state;
	begin(MSG_RIGHTS_FAILOVER);
	assert_int_equal(take(), -EAGAIN);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(channel_send(t.theirs, MSG_WIRE, NULL, 0, ends[1]), 0);
	fd_close(&ends[1]);
	assert_int_equal(take(), 1);
	assert_int_equal(t.packet.type, MSG_WIRE);
	assert_int_not_equal(t.packet.fd, -1);
	/* Not taken by whoever obeyed, it is closed. */
	assert_int_equal(msg_intake_end(&t.intake, &t.packet, 0), 0);
	assert_int_equal(t.packet.fd, -1);
	wait_for_end(&ends[0]);
	fd_close(&t.theirs);
	assert_int_equal(take(), 0);
	finish();
}

static void
the_relay_cannot_end_the_wire(void **state)
{
	(void)state;
	begin(MSG_RIGHTS_RELAY);
	assert_int_equal(channel_send(t.theirs, MSG_WIRE_DOWN, NULL, 0, -1), 0);
	assert_refused("WIRE_DOWN: it is not its to send");
	assert_int_equal(channel_send(t.theirs, 999, NULL, 0, -1), 0);
	assert_refused("message 999: there is no such message");
	assert_int_equal(send(t.theirs, "x", 1, 0), 1);
	assert_refused("message 120: it is too short or too long");
	finish();
}

static void
what_makes_no_sense_is_told(void **state)
{
	char text[MSG_INTAKE_TEXT_MAX];

	(void)state;
	begin(MSG_RIGHTS_RELAY);
	assert_int_equal(
	    channel_send(t.theirs, MSG_FENCE, "01234567890", 11, -1), 0);
	assert_int_equal(take(), 1);
	assert_int_equal(
	    msg_intake_end(&t.intake, &t.packet, -EBADMSG), -EBADMSG);
	assert_text(
	    msg_intake_text(&t.intake, text), "FENCE: it makes no sense");
	assert_int_equal(
	    msg_intake_end(&t.intake, &t.packet, -ENOMEM), -ENOMEM);
	assert_text(
	    msg_intake_text(&t.intake, text), "FENCE: it cannot be obeyed");
	finish();
}

/* As many as a message can have, with one that may have none. */
static void
no_descriptor_of_what_is_refused_is_kept(void **state)
{
	static union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	} control;
	uint16_t type = MSG_CHOSEN;
	uint8_t body[12] = { 0 };
	struct iovec iov[2] = { { &type, sizeof(type) },
		{ body, sizeof(body) } };
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	int ends[2], fds[CHANNEL_FDS_MAX];

	(void)state;
	begin(MSG_RIGHTS_RELAY);
	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = ends[1];
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(fds)) };
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	assert_int_equal(sendmsg(t.theirs, &msg, 0), 14);
	fd_close(&ends[1]);
	assert_refused("CHOSEN: it came with a descriptor too many");
	wait_for_end(&ends[0]);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allowed_arrives),
		cmocka_unit_test(the_relay_cannot_end_the_wire),
		cmocka_unit_test(what_makes_no_sense_is_told),
		cmocka_unit_test(no_descriptor_of_what_is_refused_is_kept),
	};

	TEST_MAIN(tests);
}
