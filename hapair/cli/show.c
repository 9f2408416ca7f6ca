#include "hapair/cli/show.h"

#include "core/json_doc.h"
#include "hapair/cli/text_table.h"

#include <inttypes.h>
#include <string.h>

struct style {
	const char *bold, *good, *bad, *plain;
};

static const struct style colours = { "\033[1m", "\033[32m", "\033[31m",
	"\033[0m" };
static const struct style none = { "", "", "", "" };

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

static void
format_bytes(int64_t n, char *buf, size_t room)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024. && u + 1 < ARRAY_LEN(units)) {
		v /= 1024.;
		u++;
	}
	(void)snprintf(buf, room, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

/*
 * The last change of a group, with its time: "became master 2026-11-22
 * 10:00:01Z: no peer was heard". What was true of the peer then need not be so
 * any more, and stands beside what is; only a fault lasts.
 */
static void
cell_change(struct table *t, const struct jdoc *group)
{
	const char *state = jdoc_string(group, "state");
	const char *iso = jdoc_string(group, "since");
	const char *reason = jdoc_string(group, "reason");
	char when[32] = "";

	/* "2026-11-22T10:00:01.120Z": nobody reads the milliseconds. */
	if (strlen(iso) >= 19)
		(void)snprintf(
		    when, sizeof(when), " %.10s %.8sZ", iso, iso + 11);
	if (strcmp(state, "master") == 0 || strcmp(state, "backup") == 0)
		table_cell(t, "became %s%s: %s", state, when, reason);
	else
		table_cell(t, "in %s since%s: %s", state, when, reason);
}

static void
show_head(const struct jdoc *d, FILE *out, const struct style *st)
{
	const struct jdoc *config = jdoc_get(d, "config");
	const struct jdoc *problems = jdoc_get(d, "problems");
	const char *node = jdoc_string(d, "node");
	bool healthy = jdoc_bool(d, "healthy");
	char up[32];

	format_span(jdoc_real(d, "uptime_s"), up, sizeof(up));
	(void)fprintf(out,
	    "%s%s%s  %s%s%s  up %s, process %" PRId64 ", hapair %s\n", st->bold,
	    *node != '\0' ? node : "single node", st->plain,
	    healthy ? st->good : st->bad, healthy ? "healthy" : "degraded",
	    st->plain, up, jdoc_int(d, "pid"), jdoc_string(d, "version"));
	(void)fprintf(out, "configuration %.8s  %s\n",
	    jdoc_string(config, "hash"), jdoc_string(config, "path"));
	for (size_t i = 0; i < jdoc_count(problems); i++)
		(void)fprintf(out, "%s! %s%s\n", st->bad,
		    jdoc_text_value(jdoc_at(problems, i)), st->plain);
}

static void
show_groups(const struct jdoc *groups, FILE *out, const struct style *st)
{
	CLEANUP(table_free_at) struct table *t = table_new();
	static const char *const heading[] = { "GROUP", "STATE", "PRIORITY",
		"ADDRESSES", "LAST CHANGE" };

	if (jdoc_count(groups) == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(heading); i++)
		table_cell(t, "%s", heading[i]);
	table_end_row(t);
	for (size_t i = 0; i < jdoc_count(groups); i++) {
		const struct jdoc *g = jdoc_at(groups, i);
		const struct jdoc *a = jdoc_get(g, "addresses");

		table_cell(t, "%s", jdoc_string(g, "name"));
		table_cell(t, "%s", jdoc_string(g, "state"));
		table_cell(t, "%" PRId64, jdoc_int(g, "effective_priority"));
		table_cell(t, "%s on %s", jdoc_text_value(jdoc_at(a, 0)),
		    jdoc_string(g, "interface"));
		cell_change(t, g);
		table_end_row(t);
		for (size_t k = 1; k < jdoc_count(a); k++) {
			for (unsigned c = 0; c < 3; c++)
				table_cell(t, "%s", "");
			table_cell(t, "%s", jdoc_text_value(jdoc_at(a, k)));
			table_end_row(t);
		}
	}
	(void)fputc('\n', out);
	table_print(t, out, st->bold, st->plain);
}

static void
show_peers(const struct jdoc *peers, FILE *out, const struct style *st)
{
	CLEANUP(table_free_at) struct table *t = table_new();
	static const char *const heading[] = { "PEER", "REACHABLE",
		"LAST HEARD", "HEARTBEATS", "LOST", "REJECTED", "WIRE" };

	if (jdoc_count(peers) == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(heading); i++)
		table_cell(t, "%s", heading[i]);
	table_end_row(t);
	for (size_t i = 0; i < jdoc_count(peers); i++) {
		const struct jdoc *p = jdoc_at(peers, i);
		const struct jdoc *link = jdoc_at(jdoc_get(p, "links"), 0);

		table_cell(t, "%s", jdoc_string(p, "name"));
		table_cell(t, "%s", jdoc_bool(p, "reachable") ? "yes" : "no");
		if (jdoc_is_null(jdoc_get(p, "last_heard_ms")))
			table_cell(t, "never");
		else
			table_cell(t, "%" PRId64 " ms ago",
			    jdoc_int(p, "last_heard_ms"));
		table_cell(t, "%" PRId64, jdoc_int(link, "received"));
		table_cell(t, "%" PRId64, jdoc_int(link, "lost"));
		table_cell(t, "%" PRId64, jdoc_int(link, "rejected"));
		table_cell(t, "%s",
		    jdoc_bool(jdoc_get(p, "wire"), "up") ? "up" : "down");
		table_end_row(t);
	}
	(void)fputc('\n', out);
	table_print(t, out, st->bold, st->plain);
}

static void
add_figures(struct table *t, const struct jdoc *at)
{
	const struct jdoc *c = jdoc_get(at, "connections");
	const struct jdoc *b = jdoc_get(at, "bytes");
	char in[32], out[32];

	format_bytes(jdoc_int(b, "in"), in, sizeof(in));
	format_bytes(jdoc_int(b, "out"), out, sizeof(out));
	table_cell(t, "%" PRId64, jdoc_int(c, "active"));
	table_cell(t, "%" PRId64, jdoc_int(c, "total"));
	table_cell(t, "%" PRId64, jdoc_int(c, "failed"));
	table_cell(t, "%s", in);
	table_cell(t, "%s", out);
}

/* Behind what the checks say: whether it is active, and an operator's word. */
static void
add_state(
    struct table *t, const struct jdoc *service, const struct jdoc *server)
{
	const char *admin = jdoc_string(server, "admin");
	const char *active =
	    jdoc_string(jdoc_get(service, "standby"), "active");
	const bool told =
	    strcmp(admin, "drain") == 0 || strcmp(admin, "maint") == 0;

	table_cell(t, "%s%s%s%s", jdoc_string(server, "state"),
	    strcmp(active, jdoc_string(server, "name")) == 0 ? ", active" : "",
	    told ? ", " : "", told ? admin : "");
}

/* Of a standby service: whether a change of the active server is under way. */
static void
add_mode(struct table *t, const struct jdoc *service)
{
	const char *phase = jdoc_string(jdoc_get(service, "standby"), "phase");

	if (strcmp(jdoc_string(service, "mode"), "standby") != 0)
		table_cell(t, "%s", jdoc_string(service, "balance"));
	else if (strcmp(phase, "fencing") == 0 || strcmp(phase, "blocked") == 0)
		table_cell(t, "standby, %s", phase);
	else
		table_cell(t, "standby");
}

static void
add_service(struct table *t, const struct jdoc *s)
{
	const struct jdoc *listen = jdoc_get(s, "listen");
	const struct jdoc *servers = jdoc_get(s, "servers");

	table_cell(t, "%s", jdoc_string(s, "name"));
	table_cell(t, "%s%s", jdoc_text_value(jdoc_at(listen, 0)),
	    jdoc_count(listen) > 1 ? " …" : "");
	table_cell(t, "%s", jdoc_string(s, "state"));
	add_figures(t, s);
	add_mode(t, s);
	table_end_row(t);
	for (size_t i = 0; i < jdoc_count(servers); i++) {
		const struct jdoc *v = jdoc_at(servers, i);

		table_cell(t, "  %s", jdoc_string(v, "name"));
		table_cell(t, "%s", jdoc_string(v, "address"));
		add_state(t, s, v);
		add_figures(t, v);
		table_cell(
		    t, "%s", jdoc_string(jdoc_get(v, "check"), "detail"));
		table_end_row(t);
	}
}

static void
show_services(const struct jdoc *services, FILE *out, const struct style *st)
{
	CLEANUP(table_free_at) struct table *t = table_new();
	static const char *const heading[] = { "SERVICE", "ADDRESS", "STATE",
		"ACTIVE", "TOTAL", "FAILED", "IN", "OUT", "BALANCE, CHECK" };

	if (jdoc_count(services) == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(heading); i++)
		table_cell(t, "%s", heading[i]);
	table_end_row(t);
	for (size_t i = 0; i < jdoc_count(services); i++)
		add_service(t, jdoc_at(services, i));
	(void)fputc('\n', out);
	table_print(t, out, st->bold, st->plain);
}

void
show_status(const struct jdoc *status, FILE *out, bool colour)
{
	const struct style *st = colour ? &colours : &none;

	show_head(status, out, st);
	show_groups(jdoc_get(status, "groups"), out, st);
	show_peers(jdoc_get(status, "peers"), out, st);
	show_services(jdoc_get(status, "services"), out, st);
}

void
show_short(const struct jdoc *status, FILE *out)
{
	const struct jdoc *groups = jdoc_get(status, "groups");

	for (size_t i = 0; i < jdoc_count(groups); i++)
		(void)fprintf(out, "%s %s\n",
		    jdoc_string(jdoc_at(groups, i), "name"),
		    jdoc_string(jdoc_at(groups, i), "state"));
}
