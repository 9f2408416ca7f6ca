/*
 * The server of `make bench`, in one thread, for messages far smaller than a
 * socket's buffer:
 *
 *   bench_server PORT [LOG]
 *
 *   PORT      gives back every message, and closes when the client has
 *   PORT + 1  sends zeroes for as long as somebody takes them
 *   PORT + 2  takes all that comes, and forgets it
 *   LOG       a datagram socket of that name, like that of a log daemon: takes
 *             all lines and forgets them
 *
 * It costs as little as a server can, so that what is measured is the relay:
 * it keeps nothing for a connection, and the zeroes are never copied.
 */

#include "tests/lib/bench_zeroes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FORGET (4u << 20) /* bytes in one go */
#define EVENTS 256
#define ACCEPTS 64 /* at a time: those who are connected want answers too */

/* What a descriptor is there for; both fit into an event's 64 bits. */
enum role {
	LISTEN_ECHO,
	LISTEN_SOURCE,
	LISTEN_SINK,
	ECHO,
	SOURCE,
	SINK,
	LOG,
};

struct server {
	int epoll;
	int zeroes; /* memory that sendfile() reads from */
};

static bool
watch(const struct server *s, int fd, enum role role)
{
	struct epoll_event ev = {
		.events = role == SOURCE ? EPOLLOUT | EPOLLRDHUP : EPOLLIN,
		.data.u64 = (uint64_t)role << 32 | (uint32_t)fd,
	};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool
listen_on(const struct server *s, unsigned port, enum role role)
{
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* What it accepts inherits TCP_NODELAY. */
	return fd != -1 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 &&
	    listen(fd, 65535) == 0 && watch(s, fd, role);
}

static bool
listen_to_log(const struct server *s, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1 || strlen(path) >= sizeof(un.sun_path))
		return false;
	strcpy(un.sun_path, path);
	return bind(fd, (const struct sockaddr *)&un, sizeof(un)) == 0 &&
	    watch(s, fd, LOG);
}

static void
forget_lines(int fd)
{
	char line[2048];

	while (recv(fd, line, sizeof(line), 0) != -1)
		continue;
}

static void
accept_some(const struct server *s, int listener, enum role role)
{
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd =
		    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1)
			return;
		if (!watch(s, fd, role))
			close(fd);
	}
}

static void
echo(int fd)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0 || send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

static void
forget_bytes(int fd)
{
	/* MSG_TRUNC: not even copied, see tcp(7). */
	ssize_t n = recv(fd, NULL, FORGET, MSG_TRUNC);

	if (n == 0 || (n == -1 && errno != EAGAIN))
		close(fd);
}

static void
send_zeroes(const struct server *s, int fd, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ||
	    (bench_zeroes_send(s->zeroes, fd) == -1 && errno != EAGAIN))
		close(fd);
}

static void
on_event(const struct server *s, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;

	switch ((enum role)(ev->data.u64 >> 32)) {
	case LISTEN_ECHO:
		accept_some(s, fd, ECHO);
		break;
	case LISTEN_SOURCE:
		accept_some(s, fd, SOURCE);
		break;
	case LISTEN_SINK:
		accept_some(s, fd, SINK);
		break;
	case ECHO:
		echo(fd);
		break;
	case SOURCE:
		send_zeroes(s, fd, ev->events);
		break;
	case SINK:
		forget_bytes(fd);
		break;
	case LOG:
		forget_lines(fd);
		break;
	}
}

int
main(int argc, char **argv)
{
	struct server s = { .epoll = epoll_create1(EPOLL_CLOEXEC),
		.zeroes = bench_zeroes_open() };
	unsigned long port =
	    argc == 2 || argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (port < 1 || port > 65533) {
		fprintf(stderr, "usage: bench_server PORT [LOG]\n");
		return 2;
	}
	if (s.epoll == -1 || s.zeroes == -1 ||
	    !listen_on(&s, (unsigned)port, LISTEN_ECHO) ||
	    !listen_on(&s, (unsigned)port + 1, LISTEN_SOURCE) ||
	    !listen_on(&s, (unsigned)port + 2, LISTEN_SINK) ||
	    (argc == 3 && !listen_to_log(&s, argv[2]))) {
		perror("bench_server");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* sendfile() has no MSG_NOSIGNAL */
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(s.epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			on_event(&s, &events[i]);
	}
}
