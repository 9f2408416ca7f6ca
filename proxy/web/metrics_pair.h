#pragma once

/*
 * Of metrics.h: groups, tracking, the peer, the links between both, and the
 * pause. Nothing on a node without a pair.
 */

struct metric_text;
struct metrics_moments;
struct status;

void metrics_pair_write(struct metric_text *t, const struct status *s,
    struct metrics_moments *kept);
