#pragma once

/*
 * A relay between the one before it and the one after it: the supervisor's
 * orders for both, and what it is told. Part of struct relay, on its main
 * thread.
 */

#include "core/base.h"

struct channel_packet;
struct predecessor;
struct services;
struct successor;

struct succession {
	struct services *services; /* borrowed: the relay's */
	int supervisor;            /* borrowed: its channel */
	const int *failover;       /* borrowed: the channel to it; -1: none */
	struct predecessor *predecessor;
	struct successor *successor;
	bool given; /* all of it: nothing is left here */
	void (*quit)(void *arg, int status);
	/* See succession_drop(). */
	void (*dropped)(void *arg, unsigned group);
	/* This relay is the one that serves, or is no longer. NULL: no need. */
	void (*serves)(void *arg, bool serves);
	/*
	 * What the page knows of the past is wanted: whether
	 * succession_give_past() follows. And that of the relay before: taken,
	 * or closed. NULL: there is no page.
	 */
	bool (*past_wanted)(void *arg);
	void (*past_told)(void *arg, int *fd, uint32_t len);
	void *arg;
};

/* From zeroes, with services, supervisor, failover and the calls set. */
void succession_fini(struct succession *s);

/*
 * PREDECESSOR, before the services have started, or SUCCESSOR, after that.
 * Returns 0 or -errno.
 */
MUST_CHECK int succession_take(
    struct succession *s, struct channel_packet *packet);

/* The services have started. True: there is another relay to take over from. */
bool succession_begin(struct succession *s);

/*
 * No connection to an address of the group is left here. The relay after this
 * one is asked where it may have some; when none is left anywhere, or nobody
 * answers any more, `dropped` is called.
 */
void succession_drop(struct succession *s, unsigned group);

/* A memfd for the relay after this one, which is taken. */
void succession_give_past(struct succession *s, int *fd, uint32_t len);

/*
 * Nobody watches this relay any more: it ends, if it has given everything. Not
 * before: its failover knows one relay, and would take its end for that of all
 * service, should the supervisor be late to replace that failover, too.
 */
void succession_note_unwatched(struct succession *s);
