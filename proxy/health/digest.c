#include "proxy/health/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

bool
digest_md5(
    const void *bytes, size_t len, uint8_t ret_hash[static DIGEST_MD5_BYTES])
{
	return EVP_Digest(bytes, len, ret_hash, NULL, EVP_md5(), NULL) == 1;
}

bool
digest_sha1(
    const void *bytes, size_t len, uint8_t ret_hash[static DIGEST_SHA1_BYTES])
{
	return EVP_Digest(bytes, len, ret_hash, NULL, EVP_sha1(), NULL) == 1;
}

bool
digest_sha256(
    const void *bytes, size_t len, uint8_t ret_hash[static DIGEST_SHA256_BYTES])
{
	return EVP_Digest(bytes, len, ret_hash, NULL, EVP_sha256(), NULL) == 1;
}

bool
digest_hmac(const uint8_t key[static DIGEST_SHA256_BYTES], const void *bytes,
    size_t len, uint8_t ret_mac[static DIGEST_SHA256_BYTES])
{
	return HMAC(EVP_sha256(), key, DIGEST_SHA256_BYTES, bytes, len, ret_mac,
	           NULL) != NULL;
}

bool
digest_stretch(const char *password, const void *salt, size_t salt_len,
    unsigned rounds, uint8_t ret_key[static DIGEST_SHA256_BYTES])
{
	if (salt_len > INT_MAX || rounds > INT_MAX)
		return false;
	return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt,
	           (int)salt_len, (int)rounds, EVP_sha256(),
	           DIGEST_SHA256_BYTES, ret_key) == 1;
}

void
digest_to_base64(const void *bytes, size_t len, char *ret_text)
{
	(void)EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)len);
}

/* The library counts what the padding stands for. */
int
digest_from_base64(
    const char *text, size_t len, uint8_t *ret_bytes, size_t room)
{
	int n;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 > room)
		return -1;
	n = EVP_DecodeBlock(ret_bytes, (const unsigned char *)text, (int)len);
	if (n < 0)
		return -1;
	for (size_t i = 1; i <= 2 && text[len - i] == '='; i++)
		n--;
	return n;
}
