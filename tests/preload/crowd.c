/*
 * For scripts/cost, preloaded into all of hapair's processes:
 *
 *   HAPAIR_CROWD=N      the relay tells failover of N connections that are
 *                       not there, a second after it began to tell: clients in
 *                       10.79.0.0/16, of 10.77.0.100:80. And as many
 *                       descriptors as they would need seem to be allowed
 *   HAPAIR_TURNS=FILE   failover counts the turns of its loop and how long they
 *                       were, in the file's first bytes: struct turns, which
 *                       may be zeroed at any time
 */

#include "core/msg.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A record of core/conn_record.h: IPv4, without a server. */
#define RECORD_BYTES 24
#define RECORDS 160

#define FILES 4000000

struct turns {
	uint64_t n, over_1ms, over_2ms, longest_ns;
	uint64_t
	    longest_cpu_ns; /* of the thread, without what interrupted it */
};

static volatile struct turns *turns;
static unsigned long crowd;
static int channel = -1;

static bool
is_role(const char *role)
{
	char words[256] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, words, sizeof(words) - 1) : 0;

	if (fd != -1)
		close(fd);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(words + i) + 1)
		if (strcmp(words + i, role) == 0)
			return true;
	return false;
}

__attribute__((constructor)) static void
set_up(void)
{
	const char *number = getenv("HAPAIR_CROWD");
	const char *path = getenv("HAPAIR_TURNS");
	int fd;

	if (number != NULL && is_role("relay"))
		crowd = strtoul(number, NULL, 10);
	if (path == NULL || !is_role("failover"))
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	turns = mmap(
	    NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if ((void *)turns == MAP_FAILED)
		turns = NULL;
}

static void
put_record(uint8_t *at, unsigned long i)
{
	static const uint8_t local[7] = { 4, 10, 77, 0, 100, 0, 80 };

	memset(at, 0, RECORD_BYTES);
	at[0] = 1; /* opened */
	at[1] = 2;
	for (int b = 0; b < 8; b++)
		at[2 + b] = (uint8_t)((uint64_t)(i + 1) >> (56 - 8 * b));
	at[10] = 4;
	at[11] = 10;
	at[12] = 79;
	at[13] = (uint8_t)(i / 250 % 250 + 1);
	at[14] = (uint8_t)(i % 250 + 1);
	at[15] = (uint8_t)((1024 + i / 62500) >> 8);
	at[16] = (uint8_t)(1024 + i / 62500);
	memcpy(at + 17, local, sizeof(local));
}

static int
nofile(struct rlimit *r)
{
	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, r) == -1)
		return -1;
	if (getenv("HAPAIR_CROWD") != NULL)
		r->rlim_max = FILES;
	return 0;
}

int
getrlimit(__rlimit_resource_t what, struct rlimit *r)
{
	if (what == RLIMIT_NOFILE)
		return nofile(r);
	return (int)syscall(SYS_prlimit64, 0, what, NULL, r);
}

int
setrlimit(__rlimit_resource_t what, const struct rlimit *r)
{
	if (what == RLIMIT_NOFILE && r->rlim_max == FILES)
		return 0;
	return (int)syscall(SYS_prlimit64, 0, what, r, NULL);
}

static void *
tell(void *arg)
{
	static uint8_t packet[2 + RECORDS * RECORD_BYTES];
	const uint16_t type = MSG_CONNECTIONS;
	unsigned long done = 0;

	sleep(1);
	memcpy(packet, &type, sizeof(type));
	while (done < crowd) {
		unsigned n = 0;

		for (; n < RECORDS && done + n < crowd; n++)
			put_record(packet + 2 + n * RECORD_BYTES, done + n);
		if (send(channel, packet, 2 + n * RECORD_BYTES, MSG_NOSIGNAL) !=
		    -1)
			done += n;
		else if (errno == EAGAIN)
			usleep(200);
		else
			break;
	}
	return arg;
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	static ssize_t (*next)(int, const struct msghdr *, int);
	uint16_t type = 0;
	pthread_t thread;
	ssize_t n;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "sendmsg");
	if (crowd > 0 && m->msg_iovlen > 0 &&
	    m->msg_iov[0].iov_len == sizeof(type))
		memcpy(&type, m->msg_iov[0].iov_base, sizeof(type));
	n = next(fd, m, flags);
	if (n == -1 || type != MSG_CONNECTIONS_BEGIN)
		return n;
	channel = dup(fd);
	if (pthread_create(&thread, NULL, tell, NULL) == 0)
		pthread_detach(thread);
	return n;
}

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
note(uint64_t ns, uint64_t cpu_ns)
{
	turns->n++;
	turns->over_1ms += ns > 1000000;
	turns->over_2ms += ns > 2000000;
	if (ns > turns->longest_ns)
		turns->longest_ns = ns;
	if (cpu_ns > turns->longest_cpu_ns)
		turns->longest_cpu_ns = cpu_ns;
}

int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	static int (*next)(int, struct epoll_event *, int, int);
	static uint64_t begun, begun_cpu;
	const bool counted = turns != NULL && getpid() == gettid();
	int n;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
	if (counted && begun != 0)
		note(now_ns(CLOCK_MONOTONIC) - begun,
		    now_ns(CLOCK_THREAD_CPUTIME_ID) - begun_cpu);
	n = next(fd, events, max, timeout);
	if (counted) {
		begun = now_ns(CLOCK_MONOTONIC);
		begun_cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	}
	return n;
}
