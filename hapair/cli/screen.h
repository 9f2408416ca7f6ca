#pragma once

/* Where standard output goes: how much fits there, and whether colour means
 * something. */

#include "core/base.h"

struct screen {
	bool is_terminal;
	bool colour;            /* a terminal, and NO_COLOR is not set */
	unsigned width, height; /* 0: not known */
};

/* As it is now, or as $COLUMNS says. */
struct screen screen_look(void);
