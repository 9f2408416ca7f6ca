#include "tests/lib/test.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *row = "";

void
test_row(const char *name)
{
	row = name;
}

void
test_assert_text(
    const char *actual, const char *expected, const char *file, int line)
{
	if (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)
		return;
	if (actual == NULL && expected == NULL)
		return;
	print_error("row '%s'\n  actual:   %s\n  expected: %s\n", row,
	    actual ? actual : "(none)", expected ? expected : "(none)");
	_fail(file, line);
}

uint16_t
test_port(int type)
{
	static uint16_t held[SOCK_DGRAM + 1];
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 252) };
	socklen_t len = sizeof(at);
	int fd;

	if (held[type] != 0)
		return held[type];
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0); /* until we end */
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	held[type] = ntohs(at.sin_port);
	return held[type];
}

void
test_leave_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) == -1)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || ioctl(fd, SIOCSIFFLAGS, &lo) == -1) {
		perror("the loopback of a network for this test");
		exit(EXIT_FAILURE);
	}
	(void)close(fd);
}
