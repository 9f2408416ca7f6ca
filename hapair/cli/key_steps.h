#pragma once

/*
 * A change of the pair's key, as the operator makes it: what is to be done next
 * on this node, by what is in the key file and what the daemon that runs says
 * of itself and of the peer. Pure.
 */

#include "core/base.h"
#include "core/secret.h"

/* Keys by what people call them; NULL: there is none. */
struct key_steps {
	const char *file[SECRET_KEYS_MAX];  /* in the key file now */
	const char *ours[SECRET_KEYS_MAX];  /* that the daemon has read */
	const char *peers[SECRET_KEYS_MAX]; /* the peer's; none: never heard */
	bool silent; /* they are as last heard, and it is not heard now */
};

#define KEY_STEPS_TEXT 320

/* Returns whether there is something to do; `ret_text` says what, or why not.
 */
bool key_steps_next(
    const struct key_steps *s, char ret_text[static KEY_STEPS_TEXT]);
