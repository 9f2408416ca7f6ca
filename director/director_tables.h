#pragma once

/*
 * The arrays of the node, as the file has it: services and servers by their
 * numbers in the file, where clients are waited for, and room for as many
 * connections as it says. Services that the relay serves alone are there, and
 * have no listener.
 */

#include "director/bpf/director_bpf.h"
#include "director/director_node.h"

struct director_role;
struct director_tables;

/* Fills role->node in, but for what it decides itself. 0 or -ENOMEM. */
MUST_CHECK int director_tables_new(struct director_role *role);
void director_tables_free(struct director_role *role);

/*
 * Where the client wants to go: its number among the node's, or NONE. `guess`
 * is what the program said.
 */
uint32_t director_tables_listen(const struct director_tables *t,
    const struct conn_tuple *client, uint32_t guess);

/* The same for the program: first these, then addresses without a port. */
const struct director_bpf_listen *director_tables_places(
    const struct director_tables *t, uint32_t *ret_n);

/* By what is kept in a slot; NONE: this file has none of that name. */
uint32_t director_tables_find_service(
    const struct director_role *role, uint64_t tag);
uint32_t director_tables_find_server(
    const struct director_role *role, uint32_t service, uint64_t tag);
