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
counters_sum_add(struct counters_sum *sum, const struct counters_sum *more)
{
	sum->active += more->active;
	sum->total += more->total;
	sum->failed += more->failed;
	sum->bytes_in += more->bytes_in;
	sum->bytes_out += more->bytes_out;
}

void
counters_service_sum_add(
    struct counters_service_sum *sum, const struct counters_service_sum *more)
{
	counters_sum_add(&sum->sum, &more->sum);
	sum->retries += more->retries;
	sum->denied += more->denied;
	sum->too_many += more->too_many;
	for (unsigned i = 0; i < END_REASON_COUNT; i++)
		sum->endings[i] += more->endings[i];
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
