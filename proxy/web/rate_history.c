#include "proxy/web/rate_history.h"

#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t
rate_history_rows(const struct config *c)
{
	size_t n = c->n_services;

	for (size_t i = 0; i < c->n_services; i++)
		n += c->services[i].n_servers;
	return n;
}

int
rate_history_init(struct rate_history *h, size_t rows)
{
	*h = (struct rate_history){ .rows = rows };
	h->sums = calloc(rows + 1, sizeof(*h->sums));
	h->points = calloc(RATE_HISTORY_POINTS * rows + 1, sizeof(*h->points));
	return h->sums != NULL && h->points != NULL ? 0 : -ENOMEM;
}

void
rate_history_fini(struct rate_history *h)
{
	free(h->sums);
	free(h->points);
	*h = (struct rate_history){ .rows = 0 };
}

/* What was counted in another relay may be missing here for a moment. */
static float
gained(uint64_t before, uint64_t now, double seconds)
{
	return now < before ? 0.F : (float)((double)(now - before) / seconds);
}

void
rate_history_add(struct rate_history *h, const struct rate_history_sum *sums,
    struct mono now, int64_t wall_ms)
{
	const double seconds = (double)(now.ns - h->last_at.ns) / 1e9;
	struct rate_history_point *to;

	if (h->begun && seconds > 0) {
		h->number++;
		h->wall_ms = wall_ms;
		to = h->points + h->number % RATE_HISTORY_POINTS * h->rows;
		for (size_t i = 0; i < h->rows; i++) {
			const struct rate_history_sum *a = &h->sums[i];
			const struct rate_history_sum *b = &sums[i];

			to[i] = (struct rate_history_point){
				.active = b->active > UINT32_MAX
				    ? UINT32_MAX
				    : (uint32_t)b->active,
				.opened = gained(a->total, b->total, seconds),
				.in = gained(a->bytes_in, b->bytes_in, seconds),
				.out =
				    gained(a->bytes_out, b->bytes_out, seconds)
			};
		}
	}
	memcpy(h->sums, sums, h->rows * sizeof(*sums));
	h->last_at = now;
	h->begun = true;
}

size_t
rate_history_count(const struct rate_history *h)
{
	return h->number < RATE_HISTORY_POINTS ? (size_t)h->number
	                                       : RATE_HISTORY_POINTS;
}

const struct rate_history_point *
rate_history_get(const struct rate_history *h, size_t row, size_t i)
{
	const uint64_t number = h->number - rate_history_count(h) + 1 + i;

	return &h->points[number % RATE_HISTORY_POINTS * h->rows + row];
}

int
rate_history_prepend(struct rate_history *h, const struct rate_history *past)
{
	const size_t here = rate_history_count(h);
	const size_t before = rate_history_count(past);
	const uint64_t number = past->number + h->number;
	struct rate_history_point *points =
	    calloc(RATE_HISTORY_POINTS * h->rows + 1, sizeof(*points));

	if (points == NULL)
		return -ENOMEM;
	/* From the latest on, as long as there is room. */
	for (size_t i = 0; i < here + before && i < RATE_HISTORY_POINTS; i++) {
		struct rate_history_point *to =
		    points + (number - i) % RATE_HISTORY_POINTS * h->rows;

		for (size_t row = 0; row < h->rows; row++)
			to[row] = i < here
			    ? *rate_history_get(h, row, here - 1 - i)
			    : *rate_history_get(
			          past, row, before - 1 - (i - here));
	}
	free(h->points);
	h->points = points;
	if (h->number == 0)
		h->wall_ms = past->wall_ms;
	h->number = number;
	return 0;
}
