#pragma once

/*
 * A pool is one service at run time: its servers, their states, who gets the
 * next connection, the one queue of those that wait for a free place, and its
 * limit. Shared by all threads: what is chosen and counted is the node's, not
 * a thread's. Everything here is under the pool's lock, which is taken a few
 * times in the life of a connection and never on the data path.
 */

#include "proxy/pool/balance.h"
#include "proxy/pool/conn_limit.h"
#include "proxy/pool/pool_choice.h"
#include "proxy/pool/server.h"

#include "core/accord.h"
#include "core/addr.h"
#include "core/mono.h"

#include <pthread.h>
#include <sys/queue.h>

struct acl;
struct client_limit;
struct config_server;
struct config_service;
struct source_ports;

/* An operator's, as far as it is known who said it, when and why. */
struct pool_word {
	uint8_t by; /* 1 + the node where it was said; 0: nobody has */
	struct accord_said said;
};

struct pool_server {
	const struct config_server *config; /* borrowed: the configuration's */
	atomic_int state;        /* enum server_state; set by pool_set_state */
	atomic_int role;         /* enum server_role; by check.c */
	atomic_bool accused;     /* a live connect failed: check it now */
	atomic_bool doubted;     /* nobody checks it, and connects failed */
	atomic_bool proven;      /* doubted, and a live connect succeeded */
	bool trial;              /* down: one client may try; under the lock */
	unsigned slot;           /* into each worker's server counters */
	unsigned tier;           /* see pool_choice.h */
	atomic_uint era;         /* connections of earlier ones shall end */
	enum accord_admin admin; /* what an operator wants; under the lock */
	uint32_t weight; /* the configured one, or an operator's; likewise */
	struct pool_word admin_word, weight_word; /* of the main thread alone */
	bool has_address;     /* else its name is not resolved yet */
	union addr address;   /* with its port */
	struct mono up_since; /* of its slow start; never: no ramp */
	/* An operator's word, and that it is old: see drain_limit.h. */
	struct mono drained_since; /* of the main thread alone */
	atomic_bool drain_is_over;
	struct source_ports *ports; /* with `source`: our ports towards it */
	uint32_t elsewhere[2];      /* see pool_set_elsewhere */
};

/* Who has connections to its servers that are no sessions of this relay. */
enum pool_elsewhere {
	POOL_BEFORE, /* the relay before this one, with what stays there */
	POOL_KERNEL, /* the kernel passes them on, by the director's word */
};

enum pool_waiting {
	POOL_WAITS_NOT,
	POOL_WAITS,   /* in the queue */
	POOL_GRANTED, /* a place was taken for it; its owner is being woken */
};

/* `retries` goes up to 10: as many servers and the first. */
#define POOL_TRIED_MAX 11

/*
 * Someone who wants a place; part of a session, on its worker's thread. While
 * it waits it is the pool's, which may also take servers out of `tried`.
 */
struct pool_waiter {
	enum pool_waiting waiting;
	int server;   /* of POOL_GRANTED */
	unsigned era; /* its server's, when it got the place */
	uint16_t tried[POOL_TRIED_MAX]; /* servers it has tried in vain */
	uint16_t n_tried;
	uint64_t ticket;      /* rises from the queue's head to its end */
	uint64_t client_hash; /* of its address */
	uint64_t chance;      /* 64 random bits */
	void *owner;
	void (*wake)(void *owner); /* called under the lock, by any thread */
	TAILQ_ENTRY(pool_waiter) link;
};

TAILQ_HEAD(pool_queue, pool_waiter);

struct pool {
	const struct config_service *config; /* borrowed */
	unsigned index;      /* in the configuration, and in counters */
	atomic_bool open;    /* first checks have ended: accept */
	atomic_bool was_cut; /* a server's era is new: tell the workers */
	atomic_uint
	    n_waiting; /* in the queue, for any reason; read by anyone */
	atomic_uint n_granted; /* and not collected yet */
	struct conn_limit limit;
	struct acl *acl;              /* NULL: everybody may connect */
	struct client_limit *clients; /* NULL: no limit for each */
	struct pool_server *servers;
	size_t n_servers;
	pthread_mutex_t lock; /* of all that follows */
	bool held;            /* see pool_hold */
	int active;           /* of a standby service; else POOL_NONE */
	struct balance_slot *slots;
	/* The slots say who may be chosen now, for each that has tried nobody.
	 */
	bool marked;
	struct pool_choice_server *choices; /* for who asks now */
	struct pool_queue queue, granted;
	uint64_t next_ticket;
};

#define POOL_NONE (-1)   /* no server */
#define POOL_QUEUED (-2) /* pool_take: the waiter waits */

