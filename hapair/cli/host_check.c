#include "hapair/cli/host_check.h"

#include "core/json_doc.h"
#include "core/secret.h"
#include "failover/heartbeat/packet_auth.h"
#include "hapair/cli/client.h"
#include "hapair/cli/host_answers.h"
#include "hapair/cli/host_files.h"
#include "hapair/cli/host_kernel.h"
#include "hapair/cli/host_links.h"
#include "hapair/cli/host_peer.h"
#include "hapair/cli/host_ports.h"
#include "hapair/cli/key_steps.h"
#include "hapair/cli/keytab_check.h"
#include "hapair/cli/preflight.h"
#include "hapair/supervisor/control.h"

#include <netdb.h>
#include <sys/socket.h>

/* -- what a start would be refused for ------------------------------------ */

static void
check_start(struct host_report *m, const char *path, const char *name)
{
	const struct config *c = m->config;
	char text[PREFLIGHT_TEXT];
	struct limits l;

	m->node = CONFIG_NO_NODE;
	if (preflight_node(c, path, name, &m->node, text) != COMMAND_DONE)
		host_report_tell(m, HOST_REPORT_ERROR, "%s", text);
	else if (c->has_pair)
		host_report_tell(m,
		    *text != '\0' ? HOST_REPORT_WARNING : HOST_REPORT_OK,
		    "this is node %s%s%s", c->pair.nodes[m->node].name,
		    *text != '\0' ? ": " : "", text);
	if (preflight_key(c, text) != COMMAND_DONE)
		host_report_tell(m, HOST_REPORT_ERROR, "%s", text);
	else if (c->has_pair)
		host_report_tell(
		    m, HOST_REPORT_OK, "key file %s", c->pair.key_file);
	if (preflight_user(c, text) != COMMAND_DONE)
		host_report_tell(m, HOST_REPORT_ERROR, "%s", text);
	if (preflight_budget(c, limits_workers(c), &l, text) != COMMAND_DONE)
		host_report_tell(m, HOST_REPORT_ERROR, "%s", text);
	else
		host_report_tell(m, HOST_REPORT_OK,
		    "%llu descriptors are enough for %u connection%s",
		    (unsigned long long)l.limit, l.connections,
		    l.connections == 1 ? "" : "s");
}

static void
check_running(struct host_report *m)
{
	const int pid = control_holder(m->config->control);
	char text[CONTROL_HOLDER_TEXT];

	m->running = pid != 0;
	if (m->running)
		host_report_tell(m, HOST_REPORT_OK, "hapair runs, as %s",
		    control_holder_text(pid, text));
}

/* -- keys ----------------------------------------------------------------- */

/* Borrowed: the document's. */
static void
read_list(const struct json_doc *list, const char *ret[SECRET_KEYS_MAX])
{
	for (size_t i = 0; i < SECRET_KEYS_MAX && i < json_doc_count(list); i++)
		ret[i] = json_doc_text_value(json_doc_at(list, i));
}

/* What a change of the key needs next; without a daemon that is not known. */
static void
check_keys(struct host_report *m)
{
	const struct client client = { .command = "check",
		.socket = m->config->control,
		.asks_again = true };
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char names[SECRET_KEYS_MAX][SECRET_ID_TEXT], text[KEY_STEPS_TEXT];
	struct key_steps s = { .file = { NULL } };
	const struct json_doc *peer, *keys;
	struct secret_keys file;

	if (!m->running || !m->config->has_pair ||
	    secret_load(m->config->pair.key_file, &file) < 0)
		return;
	for (unsigned i = 0; i < file.n; i++)
		s.file[i] =
		    secret_id_text(packet_auth_key_id(&file.all[i]), names[i]);
	secret_wipe(&file, sizeof(file));
	if (client_ask(&client, "status", &d) != COMMAND_DONE)
		return;
	peer = json_doc_at(json_doc_get(d, "peers"), 0);
	keys = json_doc_get(peer, "keys");
	s.silent = !json_doc_bool(peer, "reachable");
	read_list(json_doc_get(keys, "ours"), s.ours);
	read_list(json_doc_get(keys, "peers"), s.peers);
	if (s.ours[0] == NULL)
		return; /* failover did not answer */
	host_report_tell(m,
	    key_steps_next(&s, text) ? HOST_REPORT_WARNING : HOST_REPORT_OK,
	    "%s", text);
}

/* -- names ---------------------------------------------------------------- */

static void
check_server(struct host_report *m, const struct config_service *s,
    const struct config_server *server)
{
	struct addrinfo *found = NULL;
	int e;

	if (server->host == NULL)
		return;
	e = getaddrinfo(server->host, NULL, NULL, &found);
	if (e != 0)
		host_report_tell(m, HOST_REPORT_WARNING,
		    "service %s: server %s: %s: %s", s->name, server->name,
		    server->host, gai_strerror(e));
	else
		freeaddrinfo(found);
}

static void
check_names(struct host_report *m)
{
	for (size_t i = 0; i < m->config->n_services; i++) {
		const struct config_service *s = &m->config->services[i];

		for (size_t k = 0; k < s->n_servers; k++)
			check_server(m, s, &s->servers[k]);
	}
}

static void
on_keytab(void *arg, bool good, const char *text)
{
	host_report_tell(
	    arg, good ? HOST_REPORT_OK : HOST_REPORT_WARNING, "%s", text);
}

unsigned
host_check_run(
    const struct config *c, const char *path, const char *node, FILE *out)
{
	struct host_report m = { .config = c, .out = out };

	check_start(&m, path != NULL ? path : "stdin", node);
	check_running(&m);
	check_keys(&m);
	host_ports_check(&m);
	if (c->has_pair)
		host_links_check(&m);
	if (m.node != CONFIG_NO_NODE) {
		host_peer_check(&m);
		host_answers_check(&m);
	}
	host_kernel_check(&m);
	host_files_check(&m, path);
	check_names(&m);
	for (size_t i = 0; i < c->n_services; i++)
		keytab_check_service(&c->services[i], on_keytab, &m);
	return m.errors;
}
