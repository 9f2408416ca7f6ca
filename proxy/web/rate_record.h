#pragma once

/*
 * The history of rates, written down by one relay for the next, whose file may
 * have other services and servers: what has the same names goes on, so that ten
 * minutes are ten minutes over any reload or upgrade. Encoded as tlv.h says, in
 * a memfd, which whoever does not know it closes. On the page's threads of
 * both.
 */

#include "core/base.h"

struct config;
struct rate_history;

/* A descriptor, or -errno: -ENODATA where there is nothing to tell. */
MUST_CHECK int rate_record_store(
    const struct rate_history *h, const struct config *c, size_t *ret_len);

/*
 * Before all that is here. Returns 0, -EBADMSG, -EPROTONOSUPPORT or -ENOMEM,
 * and then nothing is changed.
 */
MUST_CHECK int rate_record_load(
    struct rate_history *h, const struct config *c, int fd, size_t len);

/* Of both the part in memory; malloc'd, NULL: there is nothing, or no memory.
 */
uint8_t *rate_record_encode(
    const struct rate_history *h, const struct config *c, size_t *ret_len);
MUST_CHECK int rate_record_decode(struct rate_history *h,
    const struct config *c, const uint8_t *bytes, size_t len);
