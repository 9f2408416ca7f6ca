#pragma once

/* The keys of a check, of a service's as of a server's. */

#include "config/schema/schema.h"

extern const struct schema_table keys_check_table;
