#pragma once

/*
 * A shared library that few processes of the program need: these load it when
 * they begin. With what it links to, libcurl is thirty of them and
 * libmicrohttpd ten, and they were 5 of the 8 ms that each command took of a
 * processor before it did anything, beside those who are served.
 *
 * Its functions are called by pointers, in a struct that has nothing else; a
 * list of their names makes the struct and the table of names alike:
 *
 *     #define CALLS(CALL) CALL(init) CALL(end)
 *     struct calls { CALLS(LATE_LIBRARY_...) };
 */

#include "core/base.h"

#define LATE_LIBRARY_WHY_MAX 256

/*
 * Fills in `n` pointers to the functions of these names, in their order; each
 * is bound then, and the library stays until the process ends. Returns 0 or
 * -ENOENT, with why in `ret_why`.
 */
MUST_CHECK int late_library_load(const char *file, const char *const *names,
    size_t n, void *ret_calls, char ret_why[static LATE_LIBRARY_WHY_MAX]);
