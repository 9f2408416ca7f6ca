#pragma once

/*
 * One keytab that `hapair keytab merge` makes: what goes into it, written
 * beside the one that is there and read back, then put in its place. Says
 * itself what goes wrong, on stderr.
 */

#include "core/base.h"
#include "keytab/bundle.h"
#include "keytab/replace.h"

struct rewrite {
	const char *out; /* borrowed */
	struct bundle bundle;
	struct replace replace;
};

/* The empty value. */
struct rewrite rewrite_nothing(void);

/* Returns 0 or -errno; `out` is as it was in either case. */
MUST_CHECK int rewrite_prepare(struct rewrite *w, const char *out,
    const struct keyfile *files, size_t n_files,
    const struct bundle_rules *rules, struct replace_owner owner);

/* Returns 0 or -errno; says on stdout what is there now. */
MUST_CHECK int rewrite_commit(struct rewrite *w);

void rewrite_close(struct rewrite *w);
