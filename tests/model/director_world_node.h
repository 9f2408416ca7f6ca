#pragma once

/*
 * The world's nodes: their kernels' maps, their steps and the stream between
 * them. A part of director_world.c.
 */

#include "tests/model/director_world.h"

struct conn_tuple director_world_client_tuple(unsigned client);
unsigned director_world_client_of(const struct conn_tuple *t);

/* A new process, that knows of nothing. */
void director_world_begin_process(unsigned node);
/* The stream ends, with all that is on its way. */
void director_world_part(void);

void director_world_step(unsigned node, const struct director_node_event *ev);

/* A SYN reaches a server. */
void director_world_arrive(
    unsigned server, unsigned port, unsigned client, uint8_t number);
void director_world_reset_ends(const struct director_world_node *n,
    uint32_t slot, bool client, bool server);
/* Who is not protected may be lost: it dies, or lets the address go. */
void director_world_excuse(
    const struct director_world_node *n, bool peer_knows);
void director_world_promise(const struct director_world_node *n);
void director_world_no_promises(void);
