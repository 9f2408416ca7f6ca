#include "core/secret.h"

#include "core/fd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define HEX_BYTES (SECRET_KEY_BYTES * 2)

int
secret_init(void)
{
	return sodium_init() == -1 ? -EIO : 0;
}

void
secret_random(void *ret_bytes, size_t len)
{
	randombytes_buf(ret_bytes, len);
}

static void
hmac(const struct secret_key *key, const void *a, size_t a_len, const void *b,
    size_t b_len, uint8_t ret_full[static crypto_auth_hmacsha256_BYTES])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key->bytes, sizeof(key->bytes));
	crypto_auth_hmacsha256_update(&state, a, a_len);
	crypto_auth_hmacsha256_update(&state, b, b_len);
	crypto_auth_hmacsha256_final(&state, ret_full);
	sodium_memzero(&state, sizeof(state));
}

void
secret_mac(const struct secret_key *key, const void *bytes, size_t len,
    uint8_t ret_mac[static SECRET_MAC_BYTES])
{
	uint8_t full[crypto_auth_hmacsha256_BYTES];

	hmac(key, bytes, len, "", 0, full);
	memcpy(ret_mac, full, SECRET_MAC_BYTES);
}

void
secret_mac_numbered(const struct secret_key *key, uint64_t number,
    const void *bytes, size_t len, uint8_t ret_mac[static SECRET_MAC_BYTES])
{
	uint8_t full[crypto_auth_hmacsha256_BYTES];
	const uint64_t in_front = htobe64(number);

	hmac(key, &in_front, sizeof(in_front), bytes, len, full);
	memcpy(ret_mac, full, SECRET_MAC_BYTES);
}

bool
secret_is_same(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void
secret_derive(const struct secret_key *key, const char *label,
    const void *context, size_t len, struct secret_key *ret_key)
{
	_Static_assert(SECRET_KEY_BYTES == crypto_auth_hmacsha256_BYTES,
	    "a derived key is one whole MAC");
	/* The label's NUL parts it from the context: no two pairs run alike. */
	hmac(key, label, strlen(label) + 1, context, len, ret_key->bytes);
}

void
secret_hash(const void *bytes, size_t len, uint8_t *ret_hash, size_t hash_len)
{
	(void)crypto_generichash(ret_hash, hash_len, bytes, len, NULL, 0);
}

uint64_t
secret_public_id(const void *bytes, size_t len)
{
	uint64_t id;

	secret_hash(bytes, len, (uint8_t *)&id, sizeof(id));
	return id;
}

uint64_t
secret_key_id(const struct secret_key *key, const char *label)
{
	struct secret_key derived;
	uint64_t id;

	secret_derive(key, label, NULL, 0, &derived);
	memcpy(&id, derived.bytes, sizeof(id));
	secret_wipe(&derived, sizeof(derived));
	return id != 0 ? id : 1;
}

uint64_t
secret_short_hash(const struct secret_key *key, const void *bytes, size_t len)
{
	uint64_t h;

	_Static_assert(SECRET_KEY_BYTES >= crypto_shorthash_KEYBYTES &&
	        crypto_shorthash_BYTES == sizeof(h),
	    "SipHash-2-4 takes a part of the key");
	(void)crypto_shorthash((unsigned char *)&h, bytes, len, key->bytes);
	return h;
}

void
secret_seal(const struct secret_key *key, const void *bytes, size_t len,
    uint8_t *ret_sealed)
{
	uint8_t *const behind =
	    ret_sealed + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

	_Static_assert(
	    SECRET_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
	        SECRET_SEAL_BYTES ==
	            crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
	                crypto_aead_xchacha20poly1305_ietf_ABYTES,
	    "a nonce of 24 bytes, which may be any, and a MAC of 16");
	randombytes_buf(
	    ret_sealed, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
	    behind, NULL, bytes, len, NULL, 0, NULL, ret_sealed, key->bytes);
}

int
secret_unseal(const struct secret_key *key, const uint8_t *sealed, size_t len,
    void *ret_bytes)
{
	const size_t nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

	if (len < SECRET_SEAL_BYTES ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(ret_bytes, NULL, NULL,
	        sealed + nonce, len - nonce, NULL, 0, sealed, key->bytes) == -1)
		return -EBADMSG;
	return 0;
}

/* RFC 8439, s. 2.8: any 12 bytes, if they never come twice with a key. */
static void
put_number(
    uint64_t number, uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
	_Static_assert(
	    SECRET_KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES &&
	        SECRET_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES &&
	        crypto_aead_chacha20poly1305_ietf_NPUBBYTES == 12,
	    "a nonce of 12 bytes, and a MAC of 16");
	memset(nonce, 0, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
	for (unsigned i = 0; i < sizeof(number); i++)
		nonce[4 + i] = (uint8_t)(number >> 8 * i);
}

void
secret_seal_numbered(const struct secret_key *key, uint64_t number,
    const void *head, size_t head_len, const void *bytes, size_t len,
    uint8_t *ret_sealed)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	put_number(number, nonce);
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(ret_sealed, NULL, bytes,
	    len, head, head_len, NULL, nonce, key->bytes);
}

int
secret_unseal_numbered(const struct secret_key *key, uint64_t number,
    const void *head, size_t head_len, const uint8_t *sealed, size_t len,
    void *ret_bytes)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	put_number(number, nonce);
	if (len < SECRET_TAG_BYTES ||
	    crypto_aead_chacha20poly1305_ietf_decrypt(ret_bytes, NULL, NULL,
	        sealed, len, head, head_len, nonce, key->bytes) == -1)
		return -EBADMSG;
	return 0;
}

