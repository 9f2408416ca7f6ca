/*
 * A TCP server for tests and the demo, on 0.0.0.0 and [::], a thread for each
 * connection. What it says to a client depends on the mode:
 *
 *   echo MODE PORT [ARGUMENT]
 *
 *   echo             gives back every byte, then the end
 *   banner NAME      says NAME and a newline, then waits for the client's end
 *   count            reads to the end, then answers how many bytes there were
 *   source BYTES     sends so many, then its end, and reads to the client's
 *   refuse           reads one byte, then resets the connection
 */

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define STACK (256 * 1024)

struct mode {
	const char *name;
	void (*serve)(int fd);
	bool wants_argument;
};

/* Set once, before the first thread. */
static const char *argument = "";

static bool
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n == -1)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads and forgets what comes; returns how much it was. */
static unsigned long long
drain(int fd)
{
	char bytes[CHUNK];
	unsigned long long total = 0;
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		total += (unsigned long long)n;
	return total;
}

static void
serve_echo(int fd)
{
	char bytes[CHUNK];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		if (!send_all(fd, bytes, (size_t)n))
			return;
	(void)shutdown(fd, SHUT_WR);
}

static void
serve_banner(int fd)
{
	char line[128];
	int len = snprintf(line, sizeof(line), "%s\n", argument);

	if (send_all(fd, line, (size_t)len))
		(void)drain(fd);
}

static void
serve_count(int fd)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%llu\n", drain(fd));

	(void)send_all(fd, line, (size_t)len);
}

static void
serve_source(int fd)
{
	char bytes[CHUNK];
	unsigned long long left = strtoull(argument, NULL, 10);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 + (i >> 8));
	while (left > 0) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		if (!send_all(fd, bytes, n))
			return;
		left -= n;
	}
	(void)shutdown(fd, SHUT_WR);
	(void)drain(fd);
}

static void
serve_refuse(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };
	char byte;

	/* Not before the client spoke: a check that only connects succeeds. */
	if (recv(fd, &byte, 1, 0) == 1)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static const struct mode modes[] = {
	{ "echo", serve_echo, false },
	{ "banner", serve_banner, true },
	{ "count", serve_count, false },
	{ "source", serve_source, true },
	{ "refuse", serve_refuse, false },
};

struct client {
	const struct mode *mode;
	int fd;
};

static void *
client_main(void *arg)
{
	struct client *c = arg;

	c->mode->serve(c->fd);
	close(c->fd);
	free(c);
	return NULL;
}

static int
listen_on(unsigned port)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_ANY_INIT,
		.sin6_port = htons((uint16_t)port),
	};
	const int on = 1, off = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ==
	        -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1 ||
	    listen(fd, 4096) == -1)
		return -1;
	return fd;
}

static int
run(const struct mode *mode, int listener)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	for (;;) {
		struct client *c = malloc(sizeof(*c));
		pthread_t thread;

		if (c == NULL)
			return 1;
		c->mode = mode;
		c->fd = accept(listener, NULL, NULL);
		if (c->fd == -1 ||
		    pthread_create(&thread, &attr, client_main, c) != 0) {
			/* Out of something: those that are open will end. */
			if (c->fd != -1)
				close(c->fd);
			free(c);
			usleep(1000);
		}
	}
}

int
main(int argc, char **argv)
{
	const struct mode *mode = NULL;
	unsigned long port = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int listener;

	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(modes[i].name, argv[1]) == 0)
			mode = &modes[i];
	if (mode == NULL || argc != 3 + mode->wants_argument || port < 1 ||
	    port > 65535) {
		fprintf(stderr,
		    "usage: echo echo|banner|count|source|refuse PORT [ARGUMENT]\n");
		return 2;
	}
	if (mode->wants_argument)
		argument = argv[3];
	signal(SIGPIPE, SIG_IGN);
	listener = listen_on((unsigned)port);
	if (listener == -1) {
		perror("echo: listen");
		return 1;
	}
	return run(mode, listener);
}
