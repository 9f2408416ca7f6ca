#pragma once

/*
 * The director's part in a tour of all connections (session_tour.h): it is
 * asked for a page of them at a time, whenever there is room for one, or told
 * which to end. One question is under way at a time, of kills first, then of
 * lists in turn. An answer is waited for a second: then what the director has
 * is left out.
 *
 * On the relay's main thread; part of struct kernel_link.
 */

#include "core/base.h"

#include <ev.h>
#include <sys/queue.h>

struct channel_packet;
struct config;
struct failover_link;
struct kernel_view;
struct session_tour_order;
struct session_tour_part;
struct session_tour_ring;

/* The director's connections have it in their id, and the relay's do not. */
#define KERNEL_QUERY_ID (UINT64_C(1) << 63)

/* As struct session_tour: its sender's, who lends it until `on_end`. */
struct kernel_query_tour {
	struct session_tour_order *order;
	struct session_tour_ring *ring; /* NULL: who is meant is reset */
	bool lacks; /* at its end: the director did not answer */
	/* Not the sender's: */
	uint32_t from; /* of the next page */
	unsigned meant;
	TAILQ_ENTRY(kernel_query_tour) under_way;
};

struct kernel_query {
	struct ev_loop *loop;           /* borrowed */
	struct failover_link *link;     /* borrowed: to the director */
	const struct config *config;    /* borrowed; NULL: not begun */
	const struct kernel_view *view; /* borrowed */
	TAILQ_HEAD(kernel_query_tours, kernel_query_tour) tours;
	struct kernel_query_tour *asked; /* the answer is due; NULL: none is */
	struct session_tour_part *part;  /* of a list: being filled */
	uint32_t ask;
	ev_timer patience, again;
};

void kernel_query_init(struct kernel_query *q, struct ev_loop *loop,
    struct failover_link *link, const struct config *config,
    const struct kernel_view *view);
void kernel_query_fini(struct kernel_query *q); /* takes zeros */

/*
 * `order` and `ring` are there, the rest is zero. False: the director has
 * nothing to do with it. Else the order's on_end() is called, maybe at once.
 */
MUST_CHECK bool kernel_query_send(
    struct kernel_query *q, struct kernel_query_tour *w);

/* KERNEL_CONN, _LIST_END, _KILLED. Returns 0 or -EBADMSG. */
MUST_CHECK int kernel_query_take(
    struct kernel_query *q, const struct channel_packet *p);

/* The channel is lost: nothing more comes of what was asked. */
void kernel_query_lose(struct kernel_query *q);
