#pragma once

/*
 * What the director says by number, in the words of `status`, `connections` and
 * `/metrics`. Numbers come from another process: each has a word.
 *
 * Pure.
 */

#include "core/kernel/msg_kernel.h"

/* Why it is not protected; NULL: it is, or will be in a moment. */
const char *kernel_words_why(uint8_t why);

/* "starting", "works", "relay_only". */
const char *kernel_words_work(uint8_t work);

/* Of the stream to the peer: "none", "down", "dumping", "linked", … */
const char *kernel_words_peer(uint8_t peer);

/* What the program counts, in its order; NULL: that was all. */
const char *kernel_words_counter(unsigned i);
