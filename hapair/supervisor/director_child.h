#pragma once

/*
 * The process that instructs the kernel path's program: where some service has
 * `path: kernel`, and where the kernel's tables still have what an earlier file
 * made there. Nothing waits for it, and nobody else ends with it: a director
 * that cannot work leaves its services to the relay, and says so in `status`.
 *
 * The tables are one director's at a time. The next one loads its file and
 * waits; the one before is told to stop, and leaves all as it is; only when its
 * process is gone does the next one begin. So it is after a kill, too.
 */

#include "hapair/supervisor/child.h"
#include "hapair/supervisor/role_channel.h"

struct generation;
struct generation_change;
struct key_keeper;

struct director_child {
	struct child child;
	struct generation *g; /* borrowed: whose it is */
	bool prepared;        /* it waits for its beginning */
	bool begun;           /* the tables are its own */
	bool carried; /* there was one in the program before: all roles know */
	bool warned;  /* of its directory, or of its port */
	struct role_channel failover, relay;
	ev_timer listen;   /* another try to */
	ev_timer patience; /* of a STOP */
	ev_timer wait;     /* for another daemon's end */
};

/* Both other roles and the setup are there. Starts nothing. */
void director_child_init(struct director_child *d, struct generation *g);
void director_child_fini(struct director_child *d); /* takes zeros */

/* Where one is wanted, and does not run. */
void director_child_start(struct director_child *d);

/*
 * An operator has mended what the kernel path lacked, perhaps: one that runs
 * without is replaced. It has given its rights away, and can't see itself.
 */
void director_child_try_again(struct director_child *d);

/* It leaves the tables to the next one; killed where it does not. */
void director_child_stop(struct director_child *d);

/* The one that runs now begins, as soon as it can and no other is left. */
void director_child_look(struct generation_change *change);

/* Failover or the relay has been started, and has what it begins with. */
void director_child_meet(struct director_child *d, const struct child *other);

/*
 * SIBLING_LOST of these: of its channels, or of that between both. Returns 0 or
 * -EBADMSG.
 */
MUST_CHECK int director_child_take_lost(struct director_child *d,
    const struct child *who, const struct channel_packet *p);

/*
 * KEYS of failover: what it takes is the director's, too. Returns 0 or
 * -EBADMSG.
 */
MUST_CHECK int director_child_keys(struct director_child *d,
    struct key_keeper *keys, struct channel_packet *p);

/* The other roles of its generation know what a director is. */
bool director_child_is_known(const struct director_child *d);
