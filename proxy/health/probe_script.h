#pragma once

/*
 * Asks a program of the operator's about a server, run as the relay's user: as
 * PATH SERVICE SERVER ADDRESS PORT. Status 0 is well; the first line that it
 * prints is kept. Owned by its probe.
 */

#include "core/addr.h"
#include "core/program.h"
#include "proxy/health/probe_judge.h"

struct probe_script {
	struct ev_loop *loop;
	const char *path, *service, *server; /* borrowed */
	probe_judge_answer_fn *on_answer;
	void *arg;
	struct program program;
	int output; /* the pipe's end for reading, -1: none */
	ev_io readable;
	char line[PROBE_JUDGE_DETAIL_MAX]; /* how its output begins */
	size_t len;
};

/* The fields before the program are set. */
void probe_script_init(struct probe_script *a);

/* Not before the last one has answered or was stopped. */
void probe_script_start(
    struct probe_script *a, const union addr *to, uint32_t timeout_ms);

/* Kills it. */
void probe_script_stop(struct probe_script *a);
