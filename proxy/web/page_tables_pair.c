#include "proxy/web/page_tables_pair.h"

#include "core/json_doc.h"
#include "proxy/web/html.h"

#include <inttypes.h>
#include <string.h>

/* -- this node ------------------------------------------------------------- */

/* The cell of what a row is about; what follows is its value's. */
static void
begin_fact(FILE *out, const char *what)
{
	(void)fputs("<tr>", out);
	html_cell_head(out, what);
	(void)fputs("<td>", out);
}

static void
end_fact(FILE *out)
{
	(void)fputs("</td></tr>\n", out);
}

static void
put_fact(FILE *out, const char *what, const char *value)
{
	begin_fact(out, what);
	html_text(out, value);
	end_fact(out);
}

static void
put_uptime(const struct json_doc *status, FILE *out)
{
	const int64_t s = (int64_t)json_doc_real(status, "uptime_s");
	char text[64];

	(void)snprintf(text, sizeof(text),
	    "%" PRId64 "d %02" PRId64 "h %02" PRId64 "m %02" PRId64 "s",
	    s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
	put_fact(out, "Running for", text);
}

static void
put_config(const struct json_doc *status, FILE *out)
{
	const struct json_doc *c = json_doc_get(status, "config");
	const struct json_doc *same = json_doc_get(c, "peer_matches");

	begin_fact(out, "Configuration");
	html_text(out, json_doc_string(c, "path"));
	(void)fputs(", ", out);
	html_text(out, json_doc_string(c, "hash"));
	(void)fputs(", read ", out);
	html_time(out, json_doc_string(c, "loaded_at"));
	end_fact(out);
	if (*json_doc_string(status, "node") != '\0')
		put_fact(out, "The peer has the same",
		    json_doc_is_null(same)             ? "not known"
		        : json_doc_is_bool(same, true) ? "yes"
		                                       : "no");
}

static void
put_processes(const struct json_doc *status, FILE *out)
{
	const struct json_doc *list = json_doc_get(status, "processes");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *p = json_doc_at(list, i);
		const int64_t n = json_doc_int(p, "restarts");

		(void)fputs("<tr>", out);
		html_cell_head(out, json_doc_string(p, "name"));
		(void)fputs("<td>", out);
		html_state(out, json_doc_string(p, "state"));
		if (n > 0) {
			(void)fprintf(out,
			    ", restarted %" PRId64 " time%s, last ", n,
			    n == 1 ? "" : "s");
			html_time(out, json_doc_string(p, "last_end_at"));
			(void)fputs(": ", out);
			html_text(out, json_doc_string(p, "last_end"));
		}
		end_fact(out);
	}
}

static void
put_node(const struct json_doc *status, FILE *out)
{
	html_table(out, "node", "This node", NULL);
	if (*json_doc_string(status, "node") != '\0')
		put_fact(out, "Node", json_doc_string(status, "node"));
	begin_fact(out, "As of");
	html_time(out, json_doc_string(status, "time"));
	end_fact(out);
	put_fact(out, "Version", json_doc_string(status, "version"));
	put_uptime(status, out);
	put_config(status, out);
	put_processes(status, out);
	html_table_end(out);
}

/* -- groups ---------------------------------------------------------------- */

/* Of a list of texts, with commas. */
static void
put_texts(const struct json_doc *list, FILE *out)
{
	for (size_t i = 0; i < json_doc_count(list); i++) {
		(void)fputs(i > 0 ? ", " : "", out);
		html_text(out, json_doc_text_value(json_doc_at(list, i)));
	}
}

static void
put_group(const struct json_doc *group, const struct json_doc *peer, FILE *out)
{
	const char *name = json_doc_string(group, "name");
	const char *state = json_doc_string(group, "state");
	const struct json_doc *there =
	    json_doc_named(json_doc_get(peer, "groups"), name);
	const int64_t priority = json_doc_int(group, "priority");
	const int64_t effective = json_doc_int(group, "effective_priority");
	char id[128];

	(void)snprintf(id, sizeof(id), "group-%s", name);
	(void)fputs("<tr", out);
	html_attribute(out, "id", id);
	html_attribute(out, "data-state", state);
	html_attribute(out, "data-peer-state", json_doc_string(there, "state"));
	(void)fputs(">", out);
	html_cell_head(out, name);
	html_cell_state(out, state);
	html_cell_time(out, json_doc_string(group, "since"));
	html_cell_state(out,
	    json_doc_bool(peer, "reachable") ? json_doc_string(there, "state")
	                                     : "not heard");
	(void)fputs("<td>", out);
	put_texts(json_doc_get(group, "addresses"), out);
	(void)fputs("</td><td class=\"num\">", out);
	(void)fprintf(out, "%" PRId64, effective);
	if (effective != priority)
		(void)fprintf(out, " of %" PRId64, priority);
	(void)fputs("</td>", out);
	html_cell(out, json_doc_string(group, "reason"));
	(void)fputs("</tr>\n", out);
}

