#include "keytab/enctype.h"

#include <stdio.h>

/* RFC 3961 s. 8.3, RFC 3962, RFC 4757, RFC 6803, RFC 8009. */
static const struct row {
	uint16_t enctype;
	uint8_t key_bytes;
	bool weak;
	const char *name;
} rows[] = {
	{ 1, 8, true, "des-cbc-crc" },
	{ 2, 8, true, "des-cbc-md4" },
	{ 3, 8, true, "des-cbc-md5" },
	{ 16, 24, true, "des3-cbc-sha1" },
	{ 17, 16, false, "aes128-cts-hmac-sha1-96" },
	{ 18, 32, false, "aes256-cts-hmac-sha1-96" },
	{ 19, 16, false, "aes128-cts-hmac-sha256-128" },
	{ 20, 32, false, "aes256-cts-hmac-sha384-192" },
	{ 23, 16, true, "arcfour-hmac" },
	{ 24, 16, true, "arcfour-hmac-exp" },
	{ 25, 16, false, "camellia128-cts-cmac" },
	{ 26, 32, false, "camellia256-cts-cmac" },
};

static const struct row *
find(uint16_t enctype)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].enctype == enctype)
			return &rows[i];
	return NULL;
}

const char *
enctype_name(uint16_t enctype, char buf[static ENCTYPE_TEXT_MAX])
{
	const struct row *r = find(enctype);

	if (r != NULL)
		(void)snprintf(buf, ENCTYPE_TEXT_MAX, "%s", r->name);
	else
		(void)snprintf(
		    buf, ENCTYPE_TEXT_MAX, "enctype %d", (int16_t)enctype);
	return buf;
}

size_t
enctype_key_bytes(uint16_t enctype)
{
	const struct row *r = find(enctype);

	return r != NULL ? r->key_bytes : 0;
}

bool
enctype_is_weak(uint16_t enctype)
{
	const struct row *r = find(enctype);

	return r != NULL && r->weak;
}
