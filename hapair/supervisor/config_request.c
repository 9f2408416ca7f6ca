#include "hapair/supervisor/config_request.h"

#include "config/print.h"
#include "core/json_doc.h"
#include "core/reply.h"
#include "hapair/supervisor/control.h"

void
config_request_answer(struct ev_loop *loop, const struct config *c, int *socket)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *text = NULL;
	size_t len;

	if (!control_is_roots(*socket)) {
		reply_error(loop, socket,
		    "the configuration may hold passwords: only root may read it");
		return;
	}
	if (print_text(c, &text, &len) < 0) {
		reply_error(loop, socket, "memory is out");
		return;
	}
	json_doc_put_string(doc, "configuration", text);
	reply_send(loop, socket, json_doc_text(doc, false));
}
