#include "core/late_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
refuse(char why[static LATE_LIBRARY_WHY_MAX])
{
	const char *said = dlerror();

	(void)snprintf(why, LATE_LIBRARY_WHY_MAX, "%s",
	    said != NULL ? said : "it cannot be loaded");
	return -ENOENT;
}

int
late_library_load(const char *file, const char *const *names, size_t n,
    void *ret_calls, char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return refuse(ret_why);
	for (size_t i = 0; i < n; i++) {
		void *call = dlsym(library, names[i]);

		if (call == NULL)
			return refuse(ret_why);
		/* POSIX has both kinds of pointers alike. */
		memcpy(
		    (char *)ret_calls + i * sizeof(call), &call, sizeof(call));
	}
	return 0;
}
