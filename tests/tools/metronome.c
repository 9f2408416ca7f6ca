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
 * processor that others kept busy. With `addresses` each adds an IPv6 address
 * to the loopback, waits until the kernel says that it is usable, and removes
 * it: a line tells where that took so long. One lock serves the networks of all
 * namespaces, and it is a worker of the kernel, of ordinary priority, that
 * makes such an address usable; so a takeover waits for both.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
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
#define CHANGE_NS 50000000

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

struct request {
	struct nlmsghdr head;
	struct ifaddrmsg about;
	struct rtattr attr;
	struct in6_addr address;
};

/* Adds or removes the address of that processor. */
static struct request
request_of(int type, int cpu)
{
	struct request r = {
		.head = { .nlmsg_len = sizeof(r),
		    .nlmsg_type = (uint16_t)type,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
		.about = { .ifa_family = AF_INET6,
		    .ifa_prefixlen = 128,
		    .ifa_flags = IFA_F_NODAD,
		    .ifa_index = LOOPBACK },
		.attr = { .rta_len = RTA_LENGTH(sizeof(r.address)),
		    .rta_type = IFA_LOCAL },
	};

	/* Documentation's own network: nobody else has it. */
	inet_pton(AF_INET6, "2001:db8::", &r.address);
	r.address.s6_addr[15] = (uint8_t)(cpu + 1);
	return r;
}

/* Sends it, and waits for the answer; an address that is added is usable then.
 */
static bool
done(int fd, const struct request *r)
{
	bool answered = false, usable = r->head.nlmsg_type == RTM_DELADDR;
	_Alignas(struct nlmsghdr) char buf[8192];

	if (send(fd, r, sizeof(*r), 0) == -1)
		return false;
	while (!answered || !usable) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = (const void *)buf;

		if (n == -1)
			return false;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			const struct ifaddrmsg *a = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_ERROR && e->error != 0) {
				errno = -e->error;
				return false;
			}
			answered |= h->nlmsg_type == NLMSG_ERROR;
			/* Another thread's has another address in it. */
			usable |= h->nlmsg_type == RTM_NEWADDR &&
			    (a->ifa_flags & IFA_F_TENTATIVE) == 0 &&
			    memmem(h, h->nlmsg_len, &r->address,
			        sizeof(r->address)) != NULL;
		}
	}
	return true;
}

static void *
change(void *arg)
{
	const int cpu = (int)(intptr_t)arg;
	const struct timespec pause = { .tv_nsec = CHANGE_NS };
	const struct request add = request_of(RTM_NEWADDR, cpu);
	const struct request del = request_of(RTM_DELADDR, cpu);
	const struct sockaddr_nl news = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV6_IFADDR };
	const int fd =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&news, sizeof(news)) == -1)
		goto out;
	for (;;) {
		const int64_t begun = now_ns();

		if (!done(fd, &add))
			goto out;
		tell(now_ns() - begun);
		if (!done(fd, &del))
			goto out;
		(void)nanosleep(&pause, NULL);
	}
out:
	perror("metronome: addresses");
	exit(1);
}

static void
hurry(pthread_attr_t *attr)
{
	const struct sched_param first = { .sched_priority = PRIORITY };

	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, SCHED_FIFO);
	pthread_attr_setschedparam(attr, &first);
}

static int
start_on(int cpu, void *(*body)(void *), bool first)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int e;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (first)
		hurry(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	e = pthread_create(&thread, &attr, body, (void *)(intptr_t)cpu);
	pthread_attr_destroy(&attr);
	return e;
}

int
main(int argc, char **argv)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);
	const bool ordinary = argc == 3 && strcmp(argv[2], "ordinary") == 0;
	const bool addresses = argc == 3 && strcmp(argv[2], "addresses") == 0;

	if (argc == 2 || ordinary || addresses)
		limit_ns = strtol(argv[1], NULL, 10) * 1000000;
	if (limit_ns <= 0) {
		fprintf(stderr, "usage: metronome MS [ordinary|addresses]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == -1)
		perror("metronome: mlockall");
	for (int cpu = 0; cpu < n; cpu++) {
		int e = start_on(cpu, addresses ? change : beat, !ordinary);

		if (e != 0) {
			fprintf(stderr, "metronome: processor %d: %s\n", cpu,
			    strerror(e));
			return 1;
		}
	}
	for (;;)
		pause();
}
