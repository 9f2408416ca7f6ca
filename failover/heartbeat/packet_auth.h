#pragma once

/*
 * Who may speak on the heartbeat: the keys of a pair, each with one a
 * direction, derived from the key file, and the MAC at the end of each packet.
 * A packet of ours that comes back to us fails, for its direction has another
 * key.
 *
 * There are two while keys are changed, node by node: what is signed with
 * either is good. With which one we sign is peer.c's choice.
 *
 * Nodes are told apart by their heartbeat addresses: those must be the same in
 * both files for the two to talk at all, while names and order may differ
 * while a new file is rolled out.
 */

#include "core/base.h"
#include "core/secret.h"

union addr;

struct packet_auth_key {
	uint64_t id; /* tells nothing of the key; never 0 */
	struct secret_key send, receive;
};

struct packet_auth {
	uint64_t self, other; /* ids of the nodes */
	unsigned n;
	struct packet_auth_key keys[SECRET_KEYS_MAX]; /* in the file's order */
	/* The keys that we and the peer sign with, as agreed; 0: not yet. */
	uint64_t signs, hears;
};

struct packet_auth packet_auth_init(const struct secret_keys *keys,
    const union addr *self, const union addr *other);
void packet_auth_fini(struct packet_auth *s); /* wipes the keys */

/* The key of this id, borrowed; NULL where it is none of ours. */
const struct packet_auth_key *packet_auth_find(
    const struct packet_auth *s, uint64_t id);

/*
 * Appends SECRET_MAC_BYTES to the `len` bytes; there must be room. Returns the
 * new length.
 */
size_t packet_auth_close(
    const struct packet_auth_key *key, uint8_t *bytes, size_t len);

/* Whether the MAC at the end of the `len` bytes is right. */
MUST_CHECK bool packet_auth_is_good(
    const struct packet_auth_key *key, const uint8_t *bytes, size_t len);

/* An id for a key, and for a name: the same on both nodes. */
uint64_t packet_auth_key_id(const struct secret_key *key);
uint32_t packet_auth_name_id(const char *name);
