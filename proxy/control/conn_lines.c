#include "proxy/control/conn_lines.h"

#include "config/config.h"
#include "core/json_doc.h"
#include "core/text/json_line.h"
#include "proxy/data/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
conn_lines_id_text(uint64_t id, char buf[static CONN_LINES_ID_MAX])
{
	(void)snprintf(buf, CONN_LINES_ID_MAX, "%" PRIx64, id);
	return buf;
}

bool
conn_lines_parse_id(const char *text, uint64_t *ret_id)
{
	const size_t len = strlen(text);

	if (len == 0 || len >= CONN_LINES_ID_MAX ||
	    strspn(text, "0123456789abcdef") != len)
		return false;
	*ret_id = strtoull(text, NULL, 16);
	return *ret_id != 0;
}

static const char *
state_name(uint8_t phase)
{
	switch ((enum session_phase)phase) {
	case SESSION_LISTENING:
		return "listening";
	case SESSION_QUEUED:
		return "queued";
	case SESSION_CONNECTING:
		return "connecting";
	case SESSION_MOVING:
		return "open";
	case SESSION_PARTING:
	case SESSION_GIVEN:
	case SESSION_ENDED:
		break;
	}
	return "closing";
}

static const char *
path_name(const struct session_tour_row *r)
{
	if (r->in_kernel)
		return "kernel";
	return r->splices ? "splice" : "copy";
}

/* NULL where there is none. */
static const char *
address_text(const union addr *a, char buf[static ADDR_TEXT_MAX])
{
	return a->sa.sa_family != AF_UNSPEC ? addr_format(a, buf) : NULL;
}

/* The length, or 0: it does not fit. */
static size_t
put_line(const struct session_tour_row *r, bool lingers,
    char buf[static CONN_LINES_LINE_MAX])
{
	struct json_line l = json_line_begin(buf, CONN_LINES_LINE_MAX);
	char id[CONN_LINES_ID_MAX], address[ADDR_TEXT_MAX];

	json_line_put_string(&l, "id", conn_lines_id_text(r->id, id));
	json_line_put_string(&l, "client", address_text(&r->client, address));
	json_line_put_string(&l, "local", address_text(&r->local, address));
	json_line_put_string(
	    &l, "service", r->service != NULL ? r->service->name : NULL);
	json_line_put_string(&l, "server",
	    r->server >= 0 ? r->service->servers[r->server].name : NULL);
	json_line_put_string(&l, "source", address_text(&r->source, address));
	json_line_put_string(&l, "state", state_name(r->phase));
	json_line_put_int(&l, "age_ms", r->age_ms);
	json_line_put_int(&l, "idle_ms", r->idle_ms);
	json_line_open(&l, "bytes");
	json_line_put_int(&l, "in", (int64_t)r->in);
	json_line_put_int(&l, "out", (int64_t)r->out);
	json_line_close(&l);
	json_line_put_string(&l, "path", path_name(r));
	json_line_put_bool(&l, "protected", r->why == NULL);
	json_line_put_string(&l, "unprotected", r->why);
	json_line_put_bool(&l, "peer_knows", r->is_told);
	json_line_put_bool(&l, "lingering", lingers);
	return json_line_end(&l);
}

int
conn_lines_put(const struct session_tour_part *part, bool lingers,
    char buf[static CONN_LINES_MAX])
{
	size_t len = 0;

	for (unsigned i = 0; i < part->n; i++) {
		const size_t n = put_line(&part->rows[i], lingers, buf + len);

		if (n == 0)
			return -ENOBUFS;
		len += n;
	}
	return (int)len;
}

int
conn_lines_put_end(
    unsigned n, const char *error, char buf[static CONN_LINES_MAX])
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *line = NULL;

	if (error != NULL)
		json_doc_put_string(doc, "error", error);
	else
		json_doc_put_int(doc, "end", n);
	line = json_doc_text(doc, false);
	if (line == NULL || strlen(line) >= CONN_LINES_MAX)
		return -ENOMEM;
	return (int)(stpcpy(buf, line) - buf);
}
