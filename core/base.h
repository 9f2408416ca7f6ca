#pragma once

/*
 * What every file may use: annotations and a few macros that compute. Includes
 * nothing of ours, holds nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The result tells success or failure: dropping it is a bug. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Runs fn(&variable) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define PRINTF_LIKE(format_at, args_at)                                        \
	__attribute__((format(printf, format_at, args_at)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The structure whose `member` this pointer points to. */
#define CONTAINER_OF(pointer, type, member)                                    \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* CLEANUP(free_str) char *s: frees on the way out. */
static inline void
free_str(char **s)
{
	free(*s);
	*s = NULL;
}
