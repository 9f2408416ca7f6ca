/*
 * A family is written where it is named, so that a name, its help and its
 * values are read at one glance. scripts/check-contract finds them by
 * metric_text_family's initialisers.
 */
#include "proxy/web/metrics.h"

#include "core/json_doc.h"
#include "core/version.h"
#include "proxy/control/status.h"
#include "proxy/web/metric_text.h"
#include "proxy/web/metrics_kernel.h"
#include "proxy/web/metrics_pair.h"
#include "proxy/web/metrics_services.h"

#include <stdio.h>
#include <string.h>

static void
put_info(struct metric_text *t, const struct metric_text_family *family,
    const char *label, const char *is)
{
	metric_text_begin(t, family);
	metric_text_labelled(t, label, is, 1);
}

static void
put_config(struct metric_text *t, const struct status *s)
{
	char hash[2 * CONFIG_HASH_BYTES + 1];

	for (size_t i = 0; i < CONFIG_HASH_BYTES; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", s->config->hash[i]);
	put_info(t,
	    METRIC_TEXT_FAMILY("hapair_config_info", INFO, "",
	        "The configuration that runs, by the hash of what it means."),
	    "hash", hash);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_config_loaded_timestamp_seconds", GAUGE,
	        "seconds", "When the configuration was read."));
	metric_text_moment(t, s->start->loaded_wall_ms);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_config_peer_matches", GAUGE, "",
	        "1: the peer runs the same configuration; absent: it is not known."));
	if (s->peer != NULL && s->peer->config_known)
		metric_text_number(t, s->peer->config_matches);
}

/* So many of each, in the document's order. */
static void
put_troubles(struct metric_text *t, const struct json_doc *document)
{
	const struct json_doc *list = json_doc_get(document, "troubles");
	const size_t n = json_doc_count(list);

	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_healthy", GAUGE, "",
	        "1: status tells of no trouble; 0: it does."),
	    n == 0);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_troubles", GAUGE, "",
	        "Troubles that status tells of, by their id; absent: there is none of that id."));
	for (size_t i = 0; i < n; i++) {
		const char *id = json_doc_string(json_doc_at(list, i), "id");
		size_t before = 0, all = 0;

		for (size_t k = 0; k < n; k++) {
			const bool same =
			    strcmp(id,
			        json_doc_string(json_doc_at(list, k), "id")) ==
			    0;

			all += same;
			before += same && k < i;
		}
		if (before == 0)
			metric_text_labelled(t, "trouble", id, (int64_t)all);
	}
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_hints", GAUGE, "",
	        "What status tells of that is no fault and could be better."),
	    (int64_t)json_doc_count(json_doc_get(document, "hints")));
}

static void
put_node(
    struct metric_text *t, const struct status *s, struct metrics_moments *kept)
{
	const struct config *c = s->config;
	const int64_t uptime_ms = (s->now.ns - s->start->started_ns) / 1000000;

	put_info(t,
	    METRIC_TEXT_FAMILY(
	        "hapair_build_info", INFO, "", "The program that answers."),
	    "version", VERSION);
	put_info(t,
	    METRIC_TEXT_FAMILY("hapair_node_info", INFO, "",
	        "This node, as pair.nodes calls it."),
	    "node", c->has_pair ? c->pair.nodes[s->start->node].name : "");
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_start_time_seconds", GAUGE, "seconds",
	        "When the daemon was started."));
	metric_text_steady(t, &kept->started, s->wall_ms - uptime_ms);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_connections_limit", GAUGE, "",
	        "Connections that this node may have."),
	    s->start->max_connections);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_log_lines_dropped_total", COUNTER, "",
	        "Lines that the relay's log could not write."),
	    (int64_t)s->dropped_log_lines);
}

#define PROCESSES 3

static void
put_processes(struct metric_text *t, const struct status *s)
{
	const struct msg_ends *ends[PROCESSES] = { &s->ends.relay };
	const char *names[PROCESSES] = { "relay" };
	bool answers[PROCESSES] = { true };
	size_t n = 1;

	if (s->config->has_pair) {
		names[n] = "failover";
		ends[n] = &s->ends.failover;
		answers[n++] = s->peer != NULL;
	}
	if (s->kernel != NULL) {
		names[n] = "director";
		ends[n] = &s->kernel->ends;
		answers[n++] = s->kernel->is_up;
	}

	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_process_answers", GAUGE, "",
	        "1: the process answered when it was asked for this."));
	for (size_t i = 0; i < n; i++)
		metric_text_labelled(t, "process", names[i], answers[i]);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_process_restarts_total", COUNTER, "",
	        "How often the process has ended by itself and was started again."));
	for (size_t i = 0; i < n; i++)
		metric_text_labelled(t, "process", names[i], ends[i]->n);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_process_last_end_timestamp_seconds",
	        GAUGE, "seconds", "When it last did; absent: never."));
	for (size_t i = 0; i < n; i++) {
		const struct metric_text_label label = { "process", names[i] };

		metric_text_label(t, &label, 1);
		metric_text_moment(t, ends[i]->n > 0 ? ends[i]->wall_ms : 0);
		metric_text_label(t, NULL, 0);
	}
}