char *
secret_base64(const void *bytes, size_t len)
{
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	const size_t room = sodium_base64_encoded_len(len, variant);
	char *text = malloc(room);

	if (text != NULL)
		(void)sodium_bin2base64(text, room, bytes, len, variant);
	return text;
}

void
secret_wipe(void *bytes, size_t len)
{
	sodium_memzero(bytes, len);
}

int
secret_open(const char *path)
{
	return trusted_path_open(path, TRUSTED_PATH_SECRET, O_RDONLY, 0, NULL);
}

static bool
parse_key(const char *text, size_t len, struct secret_key *ret_key)
{
	size_t n = 0;

	return len >= HEX_BYTES &&
	    sodium_hex2bin(ret_key->bytes, SECRET_KEY_BYTES, text, HEX_BYTES,
	        NULL, &n, NULL) == 0 &&
	    n == SECRET_KEY_BYTES;
}

/* Of a text that is no key file: whether there is a key all the same. */
static int
blame(const char *text, size_t len)
{
	struct secret_key key;
	int result = -EINVAL;

	for (size_t at = 0; at < len; at++)
		if (parse_key(text + at, len - at, &key))
			result = -EBADMSG;
	sodium_memzero(&key, sizeof(key));
	return result;
}

/* The keys of a text, a line each; the last line's end may be missing. */
static int
parse_keys(const char *text, size_t len, struct secret_keys *ret_keys)
{
	struct secret_keys k = { .n = 0 };
	size_t at = 0;
	bool good;
	int result = 0;

	do {
		good = k.n < SECRET_KEYS_MAX &&
		    parse_key(text + at, len - at, &k.all[k.n]);
		k.n++;
		at += HEX_BYTES;
		if (good && at < len)
			good = text[at++] == '\n';
	} while (good && at < len);
	if (!good)
		result = blame(text, len);
	else if (k.n == SECRET_KEYS_MAX &&
	    secret_is_same(&k.all[0], &k.all[1], SECRET_KEY_BYTES))
		result = -ENOTUNIQ;
	if (result == 0)
		*ret_keys = k;
	sodium_memzero(&k, sizeof(k));
	return result;
}

int
secret_load(const char *path, struct secret_keys *ret_keys)
{
	CLEANUP(fd_close) int fd = secret_open(path);
	char text[SECRET_KEYS_MAX * (HEX_BYTES + 1) + 1];
	ssize_t n;
	int result;

	if (fd < 0)
		return fd_take(&fd);
	n = read(fd, text, sizeof(text));
	if (n == -1)
		return -errno;
	result = parse_keys(text, (size_t)n, ret_keys);
	sodium_memzero(text, sizeof(text));
	return result;
}

const char *
secret_id_text(uint64_t id, char buf[static SECRET_ID_TEXT])
{
	(void)snprintf(buf, SECRET_ID_TEXT, "%08" PRIx32, (uint32_t)id);
	return buf;
}

const char *
secret_fault(const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX])
{
	if (error == -EINVAL)
		return "holds no key; expected what `hapair genkey` writes, or two such lines";
	if (error == -EBADMSG)
		return "holds something besides its keys, such as a third key, a blank line or a carriage return; expected one or two lines of 64 hexadecimal digits";
	if (error == -ENOTUNIQ)
		return "holds the same key twice; expected the new one and the old one";
	return trusted_path_fault(path, TRUSTED_PATH_SECRET, error, buf);
}

int
secret_save(const char *path, const struct secret_key *key)
{
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int fd = -1;
	char text[HEX_BYTES + 1], name[TRUSTED_PATH_NAME_MAX];
	int e;

	dir = trusted_path_parent(path, TRUSTED_PATH_ANYBODYS, name, NULL);
	if (dir < 0)
		return fd_take(&dir);
	fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd == -1)
		return -errno;
	(void)sodium_bin2hex(
	    text, sizeof(text), key->bytes, sizeof(key->bytes));
	text[HEX_BYTES] = '\n'; /* where the NUL was */
	e = fd_write_all(fd, text, sizeof(text));
	if (e == 0 && fsync(fd) == -1)
		e = -errno;
	sodium_memzero(text, sizeof(text));
	if (e < 0)
		(void)unlinkat(dir, name, 0);
	return e;
}

int
secret_load_line(const char *path, char *ret_line, size_t room)
{
	CLEANUP(fd_close) int fd = secret_open(path);
	ssize_t n;
	size_t len;

	if (fd < 0)
		return fd_take(&fd);
	n = read(fd, ret_line, room - 1);
	if (n == -1)
		return -errno;
	ret_line[n] = '\0';
	len = strcspn(ret_line, "\r\n");
	/* No line's end, and no room for one: it may go on. */
	if (len == 0 || len == room - 1) {
		secret_wipe(ret_line, room);
		return -EINVAL;
	}
	secret_wipe(ret_line + len, room - len);
	return 0;
}

const char *
secret_line_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX])
{
	if (error == -EINVAL)
		return "there is no password in its first line";
	return trusted_path_fault(path, TRUSTED_PATH_SECRET, error, buf);
}
