#include "core/channel.h"

#include "core/closer.h"
#include "core/fd.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
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

union controls {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
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

static void
take_fds(struct msghdr *msg, struct channel_packet *p)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n;

	p->fd = -1;
	p->n_more = 0;
	/* There is but one: the kernel puts all descriptors into it. */
	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
		return;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(&p->fd, CMSG_DATA(c), sizeof(int));
	p->n_more = n - 1;
	memcpy(p->more, CMSG_DATA(c) + sizeof(int), (n - 1) * sizeof(int));
}

int
channel_recv(int channel, struct channel_packet *p)
{
	struct iovec iov[2] = {
		{ .iov_base = &p->type, .iov_len = sizeof(p->type) },
		{ .iov_base = p->body, .iov_len = sizeof(p->body) },
	};
	union controls control;
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	p->type = 0;
	p->len = 0;
	p->fd = -1;
	p->n_more = 0;
	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		/* The peer died with packets of ours unread: also an end. */
		return errno == ECONNRESET ? 0 : -errno;
	take_fds(&msg, p);
	if (n == 0 && p->fd == -1)
		return 0;
	if ((size_t)n < sizeof(p->type) ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return -EBADMSG;
	p->len = (size_t)n - sizeof(p->type);
	return 1;
}

void
channel_drop_fds(struct closer *closer, struct channel_packet *p)
{
	closer_close(closer, &p->fd);
	while (p->n_more > 0)
		closer_close(closer, &p->more[--p->n_more]);
}

void
channel_close(struct closer *closer, int *channel)
{
	struct channel_packet p;
	int e = 1;

	if (*channel == -1)
		return;
	(void)shutdown(*channel, SHUT_RDWR);
	while (e == 1 || e == -EBADMSG) {
		e = channel_recv(*channel, &p);
		channel_drop_fds(closer, &p);
	}
	fd_close(channel);
}

bool
channel_has_room(int channel)
{
	int size = 0, unread = 0;
	socklen_t len = sizeof(size);

	if (getsockopt(channel, SOL_SOCKET, SO_SNDBUF, &size, &len) == -1 ||
	    ioctl(channel, SIOCOUTQ, &unread) == -1)
		return true; /* the send will tell */
	return unread < size / 2;
}
