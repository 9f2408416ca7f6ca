#pragma once

/*
 * A user or group as the configuration names it: by a name of this host, or by
 * its number, which needs none.
 */

#include "core/base.h"
#include "core/proc.h"

/*
 * A number that no user has is a group of the same number, too. False: there is
 * none of that name.
 */
MUST_CHECK bool user_name_find(const char *name, struct proc_user *ret_user);
MUST_CHECK bool user_name_find_group(const char *name, gid_t *ret_gid);
