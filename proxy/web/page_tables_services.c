#include "proxy/web/page_tables_services.h"

#include "core/json_doc.h"
#include "proxy/web/html.h"
#include "proxy/web/rate_history.h"

#include <inttypes.h>
#include <string.h>

#define ID_MAX 256

/* -- set by hand ----------------------------------------------------------- */

static bool
is_set(const struct json_doc *server)
{
	return json_doc_is_object(json_doc_get(server, "set"));
}

static size_t
count_set(const struct json_doc *services)
{
	size_t n = 0;

	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *servers =
		    json_doc_get(json_doc_at(services, i), "servers");

		for (size_t k = 0; k < json_doc_count(servers); k++)
			n += is_set(json_doc_at(servers, k));
	}
	return n;
}

static void
put_set(const char *service, const struct json_doc *server, FILE *out)
{
	const struct json_doc *set = json_doc_get(server, "set");
	const char *admin = json_doc_string(server, "admin");
	char name[ID_MAX];

	(void)snprintf(name, sizeof(name), "%s/%s", service,
	    json_doc_string(server, "name"));
	(void)fputs("<tr>", out);
	html_cell_head(out, name);
	(void)fputs("<td>", out);
	if (strcmp(admin, "ready") != 0)
		html_state(out, admin);
	else
		(void)fprintf(out, "weight %" PRId64 " instead of %" PRId64,
		    json_doc_int(server, "weight"),
		    json_doc_int(server, "configured_weight"));
	(void)fputs("</td>", out);
	html_cell(out, json_doc_string(set, "by"));
	html_cell_time(out, json_doc_string(set, "since"));
	html_cell(out, json_doc_string(set, "reason"));
	(void)fputs("</tr>\n", out);
}

static void
put_pause(const struct json_doc *pause, FILE *out)
{
	(void)fputs("<tr>", out);
	html_cell_head(out, "automatic moves");
	(void)fputs("<td>", out);
	html_state(out, "paused");
	(void)fputs(" until ", out);
	html_time(out, json_doc_string(pause, "until"));
	(void)fputs("</td>", out);
	html_cell(out, json_doc_string(pause, "by"));
	(void)fputs("<td></td><td></td></tr>\n", out);
}

static void
put_by_hand(
    const struct json_doc *status, const struct json_doc *services, FILE *out)
{
	static const char *const columns[] = { "What", "Is", "By", "Since",
		"Reason", NULL };
	const struct json_doc *pause = json_doc_get(status, "pause");
	const bool paused = json_doc_is_object(pause);
	const size_t n = count_set(services) + paused;

	(void)fprintf(out,
	    "<section id=\"byhand\" data-count=\"%zu\"><h2>Set by hand</h2>\n",
	    n);
	if (n == 0) {
		(void)fputs(
		    "<p class=\"none\">Nothing is set by hand.</p>\n</section>\n",
		    out);
		return;
	}
	html_table(out, NULL, "Until an operator takes it back", columns);
	if (paused)
		put_pause(pause, out);
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);
		const struct json_doc *servers = json_doc_get(s, "servers");

		for (size_t k = 0; k < json_doc_count(servers); k++)
			if (is_set(json_doc_at(servers, k)))
				put_set(json_doc_string(s, "name"),
				    json_doc_at(servers, k), out);
	}
	html_table_end(out);
	(void)fputs("</section>\n", out);
}

/* -- services and servers -------------------------------------------------- */

/* New connections and bytes a second, of the last point. */
static void
put_rates(const struct rate_history *rates, size_t row, FILE *out)
{
	static const struct rate_history_point none = { .active = 0 };
	const size_t n = rate_history_count(rates);
	const struct rate_history_point *p = n > 0 && row < rates->rows
	    ? rate_history_get(rates, row, n - 1)
	    : &none;

	html_cell_rate(out, (double)p->opened);
	html_cell_rate(out, (double)p->in);
	html_cell_rate(out, (double)p->out);
}

static void
put_listens(const struct json_doc *list, FILE *out)
{
	(void)fputs("<td>", out);
	for (size_t i = 0; i < json_doc_count(list); i++) {
		(void)fputs(i > 0 ? ", " : "", out);
		html_text(out, json_doc_text_value(json_doc_at(list, i)));
	}
	(void)fputs("</td>", out);
}

/* Of a service, and of a server alike. */
static void
begin_row(
    const char *id, const char *name, const struct json_doc *at, FILE *out)
{
	(void)fputs("<tr", out);
	html_attribute(out, "id", id);
	html_attribute(out, "data-state", json_doc_string(at, "state"));
	if (json_doc_get(at, "admin") != NULL) {
		html_attribute(out, "data-admin", json_doc_string(at, "admin"));
		html_attribute(out, "data-active",
		    json_doc_bool(at, "active") ? "true" : "false");
	}
	(void)fputs(">", out);
	html_cell_head(out, name);
	html_cell_state(out, json_doc_string(at, "state"));
}

