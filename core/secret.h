#pragma once

/*
 * The door to libsodium: random bytes, a keyed MAC, a hash, and keys that are
 * wiped. Call secret_init() once before anything else here; it may be called
 * again.
 */

#include "core/trusted_path.h"

#define SECRET_KEY_BYTES 32
#define SECRET_KEYS_MAX 2 /* a new one and the old */
#define SECRET_ID_TEXT 9
#define SECRET_MAC_BYTES 16 /* HMAC-SHA-256 cut to 128 bits, RFC 2104 s. 5 */

struct secret_key {
	uint8_t bytes[SECRET_KEY_BYTES];
};

/* A pair's: the first is preferred. */
struct secret_keys {
	unsigned n;
	struct secret_key all[SECRET_KEYS_MAX];
};

/* Returns 0 or -EIO where the system has no random source. */
MUST_CHECK int secret_init(void);

void secret_random(void *ret_bytes, size_t len);

/* HMAC-SHA-256 over `len` bytes, cut to SECRET_MAC_BYTES. */
void secret_mac(const struct secret_key *key, const void *bytes, size_t len,
    uint8_t ret_mac[static SECRET_MAC_BYTES]);

/* The same, with the number in front: of the `number`th of many. */
void secret_mac_numbered(const struct secret_key *key, uint64_t number,
    const void *bytes, size_t len, uint8_t ret_mac[static SECRET_MAC_BYTES]);

/* Compares in constant time. */
bool secret_is_same(const void *a, const void *b, size_t len);

/*
 * A key for one purpose out of another: HMAC-SHA-256 of a label and a context,
 * whole. Different labels or contexts give unrelated keys.
 */
void secret_derive(const struct secret_key *key, const char *label,
    const void *context, size_t len, struct secret_key *ret_key);

/* A hash (BLAKE2b) of any length up to 64 bytes, no key. */
void secret_hash(
    const void *bytes, size_t len, uint8_t *ret_hash, size_t hash_len);

/*
 * An id of what is no secret, the same on both nodes and with each key; and one
 * of a key, which tells nothing of it and is never 0.
 */
uint64_t secret_public_id(const void *bytes, size_t len);
uint64_t secret_key_id(const struct secret_key *key, const char *label);

/*
 * SipHash-2-4, for tables whose keys a stranger can choose: quick, and without
 * the key nobody can tell which ones collide.
 */
uint64_t secret_short_hash(
    const struct secret_key *key, const void *bytes, size_t len);

#define SECRET_SEAL_BYTES 40 /* a nonce in front and a MAC behind */

/*
 * Encrypts (XChaCha20-Poly1305): nobody without the key reads or changes it.
 * `ret_sealed` has room for SECRET_SEAL_BYTES more than what is sealed.
 */
void secret_seal(const struct secret_key *key, const void *bytes, size_t len,
    uint8_t *ret_sealed);

/* Returns 0, with SECRET_SEAL_BYTES less than `len`; or -EBADMSG. */
MUST_CHECK int secret_unseal(const struct secret_key *key,
    const uint8_t *sealed, size_t len, void *ret_bytes);

#define SECRET_TAG_BYTES 16

/*
 * The same for the `number`th of many under one key (ChaCha20-Poly1305, RFC
 * 8439): no nonce is sent, and none may come twice, so that such a key is good
 * for one direction of one connection. `head` is not hidden, but sealed along:
 * what was sealed with another, or as another's number, is not opened.
 * `ret_sealed` has room for SECRET_TAG_BYTES more than `len`.
 */
void secret_seal_numbered(const struct secret_key *key, uint64_t number,
    const void *head, size_t head_len, const void *bytes, size_t len,
    uint8_t *ret_sealed);

/* Returns 0, with SECRET_TAG_BYTES less than `len`; or -EBADMSG. */
MUST_CHECK int secret_unseal_numbered(const struct secret_key *key,
    uint64_t number, const void *head, size_t head_len, const uint8_t *sealed,
    size_t len, void *ret_bytes);

/* Base64 (RFC 4648, with padding), malloc'd. NULL where memory is out. */
char *secret_base64(const void *bytes, size_t len);

/* Overwrites, in a way that no compiler leaves out. */
void secret_wipe(void *bytes, size_t len);

/*
 * A key file: SECRET_KEY_BYTES as hexadecimal digits and a newline, and a
 * second key in a second line while keys are changed; mode 0400 or 0600, and
 * TRUSTED_PATH_SECRET. `secret_load` returns 0 or -errno: -EPERM where others
 * may read or write it, -EINVAL where no key is in it, -EBADMSG where
 * something else is, too, -ENOTUNIQ where both keys are the same. `secret_save`
 * makes a new file with one key and never replaces a file: -EEXIST.
 */
MUST_CHECK int secret_load(const char *path, struct secret_keys *ret_keys);
MUST_CHECK int secret_save(const char *path, const struct secret_key *key);

/* Opens a file for reading, as TRUSTED_PATH_SECRET has it. */
MUST_CHECK int secret_open(const char *path);

#define SECRET_LINE_MAX 256 /* room enough, with the line's end */

/*
 * The first line of a file with a password, without its end; the same files
 * are refused as by secret_load. -EINVAL where the line is empty or does not
 * fit into the room. Returns 0 or -errno; the caller wipes it.
 */
MUST_CHECK int secret_load_line(const char *path, char *ret_line, size_t room);

/* What people call a key, by an id of it: "9f2c01ab". Returns `buf`. */
const char *secret_id_text(uint64_t id, char buf[static SECRET_ID_TEXT]);

/*
 * Why not, in words, for what secret_load() returned below 0, or
 * secret_load_line(). `buf`, or a constant.
 */
const char *secret_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX]);
const char *secret_line_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX]);
