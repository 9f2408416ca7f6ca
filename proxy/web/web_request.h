#pragma once

/*
 * What somebody asks for at the page: by path, and in which form by the header
 * `Accept`. Reads what strangers write.
 *
 * Pure.
 */

#include "core/base.h"

enum web_request {
	WEB_REQUEST_PAGE,        /* / */
	WEB_REQUEST_STYLE,       /* /page.css */
	WEB_REQUEST_SCRIPT,      /* /page.js */
	WEB_REQUEST_DRAW,        /* /page_draw.js */
	WEB_REQUEST_ROWS,        /* /page_services.js */
	WEB_REQUEST_LIVE,        /* /page.json: what the script asks for */
	WEB_REQUEST_HISTORY,     /* /history.json */
	WEB_REQUEST_STATUS,      /* /status.json */
	WEB_REQUEST_EVENTS,      /* /events.json */
	WEB_REQUEST_METRICS,     /* /metrics, as text */
	WEB_REQUEST_OPENMETRICS, /* the same, as OpenMetrics */
	WEB_REQUEST_HEALTH,      /* /health */
	WEB_REQUEST_UNKNOWN,
};

/* Such as have an answer. */
#define WEB_REQUEST_COUNT WEB_REQUEST_UNKNOWN

/* `path` without what follows a '?'; `accept` NULL: there is none. */
enum web_request web_request_of(const char *path, const char *accept);

/* "text/html; charset=utf-8" */
const char *web_request_type(enum web_request what);
