#pragma once

/*
 * Checks: judges the health of each server by what its probe hears (probe.h),
 * and publishes it in pool_server.state and .role, which the workers read. On
 * the relay's main thread.
 */

#include "proxy/health/health.h"
#include "proxy/health/probe.h"
#include "proxy/health/probe_judge.h"
#include "proxy/pool/server_addresses.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/mono.h"

#include <ev.h>

struct pool;
struct pool_server;

/* Told after each change of a server's health or role, and of the first. */
typedef void check_changed_fn(void *arg, struct pool *pool);

/* What `status` shows of it. */
struct check_view {
	bool passed; /* the last one */
	char detail[PROBE_JUDGE_DETAIL_MAX];
	double latency_ms;
	int64_t since_wall_ms; /* of the present verdict; 0: none yet */
};

struct check {
	struct ev_loop *loop;
	struct probes *surveys;     /* borrowed: services.c's */
	struct pool *pool;          /* borrowed: relay.c's */
	struct pool_server *server; /* borrowed: the pool's */
	check_changed_fn *on_change;
	void *arg;
	struct health health;
	bool accused;                      /* since its last good answer */
	struct server_addresses addresses; /* of its name */
	struct probe_listener listener;
	ev_timer giving_up;     /* down: until its connections end */
	ev_timer unresolved;    /* how long its name may have no address */
	ev_timer resting;       /* down and unchecked: until a client may try */
	ev_timer moving;        /* until the next address is asked */
	char ip[ADDR_TEXT_MAX]; /* in place of a name */
	char subject[2 * CONFIG_NAME_MAX + 16]; /* of its log lines */
	struct check_view view;
};

/* Its loop, probes and callback are set; this sets the rest, and asks not. */
void check_prepare(
    struct check *c, struct pool *pool, struct pool_server *server);

/* What is known of a server when a relay gives it to the next. */
struct check_past {
	enum server_state state;
	enum server_role role;
	uint32_t streak, unasked;
	struct mono heard, up_since; /* up_since: never, without a ramp */
	bool accused, doubted;
	bool has_address;
	union addr address;
	struct check_view view;
};

void check_tell_past(struct check *c, struct check_past *ret_past);

/* Of one that is prepared, before it is started: the other's past is its own.
 */
void check_take_past(struct check *c, const struct check_past *past);

/* The first check, at once. Returns 0 or -ENOMEM. */
MUST_CHECK int check_start(struct check *c);

/*
 * A live connect to the server failed: that counts as a failed check, once an
 * interval, and then the next one comes at once. With `type: none` clients are
 * all there is: `fall` of them in a row take the server down, and once an
 * interval one may try whether it is up again.
 */
void check_accuse(struct check *c);

/* A live connect to a server that is doubted has succeeded. */
void check_prove(struct check *c);

/*
 * Its server's name has these addresses. Another one, or the first: check
 * there, now. False: it has none of the family that the service can use.
 */
MUST_CHECK bool check_set_addresses(
    struct check *c, const union addr *all, unsigned n);

void check_stop(struct check *c);
