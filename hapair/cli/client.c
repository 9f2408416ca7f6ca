#include "hapair/cli/client.h"

#include "core/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PATIENCE_S 5
/* About 100 bytes a connection, should a command list them all. */
#define ANSWER_MAX ((size_t)256 * 1024 * 1024)

static int
open_socket(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (setsockopt(
	        fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	return fd_take(&fd);
}

/* All of it, into memory that grows as it comes. */
static int
receive(int fd, char **ret_text, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - len < 4096) {
			char *more;

			room = room == 0 ? 65536 : 2 * room;
			more = room <= ANSWER_MAX ? realloc(text, room) : NULL;
			if (more == NULL) {
				free(text);
				return -ENOMEM;
			}
			text = more;
		}
		n = recv(fd, text + len, room - len - 1, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			int e = errno == EAGAIN ? ETIMEDOUT : errno;

			free(text);
			return -e;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int
client_ask(const char *socket_path, const char *request, char **ret_answer,
    size_t *ret_len)
{
	CLEANUP(fd_close) int fd = open_socket(socket_path);
	char line[1024];
	int n, e;

	if (fd < 0)
		return fd_take(&fd);
	n = snprintf(line, sizeof(line), "%s\n", request);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -E2BIG;
	e = fd_write_all(fd, line, (size_t)n);
	return e < 0 ? e : receive(fd, ret_answer, ret_len);
}
