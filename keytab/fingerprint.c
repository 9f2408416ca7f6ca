#include "keytab/fingerprint.h"

#include "core/secret.h"

#include <stdio.h>

const char *
fingerprint_text(struct keytab_span key, char buf[static FINGERPRINT_TEXT_MAX])
{
	/* The same on every host, so there is nothing to key it with. */
	const struct secret_key none = { { 0 } };
	struct secret_key whole;

	secret_derive(
	    &none, "hapair keytab fingerprint", key.at, key.len, &whole);
	for (unsigned i = 0; i < (FINGERPRINT_TEXT_MAX - 1) / 2; i++)
		(void)snprintf(buf + 2 * i, FINGERPRINT_TEXT_MAX - 2 * i,
		    "%02x", whole.bytes[i]);
	return buf;
}
