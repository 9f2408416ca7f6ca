#include "hapair/supervisor/limits.h"

#include "proxy/data/pipes.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

/* Both sockets of a connection. */
#define FDS_PER_CONNECTION 2

#define FDS_PER_PIPE 2

/* At most this part of all descriptors is for pipes. */
#define PIPES_PART 16

/* A worker's epoll sets and event descriptor, and one accept in flight. */
#define FDS_PER_WORKER 8

/* To the KDC, a file of tickets; that of the keytab stays open. */
#define FDS_PER_TICKET 3

/* Channels, log, timers, control connections, the C library's own. */
#define FDS_RESERVE 128

/* Of `web`: as many as may ask at once, and what its thread has open. */
#define FDS_OF_WEB (64 + 16)

#define CONNECTIONS_MAX 4000000

unsigned
limits_workers(const struct config *c)
{
	cpu_set_t set;
	int n = 1;

	if (c->threads > 0)
		return c->threads;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	if (n < 1)
		return 1;
	return n > 64 ? 64 : (unsigned)n;
}

static uint64_t
fixed_fds(const struct config *c, unsigned workers)
{
	uint64_t n = FDS_RESERVE + (uint64_t)workers * FDS_PER_WORKER;

	for (size_t i = 0; i < c->n_services; i++) {
		n += c->services[i].n_listens * workers;
		/* A check each, and the one before that takes its leave. */
		n += 2 * c->services[i].n_servers;
		for (size_t k = 0; k < c->services[i].n_servers; k++)
			n += c->services[i].servers[k].check.negotiate
			    ? FDS_PER_TICKET
			    : 0;
	}
	if (c->has_web)
		n += c->web.front.n_listens + FDS_OF_WEB;
	return n;
}

/* A part of what there is, since without pipes bulk is only slower. */
static unsigned
pipes_that_fit(uint64_t limit, unsigned workers)
{
	uint64_t n = limit / PIPES_PART / (FDS_PER_PIPE * workers);

	return n < PIPES_MAX ? (unsigned)n : PIPES_MAX;
}

int
limits_budget(
    const struct config *c, unsigned workers, struct limits *ret_limits)
{
	struct limits *l = ret_limits;
	uint64_t fixed = fixed_fds(c, workers);
	uint64_t fit;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -errno;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -errno;
	l->limit = rl.rlim_cur;
	l->pipes = pipes_that_fit(l->limit, workers);
	fixed += (uint64_t)l->pipes * FDS_PER_PIPE * workers;
	l->needed = fixed +
	    FDS_PER_CONNECTION *
	        (uint64_t)(c->max_connections > 0 ? c->max_connections : 1);
	if (l->needed > l->limit)
		return -EMFILE;
	fit = (l->limit - fixed) / FDS_PER_CONNECTION;
	if (fit > CONNECTIONS_MAX)
		fit = CONNECTIONS_MAX;
	l->connections =
	    c->max_connections > 0 ? c->max_connections : (uint32_t)fit;
	return 0;
}
