#pragma once

/* The keys of the status page. */

#include "config/schema/schema.h"

extern const struct schema_table keys_web_table;
