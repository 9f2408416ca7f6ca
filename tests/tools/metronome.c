/*
 * Tells when this machine stood still, on any of its processors, for longer
 * than programs can be blamed for:
 *
 *   metronome MS [ordinary]
 *
 * A thread on each processor, before all others of the machine, sleeps for a
 * millisecond again and again. Where it wakes MS or more too late, a line says
 * when (CLOCK_MONOTONIC, in seconds) and for how many milliseconds. With
 * `ordinary` the threads have no priority: then a line also tells of a
 * processor that others kept busy.
 */

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY 98
#define STACK (64 * 1024)

static int64_t limit_ns;
static bool ordinary;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *
beat(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	(void)arg;
	for (;;) {
		const int64_t begun = now_ns();
		int64_t late;

		(void)nanosleep(&pause, NULL);
		late = now_ns() - begun - pause.tv_nsec;
		if (late >= limit_ns)
			printf("%.6f %.1f\n", (double)now_ns() / 1e9,
			    (double)late / 1e6);
	}
	return NULL;
}

static int
start_on(int cpu)
{
	const struct sched_param first = { .sched_priority = PRIORITY };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int e;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (!ordinary) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &first);
	}
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	e = pthread_create(&thread, &attr, beat, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

int
main(int argc, char **argv)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	ordinary = argc == 3 && strcmp(argv[2], "ordinary") == 0;
	if (argc == 2 || ordinary)
		limit_ns = strtol(argv[1], NULL, 10) * 1000000;
	if (limit_ns <= 0) {
		fprintf(stderr, "usage: metronome MS [ordinary]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == -1)
		perror("metronome: mlockall");
	for (int cpu = 0; cpu < n; cpu++) {
		int e = start_on(cpu);

		if (e != 0) {
			fprintf(stderr, "metronome: processor %d: %s\n", cpu,
			    strerror(e));
			return 1;
		}
	}
	for (;;)
		pause();
}
