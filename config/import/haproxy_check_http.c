#include "config/import/haproxy_check_http.h"

#include "config/schema/check_forms.h"
#include "config/schema/scalar.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 200
#define STATUS_MIN 100
#define STATUS_MAX 599
#define STATUSES_MAX 16
#define PATTERN_MAX 40

struct status_set {
	bool has[STATUS_MAX + 1];
};

static const char *
set_method(struct import_plan *plan, const struct haproxy_text_line *l,
    const char *method)
{
	static const char *const ours[] = { "GET", "HEAD", "OPTIONS" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(method, ours[i]) == 0)
			return ours[i];
	import_notes_warning(&plan->notes, l->at,
	    "the check's '%.20s' is not carried over: it asks by GET; HEAD "
	    "and OPTIONS are possible, too",
	    method);
	return "GET";
}

static const char *
set_path(struct import_plan *plan, const struct haproxy_text_line *l,
    const char *path)
{
	if (path[0] == '/' && check_forms_is_text(path, 1, TEXT_MAX) &&
	    strpbrk(path, " #\"<>\\^`{|}") == NULL)
		return path;
	import_notes_error(&plan->notes, l->at,
	    "the check's page '%.60s' is no path; it asks for / "
	    "(" IMPORT_PLAN_FILL_IN ")",
	    path);
	return NULL;
}

/* The Host header of "HTTP/1.1\r\nHost: www". */
static void
take_headers(struct import_plan *plan, const struct haproxy_text_line *l,
    const char *version, struct import_plan_check *c)
{
	const char *at = strcasestr(version, "\nhost:");
	char host[256];
	size_t len;

	if (at == NULL)
		return;
	at += strlen("\nhost:");
	at += strspn(at, " \t");
	len = strcspn(at, "\r\n:");
	if (len >= sizeof(host))
		return;
	memcpy(host, at, len);
	host[len] = '\0';
	if (scalar_is_host(host))
		c->host = import_plan_text(plan, "%s", host);
	else
		import_notes_warning(&plan->notes, l->at,
		    "the Host header '%.60s' is not carried over: it is the "
		    "server's host",
		    host);
}

/* `option httpchk [METHOD] PATH [VERSION]`, and PATH alone. */
static void
take_option(struct import_plan *plan, const struct haproxy_text_line *l,
    struct import_plan_check *c)
{
	const size_t from = strcmp(l->words[0], "option") == 0 ? 2 : 1;
	const size_t n = l->n > from ? l->n - from : 0;
	const char *const *words = l->words + from;

	c->method = "OPTIONS"; /* haproxy's default */
	if (n == 1)
		c->path = set_path(plan, l, words[0]);
	if (n >= 2) {
		c->method = set_method(plan, l, words[0]);
		c->path = set_path(plan, l, words[1]);
	}
	for (size_t i = 2; i < n; i++)
		take_headers(plan, l, words[i], c);
}

static void
take_send(struct import_plan *plan, const struct haproxy_text_line *l,
    struct import_plan_check *c)
{
	size_t i = 2;

	while (i + 1 < l->n) {
		const char *word = l->words[i], *value = l->words[i + 1];

		if (strcmp(word, "meth") == 0) {
			c->method = set_method(plan, l, value);
		} else if (strcmp(word, "uri") == 0) {
			c->path = set_path(plan, l, value);
		} else if (strcmp(word, "hdr") == 0 && i + 2 < l->n) {
			if (strcasecmp(value, "host") == 0 &&
			    scalar_is_host(l->words[i + 2]))
				c->host = l->words[i + 2];
			else
				import_notes_warning(&plan->notes, l->at,
				    "the check's header '%.60s' is not carried "
				    "over; 'headers' of 'check' has such",
				    value);
			i++; /* it has two words */
		} else if (strcmp(word, "ver") != 0 &&
		    strcmp(word, "comment") != 0) {
			import_notes_warning(&plan->notes, l->at,
			    "the check's '%.20s' is not carried over: it asks "
			    "for a page, and sends no more",
			    word);
		}
		i += 2;
	}
}

static bool
set_range(struct status_set *set, const char *text, size_t len)
{
	char copy[16];
	unsigned from, to;
	int read = 0;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy, "%3u-%3u%n", &from, &to, &read) != 2) {
		if (sscanf(copy, "%3u%n", &from, &read) != 1)
			return false;
		to = from;
	}
	if (copy[read] != '\0' || from > to || to > STATUS_MAX)
		return false;
	for (unsigned i = from; i <= to; i++)
		set->has[i] = true;
	return true;
}

