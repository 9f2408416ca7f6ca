#pragma once

/*
 * Who may speak on the heartbeat: the keys of a pair, one a direction, all
 * derived from the key file, and the MAC at the end of each packet. A packet
 * of ours that comes back to us fails, for its direction has another key.
 *
 * Nodes are told apart by their heartbeat addresses: those must be the same in
 * both files for the two to talk at all, while names and order may differ
 * while a new file is rolled out.
 */

#include "core/base.h"
#include "core/secret.h"

union addr;

struct packet_auth {
	struct secret_key send, receive;
	uint64_t cluster, self, other; /* ids that tell nothing of the key */
	uint8_t key_id;
};

struct packet_auth packet_auth_init(const struct secret_key *key,
    const union addr *self, const union addr *other);
void packet_auth_fini(struct packet_auth *s); /* wipes the keys */

/*
 * Appends SECRET_MAC_BYTES to the `len` bytes; there must be room. Returns the
 * new length.
 */
size_t packet_auth_close(
    const struct packet_auth *s, uint8_t *bytes, size_t len);

/* Whether the MAC at the end of the `len` bytes is right. */
MUST_CHECK bool packet_auth_is_good(
    const struct packet_auth *s, const uint8_t *bytes, size_t len);

/* An id for a name, the same on both nodes. */
uint32_t packet_auth_name_id(const struct secret_key *key, const char *name);