static void
put_web(struct metric_text *t, const struct metrics_web *w)
{
	static const char *const reasons[] = {
		[METRICS_REFUSAL_STRANGER] = "not_allowed",
		[METRICS_REFUSAL_FULL] = "full",
		[METRICS_REFUSAL_CLIENT] = "client_full",
		[METRICS_REFUSAL_LATE] = "too_slow",
		[METRICS_REFUSAL_PASSWORD] = "password",
		[METRICS_REFUSAL_HELD] = "held_back",
		[METRICS_REFUSAL_YIELDED] = "yielded",
	};
	static const char *const codes[] = { [METRICS_CODE_200] = "200",
		[METRICS_CODE_401] = "401",
		[METRICS_CODE_404] = "404",
		[METRICS_CODE_405] = "405",
		[METRICS_CODE_503] = "503" };

	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_web_connections", GAUGE, "",
	        "Connections to the page and to these figures."),
	    w->connections);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_web_requests_total", COUNTER, "",
	        "Requests that were answered there, by the code of the answer."));
	for (size_t i = 0; i < METRICS_CODES; i++)
		metric_text_labelled(
		    t, "code", codes[i], (int64_t)w->answered[i]);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_web_refused_total", COUNTER, "",
	        "Who connected there and was turned away, by the reason."));
	for (size_t i = 0; i < METRICS_REFUSALS; i++)
		metric_text_labelled(
		    t, "reason", reasons[i], (int64_t)w->refused[i]);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_web_held_clients", GAUGE, "",
	        "Clients of the page that ask for more than their share, and are held back."),
	    w->held);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_web_rests_total", COUNTER, "",
	        "Rests of the page's thread, which had used its share of a processor."),
	    (int64_t)w->rests);
}

/* By the names that all programs have them under. What is 0 is not known. */
static void
put_process(struct metric_text *t, const struct metrics_process *p)
{
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("process_cpu_seconds_total", COUNTER, "seconds",
	        "Processor time of the relay."));
	metric_text_real(t, p->cpu_s);
	if (p->resident_bytes > 0)
		metric_text_one(t,
		    METRIC_TEXT_FAMILY("process_resident_memory_bytes", GAUGE,
		        "bytes", "Memory of the relay."),
		    (int64_t)p->resident_bytes);
	if (p->virtual_bytes > 0)
		metric_text_one(t,
		    METRIC_TEXT_FAMILY("process_virtual_memory_bytes", GAUGE,
		        "bytes", "Its address space."),
		    (int64_t)p->virtual_bytes);
	if (p->open_fds > 0)
		metric_text_one(t,
		    METRIC_TEXT_FAMILY("process_open_fds", GAUGE, "",
		        "Its descriptors; absent where the kernel is older than 6.2."),
		    (int64_t)p->open_fds);
	if (p->max_fds > 0)
		metric_text_one(t,
		    METRIC_TEXT_FAMILY("process_max_fds", GAUGE, "",
		        "Descriptors that it may have."),
		    (int64_t)p->max_fds);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("process_start_time_seconds", GAUGE, "seconds",
	        "When the relay was started."));
	metric_text_moment(t, p->started_wall_ms);
}

char *
metrics_text(const struct metrics *m, bool openmetrics, size_t *ret_len)
{
	struct metric_text t = { .openmetrics = openmetrics };

	/* A little more than last time, and nothing is ever copied. */
	grown_text_init(&t.out, m->guess + m->guess / 16);
	put_node(&t, m->status, m->moments);
	put_troubles(&t, m->document);
	put_config(&t, m->status);
	put_processes(&t, m->status);
	metrics_pair_write(&t, m->status, m->moments);
	metrics_services_write(&t, m->status);
	metrics_kernel_write(&t, m->status);
	put_web(&t, m->web);
	put_process(&t, m->process);
	metric_text_end(&t);
	return grown_text_take(&t.out, ret_len);
}
