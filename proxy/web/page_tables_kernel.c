#include "proxy/web/page_tables_kernel.h"

#include "core/json_doc.h"
#include "proxy/web/html.h"

#include <inttypes.h>

static void
put_service(const struct json_doc *service, FILE *out)
{
	const struct json_doc *k = json_doc_get(service, "kernel");
	const int64_t active = json_doc_int(k, "active");
	const int64_t protected = json_doc_int(k, "protected");

	(void)fputs("<tr>", out);
	html_cell_head(out, json_doc_string(service, "name"));
	html_cell_number(out, active);
	html_cell_number(out, protected);
	html_cell_number(out, json_doc_int(k, "held"));
	html_cell_number(out, json_doc_int(k, "silent"));
	html_cell_number(out, json_doc_int(k, "relayed"));
	html_cell(
	    out, protected < active ? json_doc_string(k, "unprotected") : "");
	(void)fputs("</tr>\n", out);
}

static void
put_head(const struct json_doc *kernel, FILE *out)
{
	(void)fputs("<p>", out);
	html_state(out,
	    json_doc_bool(kernel, "answers") ? json_doc_string(kernel, "state")
	                                     : "silent");
	(void)fputs(", stream to the peer ", out);
	html_state(out, json_doc_string(kernel, "stream"));
	(void)fprintf(out, ", %" PRId64 " of %" PRId64 " slots%s</p>\n",
	    json_doc_int(kernel, "slots_used"), json_doc_int(kernel, "slots"),
	    json_doc_bool(kernel, "valve_open") ? ", new clients are relayed"
	                                        : "");
}

void
page_tables_kernel(const struct json_doc *status, FILE *out)
{
	static const char *const columns[] = { "Service", "Connections",
		"Protected", "Waiting", "Silent", "Relayed", "Not protected",
		NULL };
	const struct json_doc *kernel = json_doc_get(status, "kernel");
	const struct json_doc *services = json_doc_get(status, "services");

	if (!json_doc_is_object(kernel))
		return;
	(void)fputs("<section id=\"kernel\"><h2>Kernel path</h2>\n", out);
	put_head(kernel, out);
	html_table(out, NULL, "Connections that outlive this node", columns);
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *s = json_doc_at(services, i);

		if (json_doc_is_object(json_doc_get(s, "kernel")))
			put_service(s, out);
	}
	html_table_end(out);
	(void)fputs("</section>\n", out);
}
