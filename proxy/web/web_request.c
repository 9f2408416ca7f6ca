#include "proxy/web/web_request.h"

#include <string.h>

#define SCRIPT "text/javascript; charset=utf-8"

static const struct {
	const char *path, *type;
} all[WEB_REQUEST_COUNT] = {
	[WEB_REQUEST_PAGE] = { "/", "text/html; charset=utf-8" },
	[WEB_REQUEST_STYLE] = { "/page.css", "text/css; charset=utf-8" },
	[WEB_REQUEST_SCRIPT] = { "/page.js", SCRIPT },
	[WEB_REQUEST_DRAW] = { "/page_draw.js", SCRIPT },
	[WEB_REQUEST_ROWS] = { "/page_services.js", SCRIPT },
	[WEB_REQUEST_LIVE] = { "/page.json", "application/json" },
	[WEB_REQUEST_HISTORY] = { "/history.json", "application/json" },
	[WEB_REQUEST_STATUS] = { "/status.json", "application/json" },
	[WEB_REQUEST_EVENTS] = { "/events.json", "application/json" },
	[WEB_REQUEST_METRICS] = { "/metrics",
	    "text/plain; version=0.0.4; charset=utf-8" },
	[WEB_REQUEST_OPENMETRICS] = { NULL,
	    "application/openmetrics-text; version=1.0.0; charset=utf-8" },
	[WEB_REQUEST_HEALTH] = { "/health", "text/plain; charset=utf-8" },
};

/* A quality in thousandths: "0.75" is 750; what is none counts as 1. */
static unsigned
parse_quality(const char *text)
{
	unsigned n = 0, scale = 100;

	if (*text != '0')
		return 1000;
	if (*++text != '.')
		return 0;
	while (*++text >= '0' && *text <= '9' && scale > 0) {
		n += (unsigned)(*text - '0') * scale;
		scale /= 10;
	}
	return n;
}

/* Of an item, "text/plain;version=0.0.4;q=0.5", of `len` characters. */
static unsigned
quality_of(const char *item, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (item[i] != ';')
			continue;
		while (i + 1 < len && item[i + 1] == ' ')
			i++;
		if (i + 3 < len && (item[i + 1] | 0x20) == 'q' &&
		    item[i + 2] == '=')
			return parse_quality(item + i + 3);
	}
	return 1000;
}

/* The best of a type's; 0: it is not wanted. Ranges are nobody's first wish. */
static unsigned
wanted(const char *accept, const char *type)
{
	const size_t type_len = strlen(type);
	unsigned best = 0;

	while (*accept != '\0') {
		const char *end = strchr(accept, ',');
		size_t len;

		while (*accept == ' ' || *accept == '\t')
			accept++;
		if (end == NULL)
			end = accept + strlen(accept);
		len = end > accept ? (size_t)(end - accept) : 0;
		if (len >= type_len && strncmp(accept, type, type_len) == 0 &&
		    (len == type_len || strchr("; \t", accept[type_len]))) {
			const unsigned q = quality_of(accept, len);

			best = q > best ? q : best;
		}
		accept = *end == ',' ? end + 1 : end;
	}
	return best;
}

static bool
wants_openmetrics(const char *accept)
{
	const unsigned q =
	    accept != NULL ? wanted(accept, "application/openmetrics-text") : 0;

	return q > 0 && q >= wanted(accept, "text/plain");
}

enum web_request
web_request_of(const char *path, const char *accept)
{
	for (unsigned i = 0; i < WEB_REQUEST_COUNT; i++) {
		if (all[i].path == NULL || strcmp(all[i].path, path) != 0)
			continue;
		if (i == WEB_REQUEST_METRICS && wants_openmetrics(accept))
			return WEB_REQUEST_OPENMETRICS;
		return (enum web_request)i;
	}
	return WEB_REQUEST_UNKNOWN;
}

const char *
web_request_type(enum web_request what)
{
	return what < WEB_REQUEST_COUNT ? all[what].type
	                                : "text/plain; charset=utf-8";
}
