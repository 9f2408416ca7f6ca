#include "proxy/web/web_content.h"

#include "config/config.h"
#include "core/json_doc.h"
#include "proxy/control/status.h"
#include "proxy/control/status_collect.h"
#include "proxy/web/page_files.h"
#include "proxy/web/page_json.h"
#include "proxy/web/page_tables.h"
#include "proxy/web/shared_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
web_content_init(struct web_content *c, const struct config *config)
{
	*c = (struct web_content){ .config = config };
	process_figures_open(&c->process);
	return rate_history_init(&c->rates, rate_history_rows(config));
}

void
web_content_free_snapshot(struct web_content_snapshot *s)
{
	status_collect_free(s->status);
	shared_text_let_go(&s->events);
	s->status = NULL;
}

void
web_content_fini(struct web_content *c)
{
	json_doc_free_at(&c->document);
	web_content_free_snapshot(&c->snapshot);
	rate_history_fini(&c->rates);
	process_figures_close(&c->process);
}

void
web_content_exchange(
    struct web_content *c, struct web_content_snapshot *snapshot)
{
	const struct web_content_snapshot before = c->snapshot;

	json_doc_free_at(&c->document);
	c->snapshot = *snapshot;
	*snapshot = before;
}

bool
web_content_is_live(enum web_request what)
{
	switch (what) {
	case WEB_REQUEST_STYLE:
	case WEB_REQUEST_SCRIPT:
	case WEB_REQUEST_DRAW:
	case WEB_REQUEST_ROWS:
	case WEB_REQUEST_UNKNOWN:
		return false;
	case WEB_REQUEST_PAGE:
	case WEB_REQUEST_LIVE:
	case WEB_REQUEST_HISTORY:
	case WEB_REQUEST_STATUS:
	case WEB_REQUEST_EVENTS:
	case WEB_REQUEST_METRICS:
	case WEB_REQUEST_OPENMETRICS:
	case WEB_REQUEST_HEALTH:
		break;
	}
	return true;
}

static const struct status *
status_of(const struct web_content *c)
{
	return status_collect_status(c->snapshot.status);
}

/* Made once of each snapshot: with many servers it is what takes time. */
static const struct json_doc *
document_of(struct web_content *c)
{
	if (c->document == NULL)
		c->document = status_document(status_of(c));
	return c->document;
}

bool
web_content_serves(const struct web_content *c)
{
	const struct status *s;

	if (!c->config->has_pair)
		return true;
	s = status_of(c);
	if (s->failover_gone)
		return false;
	for (size_t i = 0; s->groups != NULL && i < c->config->pair.n_groups;
	     i++)
		if (s->groups[i].state == MSG_GROUP_MASTER)
			return true;
	return false;
}

/* -- the page -------------------------------------------------------------- */

static void
put_body(struct web_content *c, FILE *out)
{
	const struct json_doc *events[PAGE_JSON_EVENTS];
	struct json_doc *parsed[PAGE_JSON_EVENTS];
	const char *at[PAGE_JSON_EVENTS];
	size_t lens[PAGE_JSON_EVENTS], n = 0, all = 0;
	struct page_tables tables = {
		.status = document_of(c), .rates = &c->rates, .events = events
	};

	if (c->snapshot.events != NULL)
		all = page_json_last_lines(c->snapshot.events->text,
		    c->snapshot.events->len, at, lens);
	for (size_t i = 0; i < all; i++) {
		parsed[n] = json_doc_parse_foreign(at[i], lens[i]);
		if (parsed[n] == NULL)
			continue;
		events[n] = parsed[n];
		n++;
	}
	tables.n_events = n;
	page_tables_body(&tables, out);
	while (n > 0)
		json_doc_free_at(&parsed[--n]);
}

