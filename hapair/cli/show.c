#include "hapair/cli/show.h"

#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "hapair/cli/show_tables.h"

#include <inttypes.h>
#include <string.h>

#define LINE_MAX 1200
#define SINCE_MAX (SHOW_TIME_MAX + 48)

static const struct show_style colours = { "\033[1m", "\033[32m", "\033[33m",
	"\033[31m", "\033[0m" };
static const struct show_style none = { "", "", "", "", "" };

const struct show_style *
show_style_of(const struct show_view *view)
{
	return view->colour ? &colours : &none;
}

static void
format_span(double seconds, char *buf, size_t room)
{
	long s = (long)seconds;

	if (s < 60)
		(void)snprintf(buf, room, "%lds", s);
	else if (s < 3600)
		(void)snprintf(buf, room, "%ldm %lds", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(buf, room, "%ldh %ldm", s / 3600, s % 3600 / 60);
	else
		(void)snprintf(
		    buf, room, "%ldd %ldh", s / 86400, s % 86400 / 3600);
}

/* "2026-11-22T10:00:01.120Z": nobody reads the milliseconds. */
const char *
show_time(const struct json_doc *status, const char *iso,
    char buf[static SHOW_TIME_MAX])
{
	const char *now = json_doc_string(status, "time");

	buf[0] = '\0';
	if (strlen(iso) < 19)
		return buf;
	if (strncmp(now, iso, 10) == 0)
		(void)snprintf(buf, SHOW_TIME_MAX, "%.8sZ", iso + 11);
	else
		(void)snprintf(
		    buf, SHOW_TIME_MAX, "%.10s %.8sZ", iso, iso + 11);
	return buf;
}

/* Characters, not bytes: names may be UTF-8. */
static size_t
count_chars(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

void
show_wrapped(
    const struct show_view *view, unsigned indent, const char *text, FILE *out)
{
	size_t used = strspn(text, " ");
	bool begins = true;

	(void)fprintf(out, "%*s", (int)used, "");
	text += used;
	while (*text != '\0') {
		const size_t len = strcspn(text, " ");
		const size_t chars = count_chars(text, len);

		if (view->width > 0 && used > indent && !begins &&
		    used + 1 + chars > view->width) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			used = indent;
		} else if (!begins) {
			(void)fputc(' ', out);
			used++;
		}
		(void)fprintf(out, "%.*s", (int)len, text);
		used += chars;
		begins = false;
		text += len;
		text += *text == ' ';
	}
	(void)fputc('\n', out);
}

/* "since 23:58:00Z (1m 12s)", or "". */
static const char *
since_text(
    const struct json_doc *status, const char *iso, char buf[static SINCE_MAX])
{
	const int64_t then = wall_clock_parse(iso);
	const int64_t now = wall_clock_parse(json_doc_string(status, "time"));
	char at[SHOW_TIME_MAX], span[24];

	buf[0] = '\0';
	if (*show_time(status, iso, at) == '\0')
		return buf;
	if (then == 0 || now < then) {
		(void)snprintf(buf, SINCE_MAX, ", since %s", at);
		return buf;
	}
	format_span((double)(now - then) / 1e3, span, sizeof(span));
	(void)snprintf(buf, SINCE_MAX, ", since %s (%s)", at, span);
	return buf;
}

static void
show_trouble(const struct json_doc *status, const struct json_doc *t,
    const struct show_view *view, FILE *out)
{
	const struct show_style *st = show_style_of(view);
	const char *advice = json_doc_string(t, "advice");
	char line[LINE_MAX], since[SINCE_MAX];

	(void)snprintf(line, sizeof(line), "! %s%s", json_doc_string(t, "text"),
	    since_text(status, json_doc_string(t, "since"), since));
	(void)fputs(st->bad, out);
	show_wrapped(view, 2, line, out);
	(void)fputs(st->plain, out);
	if (*advice == '\0')
		return;
	(void)snprintf(line, sizeof(line), "  -> %s", advice);
	show_wrapped(view, 5, line, out);
}

/* A daemon of before knows no more than sentences. */
static void
show_troubles(
    const struct json_doc *status, const struct show_view *view, FILE *out)
{
	const struct json_doc *troubles = json_doc_get(status, "troubles");
	const struct json_doc *problems = json_doc_get(status, "problems");
	char line[LINE_MAX];

	for (size_t i = 0; i < json_doc_count(troubles); i++)
		show_trouble(status, json_doc_at(troubles, i), view, out);
	for (size_t i = 0; troubles == NULL && i < json_doc_count(problems);
	     i++) {
		(void)snprintf(line, sizeof(line), "! %s",
		    json_doc_text_value(json_doc_at(problems, i)));
		show_wrapped(view, 2, line, out);
	}
}

/* Only while they are changed: else there is nothing to say. */
static void
show_keys(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *peer = json_doc_at(json_doc_get(d, "peers"), 0);
	const struct json_doc *keys = json_doc_get(peer, "keys");
	const char *we = json_doc_string(keys, "we_sign_with");
	const char *it = json_doc_string(keys, "it_signs_with");
	char line[LINE_MAX];

	if (json_doc_count(json_doc_get(keys, "ours")) < 2 &&
	    json_doc_count(json_doc_get(keys, "peers")) < 2)
		return;
	(void)snprintf(line, sizeof(line),
	    "keys are being changed: we sign with %s, the peer with %s; `hapair check --host` tells the next step",
	    *we != '\0' ? we : "-", *it != '\0' ? it : "-");
	show_wrapped(view, 2, line, out);
}

/* Whether a trouble of a process says that already. */
static bool
is_told(const struct json_doc *d, const char *process)
{
	const struct json_doc *list = json_doc_get(d, "troubles");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *t = json_doc_at(list, i);

		if (strcmp(json_doc_string(t, "id"), "process_ends") == 0 &&
		    strstr(json_doc_string(t, "text"), process) != NULL)
			return true;
	}
	return false;
}

