#pragma once

/*
 * Asks a server by a connection: whether it accepts one, and what it says there
 * (talk.h); within one timeout. Owned by its probe.
 */

#include "config/config.h"
#include "core/addr.h"
#include "proxy/health/probe_judge.h"

#include <ev.h>

struct graceful_close;
struct secret_files;
struct talk;

struct probe_tcp {
	struct ev_loop *loop;
	struct graceful_close *closing;
	const struct secret_files *secrets; /* borrowed */
	const struct config_check *config;  /* borrowed */
	enum config_proxy_protocol proxy;
	probe_judge_answer_fn *on_answer;
	void *arg;
	int fd;
	ev_io io;
	ev_timer late;
	struct talk *talk; /* NULL: not connected yet */
};

/* The fields before the descriptor are set. */
void probe_tcp_init(struct probe_tcp *a);

void probe_tcp_start(struct probe_tcp *a, const union addr *to);

/* Also where nothing is under way: no answer will come. */
void probe_tcp_stop(struct probe_tcp *a);