/* page.html, with the title and the tables where its markers are. */
static void
put_page(struct web_content *c, FILE *out)
{
	const struct page_files_text html = page_files_html();
	const char *at = html.text, *end = html.text + html.len;
	const char *title =
	    memmem(at, html.len, PAGE_FILES_TITLE, strlen(PAGE_FILES_TITLE));
	const char *body;

	if (title != NULL) {
		(void)fwrite(at, 1, (size_t)(title - at), out);
		page_tables_title(document_of(c), out);
		at = title + strlen(PAGE_FILES_TITLE);
	}
	body = memmem(
	    at, (size_t)(end - at), PAGE_FILES_BODY, strlen(PAGE_FILES_BODY));
	if (body != NULL) {
		(void)fwrite(at, 1, (size_t)(body - at), out);
		put_body(c, out);
		at = body + strlen(PAGE_FILES_BODY);
	}
	(void)fwrite(at, 1, (size_t)(end - at), out);
}

/* -- all others ------------------------------------------------------------ */

static void
put_file(struct page_files_text file, FILE *out)
{
	(void)fwrite(file.text, 1, file.len, out);
}

/*
 * Troubles are found in a document. Where nobody looks at the page there is
 * none of this snapshot, and one of what is needed is made in its place.
 */
static char *
make_metrics(struct web_content *c, bool openmetrics, size_t *ret_len)
{
	CLEANUP(json_doc_free_at) struct json_doc *brief = NULL;
	struct metrics_process process;
	struct metrics m = { .status = status_of(c),
		.document = c->document,
		.process = &process,
		.web = &c->counts,
		.moments = &c->moments,
		.guess = c->metrics_len };
	char *text;

	if (m.document == NULL)
		m.document = brief = status_brief(m.status);
	process_figures_read(&c->process, &process);
	text = metrics_text(&m, openmetrics, ret_len);
	if (text != NULL)
		c->metrics_len = *ret_len;
	return text;
}

static void
put_live(struct web_content *c, bool whole, FILE *out)
{
	CLEANUP(free_str) char *text = json_doc_text(document_of(c), false);
	const struct shared_text *events = c->snapshot.events;

	if (text == NULL)
		return;
	if (whole)
		page_json_live(c->config, text, &c->rates,
		    events != NULL ? events->text : "",
		    events != NULL ? events->len : 0, out);
	else
		(void)fprintf(out, "%s\n", text);
}

static void
put(struct web_content *c, enum web_request what, FILE *out)
{
	const struct shared_text *events = c->snapshot.events;

	switch (what) {
	case WEB_REQUEST_PAGE:
		put_page(c, out);
		break;
	case WEB_REQUEST_STYLE:
		put_file(page_files_style(), out);
		break;
	case WEB_REQUEST_SCRIPT:
		put_file(page_files_script(), out);
		break;
	case WEB_REQUEST_DRAW:
		put_file(page_files_draw(), out);
		break;
	case WEB_REQUEST_ROWS:
		put_file(page_files_services(), out);
		break;
	case WEB_REQUEST_LIVE:
	case WEB_REQUEST_STATUS:
		put_live(c, what == WEB_REQUEST_LIVE, out);
		break;
	case WEB_REQUEST_HISTORY:
		page_json_history(c->config, &c->rates, out);
		break;
	case WEB_REQUEST_EVENTS:
		page_json_events(events != NULL ? events->text : "",
		    events != NULL ? events->len : 0, out);
		break;
	case WEB_REQUEST_METRICS: /* make_metrics() */
	case WEB_REQUEST_OPENMETRICS:
	case WEB_REQUEST_HEALTH: /* web_http.c has it */
	case WEB_REQUEST_UNKNOWN:
		break;
	}
}

char *
web_content_make(struct web_content *c, enum web_request what, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (web_content_is_live(what) && c->snapshot.status == NULL)
		return NULL;
	if (what == WEB_REQUEST_METRICS || what == WEB_REQUEST_OPENMETRICS)
		return make_metrics(
		    c, what == WEB_REQUEST_OPENMETRICS, ret_len);
	out = open_memstream(&text, &len);
	if (out == NULL)
		return NULL;
	put(c, what, out);
	if (fclose(out) != 0 || len == 0) {
		free(text);
		return NULL;
	}
	*ret_len = len;
	return text;
}
