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
cell_change(struct text_table *t, const struct json_doc *group)
{
	const char *state = json_doc_string(group, "state");
	const char *iso = json_doc_string(group, "since");
	const char *reason = json_doc_string(group, "reason");
	char when[32] = "";

	/* "2026-11-22T10:00:01.120Z": nobody reads the milliseconds. */
	if (strlen(iso) >= 19)
		(void)snprintf(
		    when, sizeof(when), " %.10s %.8sZ", iso, iso + 11);
	if (strcmp(state, "master") == 0 || strcmp(state, "backup") == 0)
		text_table_cell(t, "became %s%s: %s", state, when, reason);
	else
		text_table_cell(t, "in %s since%s: %s", state, when, reason);
}

/* Only while they are changed: else there is nothing to say. */
static void
show_keys(const struct json_doc *d, FILE *out)
{
	const struct json_doc *peer = json_doc_at(json_doc_get(d, "peers"), 0);
	const struct json_doc *keys = json_doc_get(peer, "keys");
	const char *we = json_doc_string(keys, "we_sign_with");
	const char *it = json_doc_string(keys, "it_signs_with");

	if (json_doc_count(json_doc_get(keys, "ours")) < 2 &&
	    json_doc_count(json_doc_get(keys, "peers")) < 2)
		return;
	(void)fprintf(out,
	    "keys are being changed: we sign with %s, the peer with %s; `hapair check --host` tells the next step\n",
	    *we != '\0' ? we : "-", *it != '\0' ? it : "-");
}

static void
show_head(const struct json_doc *d, FILE *out, const struct style *st)
{
	const struct json_doc *config = json_doc_get(d, "config");
	const struct json_doc *problems = json_doc_get(d, "problems");
	const struct json_doc *hints = json_doc_get(d, "hints");
	const char *node = json_doc_string(d, "node");
	bool healthy = json_doc_bool(d, "healthy");
	char up[32];

	format_span(json_doc_real(d, "uptime_s"), up, sizeof(up));
	(void)fprintf(out,
	    "%s%s%s  %s%s%s  up %s, process %" PRId64 ", hapair %s\n", st->bold,
	    *node != '\0' ? node : "single node", st->plain,
	    healthy ? st->good : st->bad, healthy ? "healthy" : "degraded",
	    st->plain, up, json_doc_int(d, "pid"),
	    json_doc_string(d, "version"));
	(void)fprintf(out, "configuration %.8s  %s\n",
	    json_doc_string(config, "hash"), json_doc_string(config, "path"));
	show_keys(d, out);
	for (size_t i = 0; i < json_doc_count(problems); i++)
		(void)fprintf(out, "%s! %s%s\n", st->bad,
		    json_doc_text_value(json_doc_at(problems, i)), st->plain);
	for (size_t i = 0; i < json_doc_count(hints); i++)
		(void)fprintf(out, "hint: %s\n",
		    json_doc_text_value(json_doc_at(hints, i)));
}

/* Its interface is that of the one above, unless it is told. */
static void
put_address(struct text_table *t, const struct json_doc *addresses,
    const struct json_doc *on, size_t k)
{
	const char *address = json_doc_text_value(json_doc_at(addresses, k));
	const char *is = json_doc_text_value(json_doc_at(on, k));
	const char *was = json_doc_text_value(json_doc_at(on, k - 1));

	if (strcmp(is, was) == 0)
		text_table_cell(t, "%s", address);
	else
		text_table_cell(t, "%s on %s", address, is);
}

static void
add_group(struct text_table *t, const struct json_doc *g)
{
	const struct json_doc *a = json_doc_get(g, "addresses");
	const struct json_doc *on = json_doc_get(g, "interfaces");

	text_table_cell(t, "%s", json_doc_string(g, "name"));
	text_table_cell(t, "%s", json_doc_string(g, "state"));
	text_table_cell(t, "%" PRId64, json_doc_int(g, "effective_priority"));
	text_table_cell(t, "%s on %s", json_doc_text_value(json_doc_at(a, 0)),
	    json_doc_count(on) > 0 ? json_doc_text_value(json_doc_at(on, 0))
	                           : json_doc_string(g, "interface"));
	cell_change(t, g);
	text_table_end_row(t);
	for (size_t k = 1; k < json_doc_count(a); k++) {
		for (unsigned c = 0; c < 3; c++)
			text_table_cell(t, "%s", "");
		put_address(t, a, on, k);
		text_table_end_row(t);
	}
}

