#pragma once

/* Asks a server whether it accepts a connection. Owned by its probe. */

#include "core/addr.h"
#include "proxy/health/probe_judge.h"

#include <ev.h>

struct graceful_close;

struct probe_tcp {
	struct ev_loop *loop;
	struct graceful_close *closing;
	probe_judge_answer_fn *on_answer;
	void *arg;
	int fd;
	ev_io io;
};

void probe_tcp_start(struct probe_tcp *a, const union addr *to);

/* Also where nothing is under way: no answer will come. */
void probe_tcp_stop(struct probe_tcp *a);
