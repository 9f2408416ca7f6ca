#pragma once

/*
 * What can come next on a command line of hapair, from the rows of the
 * commands: their usage tells options and words. Names that the configuration
 * or a daemon gives are asked for only where one is due.
 */

#include "core/base.h"

#include <stdio.h>

enum completion_kind {
	COMPLETION_SERVERS, /* SERVICE/NAME, and SERVICE */
	COMPLETION_GROUPS,
	COMPLETION_NODES,
};

struct completion;

/* Prints the names of a kind by completion_offer(). */
typedef void completion_names(struct completion *c, enum completion_kind kind);

struct completion {
	const char *const *words; /* behind `hapair`, the last one unfinished */
	size_t n_words;
	completion_names *names;
	FILE *out;
};

/* A line for each word that begins as the last one does. */
void completion_print(struct completion *c);
void completion_offer(struct completion *c, const char *word);

/* What follows the option on the line, or NULL. */
const char *completion_value(const struct completion *c, const char *option);
