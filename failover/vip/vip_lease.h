#pragma once

/*
 * Renews the leases of the addresses that are held, on a thread of its own.
 * Every change of an address waits for a lock that the kernel has once, and
 * whoever makes or removes interfaces (containers, say) holds it for tens of
 * milliseconds: longer than a heartbeat may be late. A claim and a release wait
 * for it where they must; a renewal, which comes several times a second and for
 * ever, does not make the heartbeats wait.
 *
 * The thread does nothing unasked: where the loop stands still nobody renews.
 * It is a real-time one like the loop's, a step below it: on a crowded host a
 * lease must not run out because nobody got round to renewing it.
 * One per failover process; all calls by the loop's thread.
 */

#include "core/base.h"

#include <ev.h>

struct holder;
struct renewer;

/* By the loop's thread: the kernel refused; `error` is a -errno. */
typedef void renewer_failed_fn(void *arg, size_t group, int error);

/* After proc_drop(): the thread is no better than its starter. 0 or -errno. */
MUST_CHECK int renewer_start(struct ev_loop *loop, renewer_failed_fn *fn,
    void *arg, struct renewer **ret_renewer);

/* Waits for a renewal that is under way. NULL-safe. */
void renewer_free(struct renewer *r);

/*
 * The n-th is the n-th group's; those that hold nothing are passed over. Where
 * the last renewal is still under way this does nothing: the next will do.
 */
void renewer_ask(
    struct renewer *r, const struct holder *const *holders, size_t n);

/*
 * After this no address of the group is renewed: it is about to be released.
 * Waits for a renewal that is under way, as the release would have to.
 */
void renewer_forget(struct renewer *r, size_t group);
