#include "proxy/health/http_request.h"

#include <stdio.h>
#include <string.h>

void
http_request_url(const struct http_client_request *r,
    char ret_url[static HTTP_REQUEST_URL_MAX])
{
	const bool v6 = strchr(r->host, ':') != NULL;

	(void)snprintf(ret_url, HTTP_REQUEST_URL_MAX, "%s://%s%s%s:%u%s",
	    r->tls ? "https" : "http", v6 ? "[" : "", r->host, v6 ? "]" : "",
	    addr_port(&r->to), r->path);
}

void
http_request_target(const struct http_client_request *r,
    char ret_target[static HTTP_REQUEST_TARGET_MAX])
{
	const bool v6 = r->to.sa.sa_family == AF_INET6;
	char ip[ADDR_TEXT_MAX];

	(void)addr_format_ip(&r->to, ip);
	(void)snprintf(ret_target, HTTP_REQUEST_TARGET_MAX, "::%s%s%s:%u",
	    v6 ? "[" : "", ip, v6 ? "]" : "", addr_port(&r->to));
}

/* To libcurl one without a value is `Name;`. */
char *
http_request_header(const char *name, const char *value)
{
	char *line = NULL;

	if (asprintf(&line, value[0] != '\0' ? "%s: %s" : "%s;", name, value) <
	    0)
		return NULL;
	return line;
}
