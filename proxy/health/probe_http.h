#pragma once

/*
 * Asks a server for a page, where that does not tell for the fallback, and
 * where all is well for its role; within one timeout. Owned by its survey.
 */

#include "core/addr.h"
#include "core/mono.h"
#include "proxy/health/negotiate.h"
#include "proxy/health/probe_judge.h"

struct fetch;
struct fetcher;
struct secret_files;

enum ask_http_stage {
	ASK_HTTP_PAGE,
	ASK_HTTP_FALLBACK,
	ASK_HTTP_ROLE,
};

struct ask_http {
	struct fetcher *fetcher;            /* borrowed */
	const struct secret_files *secrets; /* borrowed */
	struct negotiate *negotiate;        /* borrowed; NULL: no tickets */
	const struct config_check *config;  /* borrowed */
	const char *host;                   /* borrowed: the server's name */
	judge_answer_fn *on_answer;
	void *arg;
	union addr to;
	enum ask_http_stage stage;
	struct mono began;
	struct negotiate_call call;
	char name[TICKET_NAME_MAX]; /* whom the ticket is of; empty: none */
	struct fetch *fetch;        /* NULL: nothing under way */
	struct judge_answer said;
};

/* The fields before `to` are set. */
void ask_http_start(struct ask_http *a, const union addr *to);
void ask_http_stop(struct ask_http *a);
