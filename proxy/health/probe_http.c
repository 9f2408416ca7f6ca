#include "proxy/health/probe_http.h"

#include "config/config.h"
#include "proxy/health/http_client.h"
#include "proxy/health/secret_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long sessions of TLS are kept. */
#define SESSIONS_MS (60 * 1000)

static void go(struct probe_http *a, enum probe_http_stage stage);

static void
fail(struct probe_http *a, const char *why, bool is_ours)
{
	a->said = (struct probe_judge_answer){ .result = HEALTH_FAILED,
		.is_void = is_ours };
	probe_judge_quote(why, strlen(why), a->said.detail);
}

/* The time is that of the whole, whichever page it ran out at. */
static void
fail_page(struct probe_http *a, const struct http_client_page *page)
{
	char late[PROBE_JUDGE_DETAIL_MAX];

	(void)snprintf(late, sizeof(late), "no answer within %u ms",
	    a->config->timeout_ms);
	fail(a, page->is_late ? late : page->error, page->is_ours);
}

/* A ticket does not let everybody in. */
static void
tell_refused(struct probe_http *a, const struct probe_judge_page *page)
{
	if (a->said.result != HEALTH_FAILED || page->status != 401 ||
	    a->name[0] == '\0')
		return;
	probe_judge_say(&a->said, HEALTH_FAILED,
	    "status 401 in spite of a ticket of %.40s", a->name);
	negotiate_distrust(&a->call);
}

/* A page that vouches for nobody. */
static void
tell_unverified(struct probe_http *a)
{
	char said[PROBE_JUDGE_DETAIL_MAX];

	if (!(a->config->tls || a->config->type == CONFIG_CHECK_TLS) ||
	    a->config->verify || a->said.result == HEALTH_FAILED)
		return;
	memcpy(said, a->said.detail, sizeof(said));
	probe_judge_say(&a->said, a->said.result,
	    "%.30s (not verified: anybody may have answered)", said);
}

/* What is known now is the answer, unless it is left to ask for the role. */
static void
conclude(struct probe_http *a)
{
	if (a->config->role != NULL && a->stage != PROBE_HTTP_ROLE &&
	    a->said.result != HEALTH_FAILED)
		go(a, PROBE_HTTP_ROLE);
	else {
		tell_unverified(a);
		a->on_answer(a->arg, &a->said);
	}
}

/* Of a check that wants no page. */
static void
on_handshake(struct probe_http *a, const struct http_client_page *page)
{
	a->said = (struct probe_judge_answer){ .is_void = false };
	if (page->error != NULL)
		fail_page(a, page);
	else
		probe_judge_say(&a->said, HEALTH_PASSED, "handshake done");
	tell_unverified(a);
	a->on_answer(a->arg, &a->said);
}

static void
on_page(void *arg, const struct http_client_page *page)
{
	struct probe_http *a = arg;
	const struct probe_judge_page judged = { .status = page->status,
		.body = page->body,
		.len = page->len,
		.cut = page->cut,
		.broken = page->broken };

	a->fetch = NULL;
	if (a->config->type == CONFIG_CHECK_TLS) {
		on_handshake(a, page);
		return;
	}
	switch (a->stage) {
	case PROBE_HTTP_PAGE:
		if (page->error != NULL)
			fail_page(a, page);
		else if (!probe_judge_page(a->config, &judged, &a->said)) {
			go(a, PROBE_HTTP_FALLBACK);
			return;
		}
		tell_refused(a, &judged);
		break;
	case PROBE_HTTP_FALLBACK:
		if (page->error != NULL)
			fail_page(a, page);
		else
			probe_judge_fallback(a->config, &judged, &a->said);
		tell_refused(a, &judged);
		break;
	case PROBE_HTTP_ROLE: /* no page, no role: it is well all the same */
		if (page->error == NULL)
			a->said.role = probe_judge_role(a->config, &judged);
		break;
	}
	conclude(a);
}

static const char *
path_of(const struct probe_http *a)
{
	switch (a->stage) {
	case PROBE_HTTP_PAGE:
		return a->config->path;
	case PROBE_HTTP_FALLBACK:
		return a->config->fallback;
	case PROBE_HTTP_ROLE:
		return a->config->role_path;
	}
	return "/";
}

