#pragma once

/* Of metrics.h: services, their standby decisions, and their servers. */

struct metric_text;
struct status;

void metrics_services_write(struct metric_text *t, const struct status *s);