static void
add_peer(struct text_table *t, const struct json_doc *p)
{
	const struct json_doc *link = json_doc_at(json_doc_get(p, "links"), 0);

	const char *version = json_doc_string(p, "version");

	text_table_cell(t, "%s", json_doc_string(p, "name"));
	text_table_cell(t, "%s", *version != '\0' ? version : "-");
	text_table_cell(t, "%s", json_doc_bool(p, "reachable") ? "yes" : "no");
	if (json_doc_is_null(json_doc_get(p, "last_heard_ms")))
		text_table_cell(t, "never");
	else
		text_table_cell(
		    t, "%" PRId64 " ms ago", json_doc_int(p, "last_heard_ms"));
	text_table_cell(t, "%" PRId64, json_doc_int(link, "received"));
	text_table_cell(t, "%" PRId64, json_doc_int(link, "lost"));
	text_table_cell(t, "%" PRId64, json_doc_int(link, "rejected"));
	text_table_cell(t, "%s",
	    json_doc_bool(json_doc_get(p, "wire"), "up") ? "up" : "down");
	text_table_end_row(t);
}

static void
add_figures(struct text_table *t, const struct json_doc *at)
{
	const struct json_doc *c = json_doc_get(at, "connections");
	const struct json_doc *b = json_doc_get(at, "bytes");
	char in[32], out[32];

	format_bytes(json_doc_int(b, "in"), in, sizeof(in));
	format_bytes(json_doc_int(b, "out"), out, sizeof(out));
	text_table_cell(t, "%" PRId64, json_doc_int(c, "active"));
	text_table_cell(t, "%" PRId64, json_doc_int(c, "total"));
	text_table_cell(t, "%" PRId64, json_doc_int(c, "failed"));
	text_table_cell(t, "%s", in);
	text_table_cell(t, "%s", out);
}

/* Behind what the checks say: whether it is active, and an operator's word. */
static void
add_state(struct text_table *t, const struct json_doc *service,
    const struct json_doc *server)
{
	const char *admin = json_doc_string(server, "admin");
	const char *active =
	    json_doc_string(json_doc_get(service, "standby"), "active");
	const bool told =
	    strcmp(admin, "drain") == 0 || strcmp(admin, "maint") == 0;

	text_table_cell(t, "%s%s%s%s", json_doc_string(server, "state"),
	    strcmp(active, json_doc_string(server, "name")) == 0 ? ", active"
	                                                         : "",
	    told ? ", " : "", told ? admin : "");
}

/* Of a standby service: whether a change of the active server is under way. */
static void
add_mode(struct text_table *t, const struct json_doc *service)
{
	const char *phase =
	    json_doc_string(json_doc_get(service, "standby"), "phase");

	if (strcmp(json_doc_string(service, "mode"), "standby") != 0)
		text_table_cell(t, "%s", json_doc_string(service, "balance"));
	else if (strcmp(phase, "fencing") == 0 || strcmp(phase, "blocked") == 0)
		text_table_cell(t, "standby, %s", phase);
	else
		text_table_cell(t, "standby");
}

static void
add_service(struct text_table *t, const struct json_doc *s)
{
	const struct json_doc *listen = json_doc_get(s, "listen");
	const struct json_doc *servers = json_doc_get(s, "servers");

	text_table_cell(t, "%s", json_doc_string(s, "name"));
	text_table_cell(t, "%s%s", json_doc_text_value(json_doc_at(listen, 0)),
	    json_doc_count(listen) > 1 ? " …" : "");
	text_table_cell(t, "%s", json_doc_string(s, "state"));
	add_figures(t, s);
	add_mode(t, s);
	text_table_end_row(t);
	for (size_t i = 0; i < json_doc_count(servers); i++) {
		const struct json_doc *v = json_doc_at(servers, i);

		text_table_cell(t, "  %s", json_doc_string(v, "name"));
		text_table_cell(t, "%s", json_doc_string(v, "address"));
		add_state(t, s, v);
		add_figures(t, v);
		text_table_cell(t, "%s",
		    json_doc_string(json_doc_get(v, "check"), "detail"));
		text_table_end_row(t);
	}
}

/* Takes the table, of which nothing is shown where the list is empty. */
static void
show_list(const struct json_doc *list, struct text_table *table,
    void (*add)(struct text_table *, const struct json_doc *), FILE *out,
    const struct style *st)
{
	for (size_t i = 0; i < json_doc_count(list); i++)
		add(table, json_doc_at(list, i));
	if (json_doc_count(list) > 0) {
		(void)fputc('\n', out);
		text_table_print(table, out, st->bold, st->plain);
	}
	text_table_free_at(&table);
}

void
show_status(const struct json_doc *status, FILE *out, bool colour)
{
	const struct style *st = colour ? &colours : &none;

	show_head(status, out, st);
	show_list(json_doc_get(status, "groups"),
	    text_table_new(
	        "GROUP", "STATE", "PRIORITY", "ADDRESSES", "LAST CHANGE", NULL),
	    add_group, out, st);
	show_list(json_doc_get(status, "peers"),
	    text_table_new("PEER", "HAPAIR", "REACHABLE", "LAST HEARD",
	        "HEARTBEATS", "LOST", "REJECTED", "WIRE", NULL),
	    add_peer, out, st);
	show_list(json_doc_get(status, "services"),
	    text_table_new("SERVICE", "ADDRESS", "STATE", "ACTIVE", "TOTAL",
	        "FAILED", "IN", "OUT", "BALANCE, CHECK", NULL),
	    add_service, out, st);
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
