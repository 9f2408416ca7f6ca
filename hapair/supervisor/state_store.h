#pragma once

/*
 * What both nodes agree on: the one place where it is kept, made and merged,
 * over the end of the roles, and in the state file over this process's own.
 * Operators are heard here. The relay says whom it made active, is told what is
 * news, and acts by it. Failover brings what the peer says, and asks for what
 * the peer has not been told. Owned by supervisor.c.
 */

#include "core/limiter.h"
#include "core/mono.h"
#include "core/shared_state.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/state_places.h"
#include "hapair/supervisor/state_writer.h"

#include <ev.h>

struct channel_packet;
struct child;
struct config;
struct event_sync;
struct msg_group;

struct state_store_setup {
	struct ev_loop *loop;
	const struct config *config;    /* borrowed */
	int node;                       /* CONFIG_NO_NODE: there is no pair */
	const char *directory;          /* of the state file; NULL: none */
	const struct msg_group *groups; /* borrowed: how each stands here */
	struct child *failover, *relay; /* borrowed */
	struct event_sync *events;      /* borrowed; NULL: there are none */
};

struct state_store {
	struct state_store_setup setup;
	struct shared_state all;
	bool known;            /* all that the peer knows, or it is away */
	uint32_t wire;         /* to the peer; 0: there was none */
	bool wanted, end_owed; /* by it; that these were all */
	size_t told;           /* the first so many are known to the peer */
	bool held;             /* see active_choice_hold */
	ev_timer choice_patience, peer_patience;
	struct state_places places;
	struct limiter strangers, no_room; /* what the peer says of them */
	struct state_writer writer;
	bool write_owed;
	struct mono write_next; /* not before */
	ev_timer write;
	bool claimed; /* the directory; by this descriptor */
	int claim;
};

/* With what is in the state file. Returns 0 or -ENOMEM. */
MUST_CHECK int state_store_init(
    struct state_store *s, const struct state_store_setup *setup);

/* Waits until what is known is written; takes zeros. */
void state_store_fini(struct state_store *s);

/*
 * This role has begun, and knows nothing. A relay may be one that is to take
 * over from the one that is known.
 */
void state_store_meet(struct state_store *s, struct child *role);

/*
 * Another configuration, and the roles that have it, from now on: but for
 * `directory` all of `setup` holds. `places` are that configuration's, and
 * taken; what waited in the old ones is chosen again by the new relay.
 */
void state_store_follow(struct state_store *s,
    const struct state_store_setup *setup, struct state_places *places);

/* What a role says. Returns 0 or -EBADMSG, also for what is about others. */
MUST_CHECK int state_store_take(struct state_store *s, const struct child *role,
    const struct channel_packet *p);

/* PAUSE, of failover: to be kept. Returns 0 or -EBADMSG. */
MUST_CHECK int state_store_take_pause(
    struct state_store *s, const struct channel_packet *p);

/* A group stands differently: another node may decide. */
void state_store_look(struct state_store *s);

/*
 * This is agreed on from now on, and told to the peer; not to the relay.
 * Returns 0, or -errno, whose text is state_store_fault().
 */
MUST_CHECK int state_store_make(struct state_store *s, struct accord *a);
const char *state_store_fault(int e);

/* A request that begins with "server"; its socket is taken. */
void state_store_obey(struct state_store *s, const char *request, int *socket);
