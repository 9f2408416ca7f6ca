#pragma once

/*
 * The door to libkrb5: what the programs that use a keytab will make of it.
 */

#include "core/base.h"
#include "keytab/keytab.h"

#define KERBEROS_WHY_MAX 256

/*
 * Whether libkrb5 reads these very entries, in this order, from the file, whose
 * path is absolute. Returns 0, or -errno with words for it.
 */
MUST_CHECK int kerberos_compare(const char *path,
    const struct keytab_entry *entries, size_t n,
    char ret_why[static KERBEROS_WHY_MAX]);
