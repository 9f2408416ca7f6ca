#pragma once

/*
 * The text that Prometheus reads, in one of its two forms: OpenMetrics 1.0, and
 * the older text format 0.0.4. Written family by family: all values of one
 * stand together, as OpenMetrics demands.
 *
 * In OpenMetrics a counter's family is called without the `_total` of its
 * values, and an info's without `_info`; in the older form both are called as
 * their values are. Label values are escaped here.
 */

#include "proxy/web/grown_text.h"

enum metric_text_type {
	METRIC_TEXT_GAUGE,
	METRIC_TEXT_COUNTER, /* "_total" */
	METRIC_TEXT_INFO,    /* "_info", always 1 */
};

struct metric_text_family {
	const char *name; /* as its values are called: "hapair_x_total" */
	enum metric_text_type type;
	const char *unit; /* "seconds", "bytes", or "" */
	const char *help;
};

/* One that is named where its values are written. */
#define METRIC_TEXT_FAMILY(name, type, unit, help)                             \
	&(const struct metric_text_family)                                     \
	{                                                                      \
		name, METRIC_TEXT_##type, unit, help                           \
	}

struct metric_text_label {
	const char *name, *value;
};

struct metric_text {
	struct grown_text out;
	bool openmetrics;
	const struct metric_text_family *family;
	/* What all values from now on have, before labels of their own. */
	const struct metric_text_label *common;
	size_t n_common;
	/* The same where it is written already, which counts then; 0: it is
	 * not. */
	const char *written;
	size_t n_written;
};

/* What follows are its values. Borrowed until the next one. */
void metric_text_begin(
    struct metric_text *m, const struct metric_text_family *family);

/* Labels that all values have until another call. */
void metric_text_label(
    struct metric_text *m, const struct metric_text_label *labels, size_t n);

/*
 * The same, as metric_text_put_labels() has written them: with a thousand
 * servers there are twenty thousand lines, and only a thousand sets of labels.
 * Borrowed until another call of either.
 */
void metric_text_written(struct metric_text *m, const char *labels, size_t len);
void metric_text_put_labels(
    struct grown_text *to, const struct metric_text_label *labels, size_t n);

/* A value. */
void metric_text_number(struct metric_text *m, int64_t value);
void metric_text_real(struct metric_text *m, double value);

/* With one more label; `label` NULL: without. */
void metric_text_labelled(
    struct metric_text *m, const char *label, const char *is, int64_t value);

/* Milliseconds, told in seconds; a moment that is none (0) is left out. */
void metric_text_moment(struct metric_text *m, int64_t wall_ms);

/* The same, but *kept where that is less than a second off. */
void metric_text_steady(struct metric_text *m, int64_t *kept, int64_t wall_ms);

/* A family of one value, which has only the labels in common. */
void metric_text_one(struct metric_text *m,
    const struct metric_text_family *family, int64_t value);

/* OpenMetrics has an end of its own. */
void metric_text_end(struct metric_text *m);
