#pragma once

/*
 * The inbox: where all that happens to the node is put, and the one place in
 * which it is settled: an event, its step, the effects in their order, and then
 * what came of them. Whoever puts something in knows nobody above. It is
 * settled before inbox_put() returns, unless the caller is an effect of another
 * event: then right after that.
 *
 * Knows no clock, socket or loop but by its calls, so that the simulation has
 * the same one. Embedded in struct role; one thread.
 */

#include "failover/election/node.h"

/* Of each group a few effects may be refused by one step. */
#define INBOX_EVENTS_MAX 64

struct inbox_calls {
	void (*clock)(void *arg, struct node_now *ret_now);
	/* Returns 0 or -errno. `now`: when the clock was last looked at. */
	int (*carry_out)(
	    void *arg, const struct node_effect *e, const struct node_now *now);
	/* Its step is next, and follows from that. */
	void (*failed)(void *arg, const struct node_event *ev);
	/* All is settled until then: NODE_TICK. */
	void (*wake_at)(void *arg, struct mono wake);
};

struct inbox {
	struct node node; /* others than the inbox's calls only look at it */
	const struct inbox_calls *calls;
	void *arg;
	bool busy;
	unsigned n;
	struct node_event events[INBOX_EVENTS_MAX];
};

/* Of a zeroed one. */
void inbox_init(struct inbox *b, const struct inbox_calls *calls, void *arg);

void inbox_put(struct inbox *b, const struct node_event *ev);

/* The same, where there is nothing to say but the type. */
void inbox_put_type(struct inbox *b, enum node_type type);
void inbox_put_group(struct inbox *b, enum node_type type, unsigned group);

/*
 * Notices when our own loop stood still, in the middle of a turn, too: to be
 * called before what the world says is believed, and before it is changed.
 */
void inbox_look(struct inbox *b);
