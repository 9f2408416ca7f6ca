#pragma once

/*
 * While bytes move: both flows, their ends, idleness, and the last of a session
 * whose server has reset it. What the server had said before that still goes to
 * the client, then the client is reset, too: a server that answers and closes
 * without having read everything resets; with nobody in between the client
 * would have had its answer, so it must with us.
 *
 * That is bounded: a client that takes nothing for 300 ms is reset at once, and
 * one that has reset its connection is not waited for, since it wants no
 * answer.
 */

struct session;

/* Seconds that nothing may move, at its present stage; 0: for ever. */
double session_move_patience(const struct session *s);

/* The server has accepted, its end of `ends` is ready. */
void session_move_begin(struct session *s);

/*
 * Something may move. A small exchange does at once; bulk queues for its turn,
 * so that it makes nobody wait who has little to say.
 */
void session_move_on_event(struct session *s);

/* Its turn has come. */
void session_move_turn(struct session *s);

/* Its timer, in SESSION_MOVING or SESSION_PARTING. */
void session_move_on_timer(struct session *s);

/*
 * What it needs only if it lasts: probes towards a silent server, and a look
 * whether a peer that owes us acknowledgements still lives. A worker goes
 * through its sessions again and again, a few at a time, so that short
 * connections never pay for it.
 */
void session_move_upkeep(struct session *s);
