#include "hapair/cli/show_tables.h"

#include "core/json_doc.h"
#include "hapair/cli/show_kernel.h"
#include "hapair/cli/show_services.h"
#include "hapair/cli/text_table.h"

#include <inttypes.h>
#include <string.h>

#define LINE_MAX 1200

/* Takes the table, of which nothing is shown where it has no rows. */
static void
finish(
    struct text_table *t, size_t rows, const struct show_view *view, FILE *out)
{
	const struct show_style *st = show_style_of(view);
	const struct text_table_form form = {
		.bold = st->bold, .plain = st->plain, .width = view->width
	};

	if (rows > 0) {
		(void)fputc('\n', out);
		text_table_print(t, out, &form);
	}
	text_table_free_at(&t);
}

/* -- groups ------------------------------------------------------------- */

/* How the peer says that the group stands there; "" without a word of it. */
static const char *
state_there(const struct json_doc *peer, const char *group)
{
	if (!json_doc_bool(peer, "reachable"))
		return "";
	return json_doc_string(
	    json_doc_named(json_doc_get(peer, "groups"), group), "state");
}

/* Who has its addresses, as far as it is known here. */
static void
cell_server(struct text_table *t, const struct json_doc *d, bool here,
    bool there, const struct show_style *st)
{
	const struct json_doc *peer = json_doc_at(json_doc_get(d, "peers"), 0);
	const char *self = json_doc_string(d, "node");
	const char *other = json_doc_string(peer, "name");

	if (here && there)
		text_table_cell(t, "%s AND %s", self, other);
	else if (here)
		text_table_cell(t, "%s", self);
	else if (there)
		text_table_cell(t, "%s", other);
	else if (peer == NULL || !json_doc_bool(peer, "reachable"))
		text_table_cell(t, "not known");
	else
		text_table_cell(t, "NOBODY");
	text_table_tint(t, here != there ? st->good : st->bad);
}

/* Its interface is that of the one above, unless it is told. */
static void
cell_address(struct text_table *t, const struct json_doc *group, size_t k)
{
	const struct json_doc *all = json_doc_get(group, "addresses");
	const struct json_doc *on = json_doc_get(group, "interfaces");
	const char *address = json_doc_text_value(json_doc_at(all, k));
	const char *is = json_doc_count(on) > 0
	    ? json_doc_text_value(json_doc_at(on, k))
	    : json_doc_string(group, "interface");

	if (k > 0 &&
	    (json_doc_count(on) == 0 ||
	        strcmp(is, json_doc_text_value(json_doc_at(on, k - 1))) == 0))
		text_table_cell(t, "%s", address);
	else
		text_table_cell(t, "%s on %s", address, is);
}

static void
add_group(struct text_table *t, const struct json_doc *d,
    const struct json_doc *g, const struct show_style *st)
{
	const struct json_doc *peer = json_doc_at(json_doc_get(d, "peers"), 0);
	const char *name = json_doc_string(g, "name");
	const char *here = json_doc_string(g, "state");
	const char *there = state_there(peer, name);

	text_table_cell(t, "%s", name);
	cell_server(t, d, strcmp(here, "master") == 0,
	    strcmp(there, "master") == 0, st);
	text_table_cell(t, "%s", here);
	text_table_tint(t, strcmp(here, "fault") == 0 ? st->bad : NULL);
	if (peer == NULL)
		there = "not known";
	text_table_cell(t, "%s", *there != '\0' ? there : "not heard");
	text_table_tint(
	    t, *there == '\0' || strcmp(there, "fault") == 0 ? st->bad : NULL);
	text_table_cell(t, "%" PRId64, json_doc_int(g, "effective_priority"));
	cell_address(t, g, 0);
	text_table_end_row(t);
	for (size_t k = 1; k < json_doc_count(json_doc_get(g, "addresses"));
	     k++) {
		for (unsigned c = 0; c < 5; c++)
			text_table_cell(t, "%s", "");
		cell_address(t, g, k);
		text_table_end_row(t);
	}
}

/*
 * The last change of a group, with its time: "became master 10:00:01Z: no peer
 * was heard". What was true of the peer then need not be so any more, and
 * stands beside what is; only a fault lasts. Where it was asked again, and has
 * stayed, that is the last word.
 */
static void
show_change(const struct json_doc *d, const struct json_doc *g,
    const struct show_view *view, FILE *out)
{
	const char *state = json_doc_string(g, "state");
	const bool was =
	    strcmp(state, "master") == 0 || strcmp(state, "backup") == 0;
	const char *since = json_doc_string(g, "since");
	const char *decided = json_doc_string(g, "decided_at");
	char line[LINE_MAX], at[SHOW_TIME_MAX], later[SHOW_TIME_MAX + 32] = "";

	if (was && *decided != '\0' && strcmp(since, decided) != 0)
		(void)snprintf(later, sizeof(later), ", stayed it %s",
		    show_time(d, decided, at));
	(void)snprintf(line, sizeof(line), "%s %s %s%s %s%s: %s",
	    json_doc_string(g, "name"), was ? "became" : "is in", state,
	    was ? "" : " since", show_time(d, since, at), later,
	    json_doc_string(g, "reason"));
	show_wrapped(view, 2, line, out);
}

