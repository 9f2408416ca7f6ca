#pragma once

/*
 * What every answer of the page has in common: its status, and the headers that
 * forbid to frame, to cache and to load from elsewhere. Of libmicrohttpd's
 * responses, for web_http.c alone.
 */

#include "core/base.h"
#include "proxy/web/metrics.h"

struct MHD_Response;

unsigned web_response_status(enum metrics_code code);

/* False: memory is out. */
MUST_CHECK bool web_response_add_headers(
    struct MHD_Response *r, const char *type);

/* With the answer its connection ends. False: memory is out. */
bool web_response_add_close(struct MHD_Response *r);

/*
 * Of a text that is there for ever, with one header more; NULL: none. NULL:
 * memory is out.
 */
struct MHD_Response *web_response_fixed(
    const char *text, const char *header, const char *value);
