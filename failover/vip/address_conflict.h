#pragma once

/*
 * Who else showed that it has one of a group's addresses, since when, and when
 * it was last seen: for `status`. What is done about it the election decides,
 * and has done by then. A value; embedded in struct role_group.
 *
 * Pure: the time is an argument.
 */

#include "core/mono.h"
#include "core/msg.h"

struct address_conflict {
	/* What was shown last, of whoever that was. */
	uint8_t shown_mac[MSG_MAC_BYTES];
	uint8_t shown_address;
	/* Of somebody who must not have it; never(): nobody. */
	struct mono first, last;
	uint8_t mac[MSG_MAC_BYTES];
	uint8_t address;
	bool peer;
};

struct address_conflict address_conflict_none(void);

/* This host shows this address, an index into the group's. */
void address_conflict_see(struct address_conflict *c, unsigned address,
    const uint8_t mac[static MSG_MAC_BYTES]);

/* The election says that what was shown last must not be. */
void address_conflict_note(
    struct address_conflict *c, bool peer, struct mono now);

struct msg_conflict address_conflict_message(
    const struct address_conflict *c, struct mono now);
