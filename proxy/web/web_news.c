#include "proxy/web/web_news.h"

#define FRESH_MS 1000
#define PATIENCE_MS 2000

bool
web_news_are_fresh(const struct web_news *n, struct mono now)
{
	return n->come_at.ns != 0 &&
	    mono_before(now, mono_add_ms(n->come_at, FRESH_MS));
}

bool
web_news_want(struct web_news *n, struct mono now)
{
	if (n->wanted)
		return false;
	n->wanted = true;
	n->wanted_at = now;
	return true;
}

void
web_news_come(struct web_news *n, struct mono now)
{
	n->wanted = false;
	n->come_at = now;
}

bool
web_news_are_late(struct web_news *n, struct mono now)
{
	if (!n->wanted ||
	    !mono_before(mono_add_ms(n->wanted_at, PATIENCE_MS), now))
		return false;
	n->wanted = false;
	return true;
}
