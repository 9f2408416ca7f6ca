#pragma once

/*
 * The flags and the lines of clients that go with a keytab behind a virtual IP.
 *
 * Pure.
 */

#include "core/base.h"
#include "keytab/spn.h"

struct flags {
	struct spn vip;  /* what clients ask for */
	struct spn host; /* what daemons are called among themselves */
};

#define FLAGS_TEXT_MAX (32 * SPN_PART_MAX)

/*
 * Chooses from the entries: of the virtual IP `proxy` before any other service,
 * but HTTP, which is not for this port; of the host `impala`, and in the same
 * realm. Returns 0, or -ENOENT with the host that is not there.
 */
MUST_CHECK int flags_choose(const struct keytab_entry *entries, size_t n,
    const char *vip, const char *host, struct flags *ret_flags,
    const char **ret_missing);

/*
 * What the users of each client write, a line each, into `buf`, which is also
 * returned.
 */
const char *flags_clients_text(
    const struct flags *f, unsigned port, char buf[static FLAGS_TEXT_MAX]);
