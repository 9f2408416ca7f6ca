#pragma once

/* Of metrics.h: each server of each service. */

struct metric_text;
struct status;

void metrics_servers_write(struct metric_text *t, const struct status *s);
