#pragma once

/*
 * Memory for keys: in no core dump, in no swap where the limit on locked memory
 * allows it, and wiped before it goes. Owns pages of its own.
 */

#include "core/base.h"

struct vault {
	uint8_t *bytes; /* NULL: nothing there */
	size_t room;
};

/* Returns 0 or -errno. The bytes are zero. */
MUST_CHECK int vault_open(struct vault *v, size_t room);
void vault_close(struct vault *v);

/*
 * For the rest of its life this process leaves no core and cannot be looked
 * into by its own user, whatever is still in registers, stacks and libraries.
 */
void vault_seal_process(void);

/*
 * Wipes the stack below the caller, where functions that have returned may have
 * left a key: the dynamic linker, when it looks a function up at its first
 * call, was seen to save the registers there in which memcpy() moves bytes.
 */
void vault_scrub_stack(void);
