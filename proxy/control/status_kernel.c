#include "proxy/control/status_kernel.h"

#include "config/kernel_fit.h"
#include "core/json_doc.h"
#include "proxy/control/status.h"
#include "proxy/kernel/kernel_words.h"

/* Why connections of the service are not protected; NULL: they are. */
static const char *
why_of(const struct status *r, const struct config_service *c)
{
	const char *why = NULL;

	for (size_t i = 0; why == NULL && i < c->n_listens; i++) {
		const int group = r->config->has_pair
		    ? config_group_of(&r->config->pair, &c->listens[i].address)
		    : -1;

		if (group >= 0 && group < MSG_PEER_GROUPS_MAX)
			why = kernel_words_why(r->kernel->state.why[group]);
	}
	return why;
}

static void
put_counters(struct json_doc *at, const struct msg_kernel_state *m)
{
	struct json_doc *counters = json_doc_put_object(at, "counters");
	const char *name;

	for (unsigned i = 0; i < MSG_KERNEL_COUNTERS &&
	     (name = kernel_words_counter(i)) != NULL;
	     i++)
		json_doc_put_int(counters, name, (int64_t)m->counters[i]);
}

void
status_kernel_put(struct json_doc *doc, const struct status *r)
{
	const struct status_kernel *k = r->kernel;
	struct json_doc *at;

	if (k == NULL) {
		json_doc_put_null(doc, "kernel");
		return;
	}
	at = json_doc_put_object(doc, "kernel");
	json_doc_put_string(at, "state",
	    k->is_said ? kernel_words_work(k->state.work) : "starting");
	status_put_wall(at, "since", k->is_said ? k->work_wall_ms : 0);
	json_doc_put_bool(at, "answers", k->is_up || !k->is_gone);
	json_doc_put_string(at, "reason",
	    k->is_said && *k->state.reason != '\0' ? k->state.reason : NULL);
	json_doc_put_string(
	    at, "stream", k->is_said ? kernel_words_peer(k->state.peer) : NULL);
	status_put_wall(at, "stream_since", k->is_said ? k->peer_wall_ms : 0);
	json_doc_put_int(at, "slots", k->state.slots);
	json_doc_put_int(at, "slots_used", k->state.slots_used);
	json_doc_put_int(at, "left", k->state.left);
	json_doc_put_bool(at, "valve_open", k->state.valve);
	put_counters(at, &k->state);
}

/* All the same: they came before the program, or beside it. */
static int64_t
relayed(
    const struct status *r, size_t number, const struct msg_kernel_service *m)
{
	const uint64_t all =
	    r->services != NULL ? r->services[number].sums.sum.active : 0;

	return all > m->open ? (int64_t)(all - m->open) : 0;
}

void
status_kernel_put_service(
    struct json_doc *service, const struct status *r, size_t number)
{
	const struct config_service *c = &r->config->services[number];
	const bool passed_on = c->path == CONFIG_PATH_KERNEL;
	const struct msg_kernel_service *m =
	    r->kernel != NULL ? &r->kernel->services[number] : NULL;
	const unsigned kept =
	    r->services != NULL ? r->services[number].kept : 0;
	struct json_doc *at;

	json_doc_put_string(service, "path", passed_on ? "kernel" : "relay");
	json_doc_put_string(service, "relayed_why",
	    c->path_asked == CONFIG_PATH_AUTO && !passed_on
	        ? kernel_fit_why_not(r->config, c)
	        : NULL);
	/* One that is relayed by now may have connections from before. */
	if (m == NULL || (!passed_on && m->open == 0 && kept == 0)) {
		json_doc_put_null(service, "kernel");
		return;
	}
	at = json_doc_put_object(service, "kernel");
	json_doc_put_int(at, "active", m->open);
	json_doc_put_int(at, "protected", m->protected);
	json_doc_put_string(at, "unprotected", why_of(r, c));
	json_doc_put_int(at, "silent", m->silent);
	json_doc_put_int(at, "held", m->held);
	json_doc_put_int(at, "total", (int64_t)m->accepted);
	json_doc_put_int(at, "refused", (int64_t)m->refused);
	json_doc_put_int(at, "kept", kept);
	json_doc_put_int(at, "relayed", relayed(r, number, m));
}
