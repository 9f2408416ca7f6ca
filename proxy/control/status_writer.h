#pragma once

/*
 * Writes the text of `status` in a thread of its own: with thousands of servers
 * that takes a tenth of a second, in which the main thread would check nobody.
 * The thread is started by the first who asks, and reads nothing but the
 * snapshot it was given, and the configuration.
 *
 * Made and used by relay.c, on the main thread.
 */

#include "core/base.h"

struct ev_loop;
struct status_collect_snapshot;
struct status_writer;

/* NULL where memory is out. */
struct status_writer *status_writer_new(struct ev_loop *loop);

/* Who still waits gets no answer. Takes NULL. */
void status_writer_free(struct status_writer *w);

/* Takes the socket, and the snapshot; where that is NULL memory was out. */
void status_writer_answer(struct status_writer *w, int *socket,
    struct status_collect_snapshot *snapshot);
