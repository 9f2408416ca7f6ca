#include "proxy/web/metrics_services.h"

#include "config/config.h"
#include "proxy/control/standby.h"
#include "proxy/control/status.h"
#include "proxy/web/metric_text.h"
#include "proxy/web/metrics_servers.h"

#include <string.h>

/* Each is a number: in the order of the table below. */
enum value {
	ACTIVE,
	QUEUED,
	LIMIT,
	ACCEPTED,
	FAILED,
	RETRIES,
	DENIED,
	TOO_MANY,
	RECEIVED,
	SENT,
	VALUES,
};

static const struct metric_text_family families[VALUES] = {
	{ "hapair_service_connections_active", METRIC_TEXT_GAUGE, "",
	    "Connections that are open." },
	{ "hapair_service_connections_queued", METRIC_TEXT_GAUGE, "",
	    "Of these, such as wait for a place at a server." },
	{ "hapair_service_connections_limit", METRIC_TEXT_GAUGE, "",
	    "max_connections of the service; 0: none." },
	{ "hapair_service_connections_accepted_total", METRIC_TEXT_COUNTER, "",
	    "Connections of clients." },
	{ "hapair_service_connects_failed_total", METRIC_TEXT_COUNTER, "",
	    "Connects to a server that were refused or timed out." },
	{ "hapair_service_retries_total", METRIC_TEXT_COUNTER, "",
	    "Of these, such after which another server was tried." },
	{ "hapair_service_clients_denied_total", METRIC_TEXT_COUNTER, "",
	    "Clients turned away by allow and deny." },
	{ "hapair_service_clients_too_many_total", METRIC_TEXT_COUNTER, "",
	    "Connections reset for max_connections_per_client." },
	{ "hapair_service_received_bytes_total", METRIC_TEXT_COUNTER, "bytes",
	    "Bytes from clients." },
	{ "hapair_service_sent_bytes_total", METRIC_TEXT_COUNTER, "bytes",
	    "Bytes to clients." },
};

static uint64_t
get(enum value which, const struct config_service *c,
    const struct status_service *s, unsigned held)
{
	switch (which) {
	case ACTIVE:
		return s->sums.sum.active;
	case QUEUED:
		return (uint64_t)s->queued + held;
	case LIMIT:
		return c->max_connections;
	case ACCEPTED:
		return s->sums.sum.total;
	case FAILED:
		return s->sums.sum.failed;
	case RETRIES:
		return s->sums.retries;
	case DENIED:
		return s->sums.denied;
	case TOO_MANY:
		return s->sums.too_many;
	case RECEIVED:
		return s->sums.sum.bytes_in;
	case SENT:
		return s->sums.sum.bytes_out;
	case VALUES:
		break;
	}
	return 0;
}

/* Calls for each service, with its label set. */
typedef void service_fn(
    struct metric_text *t, const struct status *s, size_t i);

static void
each(struct metric_text *t, const struct status *s, service_fn *call)
{
	struct metric_text_label label = { .name = "service" };

	metric_text_label(t, &label, 1);
	for (size_t i = 0; i < s->config->n_services; i++) {
		label.value = s->config->services[i].name;
		call(t, s, i);
	}
	metric_text_label(t, NULL, 0);
}

static void
put_info(struct metric_text *t, const struct status *s, size_t i)
{
	const struct config_service *c = &s->config->services[i];
	const struct metric_text_label *before = t->common;
	const struct metric_text_label labels[] = {
		{ "service", c->name },
		{ "mode", config_mode_words[c->mode] },
	};

	metric_text_label(t, labels, ARRAY_LEN(labels));
	metric_text_labelled(t, "balance", config_balance_words[c->balance], 1);
	metric_text_label(t, before, 1);
}

static void
put_state(struct metric_text *t, const struct status *s, size_t i)
{
	static const char *const states[] = { "up", "down", "unknown" };

	for (size_t k = 0; k < ARRAY_LEN(states); k++)
		metric_text_labelled(t, "state", states[k],
		    strcmp(s->services[i].state, states[k]) == 0);
}

static void
put_servers(struct metric_text *t, const struct status *s, size_t i)
{
	const struct config_service *c = &s->config->services[i];

	for (unsigned state = SERVER_UNKNOWN; state <= SERVER_DRAIN; state++) {
		unsigned n = 0;

		for (size_t k = 0; k < c->n_servers; k++)
			n += (unsigned)s->services[i].servers[k].view.state ==
			    state;
		metric_text_labelled(
		    t, "state", server_state_name((enum server_state)state), n);
	}
}

/* Only those that occurred, as in `status`. */
static void
put_endings(struct metric_text *t, const struct status *s, size_t i)
{
	const uint64_t *n = s->services[i].sums.endings;

	for (enum end_reason e = 0; e < END_REASON_COUNT; e++)
		if (n[e] > 0)
			metric_text_labelled(
			    t, "ending", end_reason_words(e), (int64_t)n[e]);
}

/* -- standby --------------------------------------------------------------- */

