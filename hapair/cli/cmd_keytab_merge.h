#pragma once

/*
 * What both forms of `hapair keytab merge` are asked for; the one for many
 * hosts is in cmd_keytab_batch.c.
 */

#include "core/base.h"
#include "hapair/cli/rewrite.h"

struct cmd_keytab_merge {
	const char *out;                     /* -o */
	const char *proxy, *hosts, *out_dir; /* of many hosts */
	char **files;                        /* IN... */
	size_t n_files;
	struct bundle_rules rules;
	struct replace_owner owner;
};
