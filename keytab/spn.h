#pragma once

/*
 * A principal of a service as people write it: SERVICE/HOST@REALM.
 *
 * Pure.
 */

#include "core/base.h"
#include "keytab/keytab.h"

#define SPN_PART_MAX 256

struct spn {
	char service[SPN_PART_MAX], host[SPN_PART_MAX];
	char realm[SPN_PART_MAX]; /* "" where the default one is meant */
};

/* Returns 0, or -EINVAL where it is not of this form. */
MUST_CHECK int spn_parse(const char *text, struct spn *ret_spn);

/* The entry's; -EINVAL where it has not two components, or odd ones. */
MUST_CHECK int spn_of(const struct keytab_entry *e, struct spn *ret_spn);

bool spn_is_same(const struct spn *a, const struct spn *b);

/* Whether the host is a full name in small letters, as a client asks for it. */
bool spn_has_good_host(const struct spn *s);
