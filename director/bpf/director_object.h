#pragma once

/* The kernel program as it was compiled (ELF), within our own binary: nobody
 * can lose it, and it is of the same version. */

#include "core/base.h"

extern const uint8_t director_object_start[];
extern const uint8_t director_object_end[];
