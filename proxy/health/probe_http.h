#pragma once

/*
 * Asks a server for a page, where that does not tell for the fallback, and
 * where all is well for its role; or for a handshake of TLS and no page; within
 * one timeout. Owned by its probe.
 */

#include "config/config.h"
#include "core/addr.h"
#include "core/mono.h"
#include "proxy/health/negotiate.h"
#include "proxy/health/probe_judge.h"

struct http_client;
struct http_client_call;
struct secret_files;

enum probe_http_stage {
	PROBE_HTTP_PAGE,
	PROBE_HTTP_FALLBACK,
	PROBE_HTTP_ROLE,
};

struct probe_http {
	struct http_client *fetcher;        /* borrowed */
	const struct secret_files *secrets; /* borrowed */
	struct negotiate *negotiate;        /* borrowed; NULL: no tickets */
	const struct config_check *config;  /* borrowed */
	const char *host;                   /* borrowed: the server's name */
	enum config_proxy_protocol proxy;
	probe_judge_answer_fn *on_answer;
	void *arg;
	union addr to;
	enum probe_http_stage stage;
	struct mono began;
	struct negotiate_call call;
	char name[TICKET_NAME_MAX];     /* whom the ticket is of; empty: none */
	struct http_client_call *fetch; /* NULL: nothing under way */
	struct http_client_sessions *sessions; /* owned; NULL: none are kept */
	struct mono sessions_since;
	struct probe_judge_answer said;
};

/* The fields before `to` are set. */
void probe_http_start(struct probe_http *a, const union addr *to);
void probe_http_stop(struct probe_http *a); /* forgets what is kept */
