#pragma once

/*
 * Hashes that logins of databases want: the door to OpenSSL, which libcurl
 * brings anyway. Nothing of ours rests on these.
 */

#include "core/base.h"

#define DIGEST_MD5_BYTES 16
#define DIGEST_SHA1_BYTES 20
#define DIGEST_SHA256_BYTES 32

/* False where the library has it not, as one in FIPS mode has no MD5. */
MUST_CHECK bool digest_md5(
    const void *bytes, size_t len, uint8_t ret_hash[static DIGEST_MD5_BYTES]);
MUST_CHECK bool digest_sha1(
    const void *bytes, size_t len, uint8_t ret_hash[static DIGEST_SHA1_BYTES]);
MUST_CHECK bool digest_sha256(const void *bytes, size_t len,
    uint8_t ret_hash[static DIGEST_SHA256_BYTES]);

/* HMAC-SHA-256, with a key that is as long as its result. */
MUST_CHECK bool digest_hmac(const uint8_t key[static DIGEST_SHA256_BYTES],
    const void *bytes, size_t len, uint8_t ret_mac[static DIGEST_SHA256_BYTES]);

/* PBKDF2 (RFC 8018) by HMAC-SHA-256. Takes a millisecond for 5,000 rounds. */
MUST_CHECK bool digest_stretch(const char *password, const void *salt,
    size_t salt_len, unsigned rounds,
    uint8_t ret_key[static DIGEST_SHA256_BYTES]);

/* Base64 with padding. Back: how many bytes; -1: it is none, or too long. */
void digest_to_base64(const void *bytes, size_t len, char *ret_text);
MUST_CHECK int digest_from_base64(
    const char *text, size_t len, uint8_t *ret_bytes, size_t room);
