#pragma once

/*
 * Asker: control connections whose answer needs a word from failover. Each is
 * asked for with a number and answered when its ANSWERED comes, or without
 * failover's part after 300 ms: `status` never hangs. On the relay's main
 * thread.
 */

#include "core/msg.h"

#include <ev.h>
#include <sys/queue.h>

struct asker_request;
struct channel_packet;

/* What failover said; NULL: it did not. */
struct asker_said {
	const struct msg_peer *peer;
	const struct msg_tracks *tracks;
};

/* Makes the answer, malloc'd. */
typedef char *asker_answer_fn(void *arg, const struct asker_said *said);

struct asker {
	struct ev_loop *loop; /* borrowed */
	asker_answer_fn *answer;
	void *arg;
	uint32_t next_id;
	unsigned n_waiting;
	struct msg_peer peer; /* of the answer under way */
	struct msg_tracks tracks;
	bool has_peer, has_tracks;
	LIST_HEAD(, asker_request) waiting;
};

void asker_init(
    struct asker *a, struct ev_loop *loop, asker_answer_fn *answer, void *arg);
void asker_fini(struct asker *a);

/* Takes the socket. `failover` is the channel to ask on, or -1. */
void asker_ask(struct asker *a, int *socket, int failover);

/* What failover says. Return 0 or -EBADMSG. */
MUST_CHECK int asker_take_peer(struct asker *a, const struct channel_packet *p);
MUST_CHECK int asker_take_tracks(
    struct asker *a, const struct channel_packet *p);
MUST_CHECK int asker_take_answered(
    struct asker *a, const struct channel_packet *p);
