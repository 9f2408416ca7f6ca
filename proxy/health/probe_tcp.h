#pragma once

/* Asks a server whether it accepts a connection. Owned by its survey. */

#include "core/addr.h"
#include "proxy/health/probe_judge.h"

#include <ev.h>

struct farewell;

struct ask_tcp {
	struct ev_loop *loop;
	struct farewell *farewell;
	judge_answer_fn *on_answer;
	void *arg;
	int fd;
	ev_io io;
};

void ask_tcp_start(struct ask_tcp *a, const union addr *to);

/* Also where nothing is under way: no answer will come. */
void ask_tcp_stop(struct ask_tcp *a);