static void
show_groups(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *groups = json_doc_get(d, "groups");
	const struct json_doc *peer = json_doc_at(json_doc_get(d, "peers"), 0);
	const char *other = json_doc_string(peer, "name");
	struct text_table *t =
	    text_table_new("GROUP", "SERVED BY", json_doc_string(d, "node"),
	        *other != '\0' ? other : "PEER", "PRIORITY", "ADDRESSES", NULL);

	for (size_t i = 0; i < json_doc_count(groups); i++)
		add_group(t, d, json_doc_at(groups, i), show_style_of(view));
	finish(t, json_doc_count(groups), view, out);
	for (size_t i = 0; i < json_doc_count(groups); i++)
		show_change(d, json_doc_at(groups, i), view, out);
}

/* -- the peer ----------------------------------------------------------- */

static void
add_peer(struct text_table *t, const struct json_doc *d,
    const struct json_doc *p, const struct show_style *st)
{
	const struct json_doc *link = json_doc_at(json_doc_get(p, "links"), 0);
	const struct json_doc *wire = json_doc_get(p, "wire");
	const char *version = json_doc_string(p, "version");
	const bool heard = json_doc_bool(p, "reachable");
	char at[SHOW_TIME_MAX];

	text_table_cell(t, "%s", json_doc_string(p, "name"));
	text_table_cell(t, "%s", *version != '\0' ? version : "-");
	if (json_doc_is_null(json_doc_get(p, "last_heard_ms")))
		text_table_cell(t, "never");
	else if (heard)
		text_table_cell(
		    t, "%" PRId64 " ms ago", json_doc_int(p, "last_heard_ms"));
	else
		text_table_cell(t, "not since %s",
		    show_time(d, json_doc_string(p, "last_heard_at"), at));
	text_table_tint(t, heard ? st->good : st->bad);
	text_table_cell(t, "%" PRId64, json_doc_int(link, "received"));
	text_table_cell(t, "%" PRId64, json_doc_int(link, "lost"));
	text_table_cell(t, "%" PRId64, json_doc_int(link, "rejected"));
	text_table_cell(t, "%s", json_doc_bool(wire, "up") ? "up" : "down");
	text_table_tint(t, json_doc_bool(wire, "up") ? st->good : st->bad);
	text_table_end_row(t);
}

static void
show_peers(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *peers = json_doc_get(d, "peers");
	struct text_table *t = text_table_new("PEER", "HAPAIR", "HEARD",
	    "HEARTBEATS", "LOST", "REJECTED", "WIRE", NULL);

	for (size_t i = 0; i < json_doc_count(peers); i++)
		add_peer(t, d, json_doc_at(peers, i), show_style_of(view));
	finish(t, json_doc_count(peers), view, out);
}

/* -- by hand, and under way --------------------------------------------- */

/* A heading before the first line of a list. */
static void
show_line(bool *begun, const char *title, const char *line,
    const struct show_view *view, FILE *out)
{
	const struct show_style *st = show_style_of(view);

	if (!*begun)
		(void)fprintf(out, "\n%s%s%s\n", st->bold, title, st->plain);
	*begun = true;
	show_wrapped(view, 2, line, out);
}

/* Who said it, since when and why, as far as that is known. */
static void
add_origin(const struct json_doc *d, const struct json_doc *server, char *line,
    size_t room)
{
	const struct json_doc *set = json_doc_get(server, "set");
	const char *by = json_doc_string(set, "by");
	const char *why = json_doc_string(set, "reason");
	char at[SHOW_TIME_MAX];
	size_t n = strlen(line);

	if (*by != '\0')
		n += (size_t)snprintf(
		    line + n, room - n, ", by a word on %s", by);
	if (n < room &&
	    *show_time(d, json_doc_string(set, "since"), at) != '\0')
		n += (size_t)snprintf(line + n, room - n, ", since %s", at);
	if (n < room && *why != '\0')
		(void)snprintf(line + n, room - n, ": %s", why);
}

