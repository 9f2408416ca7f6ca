#pragma once

/*
 * The director, as the failover role sees it, where there is one: a channel
 * that comes anew whenever the director is replaced or the channel was lost.
 * It is told whose addresses are where, before they come and before they go,
 * and how long to wait for the peer; whole, on each new channel.
 *
 * Nothing here waits for it, but one thing, and that for a bounded time: in a
 * handover the peer is asked when the director has let go, so that nobody is
 * let in here of whom the peer does not know. Without a director all is as if
 * there were none to be.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;

/*
 * DIRECTOR_CHANNEL: takes the place of the one before. Returns 0 or -EBADMSG.
 */
MUST_CHECK int director_link_take(struct role *role, struct channel_packet *p);

/* The groups stand as they are: told from here on. */
void director_link_begin(struct role *role);

/* What was settled may be news to it. */
void director_link_look(struct role *role);

/* The group's addresses are about to be added, or are kept after all. */
void director_link_claim(struct role_group *g);

/* They are about to go. Said as often as there is a reason to. */
void director_link_release(struct role_group *g);

/*
 * MUTE of the supervisor, for handover_run.h. In a handover that is planned the
 * director lets go now: new clients are held, and until here they were its own.
 * Once it has, or has taken too long, the node hears of it. Returns 0 or
 * -EBADMSG.
 */
MUST_CHECK int director_link_take_mute(
    struct role *role, const struct channel_packet *p);

/* Returns 0 or -errno. */
MUST_CHECK int director_link_new(struct role *role);
void director_link_close(struct role *role);
