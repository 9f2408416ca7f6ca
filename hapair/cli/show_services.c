#include "hapair/cli/show_services.h"

#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "hapair/cli/text_table.h"
#include "proxy/data/end_reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct form {
	const struct show_view *view;
	const struct show_style *st;
	bool wide;
	bool weighs;    /* there is a column of weights: they differ */
	double seconds; /* since the answer before; 0: there is none */
	size_t domain;  /* as long as what the names' ends have in common */
};

static void
format_bytes(double v, char *buf, size_t room)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;

	while (v >= 1024. && u + 1 < ARRAY_LEN(units)) {
		v /= 1024.;
		u++;
	}
	(void)snprintf(buf, room, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

/* -- names -------------------------------------------------------------- */

static size_t
common_end(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = 0;

	while (n < a_len && n < b_len && a[a_len - 1 - n] == b[b_len - 1 - n])
		n++;
	return n;
}

/* ".cluster.example" of names that all end with it; 0: they do not. */
static size_t
shared_domain(const struct json_doc *services)
{
	const char *first = NULL;
	size_t shared = 0, first_len = 0, names = 0;

	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *list =
		    json_doc_get(json_doc_at(services, i), "servers");

		for (size_t k = 0; k < json_doc_count(list); k++) {
			const char *name =
			    json_doc_string(json_doc_at(list, k), "name");
			const size_t len = strlen(name);
			size_t n;

			if (first == NULL) {
				first = name;
				first_len = shared = len;
			}
			n = common_end(first, first_len, name, len);
			shared = n < shared ? n : shared;
			names++;
		}
	}
	if (names < 2 || first == NULL)
		return 0;
	/* Whole labels of it: from a dot on. */
	while (shared > 0 && first[first_len - shared] != '.')
		shared--;
	return shared;
}

/* A name, or the host of an address, without the domain that all have. */
static int
short_len(const struct form *f, const char *name, size_t len)
{
	(void)name;
	return (int)(f->domain > 0 && f->domain < len ? len - f->domain : len);
}

static void
cell_server_name(
    struct text_table *t, const struct form *f, const struct json_doc *server)
{
	const char *name = json_doc_string(server, "name");

	text_table_cell(t, "  %.*s", short_len(f, name, strlen(name)), name);
}

/* Only the port, where the name is the host. */
static void
cell_server_address(
    struct text_table *t, const struct form *f, const struct json_doc *server)
{
	const char *name = json_doc_string(server, "name");
	const char *address = json_doc_string(server, "address");
	const char *port = strrchr(address, ':');
	const size_t host = port != NULL ? (size_t)(port - address) : 0;

	if (!f->wide && port != NULL && strlen(name) == host &&
	    strncmp(name, address, host) == 0)
		text_table_cell(t, "%s", port);
	else if (f->domain > 0 && port != NULL && host > f->domain &&
	    common_end(name, strlen(name), address, host) >= f->domain)
		text_table_cell(
		    t, "%.*s%s", short_len(f, address, host), address, port);
	else
		text_table_cell(t, "%s", address);
}

/* -- figures ------------------------------------------------------------ */

/* A relay that was started again counts from 0. */
static double
rate(const struct form *f, const struct json_doc *was,
    const struct json_doc *is, const char *map, const char *key)
{
	const int64_t before = json_doc_int(json_doc_get(was, map), key);
	const int64_t now = json_doc_int(json_doc_get(is, map), key);

	return now < before || was == NULL
	    ? 0
	    : (double)(now - before) / f->seconds;
}

static void
cell_bytes(struct text_table *t, double n)
{
	char text[32];

	format_bytes(n, text, sizeof(text));
	text_table_cell(t, "%s", text);
}

/* "40", or "40/50" of those there may be. */
static void
cell_active(struct text_table *t, const struct form *f,
    const struct json_doc *connections)
{
	const int64_t active = json_doc_int(connections, "active");
	const int64_t limit = json_doc_int(connections, "limit");

	if (limit > 0)
		text_table_cell(t, "%" PRId64 "/%" PRId64, active, limit);
	else
		text_table_cell(t, "%" PRId64, active);
	text_table_tint(t, limit > 0 && active >= limit ? f->st->odd : NULL);
}

/* What has passed since the answer before, a second. */
static void
add_rates(struct text_table *t, const struct form *f,
    const struct json_doc *was, const struct json_doc *is)
{
	text_table_cell(t, "%.1f", rate(f, was, is, "connections", "total"));
	cell_bytes(t, rate(f, was, is, "bytes", "in"));
	cell_bytes(t, rate(f, was, is, "bytes", "out"));
}