static void
put_active(struct metric_text *t, const struct status *s, size_t i)
{
	const struct config_service *c = &s->config->services[i];
	const struct standby *standby = s->services[i].standby;

	for (size_t k = 0; standby != NULL && k < c->n_servers; k++)
		metric_text_labelled(
		    t, "server", c->servers[k].name, standby->active == k);
}

static void
put_epoch(struct metric_text *t, const struct status *s, size_t i)
{
	if (s->services[i].standby != NULL)
		metric_text_number(t, (int64_t)s->services[i].standby->epoch);
}

static void
put_decides(struct metric_text *t, const struct status *s, size_t i)
{
	const struct standby *standby = s->services[i].standby;

	if (standby != NULL)
		metric_text_number(t, standby->phase != STANDBY_FOLLOWS);
}

static void
put_phase(struct metric_text *t, const struct status *s, size_t i)
{
	const struct standby *standby = s->services[i].standby;

	for (unsigned phase = STANDBY_FOLLOWS;
	     standby != NULL && phase <= STANDBY_BLOCKED; phase++)
		metric_text_labelled(t, "phase",
		    standby_phase_name((enum standby_phase)phase),
		    (unsigned)standby->phase == phase);
}

static void
put_trouble(struct metric_text *t, const struct status *s, size_t i)
{
	const struct standby *standby = s->services[i].standby;

	if (standby != NULL)
		metric_text_number(t, standby->trouble != STANDBY_NO_TROUBLE);
}

/* How many could take over from the active one now. */
static void
put_spares(struct metric_text *t, const struct status *s, size_t i)
{
	const struct config_service *c = &s->config->services[i];
	const struct standby *standby = s->services[i].standby;
	unsigned n = 0;

	for (size_t k = 0;
	     standby != NULL && k < c->n_servers && k < STANDBY_HOSTS_MAX; k++)
		n += k != standby->active &&
		    standby->hosts[k].fitness == STANDBY_FIT;
	if (standby != NULL)
		metric_text_number(t, n);
}

static bool
has_standby(const struct status *s)
{
	for (size_t i = 0; i < s->config->n_services; i++)
		if (s->services[i].standby != NULL)
			return true;
	return false;
}

/* Of standby services alone. */
static const struct standby_family {
	struct metric_text_family family;
	service_fn *put;
} standby_families[] = {
	{ { "hapair_standby_active", METRIC_TEXT_GAUGE, "",
	      "1: this server of a standby service gets all connections." },
	    put_active },
	{ { "hapair_standby_spares", METRIC_TEXT_GAUGE, "",
	      "Servers that could take over from the active one now." },
	    put_spares },
	{ { "hapair_standby_epoch", METRIC_TEXT_GAUGE, "",
	      "Rises with each choice of an active server." },
	    put_epoch },
	{ { "hapair_standby_decides", METRIC_TEXT_GAUGE, "",
	      "1: this node decides which server is active; 0: the peer does." },
	    put_decides },
	{ { "hapair_standby_phase", METRIC_TEXT_GAUGE, "",
	      "1: the choice is in this phase." },
	    put_phase },
	{ { "hapair_standby_trouble", METRIC_TEXT_GAUGE, "",
	      "1: another server should take over, and cannot." },
	    put_trouble },
};

static void
put_standby(struct metric_text *t, const struct status *s)
{
	for (size_t i = 0; i < ARRAY_LEN(standby_families); i++) {
		metric_text_begin(t, &standby_families[i].family);
		each(t, s, standby_families[i].put);
	}
}

/* Those that wait on the kernel path, for the same places. */
static unsigned
held(const struct status *s, size_t service)
{
	return s->kernel != NULL ? s->kernel->services[service].held : 0;
}

static void
put_values(struct metric_text *t, const struct status *s)
{
	struct metric_text_label label = { .name = "service" };

	metric_text_label(t, &label, 1);
	for (unsigned k = 0; k < VALUES; k++) {
		metric_text_begin(t, &families[k]);
		for (size_t i = 0; i < s->config->n_services; i++) {
			const struct config_service *c =
			    &s->config->services[i];

			label.value = c->name;
			metric_text_number(t,
			    (int64_t)get(
			        (enum value)k, c, &s->services[i], held(s, i)));
		}
	}
	metric_text_label(t, NULL, 0);
}

void
metrics_services_write(struct metric_text *t, const struct status *s)
{
	if (s->services == NULL || s->config->n_services == 0)
		return;
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY(
	        "hapair_service_info", INFO, "", "A service of the file."));
	each(t, s, put_info);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_service_state", GAUGE, "",
	        "1: the service is in this state. up: some server can take a client."));
	each(t, s, put_state);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_service_servers", GAUGE, "",
	        "How many of its servers are in this state."));
	each(t, s, put_servers);
	put_values(t, s);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_service_endings_total", COUNTER, "",
	        "Connections that have ended, by how; doc/log.md has the words."));
	each(t, s, put_endings);
	if (has_standby(s))
		put_standby(t, s);
	metrics_servers_write(t, s);
}
