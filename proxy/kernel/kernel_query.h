#pragma once

/*
 * The director's part in a tour of all connections (session_tour.h): it is
 * asked for a page of them at a time, as soon as there is room for it, or told
 * which to end. Who waits for it waits a second: then what it has is left out,
 * and that is said.
 *
 * On the relay's main thread; part of struct kernel_link. One tour at a time.
 */

#include "core/base.h"

#include <ev.h>

struct channel_packet;
struct config;
struct failover_link;
struct kernel_view;
struct session_tour_order;
struct session_tour_part;

/* The director's connections have it in their id, and the relay's do not. */
#define KERNEL_QUERY_ID (UINT64_C(1) << 63)

struct kernel_query {
	struct ev_loop *loop;           /* borrowed */
	struct failover_link *link;     /* borrowed: to the director */
	const struct config *config;    /* borrowed; NULL: not begun */
	const struct kernel_view *view; /* borrowed */
	/* Of the tour that is under way: */
	struct session_tour_order *order; /* NULL: none is */
	void (*on_lack)(void *arg);       /* some are left out */
	uint32_t ask, from;
	bool asked; /* the answer is due */
	unsigned meant;
	struct session_tour_part *part; /* being filled; NULL: none */
	ev_timer patience;
};

void kernel_query_init(struct kernel_query *q, struct ev_loop *loop,
    struct failover_link *link, const struct config *config,
    const struct kernel_view *view);
void kernel_query_fini(struct kernel_query *q); /* takes zeros */

/*
 * False: the director has nothing to do with it. Else the order's calls come
 * from the main thread, one of on_end() last, and on_lack() before it where
 * connections could not be asked for.
 */
MUST_CHECK bool kernel_query_begin(struct kernel_query *q,
    struct session_tour_order *order, void (*on_lack)(void *arg));

/* There is room for more, or nobody wants the rest. */
void kernel_query_turn(struct kernel_query *q);

/* KERNEL_CONN, _LIST_END, _KILLED. Returns 0 or -EBADMSG. */
MUST_CHECK int kernel_query_take(
    struct kernel_query *q, const struct channel_packet *p);

/* The channel is lost: nothing more comes of what was asked. */
void kernel_query_lose(struct kernel_query *q);
