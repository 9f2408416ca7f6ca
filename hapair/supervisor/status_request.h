#pragma once

/*
 * `status` is answered, whoever lives. The relay is asked, which knows most.
 * Where it stands still, or ends with the question, the supervisor says what it
 * knows itself, 300 ms after the question at the latest, and that the relay
 * does not answer. Owned by supervisor.c.
 *
 * Both hold the caller's socket meanwhile. Who answers shuts it down, so that
 * there is one answer; a relay that wakes up in that very moment would spoil
 * it, and the caller asks again.
 */

#include "core/mono.h"
#include "core/msg.h"

#include <ev.h>
#include <sys/queue.h>

struct child;
struct generation;
struct status_request_asked;

struct status_request {
	struct ev_loop *loop; /* borrowed */
	struct msg_role_ends ends;
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

/* A role of it has ended: that counts, and who waits for a relay is told. */
void status_request_note_end(
    struct status_request *q, struct generation *g, const struct child *role);
