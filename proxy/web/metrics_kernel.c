#include "proxy/web/metrics_kernel.h"

#include "config/config.h"
#include "proxy/control/status.h"
#include "proxy/kernel/kernel_words.h"
#include "proxy/web/metric_text.h"

/* Of each service on the path: in the order of the table below. */
enum value {
	ACTIVE,
	PROTECTED,
	HELD,
	SILENT,
	ACCEPTED,
	REFUSED,
	VALUES,
};

static const struct metric_text_family families[VALUES] = {
	{ "hapair_kernel_connections_active", METRIC_TEXT_GAUGE, "",
	    "Of the service's connections, such as the kernel passes on." },
	{ "hapair_kernel_connections_protected", METRIC_TEXT_GAUGE, "",
	    "Of these, such as go on if this node dies." },
	{ "hapair_kernel_connections_held", METRIC_TEXT_GAUGE, "",
	    "Of these, such as wait for a place at a server." },
	{ "hapair_kernel_connections_silent", METRIC_TEXT_GAUGE, "",
	    "Of these, such as the client's first byte is awaited of." },
	{ "hapair_kernel_connections_accepted_total", METRIC_TEXT_COUNTER, "",
	    "Connections that began on the kernel path." },
	{ "hapair_kernel_clients_refused_total", METRIC_TEXT_COUNTER, "",
	    "Clients that were told there: no server." },
};

static uint64_t
get(enum value which, const struct msg_kernel_service *m)
{
	switch (which) {
	case ACTIVE:
		return m->open;
	case PROTECTED:
		return m->protected;
	case HELD:
		return m->held;
	case SILENT:
		return m->silent;
	case ACCEPTED:
		return m->accepted;
	case REFUSED:
		return m->refused;
	case VALUES:
		break;
	}
	return 0;
}

static void
put_services(struct metric_text *t, const struct status *s)
{
	for (unsigned k = 0; k < VALUES; k++) {
		metric_text_begin(t, &families[k]);
		for (size_t i = 0; i < s->config->n_services; i++) {
			const struct config_service *c =
			    &s->config->services[i];

			/* One that is relayed by now may have some from before.
			 */
			if (c->path == CONFIG_PATH_KERNEL ||
			    s->kernel->services[i].open > 0)
				metric_text_labelled(t, "service", c->name,
				    (int64_t)get((enum value)k,
				        &s->kernel->services[i]));
		}
	}
}

static void
put_states(struct metric_text *t, const struct msg_kernel_state *m)
{
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_state", GAUGE, "",
	        "1: the kernel path is in this state. relay_only: it is not available."));
	for (unsigned i = MSG_KERNEL_STARTING; i <= MSG_KERNEL_RELAY_ONLY; i++)
		metric_text_labelled(
		    t, "state", kernel_words_work((uint8_t)i), m->work == i);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_stream", GAUGE, "",
	        "1: the stream to the peer's director is in this state."));
	for (unsigned i = MSG_KERNEL_PEER_NONE; i <= MSG_KERNEL_PEER_MISMATCH;
	     i++)
		metric_text_labelled(
		    t, "state", kernel_words_peer((uint8_t)i), m->peer == i);
}

static void
put_program(struct metric_text *t, const struct msg_kernel_state *m)
{
	const char *name;

	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_packets_total", COUNTER, "",
	        "What the kernel's program has counted; doc/cli.md tells of each."));
	for (unsigned i = 0; i < MSG_KERNEL_COUNTERS &&
	     (name = kernel_words_counter(i)) != NULL;
	     i++)
		metric_text_labelled(
		    t, "packet", name, (int64_t)m->counters[i]);
}

void
metrics_kernel_write(struct metric_text *t, const struct status *s)
{
	const struct status_kernel *k = s->kernel;

	if (k == NULL)
		return;
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_director_up", GAUGE, "",
	        "1: the director's process can be asked."),
	    k->is_up);
	put_services(t, s);
	if (!k->is_said)
		return;
	put_states(t, &k->state);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_slots", GAUGE, "",
	        "Connections that the kernel path may have."),
	    k->state.slots);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_slots_used", GAUGE, "",
	        "Of these, such as it has, and the peer's that are kept here."),
	    k->state.slots_used);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_connections_left", GAUGE, "",
	        "Of these, such as no service of the file has any more."),
	    k->state.left);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_kernel_valve_open", GAUGE, "",
	        "1: new clients of the kernel path are relayed."),
	    k->state.valve);
	put_program(t, &k->state);
}
