#include "proxy/web/mhd_library.h"

#define NAME(name) "MHD_" #name,

static const char *const names[] = { MHD_LIBRARY_CALLS(NAME) };

_Static_assert(sizeof(struct mhd_library) == ARRAY_LEN(names) * sizeof(void *),
    "one pointer for each name");

int
mhd_library_load(
    struct mhd_library *ret_mhd, char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	return late_library_load(
	    "libmicrohttpd.so.12", names, ARRAY_LEN(names), ret_mhd, ret_why);
}
