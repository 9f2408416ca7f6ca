#pragma once

/*
 * The texts of a request, as libcurl wants them: where to, what for, and its
 * headers.
 */

#include "proxy/health/http_client.h"

#define HTTP_REQUEST_URL_MAX 1024
#define HTTP_REQUEST_TARGET_MAX (ADDR_TEXT_MAX + 16)

/* With the name that the server is asked by. */
void http_request_url(const struct http_client_request *r,
    char ret_url[static HTTP_REQUEST_URL_MAX]);

/* Where all names lead to, for CURLOPT_CONNECT_TO. */
void http_request_target(const struct http_client_request *r,
    char ret_target[static HTTP_REQUEST_TARGET_MAX]);

/* One line; malloc'd. NULL where memory is out. */
char *http_request_header(const char *name, const char *value);
