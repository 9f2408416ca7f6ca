#pragma once

/*
 * The director, as the relay sees it: what it is told of servers, what it has
 * said, what it is asked. Where no service has `path: kernel`, and nothing is
 * left of one that had, there is none, and nobody here does anything.
 *
 * On the relay's main thread; embedded in struct relay.
 */

#include "core/base.h"
#include "proxy/failover_link.h"
#include "proxy/kernel/kernel_feed.h"
#include "proxy/kernel/kernel_query.h"
#include "proxy/kernel/kernel_view.h"

struct channel_packet;
struct closer;
struct pool;
struct services;

struct kernel_link {
	struct failover_link link;
	struct kernel_feed feed;
	struct kernel_view view;
	struct kernel_query query;
	bool begun;  /* the configuration is here, and allows a director */
	bool wanted; /* some service has `path: kernel` */
	bool tells;  /* the services have started */
	struct mono awaited;  /* a channel, since then; void: there is one */
	struct msg_ends ends; /* of directors before this one */
};

/* `supervisor` is the relay's channel to it; both are borrowed. */
void kernel_link_init(struct kernel_link *k, struct ev_loop *loop,
    int supervisor, struct closer *closer);
void kernel_link_fini(struct kernel_link *k);

/* The services are made, of a configuration. Returns 0 or -ENOMEM. */
MUST_CHECK int kernel_link_begin(
    struct kernel_link *k, struct services *services);

/* They have started: from now on the director is told. */
void kernel_link_start(struct kernel_link *k);

/* DIRECTOR_CHANNEL, DIRECTOR_ENDS. Returns 0 or -EBADMSG. */
MUST_CHECK int kernel_link_take(
    struct kernel_link *k, struct channel_packet *p);

/* Something about a server of the pool may be another now. */
void kernel_link_look(struct kernel_link *k, struct pool *pool);

/* An operator is told of it: it is wanted, or has something to say. */
bool kernel_link_is_shown(const struct kernel_link *k, struct mono now);

/* There is a director, and its channel; or there is none for long. */
bool kernel_link_is_up(const struct kernel_link *k);
bool kernel_link_is_gone(const struct kernel_link *k, struct mono now);
