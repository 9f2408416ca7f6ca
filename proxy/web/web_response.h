#pragma once

/*
 * What answers of the page have in common: the headers that forbid to frame, to
 * cache and to load from elsewhere, and the texts that are always the same. Of
 * these one is at each code, the one at 200 of a /health that serves. Data, for
 * web_http.c.
 */

#include "proxy/web/metrics.h"

#define WEB_RESPONSE_NOT_SERVING METRICS_CODES
#define WEB_RESPONSE_COUNT (METRICS_CODES + 1)

struct web_response_header {
	const char *name, *value; /* NULL: none */
};

struct web_response {
	const char *text;
	struct web_response_header header; /* one more */
};

extern const struct web_response_header web_response_headers[]; /* to NULL */
extern const struct web_response web_response_fixed[WEB_RESPONSE_COUNT];

unsigned web_response_status(enum metrics_code code);
