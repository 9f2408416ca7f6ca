#pragma once

/* A configuration for tests, from its text; the caller config_free()s it. */

#include "config/config.h"
#include "config/load.h"
#include "tests/lib/test.h"

#include <string.h>

static inline struct config *
from_yaml(const char *text)
{
	struct config *c = NULL;

	assert_int_equal(load_text("f", text, strlen(text), NULL, &c), 0);
	return c;
}
