#include "proxy/pool/pool_choice.h"

#include <limits.h>

enum pool_choice
pool_choice_look(
    const struct pool_choice_server *servers, size_t n, unsigned *ret_tier)
{
	unsigned tier = UINT_MAX;
	bool any = false, room = false;

	for (size_t i = 0; i < n; i++) {
		const struct pool_choice_server *s = &servers[i];

		if (!s->usable)
			continue;
		any = true;
		if (s->tried || s->tier > tier)
			continue;
		room = !s->full || (room && s->tier == tier);
		tier = s->tier;
	}
	*ret_tier = tier;
	if (!any)
		return POOL_CHOICE_UP;
	if (tier == UINT_MAX)
		return POOL_CHOICE_ROUND;
	return room ? POOL_CHOICE_SERVER : POOL_CHOICE_PLACE;
}

bool
pool_choice_has(const struct pool_choice_server *s, unsigned tier)
{
	return s->usable && !s->tried && !s->full && s->tier == tier;
}
