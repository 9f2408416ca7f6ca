#include "hapair/cli/show_kernel.h"

#include "core/json_doc.h"
#include "hapair/cli/text_table.h"

#include <inttypes.h>
#include <string.h>

#define LINE_MAX 400

/* "relay_only" is for programs. */
static const char *
state_text(const struct json_doc *kernel)
{
	const char *state = json_doc_string(kernel, "state");

	if (!json_doc_bool(kernel, "answers"))
		return "is not asked: its director does not answer";
	if (strcmp(state, "relay_only") == 0)
		return "is not available: all is relayed";
	return strcmp(state, "works") == 0 ? "works" : "is starting";
}

/* Without the kernel path there is no stream, whoever the peer is. */
static const char *
stream_text(const struct json_doc *kernel)
{
	static const struct words {
		const char *is, *text;
	} all[] = {
		{ "none", "; without a peer" },
		{ "down", "; the stream to the peer is down" },
		{ "dumping", "; the peer is being told of all" },
		{ "linked", "; the peer keeps up" },
		{ "lagging", "; the peer does not keep up" },
		{ "mismatch", "; the peer's does not fit" },
	};
	const char *stream = json_doc_string(kernel, "stream");

	if (strcmp(json_doc_string(kernel, "state"), "relay_only") == 0)
		return "";
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i].is, stream) == 0)
			return all[i].text;
	return "; the peer is not known yet";
}

static void
add_service(struct text_table *t, const struct json_doc *service,
    const struct show_style *st)
{
	const struct json_doc *k = json_doc_get(service, "kernel");
	const int64_t active = json_doc_int(k, "active");
	const int64_t protected = json_doc_int(k, "protected");
	const int64_t kept = json_doc_int(k, "kept");

	text_table_cell(t, "%s", json_doc_string(service, "name"));
	text_table_cell(t, "%" PRId64, active);
	text_table_cell(t, "%" PRId64, protected);
	text_table_tint(t, protected < active ? st->odd : NULL);
	text_table_cell(t, "%" PRId64, json_doc_int(k, "held"));
	text_table_cell(t, "%" PRId64, json_doc_int(k, "silent"));
	text_table_cell(t, "%" PRId64, json_doc_int(k, "relayed"));
	if (kept > 0)
		text_table_cell(t, "keeps the peer's %" PRId64, kept);
	else
		text_table_cell(t, "%s",
		    protected < active ? json_doc_string(k, "unprotected")
		                       : "");
	text_table_end_row(t);
}

/* With `path: auto`, why it is not the kernel path. */
static void
show_relayed(
    const struct json_doc *services, const struct show_view *view, FILE *out)
{
	char line[LINE_MAX];

	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);
		const char *why = json_doc_string(s, "relayed_why");

		if (*why == '\0')
			continue;
		(void)snprintf(line, sizeof(line), "service %s is relayed: %s",
		    json_doc_string(s, "name"), why);
		(void)fputc('\n', out);
		show_wrapped(view, 2, line, out);
	}
}

void
show_kernel(
    const struct json_doc *status, const struct show_view *view, FILE *out)
{
	const struct json_doc *kernel = json_doc_get(status, "kernel");
	const struct json_doc *services = json_doc_get(status, "services");
	const struct show_style *st = show_style_of(view);
	const struct text_table_form form = {
		.bold = st->bold, .plain = st->plain, .width = view->width
	};
	struct text_table *t;
	char line[LINE_MAX];
	size_t rows = 0;

	show_relayed(services, view, out);
	if (!json_doc_is_object(kernel))
		return;
	(void)snprintf(line, sizeof(line),
	    "kernel path: %s%s; %" PRId64 " of %" PRId64 " slots%s",
	    state_text(kernel), stream_text(kernel),
	    json_doc_int(kernel, "slots_used"), json_doc_int(kernel, "slots"),
	    json_doc_bool(kernel, "valve_open") ? ", new clients are relayed"
	                                        : "");
	(void)fputc('\n', out);
	show_wrapped(view, 2, line, out);
	if (json_doc_int(kernel, "left") > 0) {
		(void)snprintf(line, sizeof(line),
		    "%" PRId64
		    " in the kernel are of no service of this file (any more), and go on to their end",
		    json_doc_int(kernel, "left"));
		show_wrapped(view, 2, line, out);
	}
	t = text_table_new("KERNEL PATH", "CONN", "PROTECTED", "WAITING",
	    "SILENT", "RELAYED", "NOT PROTECTED", NULL);
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);

		if (!json_doc_is_object(json_doc_get(s, "kernel")))
			continue;
		add_service(t, s, st);
		rows++;
	}
	if (rows > 0)
		text_table_print(t, out, &form);
	text_table_free_at(&t);
}
