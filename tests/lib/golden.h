#pragma once

/*
 * What people read, compared byte for byte with a file of tests/golden/. With
 * UPDATE_GOLDEN=1 in the environment the file is written anew; read what git
 * says of it then.
 */

#include <stddef.h>

/* A whole file, malloc'd, with a NUL behind it; NULL where there is none. */
char *golden_read(const char *path, size_t *ret_len);

void golden_compare(const char *path, const char *actual);
