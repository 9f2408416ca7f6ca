#pragma once

/*
 * The last of a connection whose server has reset it: what the server had said
 * before that still goes to the client, then the client is reset, too. A server
 * that answers and closes without having read everything resets; with nobody in
 * between the client would have had its answer, so it must with us.
 *
 * Bounded: a client that takes nothing for 300 ms is reset at once. A client
 * that resets its connection is not waited for at all: it wants no answer.
 */

struct session;

/*
 * The server's end has failed with `error`. Ends the session, now or soon; in
 * between it is in SESSION_PARTING.
 */
void parting_begin(struct session *s, int error);

/* An event at the client's end, the timer, or another turn. */
void parting_run(struct session *s);
