#include "proxy/web/page_tables.h"

#include "core/json_doc.h"
#include "proxy/web/html.h"
#include "proxy/web/page_tables_kernel.h"
#include "proxy/web/page_tables_pair.h"
#include "proxy/web/page_tables_services.h"

#include <string.h>

#define EVENTS_SHOWN 50

static bool
has_state(const struct json_doc *groups, const char *state)
{
	for (size_t i = 0; i < json_doc_count(groups); i++)
		if (strcmp(json_doc_string(json_doc_at(groups, i), "state"),
		        state) == 0)
			return true;
	return false;
}

/* What of its groups' states is worth most to know. */
static const char *
state_of(const struct json_doc *groups)
{
	static const char *const states[] = { "fault", "master", "init",
		"backup" };

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (has_state(groups, states[i]))
			return states[i];
	return "";
}

void
page_tables_title(const struct json_doc *status, FILE *out)
{
	const char *node = json_doc_string(status, "node");
	const char *state = state_of(json_doc_get(status, "groups"));
	const size_t n = json_doc_count(json_doc_get(status, "troubles"));

	if (*node != '\0') {
		html_text(out, node);
		(void)fprintf(out, "%s%s, ", *state != '\0' ? ": " : "", state);
	}
	if (n == 0)
		(void)fputs("all is well", out);
	else
		(void)fprintf(out, "%zu trouble%s", n, n == 1 ? "" : "s");
	(void)fputs(" - hapair", out);
}

static void
put_trouble(const struct json_doc *t, FILE *out)
{
	(void)fputs("<tr", out);
	html_attribute(out, "data-trouble", json_doc_string(t, "id"));
	(void)fputs(">", out);
	html_cell_head(out, json_doc_string(t, "text"));
	html_cell_time(out, json_doc_string(t, "since"));
	html_cell(out, json_doc_string(t, "advice"));
	(void)fputs("</tr>\n", out);
}

static void
put_troubles(const struct json_doc *status, FILE *out)
{
	static const char *const columns[] = { "What is wrong", "Since",
		"What to do", NULL };
	const struct json_doc *list = json_doc_get(status, "troubles");
	const struct json_doc *hints = json_doc_get(status, "hints");
	const size_t n = json_doc_count(list);

	(void)fprintf(out,
	    "<section id=\"troubles\" data-count=\"%zu\"><h2>Troubles</h2>\n",
	    n);
	if (n == 0)
		(void)fputs("<p class=\"none\">No trouble.</p>\n", out);
	else
		html_table(out, NULL, "What is wrong, and what to do", columns);
	for (size_t i = 0; i < n; i++)
		put_trouble(json_doc_at(list, i), out);
	if (n > 0)
		html_table_end(out);
	if (json_doc_count(hints) > 0)
		(void)fputs("<ul class=\"hints\">\n", out);
	for (size_t i = 0; i < json_doc_count(hints); i++) {
		(void)fputs("<li>", out);
		html_text(out, json_doc_text_value(json_doc_at(hints, i)));
		(void)fputs("</li>\n", out);
	}
	if (json_doc_count(hints) > 0)
		(void)fputs("</ul>\n", out);
	(void)fputs("</section>\n", out);
}

static void
put_event(const struct json_doc *event, FILE *out)
{
	(void)fputs("<tr", out);
	html_attribute(out, "data-kind", json_doc_string(event, "kind"));
	(void)fputs("><th scope=\"row\">", out);
	html_time(out, json_doc_string(event, "time"));
	(void)fputs("</th>", out);
	html_cell(out, json_doc_string(event, "node"));
	html_cell(out, json_doc_string(event, "subject"));
	html_cell(out, json_doc_string(event, "what"));
	html_cell(out, json_doc_string(event, "reason"));
	(void)fputs("</tr>\n", out);
}

static void
put_events(const struct page_tables *p, FILE *out)
{
	static const char *const columns[] = { "Time", "Node", "Of", "What",
		"Reason", NULL };
	const size_t n =
	    p->n_events < EVENTS_SHOWN ? p->n_events : EVENTS_SHOWN;

	(void)fputs("<section id=\"events\"><h2>Events</h2>\n", out);
	if (n == 0) {
		(void)fputs(
		    "<p class=\"none\">No event yet.</p>\n</section>\n", out);
		return;
	}
	html_table(out, NULL, "The last events of both nodes", columns);
	for (size_t i = 0; i < n; i++)
		put_event(p->events[i], out);
	html_table_end(out);
	(void)fputs("</section>\n", out);
}

void
page_tables_body(const struct page_tables *p, FILE *out)
{
	(void)fputs("<main id=\"main\">\n", out);
	put_troubles(p->status, out);
	page_tables_pair(p->status, out);
	page_tables_kernel(p->status, out);
	page_tables_services(p->status, p->rates, out);
	put_events(p, out);
	(void)fputs("</main>\n", out);
}
