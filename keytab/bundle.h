#pragma once

/*
 * From keytab files to the bytes of the one that they become: chooses, unites,
 * prunes and serializes. Owns those bytes, in a vault; the files stay the
 * caller's, and open as long as the bundle lives.
 */

#include "core/base.h"
#include "keytab/keyfile.h"
#include "keytab/merge.h"

#define BUNDLE_WHY_MAX (2 * KEYTAB_TEXT_MAX + 600)

struct bundle_rules {
	const char *const *patterns; /* a principal matches one; borrowed */
	size_t n_patterns;           /* 0: all do */
	uint32_t oldest_kvno;
};

struct bundle {
	struct merge_item *items; /* what is in it, in this order */
	size_t n;
	struct vault vault;
	size_t len; /* of what is in the vault */
};

/*
 * Returns 0, or -errno with words for it. `b` is to be closed in either case.
 */
MUST_CHECK int bundle_make(struct bundle *b, const struct keyfile *files,
    size_t n_files, const struct bundle_rules *rules,
    char ret_why[static BUNDLE_WHY_MAX]);
void bundle_close(struct bundle *b);

/* Whether it has that very key. */
bool bundle_has(const struct bundle *b, const struct keytab_entry *e);
