#pragma once

/*
 * How old the snapshot is that answers are made of, and since when there should
 * be another one: one is given out for a second, and the next one is waited for
 * for two at most.
 *
 * Pure: the time is an argument.
 */

#include "core/mono.h"

struct web_news {
	bool wanted; /* since then */
	struct mono wanted_at, come_at;
};

bool web_news_are_fresh(const struct web_news *n, struct mono now);

/* They are waited for. True: and have to be asked for. */
bool web_news_want(struct web_news *n, struct mono now);
void web_news_come(struct web_news *n, struct mono now);

/* They have not come in time, and are waited for no more. */
bool web_news_are_late(struct web_news *n, struct mono now);
