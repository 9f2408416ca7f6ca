#pragma once

/*
 * What a director_node hears from its peer, and what it tells it of all that
 * there is. Known to director_node.c alone.
 *
 * Pure.
 */

#include "director/director_node.h"

/* One step of a group's replica, and what it asks for. */
void director_hear_step(
    struct director_node *d, unsigned group, const struct replica_event *ev);
/* The same of every group. */
void director_hear_step_all(struct director_node *d, enum replica_type type);

/* The stream is there; who is at its other end is not known yet. */
void director_hear_link_up(struct director_node *d);
/* It is no more, or leads to nobody. */
void director_hear_link_down(struct director_node *d);

void director_hear_msg(struct director_node *d, const struct replica_msg *m);
/* What was heard is confirmed. */
void director_hear_read_all(struct director_node *d);

/* The next portion of each dump. */
void director_hear_dump(struct director_node *d);

/*
 * Of a group that is neither ours nor told of: its owner has no director, and
 * what we have of it are ghosts. A portion of them.
 */
void director_hear_forget(struct director_node *d, unsigned group);
