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
struct wire;

/* What a frame is; 0 is the cable's own. Numbers are on the wire. */
enum wire_type {
	WIRE_PULSE = 1, /* empty: so that silence means something */
	WIRE_HELLO = 2, /* a heartbeat's packet, for whom UDP does not reach */
	WIRE_BEGIN = 3, /* empty: what follows is all connections there are */
	WIRE_RECORDS =
	    4,        /* of connections: conn_record.h, one after the other */
	WIRE_END = 5, /* empty: what was not told since BEGIN is gone */
	WIRE_ACCORDS = 6,     /* accord.h, one after the other */
	WIRE_ACCORDS_END = 7, /* empty: these were all, when the wire came */
};

/* Called from the loop; each may call the wire again. */
struct wire_calls {
	/* Also when a new connection took the place of one that was up. */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg);
	void (*on_frame)(
	    void *arg, uint8_t type, const uint8_t *body, size_t len);
	void (*on_room)(void *arg); /* after a send found none */
};

struct wire_setup {
	struct ev_loop *loop;
	const struct wire_calls *calls;
	void *arg;
	const char *subject;            /* of its log lines; borrowed */
	const struct packet_auth *auth; /* borrowed */
	struct hello_boot boot;         /* ours */
	union addr self, other;         /* without port */
	uint16_t port;
};

/* Begins to dial or to listen. NULL where memory is out. */
MUST_CHECK struct wire *wire_open(const struct wire_setup *setup);
void wire_close(struct wire *w); /* takes NULL */

bool wire_is_up(const struct wire *w);

/* Its socket, for the supervisor to hold; -1 while it is down. */
int wire_fd(const struct wire *w);

/*
 * Returns 0; -ENOTCONN while it is down; -EAGAIN where the queue is full and
 * on_room will come; -EMSGSIZE.
 */
MUST_CHECK int wire_send(
    struct wire *w, enum wire_type type, const void *body, size_t len);

/* Two frames of any size would be taken now; else on_room comes. */
bool wire_has_room(const struct wire *w);

/* It is up, and the peer's kernel has all that was sent. */
bool wire_is_drained(const struct wire *w);

/*
 * The peer's process is this one now. Where the wire is up to an earlier one,
 * held open by its supervisor, another is made.
 */
void wire_expect(struct wire *w, const struct hello_boot *boot);

/* Ends what is up, and begins anew. For who can't use it as it is. */
void wire_restart(struct wire *w, const char *why);

/* Connections that were none of the peer's. */
uint64_t wire_rejected(const struct wire *w);
