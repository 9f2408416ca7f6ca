#pragma once

/*
 * From one generation to the next, without an end of a connection or a move of
 * an address: reload_step.h decides how, this carries it out. Owns the
 * generations: the one that runs, the next, and those before whose relay has
 * connections left that nobody could take. Owned by supervisor.c.
 */

#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/reload_step.h"

#include <ev.h>

/* Old relays that go on beside the one that runs, at most. */
#define GENERATION_CHANGE_REPLACED_MAX 8

struct generation_change_calls {
	/*
	 * The relay of `now` is about to give what it has. False: not now, for
	 * it does what the next one would not know of.
	 */
	bool (*on_give)(void *arg);
	/* `now` is the next one; of the one before, nothing counts any more. */
	void (*on_adopt)(void *arg, struct generation *before);
	/* The old failover has ended: the new one gets what it begins with. */
	void (*on_go_on)(void *arg, struct generation *before);
	/* It is over: RELOAD_STEP_TELL_..., and why it failed. */
	void (*on_told)(void *arg, enum reload_step_action end,
	    enum reload_step_fault fault);
};

struct generation_change_setup {
	const struct generation_change_calls *calls;
	struct supervisor *owner; /* borrowed: the calls' argument */
};

struct generation_change {
	struct generation_change_setup setup;
	struct ev_loop *loop;
	struct reload_step step;
	enum reload_step_event events[RELOAD_STEP_EVENTS]; /* of one step */
	unsigned n_events;
	struct generation *now, *next; /* next NULL: there is none */
	LIST_HEAD(, generation) replaced;
	unsigned n_replaced;
	int given;      /* the old relay's end of the channel between both */
	bool stopping;  /* the daemon ends: nothing is begun any more */
	bool has_given; /* the old relay, which does not accept again */
	/* Who agrees with the peer on a file: nobody else begins a change. */
	const void *reserved;
	int pins; /* pins_directory_lock(); -1: no director has been started */
	ev_timer patience, sweep;
};

/* The empty value. */
struct generation_change generation_change_none(void);

/* Takes the generation that runs, which may be NULL before a _fini(). */
void generation_change_init(struct generation_change *r,
    const struct generation_change_setup *setup, struct generation *now);

/* Ends all that runs. */
void generation_change_fini(struct generation_change *r);

/* One that was replaced, by the program that this one was before. */
void generation_change_add_replaced(
    struct generation_change *r, struct generation *g);

/* Takes the next one; only while it is not busy. */
void generation_change_begin(
    struct generation_change *r, struct generation *next);

/* A relay has been started: one that is to take over is told from whom. */
void generation_change_introduce(
    struct generation_change *r, struct generation *g);

/*
 * What a role says that is not of the generation that runs, or says of a
 * change. Returns 1 where it was that, 0 where it was not, or -EBADMSG.
 */
MUST_CHECK int generation_change_take(struct generation_change *r,
    struct generation *g, struct child *child, const struct channel_packet *p);

/* Of any generation. */
void generation_change_note_end(struct generation_change *r,
    struct generation *g, const struct child *child);

/*
 * The daemon is to end. False where a change has to come to its end before, a
 * matter of milliseconds: on_told() tells when.
 */
bool generation_change_stop(struct generation_change *r);

/*
 * Relays that were replaced have no failover that tells them of an address: the
 * connections that they have left end with them.
 */
void generation_change_stop_replaced(struct generation_change *r);

/*
 * Whoever held the addresses had no time to let go of them, or hangs: no
 * address outlives the daemon.
 */
void generation_change_release(const struct generation_change *r);

bool generation_change_is_busy(const struct generation_change *r);
