#include "core/limiter.h"

#define PAUSE_MS 1000

bool
limiter_allows(struct limiter *l, struct mono now, uint64_t *ret_left_out)
{
	if (mono_before(now, l->next)) {
		l->left_out++;
		return false;
	}
	*ret_left_out = l->left_out;
	l->left_out = 0;
	l->next = mono_add_ms(now, PAUSE_MS);
	return true;
}
