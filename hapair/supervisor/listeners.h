#pragma once

/*
 * All listening sockets of a configuration: for each address of each service
 * one per worker, and behind them one for each address of `web`. Opened before
 * anything of it runs, and kept until its end.
 */

#include "config/config.h"
#include "core/buf.h"

struct listeners {
	const struct config *config; /* borrowed */
	int *fds;      /* by service, then address, then worker; -1: left out */
	size_t n;      /* with those */
	size_t n_open; /* of services */
	unsigned workers;
	unsigned muted; /* a bit for each group */
};

/*
 * Opens them, but for those that this host can lack. Returns 0 or -errno, with
 * *ret_service (of listening_at()) and *ret_listen telling which one could
 * not be.
 */
MUST_CHECK int listeners_open(struct listeners *l, const struct config *c,
    unsigned workers, size_t *ret_service, size_t *ret_listen);

/*
 * The same beside others: an address that these have, too, is the same socket,
 * so that whoever waits there notices nothing.
 */
MUST_CHECK int listeners_open_beside(struct listeners *l,
    const struct config *c, const struct listeners *others, size_t *ret_service,
    size_t *ret_listen);

/*
 * The same, open already: in the order of `fds`, a 32-bit number each, 0 where
 * one was left out. Returns 0 or -EBADMSG: not so many; -ENOMEM.
 */
MUST_CHECK int listeners_adopt(struct listeners *l, const struct config *c,
    unsigned workers, const struct buf *fds);

#define LISTENERS_FAULT_TEXT 256

/* "service impala: cannot listen on 10.0.0.1:80: WHY", of those two. */
const char *listeners_fault(const struct config *c, size_t service,
    size_t listen, int e, char buf[static LISTENERS_FAULT_TEXT]);

/* As this configuration has it: what is the same socket may be another's. */
void listeners_keep_alive(const struct listeners *l);

void listeners_close(struct listeners *l);

/*
 * A listener's error on a host where all the others are enough: without IPv6,
 * of the [::] of a "*:PORT".
 */
bool listeners_can_lack(const struct config_service *s, size_t listen, int e);

/* Logs which were left out. */
void listeners_log(const struct listeners *l);

/* New clients get no answer from now on (listener_mute). */
void listeners_mute(struct listeners *l);

/*
 * New clients of a group's addresses get none, or one again. Where they can't
 * be muted all is as it was. Returns 0 or -errno.
 */
MUST_CHECK int listeners_mute_group(
    struct listeners *l, unsigned group, bool muted);
