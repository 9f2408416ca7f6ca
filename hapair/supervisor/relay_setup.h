#pragma once

/*
 * What a relay is told behind its START: its listening sockets; and where the
 * file has `web`, the events as they come, and how often roles have ended.
 */

struct child;
struct event_log;
struct generation;
struct status_request;

void relay_setup(struct child *relay, struct generation *g,
    struct event_log *events, const struct status_request *status);