static void
put_service(const struct json_doc *s, const struct rate_history *rates,
    size_t row, FILE *out)
{
	const struct json_doc *c = json_doc_get(s, "connections");
	const char *name = json_doc_string(s, "name");
	const bool standby = strcmp(json_doc_string(s, "mode"), "standby") == 0;
	char id[ID_MAX];

	(void)snprintf(id, sizeof(id), "service-%s", name);
	begin_row(id, name, s, out);
	html_cell(out, standby ? "standby" : json_doc_string(s, "balance"));
	put_listens(json_doc_get(s, "listen"), out);
	html_cell_number(out, json_doc_int(c, "active"));
	html_cell_number(out, json_doc_int(c, "queued"));
	html_cell_limit(out, json_doc_int(c, "limit"));
	put_rates(rates, row, out);
	html_cell_number(out, json_doc_int(c, "total"));
	html_cell_number(out, json_doc_int(c, "failed"));
	(void)fputs("</tr>\n", out);
}

static void
put_check(const struct json_doc *check, FILE *out)
{
	const char *last = json_doc_string(check, "last");
	const char *detail = json_doc_string(check, "detail");

	(void)fputs("<td>", out);
	html_state(out, last);
	if (*detail != '\0' && strcmp(detail, last) != 0) {
		(void)fputs(" ", out);
		html_text(out, detail);
	}
	if (strcmp(last, "ok") == 0)
		(void)fprintf(
		    out, ", %.1f ms", json_doc_real(check, "latency_ms"));
	(void)fputs("</td>", out);
	html_cell_time(out, json_doc_string(check, "since"));
}

static void
put_server(const char *service, const struct json_doc *s,
    const struct rate_history *rates, size_t row, FILE *out)
{
	const struct json_doc *c = json_doc_get(s, "connections");
	const char *name = json_doc_string(s, "name");
	char id[ID_MAX];

	(void)snprintf(id, sizeof(id), "server-%s/%s", service, name);
	begin_row(id, name, s, out);
	html_cell_state(out, json_doc_string(s, "admin"));
	html_cell(out, json_doc_bool(s, "active") ? "yes" : "no");
	html_cell(out, json_doc_string(s, "address"));
	html_cell_number(out, json_doc_int(s, "weight"));
	html_cell_number(out, json_doc_int(c, "active"));
	html_cell_limit(out, json_doc_int(c, "limit"));
	put_rates(rates, row, out);
	html_cell_number(out, json_doc_int(c, "total"));
	html_cell_number(out, json_doc_int(c, "failed"));
	put_check(json_doc_get(s, "check"), out);
	(void)fputs("</tr>\n", out);
}

static void
put_services(const struct json_doc *services, const struct rate_history *rates,
    FILE *out)
{
	static const char *const columns[] = { "Service", "State", "Mode",
		"Listens on", "Connections", "Waiting", "Limit", "New/s",
		"In, bytes/s", "Out, bytes/s", "Accepted", "Failed", NULL };
	size_t row = 0;

	(void)fprintf(out,
	    "<section id=\"services\" data-count=\"%zu\"><h2>Services</h2>\n",
	    json_doc_count(services));
	html_table(out, NULL, "Services", columns);
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);

		put_service(s, rates, row, out);
		row += 1 + json_doc_count(json_doc_get(s, "servers"));
	}
	html_table_end(out);
	(void)fputs("</section>\n", out);
}

static void
put_servers_of(const struct json_doc *service, const struct rate_history *rates,
    size_t row, FILE *out)
{
	static const char *const columns[] = { "Server", "State", "By hand",
		"Takes clients", "Address", "Weight", "Connections", "Limit",
		"New/s", "In, bytes/s", "Out, bytes/s", "Total", "Failed",
		"Last check", "Since", NULL };
	const struct json_doc *servers = json_doc_get(service, "servers");
	const char *name = json_doc_string(service, "name");
	char id[ID_MAX];

	(void)snprintf(id, sizeof(id), "servers-%s", name);
	html_table(out, id, name, columns);
	for (size_t i = 0; i < json_doc_count(servers); i++)
		put_server(name, json_doc_at(servers, i), rates, row + i, out);
	html_table_end(out);
}

static void
put_servers(const struct json_doc *services, const struct rate_history *rates,
    FILE *out)
{
	size_t n = 0, row = 0;

	for (size_t i = 0; i < json_doc_count(services); i++)
		n += json_doc_count(
		    json_doc_get(json_doc_at(services, i), "servers"));
	(void)fprintf(out,
	    "<section id=\"servers\" data-count=\"%zu\"><h2>Servers</h2>\n", n);
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);

		put_servers_of(s, rates, ++row, out);
		row += json_doc_count(json_doc_get(s, "servers"));
	}
	(void)fputs("</section>\n", out);
}

void
page_tables_services(
    const struct json_doc *status, const struct rate_history *rates, FILE *out)
{
	const struct json_doc *services = json_doc_get(status, "services");

	put_by_hand(status, services, out);
	put_services(services, rates, out);
	put_servers(services, rates, out);
}
