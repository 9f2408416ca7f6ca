#include "proxy/health/curl_library.h"

#include "config/config.h"

#define NAME(name) "curl_" #name,

static const char *const names[] = { CURL_LIBRARY_CALLS(NAME) };

_Static_assert(sizeof(struct curl_library) == ARRAY_LEN(names) * sizeof(void *),
    "one pointer for each name");

bool
curl_library_is_needed(const struct config *c)
{
	for (size_t i = 0; i < c->n_services; i++)
		for (size_t k = 0; k < c->services[i].n_servers; k++) {
			const enum config_check_type type =
			    c->services[i].servers[k].check.type;

			if (type == CONFIG_CHECK_HTTP ||
			    type == CONFIG_CHECK_TLS)
				return true;
		}
	return false;
}

int
curl_library_load(
    struct curl_library *ret_curl, char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	return late_library_load(
	    "libcurl.so.4", names, ARRAY_LEN(names), ret_curl, ret_why);
}
