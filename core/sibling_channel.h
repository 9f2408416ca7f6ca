#pragma once

/*
 * A role's end of a channel to another role, which the supervisor brings, and
 * brings anew whenever it is lost: it has ended, the other does not read, or it
 * sent what it may not by the table of rights. Then the supervisor is told, and
 * the owner tells everything again over the next one.
 *
 * Embedded in whoever talks there; in its only thread.
 */

#include "core/msg.h"
#include "core/msg_intake.h"

#include <ev.h>

struct buf;

struct sibling_channel_setup {
	struct ev_loop *loop;           /* borrowed, as all here */
	struct closer *closer;          /* of what the other gives */
	int supervisor;                 /* our channel to it */
	enum msg_rights_party from, to; /* the other, and this role */
	unsigned packets;               /* that are read in a turn */
	void *arg;
	enum msg_rights_stage (*stage)(void *arg); /* NULL: WORKING */
	int (*obey)(
	    void *arg, const struct channel_packet *p); /* 0, -EBADMSG */
	void (*on_turn)(void *arg); /* after each turn; may be NULL */
	/*
	 * It is closed. `sent`: what it may not send; NULL: it has ended.
	 * Returns whether the supervisor shall bring another.
	 */
	bool (*on_lost)(void *arg, const char *sent);
};

struct sibling_channel {
	struct sibling_channel_setup setup;
	int fd;      /* -1: none */
	uint32_t id; /* of the introduction */
	struct msg_intake intake;
	struct msg_lost lost; /* what the supervisor is to be told */
	ev_io ready;
	ev_timer again; /* it did not take that */
};

void sibling_channel_init(
    struct sibling_channel *c, const struct sibling_channel_setup *setup);
void sibling_channel_close(struct sibling_channel *c);

/*
 * SIBLING, or one of the director's: the channel in it takes the place of the
 * one before, and is read from sibling_channel_listen() on. 0 or -EBADMSG.
 */
MUST_CHECK int sibling_channel_take(
    struct sibling_channel *c, struct channel_packet *p);
void sibling_channel_listen(struct sibling_channel *c);

/* Its body, or NULL. Returns 0 or -errno: -ENOTCONN where there is none. */
MUST_CHECK int sibling_channel_send(
    struct sibling_channel *c, enum msg_type type, const struct buf *body);

/* It is of no use any more: on_lost comes from here. */
void sibling_channel_lose(struct sibling_channel *c);
