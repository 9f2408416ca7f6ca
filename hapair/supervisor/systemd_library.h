#pragma once

/*
 * What service_manager.c calls of libsystemd, which is loaded where a service
 * manager waits for us (late_library.h says why).
 */

#include "core/late_library.h"

#include <systemd/sd-daemon.h>

#define SYSTEMD_LIBRARY_CALLS(CALL)                                            \
	CALL(notify)                                                           \
	CALL(watchdog_enabled)

#define SYSTEMD_LIBRARY_POINTER(name) __typeof__(sd_##name) *name;

/* Each without its `sd_`. */
struct systemd_library {
	SYSTEMD_LIBRARY_CALLS(SYSTEMD_LIBRARY_POINTER)
};

/* As late_library_load() does. */
MUST_CHECK int systemd_library_load(struct systemd_library *ret_systemd,
    char ret_why[static LATE_LIBRARY_WHY_MAX]);
