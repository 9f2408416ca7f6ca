#pragma once

/*
 * `status` is answered, whoever lives. The relay is asked, which knows most.
 * Where it stands still, or ends with the question, the supervisor says what it
 * and failover know, 300 ms after the question at the latest, and that the
 * relay does not answer. Owned by supervisor.c.
 *
 * Both hold the caller's socket meanwhile. Who answers shuts it down, so that
 * there is one answer; a relay that wakes up in that very moment would spoil
 * it, and the caller asks again.
 */

#include "core/mono.h"
#include "core/msg.h"

#include <ev.h>
#include <sys/queue.h>

struct channel_packet;
struct child;
struct generation;
struct status_request_asked;

struct status_request {
	struct ev_loop *loop; /* borrowed */
	struct msg_role_ends ends;
	struct msg_ends director;
	uint32_t last_id; /* of what failover was asked */
	/* What it says of the answer under way; NULL: none is. */
	const struct generation *from;
	struct msg_peer peer;
	struct msg_tracks tracks;
	unsigned n_asked;
	TAILQ_HEAD(, status_request_asked) asked;
};

void status_request_init(struct status_request *q, struct ev_loop *loop);
void status_request_fini(struct status_request *q);

/* Takes the socket. `m`: as it was said to the relay. */
void status_request_ask(struct status_request *q, struct generation *g,
    const struct msg_start *m, int *socket);

/* The same, without asking the relay. */
void status_request_answer(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int *socket);

/* How often roles have ended, for a relay that is asked by others. */
void status_request_tell_ends(
    const struct status_request *q, struct generation *g);
/* What a failover says. Returns 0 or -EBADMSG. */
MUST_CHECK int status_request_take(struct status_request *q,
    const struct generation *g, const struct channel_packet *p);

/* The same of a director, for whom nobody waits. */
void status_request_note_director(struct status_request *q,
    struct generation *g, const struct child *director);

/* A role of it has ended: that counts, and who waits for a relay is told. */
void status_request_note_end(
    struct status_request *q, struct generation *g, const struct child *role);
