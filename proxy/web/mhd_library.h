#pragma once

/*
 * What web_http.c calls of libmicrohttpd, which is loaded where there is a page
 * (late_library.h says why).
 */

#include "core/late_library.h"

#include <microhttpd.h>

#define MHD_LIBRARY_CALLS(CALL)                                                \
	CALL(add_connection)                                                   \
	CALL(add_response_header)                                              \
	CALL(create_response_from_buffer)                                      \
	CALL(create_response_from_buffer_with_free_callback_cls)               \
	CALL(destroy_response)                                                 \
	CALL(get_connection_info)                                              \
	CALL(get_daemon_info)                                                  \
	CALL(get_timeout)                                                      \
	CALL(lookup_connection_value)                                          \
	CALL(queue_response)                                                   \
	CALL(resume_connection)                                                \
	CALL(run)                                                              \
	CALL(start_daemon)                                                     \
	CALL(stop_daemon)                                                      \
	CALL(suspend_connection)

#define MHD_LIBRARY_POINTER(name) __typeof__(MHD_##name) *name;

/* Each without its `MHD_`. */
struct mhd_library {
	MHD_LIBRARY_CALLS(MHD_LIBRARY_POINTER)
};

/* As late_library_load() does. */
MUST_CHECK int mhd_library_load(
    struct mhd_library *ret_mhd, char ret_why[static LATE_LIBRARY_WHY_MAX]);
