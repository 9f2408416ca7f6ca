#pragma once

/*
 * The two hosts of a pair as their keepalived.conf has them, one file of each
 * or that of one alone: their vrrp_instances side by side, and what each node
 * is called, has for an address and is worth. What no file says is made up, and
 * marked to be filled in.
 */

#include "config/import/import_plan.h"
#include "config/import/keepalived_text.h"

struct keepalived_hosts_instance {
	const char *name;
	/* By host; NULL: its file is not there, or has no such. */
	const struct keepalived_text_line *of[CONFIG_NODES];
	/* Its vrrp_sync_group on the first host that has one, or NULL. */
	const struct keepalived_text_line *sync;
	struct import_plan_group *group; /* once it is there; NULL: none */
	bool is_done;
};

struct keepalived_hosts {
	struct import_plan *plan;
	const struct keepalived_text *texts[CONFIG_NODES]; /* NULL: unknown */
	struct keepalived_hosts_instance *all;
	size_t n;
};

/* `second` may be NULL. */
struct keepalived_hosts keepalived_hosts_read(struct import_plan *plan,
    const struct keepalived_text *first, const struct keepalived_text *second);

/* Fills in the pair's nodes; virtual IPs are known by then. */
void keepalived_hosts_name(struct keepalived_hosts *h);

/* Of an instance: the line of the first host that has it. */
const struct keepalived_text_line *keepalived_hosts_line(
    const struct keepalived_hosts_instance *i);

/* What that instance is worth on a host, 1 to 254; 0: it is not said. */
unsigned keepalived_hosts_priority(struct keepalived_hosts *h,
    const struct keepalived_hosts_instance *i, size_t host);

/* What the other host, whose file is not there, may have: 1 to 254. */
unsigned keepalived_hosts_guess(
    const struct keepalived_text_line *l, unsigned own);