static uint32_t
left_ms(const struct probe_http *a)
{
	int64_t left =
	    a->config->timeout_ms - mono_span_ms(a->began, mono_now());

	return left < 1 ? 1 : (uint32_t)left;
}

static void
give_up(struct probe_http *a, const char *why, bool is_ours)
{
	fail(a, why, is_ours);
	a->on_answer(a->arg, &a->said);
}

/*
 * A handshake by a session that is kept costs half, and says nothing of the
 * certificate: so once in a while there is a whole one.
 */
static struct http_client_sessions *
sessions_of(struct probe_http *a)
{
	const struct mono now = mono_now();

	/* Those of the page before this one are still in use. */
	if (a->stage != PROBE_HTTP_PAGE ||
	    (a->sessions != NULL &&
	        mono_span_ms(a->sessions_since, now) < SESSIONS_MS))
		return a->sessions;
	http_client_sessions_free(a->sessions);
	a->sessions = http_client_sessions_new();
	a->sessions_since = now;
	return a->sessions;
}

static void
fetch_page(struct probe_http *a, const char *token)
{
	const struct config_check *c = a->config;
	struct http_client_request r = {
		.host = c->host != NULL ? c->host : a->host,
		.bare_host = c->host != NULL,
		.to = a->to,
		.proxy = a->proxy,
		.path = path_of(a),
		.method = c->method,
		.headers = &c->headers,
		.tls = c->tls || c->type == CONFIG_CHECK_TLS,
		.handshake_only = c->type == CONFIG_CHECK_TLS,
		.anybody = !c->verify,
		.ca = c->ca,
		.user = c->user,
		.token = token,
		.timeout_ms = left_ms(a),
	};

	if (r.tls)
		r.sessions = sessions_of(a);
	if (c->type == CONFIG_CHECK_TLS)
		r.user = NULL;
	if (r.user != NULL)
		r.password =
		    secret_files_password(a->secrets, c->password_file);
	if (r.user != NULL && r.password == NULL) {
		give_up(a, "the password file cannot be used", false);
		return;
	}
	a->fetch = http_client_start(a->fetcher, &r, on_page, a);
	if (a->fetch == NULL)
		give_up(a, "no memory", true);
}

static void
on_ticket(void *arg, const struct ticket *ticket)
{
	struct probe_http *a = arg;

	(void)snprintf(a->name, sizeof(a->name), "%s", ticket->name);
	if (ticket->token != NULL)
		fetch_page(a, ticket->token);
	else if (a->stage == PROBE_HTTP_ROLE)
		conclude(a);
	else
		give_up(a, ticket->error, ticket->is_ours);
}

static void
ask_ticket(struct probe_http *a)
{
	const char *path = a->config->negotiate_keytab;
	const struct negotiate_question q = { .host = a->host,
		.keytab = path != NULL ? secret_files_keytab(a->secrets, path)
		                       : getenv("KRB5_CLIENT_KTNAME"),
		.timeout_ms = left_ms(a) };

	if (path != NULL && q.keytab == NULL) {
		give_up(a, "the keytab cannot be used", false);
		return;
	}
	a->call.on_answer = on_ticket;
	a->call.arg = a;
	if (negotiate_ask(a->negotiate, &a->call, &q) < 0)
		give_up(a, "no memory or threads", true);
}

static void
go(struct probe_http *a, enum probe_http_stage stage)
{
	a->stage = stage;
	if (a->config->negotiate && a->config->type == CONFIG_CHECK_HTTP)
		ask_ticket(a);
	else
		fetch_page(a, NULL);
}

void
probe_http_start(struct probe_http *a, const union addr *to)
{
	a->to = *to;
	a->began = mono_now();
	go(a, PROBE_HTTP_PAGE);
}

void
probe_http_stop(struct probe_http *a)
{
	negotiate_cancel(&a->call);
	http_client_cancel(a->fetch);
	a->fetch = NULL;
	http_client_sessions_free(a->sessions);
	a->sessions = NULL;
}