static void
add_totals(struct text_table *t, const struct json_doc *is)
{
	const struct json_doc *bytes = json_doc_get(is, "bytes");

	text_table_cell(t, "%" PRId64,
	    json_doc_int(json_doc_get(is, "connections"), "total"));
	cell_bytes(t, (double)json_doc_int(bytes, "in"));
	cell_bytes(t, (double)json_doc_int(bytes, "out"));
}

static unsigned
count_figures(const struct form *f)
{
	return 3U + (f->wide || f->seconds > 0 ? 3U : 0U) + f->weighs;
}

/* Where it is narrow, rates take the place of addresses and checks. */
static bool
shows_places(const struct form *f)
{
	return f->wide || f->seconds <= 0;
}

/* All between the state and the check. */
static void
add_figures(struct text_table *t, const struct form *f,
    const struct json_doc *was, const struct json_doc *is)
{
	const struct json_doc *c = json_doc_get(is, "connections");
	const bool service = json_doc_get(is, "servers") != NULL;

	if (c == NULL) { /* not known: there is no relay */
		for (unsigned i = 0; i < count_figures(f); i++)
			text_table_cell(t, "%s", "");
		return;
	}
	cell_active(t, f, c);
	if (service)
		text_table_cell(t, "%" PRId64, json_doc_int(c, "queued"));
	else
		text_table_cell(t, "%s", "");
	text_table_tint(t, json_doc_int(c, "queued") > 0 ? f->st->odd : NULL);
	text_table_cell(t, "%" PRId64, json_doc_int(c, "failed"));
	if (f->seconds > 0)
		add_rates(t, f, was, is);
	else if (f->wide)
		add_totals(t, is);
	if (!f->weighs)
		return;
	if (service)
		text_table_cell(t, "%s", "");
	else
		text_table_cell(t, "%" PRId64, json_doc_int(is, "weight"));
}

/* -- services and servers ----------------------------------------------- */

static const char *
tint_of(const struct form *f, const char *state)
{
	if (strcmp(state, "up") == 0)
		return f->st->good;
	return strcmp(state, "down") == 0 ? f->st->bad : f->st->odd;
}

/* Behind what the checks say: whether it is active, and an operator's word. */
static void
cell_state(struct text_table *t, const struct form *f,
    const struct json_doc *service, const struct json_doc *server)
{
	const char *state = json_doc_string(server, "state");
	const char *admin = json_doc_string(server, "admin");
	const char *active =
	    json_doc_string(json_doc_get(service, "standby"), "active");
	const bool told =
	    strcmp(admin, "drain") == 0 || strcmp(admin, "maint") == 0;

	text_table_cell(t, "%s%s%s%s", state,
	    strcmp(active, json_doc_string(server, "name")) == 0 ? ", active"
	                                                         : "",
	    told ? ", " : "", told ? admin : "");
	text_table_tint(t, told ? f->st->odd : tint_of(f, state));
}

/* What it found, where that is news; else how long it took. */
static void
cell_check(
    struct text_table *t, const struct form *f, const struct json_doc *server)
{
	const struct json_doc *check = json_doc_get(server, "check");
	const char *detail = json_doc_string(check, "detail");
	const bool well = strcmp(json_doc_string(server, "state"), "up") == 0;

	if (check == NULL)
		return;
	if (well && f->wide)
		text_table_cell(t, "%.1f ms, %s",
		    json_doc_real(check, "latency_ms"), detail);
	else if (well)
		text_table_cell(
		    t, "%.1f ms", json_doc_real(check, "latency_ms"));
	else
		text_table_cell(t, "%s", detail);
}

/* Of a standby service: whether a change of the active server is under way. */
static void
cell_mode(struct text_table *t, const struct json_doc *service)
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
add_server(struct text_table *t, const struct form *f,
    const struct json_doc *service, const struct json_doc *server,
    const struct json_doc *was)
{
	cell_server_name(t, f, server);
	if (shows_places(f))
		cell_server_address(t, f, server);
	cell_state(t, f, service, server);
	add_figures(t, f, was, server);
	if (shows_places(f))
		cell_check(t, f, server);
	text_table_end_row(t);
}

static void
add_service(
    struct text_table *t, const struct form *f, const struct json_doc *s)
{
	const struct json_doc *listen = json_doc_get(s, "listen");
	const struct json_doc *servers = json_doc_get(s, "servers");
	const struct json_doc *was =
	    json_doc_named(json_doc_get(f->view->before, "services"),
	        json_doc_string(s, "name"));
	const char *state = json_doc_string(s, "state");

