#pragma once

/*
 * Basic authentication (RFC 7617): whether a header `Authorization` has the
 * name and the password. What it should have is made once; a header is
 * compared with that and never decoded. That takes the same time wherever they
 * differ.
 */

#include "core/base.h"

/* Of a name of 63 characters, ':' and a password of 255, in base64. */
#define WEB_AUTH_MAX 432

struct web_auth {
	bool wanted; /* else everybody may ask */
	size_t len;
	char right[WEB_AUTH_MAX]; /* zeroes behind it */
};

/*
 * `password` NULL: it could not be read, and nobody is let in. Returns 0,
 * -ENOMEM or -EMSGSIZE.
 */
MUST_CHECK int web_auth_init(
    struct web_auth *a, const char *user, const char *password);
void web_auth_fini(struct web_auth *a); /* wipes; takes zeroes */

/* `header` NULL: there is none. */
bool web_auth_is_right(const struct web_auth *a, const char *header);
