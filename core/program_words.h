#pragma once

/*
 * The last line that a program of the operator's has printed, to either of its
 * outputs, for who asks why it failed. It is read while the program runs, so
 * that this never waits; and what it leaves running can print on: that is read
 * and forgotten until nobody is left to print. Much of it is read in turns with
 * a rest between, so who prints without end waits, and not we.
 *
 * One per run, on the program's loop.
 */

#include "core/base.h"

#include <ev.h>

#define PROGRAM_WORDS_MAX 160 /* of a line; more is left out */

struct program_words;

/*
 * NULL where there is no memory or no descriptor: then nothing is heard. The
 * program's end is the caller's to close.
 */
struct program_words *program_words_new(struct ev_loop *loop, int *ret_fd);

/* All that has come by now. Without what is no text; "": nothing. */
const char *program_words_last(struct program_words *w);

/* The program has ended: it frees itself when the last of its own has. */
void program_words_leave(struct program_words *w);
