#pragma once

/*
 * The wire: the TCP connection between the two failover processes, made again
 * and again, authenticated, in frames of a type and a body. It carries what is
 * too long for a heartbeat, and its end is a message in itself: a process that
 * dies has its connections ended by its kernel, at once.
 *
 * That end must mean that all of the node's processes are gone. So the
 * supervisor holds the socket, too (MSG_WIRE), and a failover that is started
 * again makes a new wire, which takes the old one's place without an on_down.
 *
 * The node with the lower address dials, the other listens and admits the
 * peer's address only. Nothing here waits; who is not proven can cause nothing
 * but a count. One per role, in its only thread.
 */

#include "core/addr.h"
#include "core/base.h"
#include "failover/election/hello.h"

struct ev_loop;
struct packet_auth;
struct peer_link;

/* What a frame is; 0 is the codec's own. Numbers are on the wire. */
enum peer_link_type {
	PEER_LINK_PULSE = 1,   /* empty: so that silence means something */
	PEER_LINK_HELLO = 2,   /* a heartbeat's packet: UDP may not arrive */
	PEER_LINK_BEGIN = 3,   /* empty: all the connections follow */
	PEER_LINK_RECORDS = 4, /* conn_record.h, one after the other */
	PEER_LINK_END = 5,     /* empty: what was not told since is gone */
	PEER_LINK_ACCORDS = 6, /* accord.h, one after the other */
	PEER_LINK_ACCORDS_END = 7, /* empty: these were all, at the start */
	PEER_LINK_EVENTS = 8,      /* event.h, one after the other */
	PEER_LINK_FILE = 9,        /* what PEER_FILE has: msg.h */
};

/* Called from the loop; each may call the wire again. */
struct peer_link_calls {
	/* Also when a new connection took the place of one that was up. */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg);
	void (*on_frame)(
	    void *arg, uint8_t type, const uint8_t *body, size_t len);
	void (*on_room)(void *arg); /* after a send found none */
};

struct peer_link_setup {
	struct ev_loop *loop;
	const struct peer_link_calls *calls;
	void *arg;
	const char *subject;            /* of its log lines; borrowed */
	const struct packet_auth *auth; /* borrowed */
	struct hello_boot boot;         /* ours */
	union addr self, other;         /* without port */
	uint16_t port;
};

/* Begins to dial or to listen. NULL where memory is out. */
MUST_CHECK struct peer_link *peer_link_open(
    const struct peer_link_setup *setup);
void peer_link_close(struct peer_link *w); /* takes NULL */

bool peer_link_is_up(const struct peer_link *w);

/* Its socket, for the supervisor to hold; -1 while it is down. */
int peer_link_fd(const struct peer_link *w);

/*
 * Returns 0; -ENOTCONN while it is down; -EAGAIN where the queue is full and
 * on_room will come; -EMSGSIZE.
 */
MUST_CHECK int peer_link_send(struct peer_link *w, enum peer_link_type type,
    const void *body, size_t len);

/* Two frames of any size would be taken now; else on_room comes. */
bool peer_link_has_room(const struct peer_link *w);

/* It is up, and the peer's kernel has all that was sent. */
bool peer_link_is_drained(const struct peer_link *w);

/*
 * The peer's process is this one now. Where the wire is up to an earlier one,
 * held open by its supervisor, another is made.
 */
void peer_link_expect(struct peer_link *w, const struct hello_boot *boot);

/* Ends what is up, and begins anew. For who can't use it as it is. */
void peer_link_restart(struct peer_link *w, const char *why);

/* The version that both ends speak; 0 while it is down. */
uint8_t peer_link_version(const struct peer_link *w);

/* Connections that were none of the peer's. */
uint64_t peer_link_rejected(const struct peer_link *w);
