#include "core/channel.h"

#include "core/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/*
 * A relay with many services is sent hundreds of listeners at once, before it
 * reads the first: the default buffer holds about 200 packets.
 */
#define SEND_BUFFER_BYTES (4 * 1024 * 1024)

union control {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(int))];
};

int
channel_pair(int ret_fds[static 2])
{
	const int size = SEND_BUFFER_BYTES;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	        0, fds) == -1)
		return -errno;
	for (int i = 0; i < 2; i++)
		/* Without CAP_NET_ADMIN it stays at the default: a test. */
		(void)setsockopt(
		    fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
channel_send(
    int channel, uint16_t type, const void *body, size_t len, int pass_fd)
{
	struct iovec iov[2] = {
		{ .iov_base = &type, .iov_len = sizeof(type) },
		{ .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	union control control;

	if (len > CHANNEL_BODY_MAX)
		return -EMSGSIZE;
	if (pass_fd != -1) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	for (;;) {
		if (sendmsg(channel, &msg, MSG_NOSIGNAL) != -1)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int
received_fd(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int
channel_recv(int channel, struct channel_packet *p)
{
	struct iovec iov[2] = {
		{ .iov_base = &p->type, .iov_len = sizeof(p->type) },
		{ .iov_base = p->body, .iov_len = sizeof(p->body) },
	};
	union control control;
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		/* The peer died with packets of ours unread: also an end. */
		return errno == ECONNRESET ? 0 : -errno;
	p->fd = received_fd(&msg);
	if (n == 0 && p->fd == -1)
		return 0;
	if ((size_t)n < sizeof(p->type) ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		fd_close(&p->fd);
		return -EBADMSG;
	}
	p->len = (size_t)n - sizeof(p->type);
	return 1;
}
