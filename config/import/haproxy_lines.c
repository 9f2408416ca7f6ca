#include "config/import/haproxy_lines.h"

#include "config/import/haproxy_params.h"
#include "config/import/haproxy_words.h"
#include "config/import/import_plan.h"

#include <string.h>

/* Of one word in a section: so many are no accident. */
#define LINES_MAX 1024

typedef void taker(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l);

static const char *
word_of(const struct haproxy_text_line *l, size_t i)
{
	return i < l->n ? l->words[i] : "";
}

static void
keep(struct import_plan *plan, struct haproxy_proxy_lines *lines,
    const struct haproxy_text_line *l)
{
	struct haproxy_proxy_kept *k;

	if (lines->inherited)
		*lines = (struct haproxy_proxy_lines){ .first = NULL };
	if (lines->n == LINES_MAX) {
		import_notes_error(&plan->notes, l->at,
		    "a section has at most %d lines of '%.40s'; the others are "
		    "left out",
		    LINES_MAX, l->words[0]);
		return;
	}
	k = import_plan_alloc(plan, sizeof(*k));
	if (k == NULL)
		return;
	lines->n++;
	k->line = l;
	if (lines->last == NULL)
		lines->first = k;
	else
		lines->last->next = k;
	lines->last = k;
}

static void
take_acl(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	keep(plan, &p->acls, l);
}

static void
take_rule(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	keep(plan, &p->rules, l);
}

static void
take_use(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	keep(plan, &p->uses, l);
}

static void
take_http_check(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	keep(plan, &p->http_checks, l);
}

static void
take_tcp_check(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	keep(plan, &p->tcp_checks, l);
}

static void
take_http_request(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	bool is_page = strcmp(word_of(l, 1), "use-service") == 0;

	(void)plan;
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->words[i], "prometheus-exporter") == 0)
			p->stats = is_page = true;
	if (!is_page)
		p->http_rule = l;
}

static void
take_mode(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	const char *mode = word_of(l, 1);

	if (strcmp(mode, "tcp") == 0)
		p->mode = HAPROXY_PROXY_TCP;
	else if (strcmp(mode, "http") == 0 || strcmp(mode, "haterm") == 0)
		p->mode = HAPROXY_PROXY_HTTP;
	else if (strcmp(mode, "health") == 0 || strcmp(mode, "log") == 0 ||
	    strcmp(mode, "syslog") == 0 || strcmp(mode, "spop") == 0)
		p->mode = HAPROXY_PROXY_ODD;
	else
		import_notes_error(&plan->notes, l->at,
		    "'%.60s' is no mode; expected tcp or http", mode);
}

static void
take_timeout_named(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l, const char *name, size_t value_at)
{
	static const struct timeout {
		const char *name;
		enum haproxy_proxy_timeout which;
	} timeouts[] = {
		{ "connect", HAPROXY_PROXY_CONNECT },
		{ "client", HAPROXY_PROXY_CLIENT },
		{ "server", HAPROXY_PROXY_SERVER },
		{ "tunnel", HAPROXY_PROXY_TUNNEL },
		{ "queue", HAPROXY_PROXY_QUEUE },
		{ "check", HAPROXY_PROXY_CHECK },
		{ "client-fin", HAPROXY_PROXY_CLIENT_FIN },
		{ "server-fin", HAPROXY_PROXY_SERVER_FIN },
		{ "contimeout", HAPROXY_PROXY_CONNECT },
		{ "clitimeout", HAPROXY_PROXY_CLIENT },
		{ "srvtimeout", HAPROXY_PROXY_SERVER },
	};

	if (haproxy_words_look(&plan->notes, l->at, HAPROXY_WORDS_TIMEOUT,
	        name) != IMPORT_WORDS_READ)
		return;
	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++)
		if (strcmp(name, timeouts[i].name) == 0)
			haproxy_params_time(
			    plan, l, value_at, &p->timeouts[timeouts[i].which]);
}

static void
take_timeout(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	take_timeout_named(plan, p, l, word_of(l, 1), 2);
}

static void
take_old_timeout(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	take_timeout_named(plan, p, l, l->words[0], 1);
}

static void
set_option(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l, const char *name, bool on)
{
	static const struct check {
		const char *name;
		enum haproxy_proxy_check check;
	} checks[] = {
		{ "tcp-check", HAPROXY_PROXY_CHECK_TCP },
		{ "httpchk", HAPROXY_PROXY_CHECK_HTTP },
		{ "mysql-check", HAPROXY_PROXY_CHECK_MYSQL },
		{ "pgsql-check", HAPROXY_PROXY_CHECK_PGSQL },
		{ "redis-check", HAPROXY_PROXY_CHECK_REDIS },
		{ "ldap-check", HAPROXY_PROXY_CHECK_LDAP },
		{ "smtpchk", HAPROXY_PROXY_CHECK_SMTP },
		{ "ssl-hello-chk", HAPROXY_PROXY_CHECK_SSL },
		{ "external-check", HAPROXY_PROXY_CHECK_EXTERNAL },
		{ "spop-check", HAPROXY_PROXY_CHECK_CONNECT },
	};

	if (haproxy_words_look(&plan->notes, l->at, HAPROXY_WORDS_OPTION,
	        name) != IMPORT_WORDS_READ)
		return;
	if (strcmp(name, "allbackups") == 0)
		p->allbackups = on;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (strcmp(name, checks[i].name) != 0)
			continue;
		if (on) {
			p->check = checks[i].check;
			p->check_line = l;
		} else if (p->check == checks[i].check) {
			p->check = HAPROXY_PROXY_CHECK_CONNECT;
		}
	}
}