static void
show_set(const struct json_doc *d, const struct json_doc *service,
    const struct json_doc *server, bool *begun, const struct show_view *view,
    FILE *out)
{
	const char *admin = json_doc_string(server, "admin");
	const int64_t weight = json_doc_int(server, "weight");
	const struct json_doc *file = json_doc_get(server, "configured_weight");
	const bool told =
	    strcmp(admin, "drain") == 0 || strcmp(admin, "maint") == 0;
	const bool weighed =
	    file != NULL && json_doc_int(server, "configured_weight") != weight;
	char line[LINE_MAX], heavy[80] = "";

	if (!told && !weighed)
		return;
	if (weighed)
		(void)snprintf(heavy, sizeof(heavy),
		    "%sweight %" PRId64 " (%" PRId64 " in the file)",
		    told ? ", " : "", weight,
		    json_doc_int(server, "configured_weight"));
	(void)snprintf(line, sizeof(line), "%s/%s: %s%s",
	    json_doc_string(service, "name"), json_doc_string(server, "name"),
	    told ? admin : "", heavy);
	add_origin(d, server, line, sizeof(line));
	show_line(begun, "SET BY HAND", line, view, out);
}

static void
show_by_hand(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *services = json_doc_get(d, "services");
	bool begun = false;

	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);
		const struct json_doc *list = json_doc_get(s, "servers");

		for (size_t k = 0; k < json_doc_count(list); k++)
			show_set(d, s, json_doc_at(list, k), &begun, view, out);
	}
	if (begun)
		show_wrapped(view, 5,
		    "  -> `hapair server SERVICE/NAME ready`, or `hapair server SERVICE reset`, ends it",
		    out);
}

static void
show_plan(const struct json_doc *d, const struct json_doc *service, bool *begun,
    const struct show_view *view, FILE *out)
{
	const struct json_doc *s = json_doc_get(service, "standby");
	const char *hold = json_doc_string(s, "hold_until");
	const char *retry = json_doc_string(s, "retry_at");
	const char *name = json_doc_string(service, "name");
	const char *active = json_doc_string(s, "active");
	char line[LINE_MAX], at[SHOW_TIME_MAX];

	if (json_doc_get(s, "leads") != NULL && !json_doc_bool(s, "leads"))
		return;
	if (*hold != '\0')
		(void)snprintf(line, sizeof(line),
		    "%s: %s has until %s to be well again (`hold`), then another server is active",
		    name, active, show_time(d, hold, at));
	else if (*json_doc_string(s, "next") != '\0')
		(void)snprintf(line, sizeof(line),
		    "%s: the fence of %s runs, %.0f s at most; when it has ended well, %s is active",
		    name, active, json_doc_real(s, "fence_timeout_s"),
		    json_doc_string(s, "next"));
	else if (*retry != '\0')
		(void)snprintf(line, sizeof(line),
		    "%s: the fence of %s is tried again at %s", name, active,
		    show_time(d, retry, at));
	else
		return;
	show_line(begun, "UNDER WAY", line, view, out);
}

/* A queue is what a limit is for; how long it is nobody sees elsewhere. */
static void
show_queue(const struct json_doc *service, bool *begun,
    const struct show_view *view, FILE *out)
{
	const int64_t n =
	    json_doc_int(json_doc_get(service, "connections"), "queued");
	char line[LINE_MAX];

	if (n == 0)
		return;
	(void)snprintf(line, sizeof(line),
	    "%s: %" PRId64 " client%s a place at a server, %.0f s at most",
	    json_doc_string(service, "name"), n,
	    n == 1 ? " waits for" : "s wait for",
	    json_doc_real(service, "queue_s"));
	show_line(begun, "UNDER WAY", line, view, out);
}

static void
show_under_way(
    const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *services = json_doc_get(d, "services");
	bool begun = false;

	for (size_t i = 0; i < json_doc_count(services); i++) {
		show_plan(d, json_doc_at(services, i), &begun, view, out);
		show_queue(json_doc_at(services, i), &begun, view, out);
	}
}

/* -- what was ----------------------------------------------------------- */

/* "03:12:41Z proxy1 server web/a: up -> down, reason: refused" */
static void
show_events(const struct json_doc *d, const struct show_view *view, FILE *out)
{
	const struct json_doc *list = json_doc_get(d, "events");
	char line[LINE_MAX], at[SHOW_TIME_MAX];
	bool begun = false;

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *e = json_doc_at(list, i);
		const char *node = json_doc_string(e, "node");
		const char *reason = json_doc_string(e, "reason");

		(void)snprintf(line, sizeof(line), "%s %s%s%s: %s%s%s",
		    show_time(d, json_doc_string(e, "time"), at), node,
		    *node != '\0' ? " " : "", json_doc_string(e, "subject"),
		    json_doc_string(e, "what"),
		    *reason != '\0' ? ", reason: " : "", reason);
		show_line(&begun, "LAST EVENTS", line, view, out);
	}
}

void
show_tables(
    const struct json_doc *status, const struct show_view *view, FILE *out)
{
	show_groups(status, view, out);
	show_peers(status, view, out);
	show_under_way(status, view, out);
	show_by_hand(status, view, out);
	show_events(status, view, out);
	show_kernel(status, view, out);
	show_services(status, view, out);
}
