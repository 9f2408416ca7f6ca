#pragma once

/*
 * The virtual IPs from one failover to one of another file. What the groups of
 * which this node is master have besides comes while neither of them runs, so
 * that the new one finds them whole and goes on as master; what no group has
 * any more goes when the new one has begun, for that can wait, and it cannot.
 * A group that does not hold what it had is left alone. The kernel is asked
 * only where addresses differ.
 */

struct generation;

/* Also takes what is on another interface now from the one where it was. */
void address_change_add(
    const struct generation *before, const struct generation *after);

void address_change_remove(
    const struct generation *before, const struct generation *after);
