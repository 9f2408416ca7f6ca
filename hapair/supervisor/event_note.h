#pragma once

/*
 * What happens to the supervisor, in the words of an event. Called by
 * supervisor.c where it happens.
 */

#include "hapair/supervisor/reload_step.h"

struct channel_packet;
struct child;
struct event_sync;
struct generation;
struct msg_group;

void event_note_start(struct event_sync *s);
/* This program has taken the place of another one. */
void event_note_upgrade(struct event_sync *s, enum reload_step_action end,
    enum reload_step_fault fault);
void event_note_stop(struct event_sync *s, int signal);

/* Before `m` takes the place of what was known of the group. */
void event_note_group(struct event_sync *s, const struct generation *g,
    const struct msg_group *m);

/* A role's process, which nobody has told to end. */
void event_note_end(struct event_sync *s, const struct child *role);

/* An operator's request line; one that only asks is none, nor is a kill. */
void event_note_request(struct event_sync *s, const char *request);

/*
 * KILLED, of a relay of this generation; `lingers`: which is not the one that
 * runs. What nobody has asked for is none. Returns 0 or -EBADMSG.
 */
MUST_CHECK int event_note_killed(struct event_sync *s,
    const struct generation *g, bool lingers, const struct channel_packet *p);

/* A file of the peer is about to be taken. Takes NULL. */
void event_note_file(struct event_sync *s);

void event_note_reload(struct event_sync *s, enum reload_step_action end,
    enum reload_step_fault fault);
