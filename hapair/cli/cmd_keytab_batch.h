#pragma once

/*
 * `hapair keytab merge` for many hosts: one keytab of the virtual IP, a
 * directory with a keytab of each host, and one merged keytab for each of them.
 */

#include "core/base.h"
#include "hapair/cli/cmd_keytab_merge.h"

/*
 * Nothing is replaced before everything is prepared. Returns the exit status.
 */
int cmd_keytab_batch(const struct cmd_keytab_merge *m);
