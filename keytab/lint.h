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
	unsigned line; /* of its last place, which counts; 0: nowhere */
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

enum lint_kind {
	LINT_NO_PRINCIPAL,
	LINT_NO_KEYTAB,
	LINT_TWICE,
	LINT_NO_NAME, /* not SERVICE/HOST@REALM */
	LINT_UNDERSCORE_HOST,
	LINT_BAD_HOST,
	LINT_SWAPPED,
	LINT_ONE_FOR_ALL, /* no --be_principal beside a virtual IP */
	LINT_NOT_THE_VIP,
	LINT_NOT_THE_HOST,
	LINT_NOT_IN_KEYTAB,
	LINT_OTHER_KEYTAB,
};

struct lint_finding {
	enum lint_kind kind;
	const struct lint_flag *flag; /* borrowed: of the flags */
	const char *name;             /* of the flag, without dashes */
};

/* Values that are too long are cut, and then no names. */
void lint_parse(const char *text, size_t len, struct lint_flags *ret_flags);

/* Returns how many. */
unsigned lint_find(const struct lint_flags *f, const struct lint_world *w,
    struct lint_finding ret_findings[static LINT_MAX]);

const char *lint_words(enum lint_kind kind);
