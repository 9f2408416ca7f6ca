#pragma once

/*
 * Steps of the node, and what a turn of the loop ends with: entries, then
 * packets, then what the peer is told, many at a time. And what is due by the
 * clock: the node's deadlines, ends that the program reports without waking
 * anybody, and who is tickled after a claim.
 */

#include "director/director_node.h"

struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_turn_new(struct director_role *role);
void director_turn_free(struct director_role *role);

/* What needs the program: director_role.entries. Returns 0 or -ENOMEM. */
MUST_CHECK int director_turn_open(struct director_role *role);

/* From now on steps are made. */
void director_turn_begin(struct director_role *role);

/* At this moment, with chance of its own. */
void director_turn_step(
    struct director_role *role, struct director_node_event *ev);

/* An event without more. */
void director_turn_put(
    struct director_role *role, enum director_node_event_type type);

/* What was decided is done now, not at the turn's end. */
void director_turn_flush(struct director_role *role);

/* There is a connection: its end is looked for from now on. */
void director_turn_is_busy(struct director_role *role);

/* All of a group that was claimed get a bare ACK, some a turn. */
void director_turn_tickle(struct director_role *role, unsigned group);
