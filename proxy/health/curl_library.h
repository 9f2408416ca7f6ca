#pragma once

/*
 * What http_client.c calls of libcurl, which is loaded where there is a check
 * by HTTP or TLS (late_library.h says why).
 */

#include "core/late_library.h"

#include <curl/curl.h>

#define CURL_LIBRARY_CALLS(CALL)                                               \
	CALL(easy_cleanup)                                                     \
	CALL(easy_getinfo)                                                     \
	CALL(easy_init)                                                        \
	CALL(easy_setopt)                                                      \
	CALL(easy_strerror)                                                    \
	CALL(global_cleanup)                                                   \
	CALL(global_init)                                                      \
	CALL(multi_add_handle)                                                 \
	CALL(multi_assign)                                                     \
	CALL(multi_cleanup)                                                    \
	CALL(multi_info_read)                                                  \
	CALL(multi_init)                                                       \
	CALL(multi_remove_handle)                                              \
	CALL(multi_setopt)                                                     \
	CALL(multi_socket_action)                                              \
	CALL(share_cleanup)                                                    \
	CALL(share_init)                                                       \
	CALL(share_setopt)                                                     \
	CALL(slist_append)                                                     \
	CALL(slist_free_all)

#define CURL_LIBRARY_POINTER(name) __typeof__(curl_##name) *name;

/* Each without its `curl_`. */
struct curl_library {
	CURL_LIBRARY_CALLS(CURL_LIBRARY_POINTER)
};

struct config;

/* Whether this configuration has such a check. */
bool curl_library_is_needed(const struct config *c);

/* As late_library_load() does. */
MUST_CHECK int curl_library_load(
    struct curl_library *ret_curl, char ret_why[static LATE_LIBRARY_WHY_MAX]);
