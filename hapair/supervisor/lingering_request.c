#include "hapair/supervisor/lingering_request.h"

#include "core/json_doc.h"
#include "core/msg.h"
#include "core/reply.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/generation_change.h"

#include <stdio.h>
#include <string.h>

static void
answer_count(
    struct ev_loop *loop, const struct generation_change *change, int *socket)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	const struct generation *g;
	int n = 0;

	LIST_FOREACH (g, &change->replaced, replaced)
		n += g->relay.pid != 0;
	json_doc_put_int(doc, "relays", n);
	reply_send(loop, socket, json_doc_text(doc, false));
}

/* NULL: it has ended since it was counted. */
static struct generation *
find(const struct generation_change *change, unsigned index)
{
	struct generation *g;

	LIST_FOREACH (g, &change->replaced, replaced)
		if (g->relay.pid != 0 && index-- == 0)
			return g;
	return NULL;
}

void
lingering_request_obey(struct ev_loop *loop,
    const struct generation_change *change, const char *request, int *socket)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	char line[MSG_REQUEST_MAX];
	struct generation *g;
	unsigned index;
	int at = 0;

	if (strcmp(request, "lingering") == 0) {
		answer_count(loop, change, socket);
		return;
	}
	if (sscanf(request, "lingering %3u %n", &index, &at) != 1 || at == 0 ||
	    (!control_is_request(request + at, "connections") &&
	        !control_is_request(request + at, "kill"))) {
		reply_error(loop, socket,
		    "expected: lingering, or lingering N and connections or kill");
		return;
	}
	g = find(change, index);
	if (g != NULL) {
		(void)snprintf(
		    line, sizeof(line), "lingering %s", request + at);
		child_setup_request(&g->relay, line, *socket);
		return;
	}
	doc = json_doc_new();
	json_doc_put_int(doc, "end", 0);
	reply_send(loop, socket, json_doc_text(doc, false));
}
