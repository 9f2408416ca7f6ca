#pragma once

/*
 * What is wrong with the Kerberos flags that an impalad has: found in its flag
 * file, or in the file of /etc/default that holds them as a shell variable.
 *
 * Pure.
 */

#include "core/base.h"
#include "keytab/keytab.h"

#define LINT_VALUE_MAX 1024
#define LINT_MAX 16

struct lint_flag {
	const char *name; /* without dashes */
	unsigned line;    /* of its last place, which counts; 0: nowhere */
	unsigned times;
	char value[LINT_VALUE_MAX];
};

struct lint_flags {
	struct lint_flag principal, be_principal, keytab_file;
};

/* What the flags have to fit; NULL or 0 where nobody told. */
struct lint_world {
	const char *vip, *host; /* borrowed */
	const char *keytab_path;
	const struct keytab_entry *entries;
	size_t n_entries;
};

struct lint_finding {
	const struct lint_flag *flag; /* borrowed: of the flags */
	const char *words;            /* what is wrong with it */
};

/* Values that are too long are cut, and then no names. */
void lint_parse(const char *text, size_t len, struct lint_flags *ret_flags);

/* Returns how many. */
unsigned lint_find(const struct lint_flags *f, const struct lint_world *w,
    struct lint_finding ret_findings[static LINT_MAX]);