	text_table_cell(t, "%s", json_doc_string(s, "name"));
	if (shows_places(f))
		text_table_cell(t, "%s%s",
		    json_doc_text_value(json_doc_at(listen, 0)),
		    json_doc_count(listen) > 1 ? " …" : "");
	text_table_cell(t, "%s", state);
	text_table_tint(t, tint_of(f, state));
	add_figures(t, f, was, s);
	if (shows_places(f))
		cell_mode(t, s);
	text_table_end_row(t);
	for (size_t i = 0; i < json_doc_count(servers); i++) {
		const struct json_doc *v = json_doc_at(servers, i);

		add_server(t, f, s, v,
		    json_doc_named(json_doc_get(was, "servers"),
		        json_doc_string(v, "name")));
	}
}

static struct text_table *
table_of(const struct form *f)
{
	static const char *const rates[] = { "NEW/S", "IN/S", "OUT/S" };
	static const char *const totals[] = { "TOTAL", "IN", "OUT" };
	const char *const *three = f->seconds > 0 ? rates : totals;
	const bool three_there = f->seconds > 0 || f->wide;
	const bool places = shows_places(f);
	const char *const all[] = { "SERVICE", places ? "ADDRESS" : NULL,
		"STATE", "CONN", "QUEUE", "FAILED",
		three_there ? three[0] : NULL, three_there ? three[1] : NULL,
		three_there ? three[2] : NULL, f->weighs ? "WEIGHT" : NULL,
		places ? "CHECK" : NULL };
	struct text_table *t = text_table_begin();

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] != NULL)
			text_table_cell(t, "%s", all[i]);
	text_table_end_row(t);
	return t;
}

/* Where all servers weigh the same nobody needs to read it. */
static bool
weights_differ(const struct json_doc *services)
{
	int64_t first = -1;

	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *list =
		    json_doc_get(json_doc_at(services, i), "servers");

		for (size_t k = 0; k < json_doc_count(list); k++) {
			const int64_t w =
			    json_doc_int(json_doc_at(list, k), "weight");

			if (first >= 0 && w != first)
				return true;
			first = w;
		}
	}
	return false;
}

/* Why connections went wrong that the client had no part in. */
static void
show_endings(
    const struct json_doc *service, const struct show_view *view, FILE *out)
{
	static const enum end_reason causes[] = { END_REASON_SERVER_REFUSED,
		END_REASON_SERVER_TIMEOUT, END_REASON_NO_SERVER,
		END_REASON_QUEUE_TIMEOUT, END_REASON_SERVER_DATA,
		END_REASON_SERVER_GONE, END_REASON_RESOURCES };
	const struct json_doc *endings = json_doc_get(service, "endings");
	char line[600];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		const char *words = end_reason_words(causes[i]);
		const int64_t count = json_doc_int(endings, words);

		if (count > 0 && n < sizeof(line))
			n += (size_t)snprintf(line + n, sizeof(line) - n,
			    "%s%s %s (%" PRId64 ")",
			    n == 0 ? json_doc_string(service, "name") : "",
			    n == 0 ? ", connections that failed:" : ",", words,
			    count);
	}
	if (n > 0)
		show_wrapped(view, 2, line, out);
}

void
show_services(
    const struct json_doc *status, const struct show_view *view, FILE *out)
{
	const struct json_doc *services = json_doc_get(status, "services");
	const struct show_style *st = show_style_of(view);
	const struct text_table_form printed = {
		.bold = st->bold, .plain = st->plain, .width = view->width
	};
	const int64_t then =
	    wall_clock_parse(json_doc_string(view->before, "time"));
	const int64_t now = wall_clock_parse(json_doc_string(status, "time"));
	struct form f = { .view = view,
		.st = st,
		.wide = view->width == 0 || view->width >= SHOW_SERVICES_WIDE,
		.seconds =
		    then > 0 && now > then ? (double)(now - then) / 1e3 : 0 };
	struct text_table *t;

	if (json_doc_count(services) == 0)
		return;
	f.weighs = weights_differ(services);
	f.domain = f.wide ? 0 : shared_domain(services);
	t = table_of(&f);
	for (size_t i = 0; i < json_doc_count(services); i++)
		add_service(t, &f, json_doc_at(services, i));
	(void)fputc('\n', out);
	text_table_print(t, out, &printed);
	text_table_free_at(&t);
	for (size_t i = 0; i < json_doc_count(services); i++)
		show_endings(json_doc_at(services, i), view, out);
}
