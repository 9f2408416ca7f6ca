#pragma once

/*
 * The virtual IPs between two failovers of different files, while neither of
 * them runs: what no group has any more goes, and what the groups of which this
 * node is master have besides comes, so that the new failover finds them whole
 * and goes on as master. Nobody else is to change an address then.
 */

struct generation;

void address_change_make(
    const struct generation *before, const struct generation *after);
