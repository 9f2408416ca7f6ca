#include "hapair/supervisor/systemd_library.h"

#define NAME(name) "sd_" #name,

static const char *const names[] = { SYSTEMD_LIBRARY_CALLS(NAME) };

_Static_assert(
    sizeof(struct systemd_library) == ARRAY_LEN(names) * sizeof(void *),
    "one pointer for each name");

int
systemd_library_load(struct systemd_library *ret_systemd,
    char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	return late_library_load(
	    "libsystemd.so.0", names, ARRAY_LEN(names), ret_systemd, ret_why);
}