/* What ended by itself, and was started again. */
static void
show_restarts(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *list = json_doc_get(d, "processes");
	char line[LINE_MAX], at[SHOW_TIME_MAX];

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *p = json_doc_at(list, i);
		const int64_t n = json_doc_int(p, "restarts");

		if (n == 0 || is_told(d, json_doc_string(p, "name")))
			continue;
		(void)snprintf(line, sizeof(line),
		    "%s: restarted %" PRId64 " time%s, last %s: %s",
		    json_doc_string(p, "name"), n, n == 1 ? "" : "s",
		    show_time(d, json_doc_string(p, "last_end_at"), at),
		    json_doc_string(p, "last_end"));
		show_wrapped(view, 2, line, out);
	}
}

static void
show_head(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct show_style *st = show_style_of(view);
	const struct json_doc *config = json_doc_get(d, "config");
	const char *node = json_doc_string(d, "node");
	bool healthy = json_doc_bool(d, "healthy");
	char up[32], at[SHOW_TIME_MAX];

	format_span(json_doc_real(d, "uptime_s"), up, sizeof(up));
	(void)fprintf(out,
	    "%s%s%s  %s%s%s  up %s, process %" PRId64 ", hapair %s", st->bold,
	    *node != '\0' ? node : "single node", st->plain,
	    healthy ? st->good : st->bad, healthy ? "healthy" : "degraded",
	    st->plain, up, json_doc_int(d, "pid"),
	    json_doc_string(d, "version"));
	if (*show_time(d, json_doc_string(d, "time"), at) != '\0')
		(void)fprintf(out, ", now %s", at);
	(void)fprintf(out, "\nconfiguration %.8s  %s\n",
	    json_doc_string(config, "hash"), json_doc_string(config, "path"));
}

static void
show_hints(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *hints = json_doc_get(d, "hints");
	char line[LINE_MAX];

	for (size_t i = 0; i < json_doc_count(hints); i++) {
		(void)snprintf(line, sizeof(line), "hint: %s",
		    json_doc_text_value(json_doc_at(hints, i)));
		show_wrapped(view, 2, line, out);
	}
}

void
show_status(
    const struct json_doc *status, const struct show_view *view, FILE *out)
{
	show_head(status, view, out);
	show_troubles(status, view, out);
	show_restarts(status, view, out);
	show_keys(status, view, out);
	show_hints(status, view, out);
	show_tables(status, view, out);
}

void
show_short(const struct json_doc *status, FILE *out)
{
	const struct json_doc *groups = json_doc_get(status, "groups");

	for (size_t i = 0; i < json_doc_count(groups); i++)
		(void)fprintf(out, "%s %s\n",
		    json_doc_string(json_doc_at(groups, i), "name"),
		    json_doc_string(json_doc_at(groups, i), "state"));
}
