#include "proxy/ask_http.h"

#include "config/config.h"
#include "proxy/fetch.h"
#include "proxy/passwords.h"

#include <stdio.h>
#include <string.h>

static void go(struct ask_http *a, enum ask_http_stage stage);

static void
fail(struct ask_http *a, const char *why, bool is_ours)
{
	a->said = (struct judge_answer){ .result = VERDICT_FAILED,
		.is_void = is_ours };
	judge_quote(why, strlen(why), a->said.detail);
}

/* The time is that of the whole, whichever page it ran out at. */
static void
fail_page(struct ask_http *a, const struct fetch_page *page)
{
	char late[CHECK_DETAIL_MAX];

	(void)snprintf(late, sizeof(late), "no answer within %u ms",
	    a->config->timeout_ms);
	fail(a, page->is_late ? late : page->error, page->is_ours);
}

/* What is known now is the answer, unless it is left to ask for the role. */
static void
conclude(struct ask_http *a)
{
	if (a->config->role != NULL && a->stage != ASK_HTTP_ROLE &&
	    a->said.result != VERDICT_FAILED)
		go(a, ASK_HTTP_ROLE);
	else
		a->on_answer(a->arg, &a->said);
}

static void
on_page(void *arg, const struct fetch_page *page)
{
	struct ask_http *a = arg;
	const struct judge_page judged = { .status = page->status,
		.body = page->body,
		.len = page->len,
		.cut = page->cut };

	a->fetch = NULL;
	switch (a->stage) {
	case ASK_HTTP_PAGE:
		if (page->error != NULL)
			fail_page(a, page);
		else if (!judge_page(a->config, &judged, &a->said)) {
			go(a, ASK_HTTP_FALLBACK);
			return;
		}
		break;
	case ASK_HTTP_FALLBACK:
		if (page->error != NULL)
			fail_page(a, page);
		else
			judge_fallback(a->config, &judged, &a->said);
		break;
	case ASK_HTTP_ROLE: /* no page, no role: it is well all the same */
		if (page->error == NULL)
			a->said.role = judge_role(a->config, &judged);
		break;
	}
	conclude(a);
}

static const char *
path_of(const struct ask_http *a)
{
	switch (a->stage) {
	case ASK_HTTP_PAGE:
		return a->config->path;
	case ASK_HTTP_FALLBACK:
		return a->config->fallback;
	case ASK_HTTP_ROLE:
		return a->config->role_path;
	}
	return "/";
}

static void
go(struct ask_http *a, enum ask_http_stage stage)
{
	const struct config_check *c = a->config;
	int64_t left_ms = c->timeout_ms - mono_span_ms(a->began, mono_now());
	struct fetch_request r = { .host = a->host,
		.to = a->to,
		.tls = c->tls,
		.ca = c->ca,
		.user = c->user,
		.timeout_ms = left_ms < 1 ? 1 : (uint32_t)left_ms };

	a->stage = stage;
	r.path = path_of(a);
	if (c->user != NULL)
		r.password = passwords_get(a->passwords, c->password_file);
	if (c->user != NULL && r.password == NULL) {
		fail(a, "the password file cannot be used", false);
		a->on_answer(a->arg, &a->said);
		return;
	}
	a->fetch = fetch_start(a->fetcher, &r, on_page, a);
	if (a->fetch != NULL)
		return;
	fail(a, "no memory", true);
	a->on_answer(a->arg, &a->said);
}

void
ask_http_start(struct ask_http *a, const union addr *to)
{
	a->to = *to;
	a->began = mono_now();
	go(a, ASK_HTTP_PAGE);
}

void
ask_http_stop(struct ask_http *a)
{
	fetch_cancel(a->fetch);
	a->fetch = NULL;
}
