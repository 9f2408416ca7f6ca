#pragma once

/*
 * Goes through all sessions of a thread once for an operator: writes down what
 * they are, or resets those that are meant. A few a turn, for some 50 us, since
 * others have something to move meanwhile. Of several tours one has the turn:
 * first those that reset, then those that list, one after the other.
 *
 * New sessions are put first in the list, where a tour that has begun does not
 * see them: it is about those that there are when it begins. One that is on
 * its way to another process is that one's already.
 *
 * A tour is its sender's, who lends it to the thread until `on_end`. What it
 * lists it leaves in a ring, where the reader looks from time to time: the
 * thread takes no lock, needs no memory and wakes nobody for it. A tour whose
 * ring is full stands still, and no other one with it.
 */

#include "core/addr.h"
#include "core/base.h"

#include <stdatomic.h>
#include <sys/queue.h>

struct config_service;
struct session;
struct session_thread;

/* One session, with nothing in it that ends with it. */
struct session_tour_row {
	/* The configuration's; NULL: it has it no more, and no server. */
	const struct config_service *service;
	int server;    /* index there; -1: none yet */
	uint8_t phase; /* enum session_phase */
	bool splices;  /* else its bytes are copied */
	bool is_told;  /* failover knows of it */
	/* The kernel passes it on, and no thread of ours has a part in it. */
	bool in_kernel;
	const char *why; /* it ends with this node; NULL: it goes on */
	uint64_t id, in, out;
	int64_t age_ms, idle_ms;
	union addr client, local, source; /* family 0: there is none */
};

/* What a turn writes down at most. */
#define SESSION_TOUR_ROWS 16

struct session_tour_part {
	unsigned n;
	struct session_tour_row rows[SESSION_TOUR_ROWS];
};

/* So much the reader may be late by: four turns. */
#define SESSION_TOUR_PARTS 4

/* From one thread to one reader; from zeroes. */
struct session_tour_ring {
	atomic_uint filled, emptied; /* so far: by the thread, by the reader */
	struct session_tour_part parts[SESSION_TOUR_PARTS];
};

/* Shared by the tours of all threads, and with their sender. */
struct session_tour_order {
	/* Who is meant: all of these that are given. */
	const struct config_service *service; /* NULL: of any */
	int server;                           /* of the service; -1: any */
	uint64_t id;                          /* 0: any */
	/* By the thread, once; the tour and the order may be gone after it. */
	void (*on_end)(void *arg, unsigned meant);
	void *arg;
	atomic_bool cancelled; /* nobody wants the rest */
};

struct session_tour {
	struct session_tour_order *order;
	struct session_tour_ring *ring; /* NULL: who is meant is reset */
	/* The thread's: */
	struct session *next;
	unsigned meant; /* so far */
	TAILQ_ENTRY(session_tour) under_way;
	struct session_tour *sent_before;
};

/* When the thread should give the next turn. */
enum session_tour_next {
	SESSION_TOUR_NONE,    /* none is under way */
	SESSION_TOUR_AT_ONCE, /* somebody waits for the end of a reset */
	SESSION_TOUR_LATER,   /* in a while: a list has time */
};

/*
 * From any thread: `order` and `ring` are there, the rest is zero. It begins,
 * with the first session, when the thread is woken.
 */
void session_tour_send(struct session_tour *w, struct session_thread *t);

/* By the thread, when it is woken: those that were sent begin. */
void session_tour_begin_sent(struct session_thread *t);

/* By the thread: a turn of one of them, if any is under way. */
MUST_CHECK enum session_tour_next session_tour_turn(struct session_thread *t);

/* By the thread: this session leaves its list. */
void session_tour_pass(struct session_thread *t, const struct session *s);

/* By who fills it: the part that is next, or NULL: it is full; and it is. */
struct session_tour_part *session_tour_room(struct session_tour_ring *ring);
void session_tour_push(struct session_tour_ring *ring);

/* By the reader: the oldest part, or NULL; and that it was read. */
const struct session_tour_part *session_tour_peek(
    const struct session_tour_ring *ring);
void session_tour_pop(struct session_tour_ring *ring);
