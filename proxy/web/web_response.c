#include "proxy/web/web_response.h"

#define POLICY                                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; "          \
	"form-action 'none'; frame-ancestors 'none'"

const struct web_response_header web_response_headers[] = {
	{ "Cache-Control", "no-store" },
	{ "Content-Security-Policy", POLICY },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" }, /* for browsers without policies */
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ NULL, NULL },
};

const struct web_response web_response_fixed[] = {
	[METRICS_CODE_200] = { .text = "serving\n" },
	[METRICS_CODE_401] = { .text = "a name and a password, please\n",
	    .header = { "WWW-Authenticate",
	        "Basic realm=\"hapair\", charset=\"UTF-8\"" } },
	[METRICS_CODE_404] = { .text = "there is no such page\n" },
	[METRICS_CODE_405] = { .text =
	                           "nothing can be changed here: GET and HEAD alone\n",
	    .header = { "Allow", "GET, HEAD" } },
	[METRICS_CODE_503] = { .text = "no news yet, ask once more\n",
	    .header = { "Retry-After", "1" } },
	[WEB_RESPONSE_NOT_SERVING] = { .text = "not serving\n" },
};

unsigned
web_response_status(enum metrics_code code)
{
	switch (code) {
	case METRICS_CODE_200:
		return 200;
	case METRICS_CODE_401:
		return 401;
	case METRICS_CODE_404:
		return 404;
	case METRICS_CODE_405:
		return 405;
	case METRICS_CODE_503:
	case METRICS_CODES:
		break;
	}
	return 503;
}