/* `first_slot`: of its first server in the counters. Returns 0 or -errno. */
MUST_CHECK int pool_init(struct pool *p, const struct config_service *config,
    unsigned index, unsigned first_slot);
void pool_fini(struct pool *p);

/*
 * A place at a server that the waiter has not tried, as an index, to be given
 * back with pool_give; or POOL_QUEUED, and the waiter is in the queue for what
 * *ret_wants tells. Of two who wait for the same the first one gets it; nobody
 * waits because another one has to.
 */
MUST_CHECK int pool_take(struct pool *p, struct pool_waiter *waiter,
    struct mono now, enum pool_choice *ret_wants);
void pool_give(struct pool *p, int server);

/* It may try again whatever it has tried, and keeps its place in the queue. */
void pool_forget(struct pool *p, struct pool_waiter *waiter);

/* One client, the next or one that waits, may try a server that is down. */
void pool_set_trial(struct pool *p, struct pool_server *server);

/* Who waits and has tried this server in vain may try it again. */
void pool_forgive(struct pool *p, struct pool_server *server);

/*
 * After a wake: a waiter of this owner that was granted a place, or NULL; the
 * place is the caller's, at waiter->server, and it waits no more.
 */
MUST_CHECK struct pool_waiter *pool_collect(struct pool *p, const void *owner);

/* Leaves the queue, and gives back what may have been granted meanwhile. */
void pool_leave(struct pool *p, struct pool_waiter *waiter);

/*
 * Of one that another process gets: it leaves the queue and keeps its ticket.
 * False: it was granted a place, and is to be collected first. Then back into
 * the queue, here or there, where its ticket says.
 */
MUST_CHECK bool pool_suspend(struct pool *p, struct pool_waiter *waiter);
void pool_resume(struct pool *p, struct pool_waiter *waiter);

/*
 * While its connections are on their way to another process, or from one, who
 * wants a place waits: neither of the two knows how many there are.
 */
void pool_hold(struct pool *p, bool hold);

/*
 * So many connections are with another, who says so anew when they are more or
 * fewer: they have places at the server as any other.
 */
void pool_set_elsewhere(struct pool *p, struct pool_server *server,
    enum pool_elsewhere who, uint32_t n);

/*
 * Who comes into the queue from now on has no lower ticket than this. Returns
 * the next one.
 */
uint64_t pool_raise_tickets(struct pool *p, uint64_t least);

/* One that has its place there already, whatever the limits. */
void pool_enter(struct pool *p, int server, struct pool_waiter *waiter);

/* By check.c and names: then waiters may have somewhere to go. */
void pool_set_state(struct pool *p, struct pool_server *server,
    enum server_state state, struct mono now);
void pool_set_address(
    struct pool *p, struct pool_server *server, const union addr *ip);

/* By server_admin.c. Maintenance cuts, as below. */
void pool_set_admin(
    struct pool *p, struct pool_server *server, enum accord_admin admin);
void pool_set_weight(
    struct pool *p, struct pool_server *server, uint32_t weight);

/*
 * Of a standby service: this one alone gets connections from now on, and the
 * one before it is cut.
 */
void pool_set_active(struct pool *p, unsigned server);

/* How it stands, for who tells of it. */
struct pool_view {
	enum server_state state;
	enum server_role role;
	enum accord_admin admin;
	uint32_t weight;
	bool active; /* of a standby service: this one; else each is */
	bool usable; /* it takes new connections: see pool_is_usable */
	bool has_address;
	union addr address;
	struct mono up_since;
	uint32_t load;   /* its connections, those elsewhere too */
	uint32_t kernel; /* of these, such as the kernel passes on */
};

void pool_look(
    struct pool *p, struct pool_server *server, struct pool_view *ret_view);

/*
 * The connections that this server has by now shall end: workers that look
 * find them by pool_is_cut. The caller sees to it that they look.
 */
void pool_cut(struct pool *p, struct pool_server *server);

/* Whether the server was cut since the waiter got its place there. */
bool pool_is_cut(struct pool *p, int server, const struct pool_waiter *waiter);

/* False where its name is not resolved yet. */
MUST_CHECK bool pool_get_address(
    struct pool *p, struct pool_server *server, union addr *ret_address);

static inline enum server_state
pool_server_state(struct pool_server *server)
{
	return (enum server_state)atomic_load_explicit(
	    &server->state, memory_order_relaxed);
}

unsigned pool_count(struct pool *p, enum server_state state);

static inline unsigned
pool_count_up(struct pool *p)
{
	return pool_count(p, SERVER_UP);
}

/*
 * Whether some server takes new connections: up, resolved, of some weight, and
 * no operator has taken it out.
 */
bool pool_is_usable(struct pool *p);
