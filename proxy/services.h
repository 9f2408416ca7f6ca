#pragma once

/*
 * All that this relay serves, and with what: pools, their checks, the workers.
 * On the relay's main thread; owned by relay.c.
 */

#include "proxy/data/worker.h"

struct check;
struct check_view;
struct msg_listener;
struct msg_start;
struct probes;
struct resolver;
struct secret_files;

struct services_calls {
	/* After each change of a server's state. */
	void (*on_change)(void *arg, struct pool *pool);
	/* After services_drop_group(): no connection is left. */
	void (*on_dropped)(void *arg, unsigned group);
};

struct services {
	struct worker_shared shared;
	struct check *checks; /* by pool_server.slot */
	struct probes *surveys;
	struct secret_files *secrets;
	struct resolver *names; /* NULL: no server has one */
	bool started;
	/* Of a relay that takes over: nothing is checked, or opened, yet. */
	bool waits;
	bool accepts_early; /* but see services_open_early() */
	unsigned reserved;  /* places for connections that may come */
	struct counters_sum *past_servers; /* by slot: what others counted */
	struct counters_service_sum *past_services;
	/* Of what the kernel passes on, by the director; from its room. */
	struct counters_sum *kernel_servers; /* by slot */
	struct counters_service_sum *kernel_services;
	unsigned dropping;                  /* a bit for each group */
	const struct services_calls *calls; /* borrowed */
	void *arg;
};

/*
 * From zeroes, and while still root, for passwords and keytabs. Returns 0 or
 * -errno; services_fini takes the half-built.
 */
MUST_CHECK int services_init(struct services *r, struct ev_loop *loop,
    const struct config *config, const struct msg_start *start);
void services_fini(struct services *r);

/* Before services_start. Takes the descriptor. Returns 0 or -errno. */
MUST_CHECK int services_add_listener(
    struct services *r, const struct msg_listener *m, int *fd);

/* Before services_start, of one that takes over: `waits` is set. */
void services_wait(struct services *r);

/*
 * Threads and checks begin; where `waits` is set, the checks are prepared, and
 * begin with services_check_all(), and services open with services_open().
 * Returns 0 or -errno.
 */
MUST_CHECK int services_start(
    struct services *r, const struct services_calls *calls, void *arg);
MUST_CHECK int services_check_all(struct services *r);
void services_open(struct services *r);

/*
 * Before services_open(): services without a limit accept from now on, while
 * `others`, connections of the relay before, have places of the node's.
 */
void services_open_early(struct services *r, unsigned others);

/*
 * Accepts nobody for now, and connects nobody, or again; and whether nobody is
 * accepted by now.
 */
void services_hold(struct services *r, bool hold);
bool services_is_held(struct services *r);

/* Never again: the listeners are closed here. Who is left may connect. */
void services_close(struct services *r);

/* All connections that there are. */
unsigned services_count_connections(struct services *r);

/* Every service accepts: each has had its first checks. */
bool services_is_open(struct services *r);

/* Resets all connections and accepts no more; then asks whether it is done. */
void services_drop(struct services *r);
bool services_is_dropped(struct services *r);

/* Resets those whose service or server the next relay does not know. */
void services_drop_gone(struct services *r);

/* Resets the connections to the addresses of a group. */
void services_drop_group(struct services *r, unsigned group);

/*
 * From now on a failover at this channel (-1: none) is told of connections,
 * beginning with all there are. The channel stays the caller's.
 */
void services_tell(struct services *r, int failover);

/*
 * Something about a server of the pool is another now: what follows from it,
 * once the services have started.
 */
void services_changed(struct services *r, struct pool *pool);

struct pool *services_pool(struct services *r, size_t service);

/* What `status` tells of a server, by its slot, or of a service. */
const struct check_view *services_check(
    const struct services *r, unsigned slot);
struct counters_sum services_sum_server(
    const struct services *r, unsigned slot);
struct counters_service_sum services_sum_service(
    const struct services *r, size_t service);
