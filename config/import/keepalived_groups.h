#pragma once

/*
 * vrrp_instances as groups of virtual IPs: each is one, and those of a
 * vrrp_sync_group are one together, on several interfaces where it is so.
 */

#include "config/import/keepalived_hosts.h"

void keepalived_groups_read(struct keepalived_hosts *h);

/* Priorities that are not the nodes', once these are known. */
void keepalived_groups_rank(struct keepalived_hosts *h);

/* The interface of an instance; NULL: none is said. */
const char *keepalived_groups_interface(const struct keepalived_hosts *h,
    const struct keepalived_hosts_instance *i);