static void
take_option(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	set_option(plan, p, l, word_of(l, 1), true);
}

static void
take_no(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	if (strcmp(word_of(l, 1), "option") == 0)
		set_option(plan, p, l, word_of(l, 2), false);
}

static void
take_httpchk(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	set_option(plan, p, l, "httpchk", true);
}

static void
take_number(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	haproxy_params_number(plan, l, 1,
	    strcmp(l->words[0], "retries") == 0 ? &p->retries : &p->maxconn);
}

static void
take_keepalive(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	struct haproxy_proxy_number idle = { .given = false };

	haproxy_params_time(plan, l, 1, &idle);
	/* Without a unit it is seconds here, and only here. */
	if (idle.given &&
	    strspn(l->words[1], "0123456789") == strlen(l->words[1]))
		idle.value *= 1000;
	if (idle.given &&
	    (!p->keepalive.given || idle.value < p->keepalive.value))
		p->keepalive = idle;
}

static void
take_balance(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)plan;
	p->balance = l;
}

static void
take_bind(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	haproxy_params_bind(plan, p, l, 1);
}

static void
take_defaults(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	haproxy_params_options(plan, l, 1, &p->server_defaults);
}

static void
take_stick(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	const char *what = word_of(l, 2);

	if (strcmp(word_of(l, 1), "on") != 0 &&
	    strcmp(word_of(l, 1), "match") != 0 &&
	    strcmp(word_of(l, 1), "store-request") != 0)
		return;
	if (strncmp(what, "src", 3) == 0 || strncmp(what, "dst", 3) == 0 ||
	    strncmp(what, "int(", 4) == 0)
		p->stick = l;
	else
		import_notes_warning(&plan->notes, l->at,
		    "'stick on %.60s' is not carried over: hapair reads none "
		    "of what passes; 'balance: source' sends a client to the "
		    "same server",
		    what);
}

static void
take_stats(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	const char *what = word_of(l, 1);

	(void)plan;
	p->stats = true;
	if (strcmp(what, "http-request") == 0)
		p->http_rule = l;
	if (strcmp(what, "auth") != 0)
		return;
	p->stats_auth_before = p->stats_auth;
	p->stats_auth = l;
}

static void
take_monitor(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)plan;
	(void)l;
	p->stats = true;
}

static void
take_source(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	p->source = word_of(l, 1);
	p->usesrc = strcmp(word_of(l, 2), "usesrc") == 0;
	if (strcmp(word_of(l, 2), "interface") == 0)
		import_notes_warning(&plan->notes, l->at,
		    "'source' with 'interface %.20s' is not carried over: "
		    "hapair connects by the host's routes; 'source' chooses "
		    "the address",
		    word_of(l, 3));
}

static void
take_backend(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)plan;
	p->default_backend = word_of(l, 1);
}

static void
take_disabled(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)plan;
	p->disabled = strcmp(l->words[0], "disabled") == 0;
}

/* All connections to one address: a server without a name. */
static void
take_dispatch(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	static const char *const words[] = { "server", "dispatch", NULL, NULL };
	struct haproxy_text_line *as = import_plan_alloc(plan, sizeof(*as));
	const char **copy = import_plan_alloc(plan, sizeof(words));

	if (as == NULL || copy == NULL || l->n < 2)
		return;
	memcpy(copy, words, sizeof(words));
	copy[2] = l->words[1];
	*as = (struct haproxy_text_line){ .at = l->at, .words = copy, .n = 3 };
	haproxy_params_server(plan, p, as);
}

/* The others are of HTTP, or of what is written to a log. */
static void
take_filter(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)p;
	if (strncmp(word_of(l, 1), "bwlim", 5) == 0)
		import_notes_warning(&plan->notes, l->at,
		    "'filter %.40s' is not carried over: hapair does not limit "
		    "how fast bytes pass; tc(8) on this host does",
		    word_of(l, 1));
}

static void
take_external(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	(void)plan;
	if (strcmp(word_of(l, 1), "command") == 0)
		p->check_command = word_of(l, 2);
}

static const struct word {
	const char *word;
	taker *take;
} words[] = {
	{ "acl", take_acl },
	{ "balance", take_balance },
	{ "bind", take_bind },
	{ "clitcpka-idle", take_keepalive },
	{ "clitimeout", take_old_timeout },
	{ "contimeout", take_old_timeout },
	{ "default-server", take_defaults },
	{ "default_backend", take_backend },
	{ "disabled", take_disabled },
	{ "dispatch", take_dispatch },
	{ "enabled", take_disabled },
	{ "external-check", take_external },
	{ "filter", take_filter },
	{ "http-check", take_http_check },
	{ "http-request", take_http_request },
	{ "httpchk", take_httpchk },
	{ "maxconn", take_number },
	{ "mode", take_mode },
	{ "monitor-uri", take_monitor },
	{ "no", take_no },
	{ "option", take_option },
	{ "retries", take_number },
	{ "server", haproxy_params_server },
	{ "server-template", haproxy_params_template },
	{ "source", take_source },
	{ "srvtcpka-idle", take_keepalive },
	{ "srvtimeout", take_old_timeout },
	{ "stats", take_stats },
	{ "stick", take_stick },
	{ "tcp-check", take_tcp_check },
	{ "tcp-request", take_rule },
	{ "timeout", take_timeout },
	{ "use_backend", take_use },
};

void
haproxy_lines_take(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	if (haproxy_words_look(&plan->notes, l->at, HAPROXY_WORDS_PROXY,
	        l->words[0]) != IMPORT_WORDS_READ)
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(l->words[0], words[i].word) == 0)
			words[i].take(plan, p, l);
}
