#include "proxy/web/web_response.h"

#include <microhttpd.h>
#include <stdint.h>
#include <string.h>

#define POLICY                                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; "          \
	"form-action 'none'; frame-ancestors 'none'"

unsigned
web_response_status(enum metrics_code code)
{
	switch (code) {
	case METRICS_CODE_200:
		return MHD_HTTP_OK;
	case METRICS_CODE_401:
		return MHD_HTTP_UNAUTHORIZED;
	case METRICS_CODE_404:
		return MHD_HTTP_NOT_FOUND;
	case METRICS_CODE_405:
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	case METRICS_CODE_503:
	case METRICS_CODES:
		break;
	}
	return MHD_HTTP_SERVICE_UNAVAILABLE;
}

bool
web_response_add_headers(struct MHD_Response *r, const char *type)
{
	static const char *const all[][2] = {
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "Content-Security-Policy", POLICY },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options",
		    "DENY" }, /* for browsers without policies */
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	bool good = MHD_add_response_header(
	                r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;

	for (size_t i = 0; good && i < ARRAY_LEN(all); i++)
		good =
		    MHD_add_response_header(r, all[i][0], all[i][1]) == MHD_YES;
	return good;
}

bool
web_response_add_close(struct MHD_Response *r)
{
	return MHD_add_response_header(
	           r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
}

struct MHD_Response *
web_response_fixed(const char *text, const char *header, const char *value)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	bool good = r != NULL &&
	    web_response_add_headers(r, "text/plain; charset=utf-8");

	if (good && header != NULL)
		good = MHD_add_response_header(r, header, value) == MHD_YES;
	if (!good && r != NULL) {
		MHD_destroy_response(r);
		r = NULL;
	}
	return r;
}
