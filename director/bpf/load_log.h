#pragma once

/* What the kernel says while it looks at a program. */

#include <stddef.h>

/*
 * Before Linux 6.4 a kernel that has more to say than this fails with ENOSPC,
 * and nobody hears the reason.
 */
#define LOAD_LOG_BYTES (16 << 20)

/* The end of it, which has the reason; `log` may be NULL, and is changed. */
void load_log_tell(char *log, char *why, size_t why_bytes);
