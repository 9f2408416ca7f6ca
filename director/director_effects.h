#pragma once

/*
 * Carries out what the node decides, in its order: entries and slots of the
 * kernel's maps, packets, messages. Fed by director_node_step() alone.
 */

#include "director/director_node.h"

struct director_bpf_event;
struct director_role;

/* For director_node.calls; the argument is the role. */
extern const struct director_node_calls director_effects_calls;

/* What is kept in the kernel's slot about service and server, by name. */
uint64_t director_effects_tag(
    const struct director_role *role, uint32_t service, uint32_t server);

/* The kernel's form of a tuple. */
struct director_bpf_key director_effects_key(const struct conn_tuple *t);

/* A RST for a SYN whose client gets no connection. */
void director_effects_reject(
    struct director_role *role, const struct conn_tuple *client, uint32_t isn);

/* A bare ACK: whoever lives answers, and tells the other end by that. */
void director_effects_tickle_client(struct director_role *role, uint32_t slot);
void director_effects_tickle_server(struct director_role *role, uint32_t slot);
