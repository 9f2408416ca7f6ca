#pragma once

/*
 * Which servers packets can be sent on to: there is a route, by an interface
 * that the program is attached to, and it is not the host itself. The others
 * get no clients here. Where no server of a service that is up can be reached,
 * its new clients go to the relay, whose packets may find a way.
 */

#include "director/director_node.h"

struct director_reach;
struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_reach_new(struct director_role *role);
void director_reach_free(struct director_role *role);

/* What the relay says of one: SERVER, with what can be reached. */
void director_reach_say(
    struct director_role *role, const struct director_node_event *ev);

/* It has said all; or routes and interfaces are others now. */
void director_reach_know(struct director_role *role);
void director_reach_look(struct director_role *role);

/* New clients of a service go to the relay. */
MUST_CHECK bool director_reach_is_relayed(
    const struct director_role *role, uint32_t service);
