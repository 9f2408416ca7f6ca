#include "core/thread_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Times are given in hundredths of a second, whatever the kernel's own tick. */
#define TICK_MS 10

int
thread_stat_parse(const char *text, size_t len, struct thread_stat *ret_stat)
{
	char copy[THREAD_STAT_TEXT_MAX];
	const char *after;
	uint64_t user, system;
	char state;

	if (len >= sizeof(copy))
		return -EBADMSG;
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* The name before it may hold anything, also a ')'. */
	after = strrchr(copy, ')');
	/* state; ten that we don't need; the time in user and in kernel mode */
	if (after == NULL ||
	    sscanf(after,
	        ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64
	        " %" SCNu64,
	        &state, &user, &system) != 3)
		return -EBADMSG;
	*ret_stat = (struct thread_stat){ .state = state,
		.cpu_ms = (user + system) * TICK_MS };
	return 0;
}

int
thread_stat_read(int fd, struct thread_stat *ret_stat)
{
	char text[THREAD_STAT_TEXT_MAX];
	const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	return thread_stat_parse(text, (size_t)n, ret_stat);
}