static void
put_groups(
    const struct json_doc *status, const struct json_doc *peer, FILE *out)
{
	const struct json_doc *groups = json_doc_get(status, "groups");
	const char *other = json_doc_string(peer, "name");
	const char *const columns[] = { "Group",
		json_doc_string(status, "node"), "Since",
		*other != '\0' ? other : "Peer", "Addresses", "Priority",
		"Reason", NULL };

	html_table(out, "groups", "Groups", columns);
	for (size_t i = 0; i < json_doc_count(groups); i++)
		put_group(json_doc_at(groups, i), peer, out);
	html_table_end(out);
}

/* -- links ----------------------------------------------------------------- */

/* A road: a link, or a network of a group. */
static void
put_road(const char *name, const struct json_doc *road, FILE *out)
{
	const char *state = json_doc_bool(road, "up") ? "up" : "down";

	(void)fputs("<tr", out);
	html_attribute(out, "data-link", name);
	html_attribute(out, "data-state", state);
	(void)fputs(">", out);
	html_cell_head(out, name);
	html_cell_state(out, state);
	html_cell_time(out, json_doc_string(road, "heard_at"));
	html_cell_number(out, json_doc_int(road, "received"));
	html_cell_number(out, json_doc_int(road, "lost"));
	html_cell_number(out, json_doc_int(road, "rejected"));
	(void)fputs("</tr>\n", out);
}

static void
put_networks(const struct json_doc *group, FILE *out)
{
	const struct json_doc *list = json_doc_get(group, "networks");
	char name[256];

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *one = json_doc_at(list, i);

		(void)snprintf(name, sizeof(name), "%s on %s",
		    json_doc_string(group, "name"),
		    json_doc_string(one, "interface"));
		put_road(name, one, out);
	}
}

/* The TCP connection has no heartbeats. */
static void
put_wire(const struct json_doc *wire, FILE *out)
{
	const char *state = json_doc_bool(wire, "up") ? "up" : "down";

	(void)fputs("<tr data-link=\"wire\"", out);
	html_attribute(out, "data-state", state);
	(void)fputs(">", out);
	html_cell_head(out, "wire");
	html_cell_state(out, state);
	(void)fputs("<td>since ", out);
	html_time(out, json_doc_string(wire, "since"));
	(void)fputs("</td><td></td><td></td>", out);
	html_cell_number(out, json_doc_int(wire, "rejected"));
	(void)fputs("</tr>\n", out);
}

static void
put_links(const struct json_doc *peer, FILE *out)
{
	static const char *const columns[] = { "Link", "State", "Last heard",
		"Received", "Lost", "Rejected", NULL };
	const struct json_doc *links = json_doc_get(peer, "links");
	const struct json_doc *groups = json_doc_get(peer, "groups");
	char text[256];

	(void)snprintf(
	    text, sizeof(text), "Links to %s", json_doc_string(peer, "name"));
	html_table(out, "links", text, columns);
	for (size_t i = 0; i < json_doc_count(links); i++) {
		const struct json_doc *link = json_doc_at(links, i);

		(void)snprintf(text, sizeof(text), "%s - %s",
		    json_doc_string(link, "local"),
		    json_doc_string(link, "remote"));
		put_road(text, link, out);
	}
	for (size_t i = 0; i < json_doc_count(groups); i++)
		put_networks(json_doc_at(groups, i), out);
	put_wire(json_doc_get(peer, "wire"), out);
	html_table_end(out);
}

void
page_tables_pair(const struct json_doc *status, FILE *out)
{
	const char *node = json_doc_string(status, "node");
	const struct json_doc *peer =
	    json_doc_at(json_doc_get(status, "peers"), 0);

	(void)fputs("<section id=\"pair\"", out);
	html_attribute(out, "data-node", node);
	html_attribute(out, "data-healthy",
	    json_doc_bool(status, "healthy") ? "true" : "false");
	(void)fputs("><h2>Nodes</h2>\n", out);
	put_node(status, out);
	if (*node != '\0')
		put_groups(status, peer, out);
	if (peer != NULL)
		put_links(peer, out);
	(void)fputs("</section>\n", out);
}
