#pragma once

/* The kernel path's part of metrics.h. */

struct metric_text;
struct status;

void metrics_kernel_write(struct metric_text *t, const struct status *s);
