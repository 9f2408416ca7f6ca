/*
 * Tells when this machine stood still, on any of its processors, for longer
 * than programs can be blamed for:
 *
 *   metronome MS [ordinary|interfaces]
 *
 * A thread on each processor, before all others of the machine, sleeps for a
 * millisecond again and again. Where it wakes MS or more too late, a line says
 * when (CLOCK_MONOTONIC, in seconds) and for how many milliseconds.
 *
 * With `ordinary` the threads have no priority: then a line also tells of a
 * processor that others kept busy. With `interfaces` one thread asks the kernel
 * for a change of an interface that changes nothing, and a line tells where the
 * answer took so long: one lock serves the networks of all namespaces, and who
 * makes or removes some holds up every address that is to be added.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY 98
#define STACK (64 * 1024)

#define LOOPBACK 1 /* its index, in every namespace */
#define ASK_NS 5000000

static int64_t limit_ns;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
tell(int64_t late_ns)
{
	if (late_ns >= limit_ns)
		printf("%.6f %.1f\n", (double)now_ns() / 1e9,
		    (double)late_ns / 1e6);
}

static void *
beat(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	(void)arg;
	for (;;) {
		const int64_t begun = now_ns();

		(void)nanosleep(&pause, NULL);
		tell(now_ns() - begun - pause.tv_nsec);
	}
	return NULL;
}

/* "The loopback shall be up", which it is. */
static void *
ask(void *arg)
{
	const int fd = *(const int *)arg;
	const struct timespec pause = { .tv_nsec = ASK_NS };
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} change = {
		.head = { .nlmsg_len = sizeof(change),
		    .nlmsg_type = RTM_NEWLINK,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = LOOPBACK,
		    .ifi_flags = IFF_UP,
		    .ifi_change = IFF_UP },
	};
	char answer[1024];

	for (;;) {
		const int64_t begun = now_ns();

		if (send(fd, &change, sizeof(change), 0) == -1 ||
		    recv(fd, answer, sizeof(answer), 0) == -1) {
			perror("metronome: interfaces");
			exit(1);
		}
		tell(now_ns() - begun);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

static void
hurry(pthread_attr_t *attr)
{
	const struct sched_param first = { .sched_priority = PRIORITY };

	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, SCHED_FIFO);
	pthread_attr_setschedparam(attr, &first);
}

/* A thread, on that processor; -1: on any. */
static int
start(void *(*body)(void *), void *arg, int cpu, bool first)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int e;

	CPU_ZERO(&set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (first)
		hurry(&attr);
	if (cpu != -1) {
		CPU_SET((size_t)cpu, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	e = pthread_create(&thread, &attr, body, arg);
	pthread_attr_destroy(&attr);
	return e;
}

static int
start_all(const char *what, int *fd)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);
	int e = 0;

	if (strcmp(what, "interfaces") == 0) {
		*fd =
		    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		return *fd == -1 ? errno : start(ask, fd, -1, true);
	}
	for (int cpu = 0; e == 0 && cpu < n; cpu++)
		e = start(beat, NULL, cpu, strcmp(what, "first") == 0);
	return e;
}

int
main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[2] : "first";
	const bool known = argc == 2 || strcmp(what, "ordinary") == 0 ||
	    strcmp(what, "interfaces") == 0;
	int fd = -1, e;

	if (known)
		limit_ns = strtol(argv[1], NULL, 10) * 1000000;
	if (limit_ns <= 0) {
		fprintf(stderr, "usage: metronome MS [ordinary|interfaces]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == -1)
		perror("metronome: mlockall");
	e = start_all(what, &fd);
	if (e != 0) {
		fprintf(stderr, "metronome: %s: %s\n", what, strerror(e));
		return 1;
	}
	for (;;)
		pause();
}
