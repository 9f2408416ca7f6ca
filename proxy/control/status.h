#pragma once

/*
 * Report: the document that `hapair status --json` prints (cli.md fixes its
 * keys), put together from values alone. status_collect.c has the relay's;
 * while no relay runs the supervisor makes it, without the servers' states.
 *
 * What is degraded is listed in words under "problems"; "healthy" says that
 * there are none. "hints" are of what is no fault and could be better.
 */

#include "config/config.h"
#include "core/kernel/msg_kernel.h"
#include "core/msg.h"
#include "proxy/data/counters.h"
#include "proxy/pool/pool.h"

struct check_view;
struct json_doc;
struct standby;

struct status_server {
	struct pool_view view;
	struct pool_word admin_word, weight_word;
	struct counters_sum sum;
	const struct check_view *check;
};

struct status_service {
	const char *state;
	const struct standby *standby;  /* NULL: it is none of that mode */
	char fence_fault[MSG_TEXT_MAX]; /* why the last one failed; or "" */
	unsigned queued;
	unsigned kept; /* on the kernel path: the peer's, in case it dies */
	struct counters_service_sum sums;
	const struct status_server *servers; /* config's order */
};

/* What the director said last. */
struct status_kernel {
	bool is_up, is_gone;  /* its channel; not for long */
	struct msg_ends ends; /* of directors before this one */
	bool is_said;         /* else what follows is void */
	struct msg_kernel_state state;
	int64_t work_wall_ms, peer_wall_ms;        /* since when they are so */
	const struct msg_kernel_service *services; /* config's order */
};

struct status {
	const struct config *config;
	const struct msg_start *start;
	const struct msg_group *groups;  /* config's order; NULL: none known */
	const struct msg_peer *peer;     /* NULL: failover did not answer */
	const struct msg_tracks *tracks; /* NULL: failover did not answer */
	const struct status_service *services; /* NULL: no relay */
	/* NULL: nothing is on the kernel path, or no relay answers. */
	const struct status_kernel *kernel;
	int pid; /* of the supervisor */
	struct mono now;
	int64_t wall_ms; /* the same moment, for people */
	/* It stands still for so long: the supervisor speaks for it. */
	uint32_t relay_silent_ms;
	bool failover_gone;  /* longer than a restart takes: no groups stand */
	bool failover_asked; /* by the supervisor; a relay always asks */
	struct msg_role_ends ends;
	uint64_t dropped_log_lines;
};

/* The caller frees it. NULL where memory is out. */
struct json_doc *status_document(const struct status *r);

/*
 * The same troubles and hints, and of services and servers no more than those
 * are found by: with a thousand servers they are what takes time.
 */
struct json_doc *status_brief(const struct status *r);

/* Its text, malloc'd; NULL where memory is out. */
char *status_text(const struct status *r);

/* A time in words; 0: none, which is null there. */
void status_put_wall(struct json_doc *at, const char *key, int64_t wall_ms);
