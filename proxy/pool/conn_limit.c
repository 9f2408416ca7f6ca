#include "proxy/pool/conn_limit.h"

void
conn_limit_init(struct conn_limit *g, uint32_t limit)
{
	atomic_init(&g->inside, 0);
	atomic_init(&g->wanted, false);
	g->limit = limit;
}

static bool
try_enter(struct conn_limit *g)
{
	unsigned n = atomic_load(&g->inside);

	while (g->limit == 0 || n < g->limit)
		if (atomic_compare_exchange_weak(&g->inside, &n, n + 1))
			return true;
	return false;
}

bool
conn_limit_enter(struct conn_limit *g)
{
	if (try_enter(g))
		return true;
	/*
	 * Say so first, then look again: the last one may have left in
	 * between, and would have told nobody.
	 */
	atomic_store(&g->wanted, true);
	return try_enter(g);
}

void
conn_limit_join(struct conn_limit *g)
{
	conn_limit_reserve(g, 1);
}

bool
conn_limit_leave(struct conn_limit *g)
{
	return conn_limit_release(g, 1);
}

void
conn_limit_reserve(struct conn_limit *g, unsigned n)
{
	atomic_fetch_add(&g->inside, n);
}

bool
conn_limit_release(struct conn_limit *g, unsigned n)
{
	atomic_fetch_sub(&g->inside, n);
	return atomic_load(&g->wanted) && atomic_exchange(&g->wanted, false);
}
