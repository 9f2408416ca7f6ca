#include "proxy/web/metrics_servers.h"

#include "config/config.h"
#include "proxy/control/status.h"
#include "proxy/health/check.h"
#include "proxy/web/metric_text.h"

#include <stdio.h>
#include <stdlib.h>

/* A family of one value each, or of some with a label of their own. */
enum family {
	INFO,
	STATE,
	ADMIN,
	ACTIVE,
	WEIGHT,
	CONFIGURED,
	CONNECTIONS,
	LIMIT,
	OPENED,
	FAILED,
	RECEIVED,
	SENT,
	CHECK_OK,
	LATENCY,
	CHANGED,
	FAMILIES,
};

static const struct metric_text_family families[FAMILIES] = {
	{ "hapair_server_info", METRIC_TEXT_INFO, "", "A server of the file." },
	{ "hapair_server_state", METRIC_TEXT_GAUGE, "",
	    "1: the server is in this state, by its checks." },
	{ "hapair_server_admin", METRIC_TEXT_GAUGE, "",
	    "1: this is what an operator has said of it." },
	{ "hapair_server_active", METRIC_TEXT_GAUGE, "",
	    "1: new connections may go there." },
	{ "hapair_server_weight", METRIC_TEXT_GAUGE, "",
	    "Its weight, as it counts now." },
	{ "hapair_server_weight_configured", METRIC_TEXT_GAUGE, "",
	    "Its weight in the file." },
	{ "hapair_server_connections_active", METRIC_TEXT_GAUGE, "",
	    "Connections that it has." },
	{ "hapair_server_connections_limit", METRIC_TEXT_GAUGE, "",
	    "Its max_connections; 0: none." },
	{ "hapair_server_connections_opened_total", METRIC_TEXT_COUNTER, "",
	    "Connections that it was given." },
	{ "hapair_server_connects_failed_total", METRIC_TEXT_COUNTER, "",
	    "Connects to it that were refused or timed out." },
	{ "hapair_server_received_bytes_total", METRIC_TEXT_COUNTER, "bytes",
	    "Bytes from its clients." },
	{ "hapair_server_sent_bytes_total", METRIC_TEXT_COUNTER, "bytes",
	    "Bytes to its clients." },
	{ "hapair_server_check_ok", METRIC_TEXT_GAUGE, "",
	    "1: its last check has passed; absent: none has ended." },
	{ "hapair_server_check_latency_seconds", METRIC_TEXT_GAUGE, "seconds",
	    "How long the last check took that has passed." },
	{ "hapair_server_check_changed_timestamp_seconds", METRIC_TEXT_GAUGE,
	    "seconds", "Since when it is up, or is not." },
};

static void
put_info(struct metric_text *t, const struct config_server *c)
{
	char text[CONFIG_HOST_MAX + ADDR_TEXT_MAX];

	if (c->host == NULL)
		(void)addr_format(&c->address, text);
	else
		(void)snprintf(text, sizeof(text), "%s:%u", c->host,
		    addr_port(&c->address));
	metric_text_labelled(t, "address", text, 1);
}

static void
put_state(struct metric_text *t, enum server_state is)
{
	for (unsigned state = SERVER_UNKNOWN; state <= SERVER_DRAIN; state++)
		metric_text_labelled(t, "state",
		    server_state_name((enum server_state)state),
		    (unsigned)is == state);
}

static void
put_admin(struct metric_text *t, enum accord_admin is)
{
	for (unsigned admin = ACCORD_READY; admin <= ACCORD_MAINT; admin++)
		metric_text_labelled(t, "admin",
		    accord_admin_name((enum accord_admin)admin),
		    (unsigned)is == admin);
}

static void
put_check(
    struct metric_text *t, enum family which, const struct check_view *check)
{
	if (check->since_wall_ms == 0)
		return;
	if (which == CHECK_OK)
		metric_text_number(t, check->passed);
	else if (which == LATENCY)
		metric_text_real(t, check->latency_ms / 1e3);
	else
		metric_text_moment(t, check->since_wall_ms);
}

static void
put(struct metric_text *t, enum family which, const struct config_server *c,
    const struct status_server *s)
{
	switch (which) {
	case INFO:
		put_info(t, c);
		return;
	case STATE:
		put_state(t, s->view.state);
		return;
	case ADMIN:
		put_admin(t, s->view.admin);
		return;
	case CHECK_OK:
	case LATENCY:
	case CHANGED:
		put_check(t, which, s->check);
		return;
	case ACTIVE:
		metric_text_number(t, s->view.usable);
		return;
	case WEIGHT:
		metric_text_number(t, s->view.weight);
		return;
	case CONFIGURED:
		metric_text_number(t, c->weight);
		return;
	case CONNECTIONS:
		metric_text_number(t, (int64_t)s->sum.active);
		return;
	case LIMIT:
		metric_text_number(t, c->max_connections);
		return;
	case OPENED:
		metric_text_number(t, (int64_t)s->sum.total);
		return;
	case FAILED:
		metric_text_number(t, (int64_t)s->sum.failed);
		return;
	case RECEIVED:
		metric_text_number(t, (int64_t)s->sum.bytes_in);
		return;
	case SENT:
		metric_text_number(t, (int64_t)s->sum.bytes_out);
		return;
	case FAMILIES:
		return;
	}
}

/* The labels of each server, which twenty lines begin with. */
struct heads {
	struct grown_text text;
	size_t *ends; /* of each, in the order of the file */
	size_t n;
};

static bool
write_heads(struct heads *h, const struct config *c)
{
	struct metric_text_label labels[] = { { .name = "service" },
		{ .name = "server" } };
	size_t n = 0;

	for (size_t i = 0; i < c->n_services; i++)
		n += c->services[i].n_servers;
	*h = (struct heads){ .ends = calloc(n + 1, sizeof(*h->ends)) };
	for (size_t i = 0; h->ends != NULL && i < c->n_services; i++) {
		labels[0].value = c->services[i].name;
		for (size_t k = 0; k < c->services[i].n_servers; k++) {
			labels[1].value = c->services[i].servers[k].name;
			metric_text_put_labels(
			    &h->text, labels, ARRAY_LEN(labels));
			h->ends[h->n++] = h->text.len;
		}
	}
	return h->ends != NULL && !h->text.failed;
}

static void
put_family(struct metric_text *t, enum family which, const struct status *s,
    const struct heads *heads)
{
	size_t one = 0, at = 0;

	metric_text_begin(t, &families[which]);
	for (size_t i = 0; i < s->config->n_services; i++) {
		const struct config_service *c = &s->config->services[i];

		for (size_t k = 0; k < c->n_servers; k++, one++) {
			metric_text_written(
			    t, heads->text.bytes + at, heads->ends[one] - at);
			put(t, which, &c->servers[k],
			    &s->services[i].servers[k]);
			at = heads->ends[one];
		}
	}
	metric_text_written(t, NULL, 0);
}

void
metrics_servers_write(struct metric_text *t, const struct status *s)
{
	struct heads heads;

	if (!write_heads(&heads, s->config))
		t->out.failed = true;
	for (unsigned k = 0; k < FAMILIES && !t->out.failed; k++)
		put_family(t, (enum family)k, s, &heads);
	grown_text_fini(&heads.text);
	free(heads.ends);
}
