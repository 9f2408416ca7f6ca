#pragma once

/*
 * What Prometheus gets at /metrics: all that `status` counts, of the node, its
 * groups, the peer, services and servers, and of the relay's process and the
 * page itself. doc/metrics.md has all names. Written from values alone.
 */

#include "core/base.h"

struct json_doc;
struct status;

/* Of the relay's process; what is 0 is not known. */
struct metrics_process {
	double cpu_s;
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
	int64_t started_wall_ms;
};

/* Why somebody who connected got no answer. */
enum metrics_refusal {
	METRICS_REFUSAL_STRANGER, /* not in `allow` */
	METRICS_REFUSAL_FULL,     /* all places are taken */
	METRICS_REFUSAL_CLIENT,   /* it has as many as one may */
	METRICS_REFUSAL_LATE,     /* it took too long */
	METRICS_REFUSAL_PASSWORD, /* wrong, or none */
	METRICS_REFUSAL_HELD,     /* it asks for more than its share */
	METRICS_REFUSAL_YIELDED,  /* another client had fewer connections */
	METRICS_REFUSALS,
};

/* Of HTTP, that are ever answered with. */
enum metrics_code {
	METRICS_CODE_200,
	METRICS_CODE_401,
	METRICS_CODE_404,
	METRICS_CODE_405,
	METRICS_CODE_503,
	METRICS_CODES,
};

struct metrics_web {
	unsigned connections;
	unsigned held; /* clients that are held back: web_share.h */
	uint64_t refused[METRICS_REFUSALS];
	uint64_t answered[METRICS_CODES];
	uint64_t rests; /* see web_pace.h */
};

/*
 * As they were told last: each is reckoned from how long ago it was, which is
 * a millisecond more or less each time, and is no change.
 */
struct metrics_moments {
	int64_t started, wire_since, pause_end; /* 0: not told */
};

struct metrics {
	const struct status *status;
	const struct json_doc *document; /* of it: its troubles and hints */
	const struct metrics_process *process;
	const struct metrics_web *web;
	struct metrics_moments *moments; /* the caller keeps them */
	size_t guess; /* how long the text was the last time; 0: not known */
};

/*
 * In OpenMetrics, or in the older text format. Malloc'd; NULL where memory is
 * out.
 */
char *metrics_text(const struct metrics *m, bool openmetrics, size_t *ret_len);
