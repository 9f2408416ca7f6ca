#include "core/fd.h"

#include "core/socket_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A file of configuration at once; what is larger, in a few steps. */
#define READ_PIECE ((size_t)64 * 1024)

void
fd_close(int *fd)
{
	if (*fd != -1) {
		/* EINTR too has closed it, on Linux: never try again. */
		(void)close(*fd);
		*fd = -1;
	}
}

void
fd_set_no_linger(int fd)
{
	const struct linger off = { .l_onoff = 0 };

	/* Refused by what is no socket. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
}

void
fd_close_now(int *fd)
{
	fd_set_no_linger(*fd);
	fd_close(fd);
}

int
fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int
fd_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -errno;
	return 0;
}

int
fd_set_inherited(int fd, bool inherited)
{
	if (fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) == -1)
		return -errno;
	return 0;
}

int
fd_set_options(int fd, const struct fd_option *o, size_t n)
{
	for (const struct fd_option *end = o + n; o < end; o++)
		if (setsockopt(fd, o->level, o->name, &o->value,
		        sizeof(o->value)) == -1)
			return -errno;
	return 0;
}

static int
attach(int fd, const struct sock_fprog *program)
{
	return setsockopt(
	    fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program));
}

int
fd_attach_filter(int fd, struct socket_filter *filter)
{
	const int e = socket_filter_end(filter);
	const struct sock_fprog program = socket_filter_program(filter);
	const struct sock_fprog brief = { .len = 1,
		.filter = program.filter + program.len - 1 };

	if (e < 0)
		return e;
	if (attach(fd, &program) == 0)
		return 0;
	/*
	 * The one that it had counts until it has this one, and together they
	 * may be too large: for a moment it has one that lists nobody.
	 */
	if (errno != ENOMEM || attach(fd, &brief) == -1 ||
	    attach(fd, &program) == -1)
		return -errno;
	return 0;
}

int
fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fd_read_all(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	return fd_read_all_until(fd, max, mono_never(), ret_text, ret_len);
}

int
fd_read_all_until(
    int fd, size_t max, struct mono until, char **ret_text, size_t *ret_len)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (len + 1 >= room) {
			char *more;

			room = 2 * room + READ_PIECE;
			more = realloc(text, room);
			if (more == NULL)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, room - len - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (!mono_is_never(until) && mono_before(until, mono_now()))
			return -ETIMEDOUT;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	return 0;
}
