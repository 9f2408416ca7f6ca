#pragma once

/*
 * The roster: all that this relay serves, and with what: pools, their checks,
 * the workers. On the relay's main thread; owned by relay.c.
 */

#include "proxy/data/worker.h"

struct check;
struct check_view;
struct msg_listener;
struct msg_start;
struct probes;
struct resolver;
struct secret_files;

struct roster_calls {
	/* After each change of a server's state. */
	void (*on_change)(void *arg, struct pool *pool);
	/* After roster_drop_group(): no connection is left. */
	void (*on_dropped)(void *arg, unsigned group);
};

struct roster {
	struct worker_shared shared;
	struct check *checks; /* by pool_server.slot */
	struct probes *surveys;
	struct secret_files *secrets;
	struct resolver *names; /* NULL: no server has one */
	bool started;
	unsigned dropping;                /* a bit for each group */
	const struct roster_calls *calls; /* borrowed */
	void *arg;
};

/*
 * From zeroes, and while still root, for passwords and keytabs. Returns 0 or
 * -errno; roster_fini takes the half-built.
 */
MUST_CHECK int roster_init(struct roster *r, struct ev_loop *loop,
    const struct config *config, const struct msg_start *start);
void roster_fini(struct roster *r);

/* Before roster_start. Takes the descriptor. Returns 0 or -errno. */
MUST_CHECK int roster_add_listener(
    struct roster *r, const struct msg_listener *m, int *fd);

/* Threads and checks begin. Returns 0 or -errno. */
MUST_CHECK int roster_start(
    struct roster *r, const struct roster_calls *calls, void *arg);

/* Every service accepts: each has had its first checks. */
bool roster_is_open(struct roster *r);

/* Resets all connections and accepts no more; then asks whether it is done. */
void roster_drop(struct roster *r);
bool roster_is_dropped(struct roster *r);

/* Resets the connections to the addresses of a group. */
void roster_drop_group(struct roster *r, unsigned group);

/*
 * From now on a failover at this channel (-1: none) is told of connections,
 * beginning with all there are. The channel stays the caller's.
 */
void roster_tell(struct roster *r, int failover);

/*
 * Something about a server of the pool is another now: what follows from it,
 * once the roster has started.
 */
void roster_changed(struct roster *r, struct pool *pool);

struct pool *roster_pool(struct roster *r, size_t service);

/* What `status` tells of a server, by its slot, or of a service. */
const struct check_view *roster_check(const struct roster *r, unsigned slot);
struct counters_sum roster_sum_server(const struct roster *r, unsigned slot);
struct counters_service_sum roster_sum_service(
    const struct roster *r, size_t service);
