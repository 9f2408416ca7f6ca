#pragma once

/*
 * The channel to the relay, which says how servers stand and what operators
 * want, and hears what becomes of connections (director_report.h).
 */

#include "core/base.h"
#include "core/msg.h"

struct buf;
struct channel_packet;
struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_relay_new(struct director_role *role);
void director_relay_free(struct director_role *role);

/* RELAY_CHANNEL: in place of the one before. Returns 0 or -EBADMSG. */
MUST_CHECK int director_relay_take(
    struct director_role *role, struct channel_packet *p);

/* What has waited for the maps is heard now. */
void director_relay_begin(struct director_role *role);

/* False: not now. */
MUST_CHECK bool director_relay_send(
    struct director_role *role, enum msg_type type, const struct buf *b);
/* An answer, or what is said again: lost where the relay is behind. */
void director_relay_answer(
    struct director_role *role, enum msg_type type, const struct buf *b);
bool director_relay_has_room(const struct director_role *role);

/* The server of a slot is to be checked soon. */
void director_relay_accuse(struct director_role *role, uint32_t slot);
