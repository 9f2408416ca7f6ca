#pragma once

/*
 * Checks: asks every server again and again whether it answers, and keeps its
 * verdict. On the relay's main thread; what it finds is published in
 * pool_server.state, which the workers read.
 */

#include "proxy/verdict.h"

#include "core/addr.h"
#include "core/mono.h"

#include <ev.h>

struct pool;
struct pool_server;

#define CHECK_DETAIL_MAX 80

/* What a server says that it is, among several that back each other. */
enum check_role {
	CHECK_ROLE_UNSAID, /* nothing: it is down, was not asked, does not say
	                    */
	CHECK_ROLE_ACTIVE,
	CHECK_ROLE_STANDBY,
};

enum check_phase {
	CHECK_IDLE,      /* waiting for the next */
	CHECK_RESOLVING, /* its name has no address yet */
	CHECK_CONNECTING,
	CHECK_CLOSING, /* politely: the server's FIN is awaited */
};

/* Told after each change of a verdict, and of the first. */
typedef void check_changed_fn(void *arg, struct pool *pool);

struct check {
	struct ev_loop *loop;
	struct pool *pool;          /* borrowed: relay.c's */
	struct pool_server *server; /* borrowed: the pool's */
	check_changed_fn *on_change;
	void *arg;
	struct verdict verdict;
	enum check_phase phase;
	bool again; /* asked for while one was under way */
	int fd;
	struct mono began;
	ev_io io;
	ev_timer timer;
	/* What `status` shows of the last one. */
	bool passed;
	char detail[CHECK_DETAIL_MAX];
	double latency_ms;
	int64_t since_wall_ms; /* of the present verdict; 0: none yet */
};

/* Its loop and callback are set; this sets the rest, and sends nothing. */
void check_prepare(
    struct check *c, struct pool *pool, struct pool_server *server);

/* The first check, at once. */
void check_start(struct check *c);

/* A live connect to the server failed: that counts, and check now. */
void check_accuse(struct check *c);

/* Its server has another address, or its first: check there, now. */
void check_move(struct check *c);

void check_stop(struct check *c);