/* "200,204-206" */
static bool
set_list(struct status_set *set, const char *text)
{
	while (*text != '\0') {
		const size_t len = strcspn(text, ",");

		if (!set_range(set, text, len))
			return false;
		text += len + (text[len] == ',');
	}
	return true;
}

/*
 * Only of such characters as a status needs: what a regular expression may cost
 * is bounded so.
 */
static bool
set_pattern(struct status_set *set, const char *text)
{
	char pattern[2 * PATTERN_MAX * 3] = "";
	size_t used = 0;
	regex_t re;

	if (strlen(text) > PATTERN_MAX ||
	    strspn(text, "0123456789()|[]^$-.?d\\") != strlen(text))
		return false;
	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && text[1] == 'd') {
			used += (size_t)snprintf(
			    pattern + used, sizeof(pattern) - used, "[0-9]");
			text++;
		} else if (*text == '\\' || *text == 'd') {
			return false;
		} else {
			pattern[used++] = *text;
		}
	}
	pattern[used] = '\0';
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	for (unsigned i = STATUS_MIN; i <= STATUS_MAX; i++) {
		char number[8];

		(void)snprintf(number, sizeof(number), "%u", i);
		set->has[i] = regexec(&re, number, 0, NULL, 0) == 0;
	}
	regfree(&re);
	return true;
}

/* As `status` has it: "200", "[200, 204-206]"; NULL: none, or too many. */
static const char *
set_text(struct import_plan *plan, const struct status_set *set)
{
	char text[STATUSES_MAX * 10 + 8] = "";
	size_t used = 0, n = 0;

	for (unsigned i = STATUS_MIN; i <= STATUS_MAX; i++) {
		unsigned to = i;

		if (!set->has[i])
			continue;
		while (to < STATUS_MAX && set->has[to + 1])
			to++;
		if (++n > STATUSES_MAX)
			return NULL;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    i == to ? "%s%u" : "%s%u-%u", n > 1 ? ", " : "", i, to);
		i = to;
	}
	if (n == 0)
		return NULL;
	return import_plan_text(plan, n == 1 ? "%s" : "[%s]", text);
}

static void
expect_status(struct import_plan *plan, const struct haproxy_text_line *l,
    const char *text, bool pattern, bool negated, struct import_plan_check *c)
{
	struct status_set set = { .has = { false } };
	const char *status = NULL;

	if (pattern ? set_pattern(&set, text) : set_list(&set, text)) {
		for (unsigned i = STATUS_MIN; negated && i <= STATUS_MAX; i++)
			set.has[i] = !set.has[i];
		status = set_text(plan, &set);
	}
	if (status != NULL)
		c->status = status;
	else
		import_notes_warning(&plan->notes, l->at,
		    "the status '%.60s' is not carried over: expected is "
		    "200-399; 'status' of 'check' takes numbers and ranges",
		    text);
}

const char *
haproxy_check_http_literal(const char *pattern, char *buf, size_t room)
{
	size_t n = 0;

	pattern += pattern[0] == '^';
	if (strncmp(pattern, ".*", 2) == 0)
		pattern += 2;
	for (; *pattern != '\0'; pattern++) {
		if (strcmp(pattern, ".*") == 0 || strcmp(pattern, "$") == 0)
			break;
		if (*pattern == '\\' && pattern[1] != '\0' &&
		    strchr(".[](){}*+?^$|\\/-", pattern[1]) != NULL)
			pattern++;
		else if (strchr(".[](){}*+?^$|\\", *pattern) != NULL)
			return NULL;
		if (n + 1 >= room)
			return NULL;
		buf[n++] = *pattern;
	}
	buf[n] = '\0';
	return n > 0 ? buf : NULL;
}

