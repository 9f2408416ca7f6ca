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

struct vip;
struct vip_lease;

/*
 * By the loop's thread, where the kernel refused all, or others than before:
 * `error` is vip_hold()'s, and `vip` as that left it.
 */
typedef void vip_lease_failed_fn(
    void *arg, size_t group, int error, const struct vip *vip);

/* After proc_drop(): the thread is no better than its starter. 0 or -errno. */
MUST_CHECK int vip_lease_start(struct ev_loop *loop, vip_lease_failed_fn *fn,
    void *arg, struct vip_lease **ret_renewer);

/* Waits for a renewal that is under way. NULL-safe. */
void vip_lease_free(struct vip_lease *r);

/*
 * The n-th is the n-th group's; those that hold nothing are passed over. Where
 * the last renewal is still under way this does nothing: the next will do.
 */
void vip_lease_ask(
    struct vip_lease *r, const struct vip *const *holders, size_t n);

/*
 * After this no address of the group is renewed: it is about to be released.
 * Waits for a renewal that is under way, as the release would have to.
 */
void vip_lease_forget(struct vip_lease *r, size_t group);
