#pragma once

/*
 * What the kernel program reports: events of the node. And, the other way
 * round, where clients are waited for, and the valve.
 *
 * Nothing is read before it is known whose addresses are whose and how servers
 * stand: SYNs wait, and where their ring is full they go to the relay.
 */

#include "core/base.h"
#include "director/director_node.h"

struct director_bpf_closed;
struct director_bpf_event;
struct director_rings;
struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_rings_new(struct director_role *role);
void director_rings_free(struct director_role *role);

/* The maps are ours: where clients are waited for. Returns 0 or -errno. */
MUST_CHECK int director_rings_begin(struct director_role *role);

/* How every server stands is known, or who owns a group: with all of it SYNs
 * are read. */
void director_rings_know_servers(struct director_role *role);
void director_rings_know_owner(struct director_role *role, unsigned group);

/* The one of the step that is under way; NULL: it is none of the program's. */
const struct director_bpf_event *director_rings_event(
    const struct director_rings *r);

/* New SYNs go to the relay's listener, or not any more. */
void director_rings_pass(struct director_role *role, bool pass);

/* Which services' new clients go to the stack is another now. */
void director_rings_put_services(struct director_role *role);

/* What is there now is read at once. */
void director_rings_drain(struct director_role *role);

/* Those of a group go to the stack, where failover finds them; or not. */
void director_rings_hand_on(
    struct director_role *role, unsigned group, bool on);

/* For director_program. */
void director_rings_on_event(void *arg, const struct director_bpf_event *event);
void director_rings_on_closed(
    void *arg, const struct director_bpf_closed *closed);