static void
expect_text(struct import_plan *plan, const struct haproxy_text_line *l,
    const char *text, bool pattern, bool negated, struct import_plan_check *c)
{
	char buf[TEXT_MAX];
	const char *plain =
	    pattern ? haproxy_check_http_literal(text, buf, sizeof(buf)) : text;

	if (plain != NULL && check_forms_is_text(plain, 1, TEXT_MAX - 1) &&
	    (negated || plain[0] != '!')) {
		c->expect =
		    import_plan_text(plan, "%s%s", negated ? "!" : "", plain);
		return;
	}
	import_notes_error(&plan->notes, l->at,
	    "what the check expects, '%.60s', is not carried over, so a server "
	    "that does not say so is well here; 'expect' takes a text that the "
	    "body must hold",
	    text);
}

static void
take_expect(struct import_plan *plan, const struct haproxy_text_line *l,
    struct import_plan_check *c)
{
	size_t i = 2;
	bool negated = false;

	while (i + 1 < l->n &&
	    (strcmp(l->words[i], "comment") == 0 ||
	        strcmp(l->words[i], "min-recv") == 0 ||
	        strcmp(l->words[i], "ok-status") == 0 ||
	        strcmp(l->words[i], "error-status") == 0 ||
	        strcmp(l->words[i], "tout-status") == 0 ||
	        strcmp(l->words[i], "on-success") == 0 ||
	        strcmp(l->words[i], "on-error") == 0 ||
	        strcmp(l->words[i], "status-code") == 0))
		i += 2;
	if (i < l->n && strcmp(l->words[i], "!") == 0) {
		negated = true;
		i++;
	}
	if (i + 1 >= l->n)
		return;
	if (strcmp(l->words[i], "status") == 0 ||
	    strcmp(l->words[i], "rstatus") == 0)
		expect_status(plan, l, l->words[i + 1], l->words[i][0] == 'r',
		    negated, c);
	else if (strcmp(l->words[i], "string") == 0 ||
	    strcmp(l->words[i], "rstring") == 0)
		expect_text(plan, l, l->words[i + 1], l->words[i][0] == 'r',
		    negated, c);
	else
		import_notes_error(&plan->notes, l->at,
		    "'expect %.40s' is not carried over, so a server that "
		    "fails there is well here; 'status' and 'expect' of "
		    "'check' look at the status and the body",
		    l->words[i]);
}

static void
take_connect(struct import_plan *plan, const struct haproxy_text_line *l,
    struct import_plan_check *c)
{
	uint64_t port;

	for (size_t i = 2; i < l->n; i++) {
		if (strcmp(l->words[i], "ssl") == 0) {
			c->tls = c->no_verify = true;
		} else if (strcmp(l->words[i], "port") == 0 && i + 1 < l->n &&
		    scalar_number(l->words[i + 1], &port) == 0 && port >= 1 &&
		    port <= UINT16_MAX) {
			c->port = port;
		} else if (strcmp(l->words[i], "addr") == 0) {
			import_notes_warning(&plan->notes, l->at,
			    "'addr' is not carried over: a server is checked "
			    "at its own address");
		}
	}
}

static void
take_line(struct import_plan *plan, const struct haproxy_text_line *l,
    struct import_plan_check *c)
{
	const char *what = l->n > 1 ? l->words[1] : "";

	if (strcmp(what, "send") == 0)
		take_send(plan, l, c);
	else if (strcmp(what, "expect") == 0)
		take_expect(plan, l, c);
	else if (strcmp(what, "connect") == 0)
		take_connect(plan, l, c);
	else if (strcmp(what, "disable-on-404") == 0)
		import_notes_warning(&plan->notes, l->at,
		    "'disable-on-404' is not carried over: a server that says "
		    "404 is down; 'drain' of 'check' tells one that leaves by "
		    "its page");
	else if (strcmp(what, "send-state") != 0 &&
	    strcmp(what, "comment") != 0)
		import_notes_warning(&plan->notes, l->at,
		    "'http-check %.40s' is not carried over", what);
}

void
haproxy_check_http_read(struct import_plan *plan, const struct haproxy_proxy *p,
    struct import_plan_check *c)
{
	c->type = "http";
	c->status = "200-399"; /* what haproxy takes for well */
	take_option(plan, p->check_line, c);
	for (const struct haproxy_proxy_kept *k = p->http_checks.first;
	     k != NULL; k = k->next)
		take_line(plan, k->line, c);
	/* An answer to HEAD has no body. */
	if (c->expect != NULL && strcmp(c->method, "HEAD") == 0)
		c->method = "GET";
	if (strcmp(c->method, "GET") == 0)
		c->method = NULL;
}
