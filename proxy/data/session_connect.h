#pragma once

/*
 * From a client to a server: the part of a session's life before bytes move.
 * Chooses a server, waits in the queue where all are full, connects, and goes
 * on to another server at once when that fails, as long as there are retries;
 * nothing has been sent to any server by then, so nothing can arrive twice.
 */

#include "core/base.h"

struct session;

/*
 * Begins, right after accept(): what the client has said by then is read, so
 * that it can go out with the end of the handshake. With at_first_byte it is
 * the client's first word that begins, in session_connect_on_client.
 */
void session_connect_begin(struct session *s);

/*
 * One without a server, to which nothing was sent yet: chooses one. It was
 * connecting elsewhere, or has waited in another queue.
 */
void session_connect_again(struct session *s);

/* One that was taken out of the queue (pool_suspend) is in it again. */
void session_connect_queue_again(struct session *s);

/* Its server shall have nobody any more: goes on to another, if not too late.
 * False: bytes move already. */
MUST_CHECK bool session_connect_elsewhere(struct session *s);

/* An event at the server's end while connecting. */
void session_connect_on_server(struct session *s, uint32_t events);

/* An event at the client's end, whatever the phase before moving. */
void session_connect_on_client(struct session *s);

/* The session's timer, in a phase before moving. */
void session_connect_on_timer(struct session *s);

/* It was granted a place (pool_collect): its turn in the queue has come. */
void session_connect_on_grant(struct session *s);
