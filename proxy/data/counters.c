#include "proxy/data/counters.h"

static uint64_t
get(atomic_uint_fast64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

void
counters_sum_up(struct counters_sum *sum, struct counters *c)
{
	sum->active += get(&c->active);
	sum->total += get(&c->total);
	sum->failed += get(&c->failed);
	sum->bytes_in += get(&c->bytes_in);
	sum->bytes_out += get(&c->bytes_out);
}

void
counters_service_sum_up(
    struct counters_service_sum *sum, struct counters_service *c)
{
	counters_sum_up(&sum->sum, &c->sum);
	sum->retries += get(&c->retries);
	sum->denied += get(&c->denied);
	sum->too_many += get(&c->too_many);
	for (unsigned i = 0; i < END_REASON_COUNT; i++)
		sum->endings[i] += get(&c->endings[i]);
}
