#pragma once

/*
 * Control connections whose answer needs a word from failover. Each is asked
 * for with a number and answered when its ANSWERED comes, or without failover's
 * part after 200 ms: `status` never hangs. On the relay's main thread.
 */

#include "core/msg.h"

#include <ev.h>
#include <sys/queue.h>

struct channel_packet;
struct status_query_request;

/* What failover said; NULL: it did not. */
struct status_query_said {
	const struct msg_peer *peer;
	const struct msg_tracks *tracks;
	const struct msg_role_ends *ends; /* the supervisor said; never NULL */
};

/* Answers; takes the socket. */
typedef void status_query_answer_fn(
    void *arg, int *socket, const struct status_query_said *said);

struct status_query {
	struct ev_loop *loop; /* borrowed */
	status_query_answer_fn *answer;
	void *arg;
	uint32_t next_id;
	unsigned n_waiting;
	struct msg_peer peer; /* of the answer under way */
	struct msg_tracks tracks;
	bool has_peer, has_tracks;
	struct msg_role_ends ends; /* as the supervisor said last */
	LIST_HEAD(, status_query_request) waiting;
};

void status_query_init(struct status_query *a, struct ev_loop *loop,
    status_query_answer_fn *answer, void *arg);
void status_query_fini(struct status_query *a);

/*
 * Takes the socket; -1: the answer goes elsewhere, and always comes. `failover`
 * is the channel to ask on, or -1.
 */
void status_query_ask(struct status_query *a, int *socket, int failover);

/* ROLE_ENDS, of the supervisor. Returns 0 or -EBADMSG. */
MUST_CHECK int status_query_take_ends(
    struct status_query *a, const struct channel_packet *p);

/* What failover says of it. Returns 0 or -EBADMSG. */
MUST_CHECK int status_query_take(
    struct status_query *a, const struct channel_packet *p);
