#include "proxy/transfer/transfer_wire.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

union control {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(TRANSFER_WIRE_FDS_MAX * sizeof(int))];
};

int
transfer_wire_send(
    int channel, const void *body, size_t len, const int *fds, unsigned n_fds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (n_fds > TRANSFER_WIRE_FDS_MAX || len > TRANSFER_WIRE_BODY_MAX)
		return -EMSGSIZE;
	if (n_fds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, CMSG_SPACE(n_fds * sizeof(int)));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	for (;;) {
		if (sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) != -1)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static void
receive_fds(struct msghdr *msg, struct transfer_wire_packet *p)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	p->n_fds = 0;
	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
		return;
	p->n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(p->fds, CMSG_DATA(c), p->n_fds * sizeof(int));
}

int
transfer_wire_recv(int channel, struct transfer_wire_packet *p)
{
	struct iovec iov = { .iov_base = p->body, .iov_len = p->room };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	/* Reset: it died with packets of ours unread; its own are here still.
	 */
	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1)
		return -errno;
	receive_fds(&msg, p);
	if (n == 0 && p->n_fds == 0)
		return 0;
	if ((msg.msg_flags & MSG_TRUNC) != 0) {
		transfer_wire_close(p);
		return -EBADMSG;
	}
	p->len = (size_t)n;
	return 1;
}

void
transfer_wire_close(struct transfer_wire_packet *p)
{
	for (unsigned i = 0; i < p->n_fds; i++)
		fd_close(&p->fds[i]);
	p->n_fds = 0;
}

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int
transfer_wire_store(const void *bytes, size_t len)
{
	CLEANUP(fd_close)
	int fd = memfd_create("sessions", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd == -1)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, (const char *)bytes + done, len - done);

		if (n == -1 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		return -errno;
	return fd_take(&fd);
}

/* Bytes that nobody changes, or makes us wait for. */
static bool
is_stored(int fd, size_t len)
{
	struct stat there;

	return len <= TRANSFER_WIRE_FAR_MAX &&
	    fcntl(fd, F_GET_SEALS) == SEALS && fstat(fd, &there) == 0 &&
	    (uint64_t)there.st_size == len;
}

int
transfer_wire_load(int fd, size_t len, uint8_t **ret_bytes)
{
	CLEANUP(free_str) char *bytes = NULL;
	size_t done = 0;

	if (!is_stored(fd, len))
		return -EBADMSG;
	bytes = malloc(len);
	if (bytes == NULL)
		return -ENOMEM;
	while (done < len) {
		ssize_t n = pread(fd, bytes + done, len - done, (off_t)done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EBADMSG : -errno;
		done += (size_t)n;
	}
	*ret_bytes = (uint8_t *)bytes;
	bytes = NULL;
	return 0;
}
