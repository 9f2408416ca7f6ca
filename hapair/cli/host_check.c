#include "hapair/cli/host_check.h"

#include "config/schema/check_forms.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/vip/netlink.h"
#include "hapair/cli/client.h"
#include "hapair/cli/key_steps.h"
#include "hapair/cli/keytab_check.h"
#include "hapair/cli/port_use.h"
#include "hapair/cli/preflight.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/listeners.h"
#include "proxy/health/secret_files.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* For a peer: a network that needs longer is none for heartbeats. */
#define PEER_PATIENCE_MS 1000

struct host_check {
	const struct config *config;
	FILE *out;
	int node;
	bool running; /* a daemon with this configuration's control socket */
	unsigned errors;
};

enum finding {
	OK,
	WARNING,
	ERROR
};

static __attribute__((format(printf, 3, 4))) void
tell(struct host_check *m, enum finding what, const char *format, ...)
{
	static const char *const words[] = { "ok", "warning", "error" };
	va_list args;

	va_start(args, format);
	(void)fprintf(m->out, "%-8s ", words[what]);
	(void)vfprintf(m->out, format, args);
	(void)fputc('\n', m->out);
	va_end(args);
	m->errors += what == ERROR;
}

/* -- what a start would be refused for ------------------------------------- */

static void
check_start(struct host_check *m, const char *path, const char *name)
{
	const struct config *c = m->config;
	char text[PREFLIGHT_TEXT];
	struct limits l;

	m->node = CONFIG_NO_NODE;
	if (preflight_node(c, path, name, &m->node, text) != COMMAND_DONE)
		tell(m, ERROR, "%s", text);
	else if (c->has_pair)
		tell(m, *text != '\0' ? WARNING : OK, "this is node %s%s%s",
		    c->pair.nodes[m->node].name, *text != '\0' ? ": " : "",
		    text);
	if (preflight_key(c, text) != COMMAND_DONE)
		tell(m, ERROR, "%s", text);
	else if (c->has_pair)
		tell(m, OK, "key file %s", c->pair.key_file);
	if (preflight_user(c, text) != COMMAND_DONE)
		tell(m, ERROR, "%s", text);
	if (preflight_budget(c, limits_workers(c), &l, text) != COMMAND_DONE)
		tell(m, ERROR, "%s", text);
	else
		tell(m, OK, "%llu descriptors are enough for %u connections",
		    (unsigned long long)l.limit, l.connections);
}

static void
check_running(struct host_check *m)
{
	const int pid = control_holder(m->config->control);
	char text[CONTROL_HOLDER_TEXT];

	m->running = pid != 0;
	if (m->running)
		tell(m, OK, "hapair runs, as %s",
		    control_holder_text(pid, text));
}

/* -- keys ------------------------------------------------------------------ */

/* Borrowed: the document's. */
static void
read_list(const struct json_doc *list, const char *ret[SECRET_KEYS_MAX])
{
	for (size_t i = 0; i < SECRET_KEYS_MAX && i < json_doc_count(list); i++)
		ret[i] = json_doc_text_value(json_doc_at(list, i));
}

/* What a change of the key needs next; without a daemon that is not known. */
static void
check_keys(struct host_check *m)
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
	tell(m, key_steps_next(&s, text) ? WARNING : OK, "%s", text);
}

/* -- ports ----------------------------------------------------------------- */

static void
check_port(struct host_check *m, const struct listen_table *t,
    const struct config_service *s, size_t listen)
{
	const union addr *a = &s->listens[listen].address;
	char text[ADDR_TEXT_MAX], use[PORT_USE_TEXT];
	struct port_use u;
	enum port_use_answer answer;
	int e;

	(void)addr_format(a, text);
	answer = m->running ? port_use_look_after_ours(t, a, &u, &e)
	                    : port_use_look(t, a, &u, &e);
	switch (answer) {
	case PORT_USE_FREE:
		tell(m, OK, "service %s: %s is free", s->name, text);
		break;
	case PORT_USE_BESIDE:
		tell(m, WARNING, "service %s: %s: %s", s->name, text,
		    port_use_text_beside(&u, use));
		break;
	case PORT_USE_TAKEN:
		tell(m, ERROR, "service %s: cannot listen on %s: %s", s->name,
		    text, port_use_text(&u, use));
		break;
	case PORT_USE_UNUSABLE:
		if (listeners_can_lack(s, listen, e))
			tell(m, OK,
			    "service %s: %s is left out, this host has no IPv6",
			    s->name, text);
		else
			tell(m, ERROR, "service %s: cannot listen on %s: %s",
			    s->name, text, strerror(-e));
		break;
	}
}

/* Of a daemon that runs: who came after it, and shares its port. */
static void
check_shared_port(struct host_check *m, const struct listen_table *t,
    const struct config_service *s, const union addr *a)
{
	char text[ADDR_TEXT_MAX], use[PORT_USE_TEXT];
	struct port_use u;

	(void)addr_format(a, text);
	switch (port_use_look_for_others(t, a, &u)) {
	case PORT_USE_TAKEN:
		tell(m, ERROR,
		    "service %s: %s is %s, and gets a part of the clients",
		    s->name, text, port_use_text(&u, use));
		break;
	case PORT_USE_BESIDE:
		tell(m, WARNING, "service %s: %s: %s", s->name, text,
		    port_use_text_beside(&u, use));
		break;
	case PORT_USE_FREE:
	case PORT_USE_UNUSABLE: /* ours are there */
		break;
	}
}

/*
 * The daemon's own sockets would be found in use. It has none yet where an
 * address is new in the file: what a restart meets there is what counts.
 */
static bool
is_had(const struct host_check *m, const struct listen_table *t,
    const union addr *a)
{
	return m->running && (t->n == 0 || port_use_is_ours(t, a));
}

static void
check_ports(struct host_check *m)
{
	struct listen_table t = { 0 };
	int e = listen_table_read(&t);

	if (e < 0)
		tell(m, WARNING, "who listens on this host is not known: %s",
		    strerror(-e));
	for (size_t i = 0; i < m->config->n_services; i++) {
		const struct config_service *s = &m->config->services[i];

		for (size_t k = 0; k < s->n_listens; k++)
			if (is_had(m, &t, &s->listens[k].address))
				check_shared_port(
				    m, &t, s, &s->listens[k].address);
			else
				check_port(m, &t, s, k);
	}
	listen_table_free(&t);
}

/* -- interfaces and addresses ---------------------------------------------- */

/* The others would be served without it. */
static void
check_families(struct host_check *m, const struct config_group *g,
    const char *interface, const struct netlink_link *link)
{
	char ip[ADDR_TEXT_MAX];

	for (size_t i = 0; i < g->n_addresses; i++) {
		const union addr *a = &g->addresses[i].addr;
		const bool v4 = a->sa.sa_family == AF_INET;

		if (strcmp(g->interfaces[g->addresses[i].at], interface) != 0 ||
		    (v4 ? link->v4 : link->v6))
			continue;
		tell(m, ERROR,
		    "group %s: %s cannot be held: IPv%d is switched off on interface %s",
		    g->name, addr_format_ip(a, ip), v4 ? 4 : 6, interface);
	}
}

static void
check_link(struct host_check *m, struct netlink *n,
    const struct config_group *g, const char *interface)
{
	struct netlink_link link;
	const int e = netlink_find_link(n, interface, &link);
	const char *wrong = NULL;

	if (e < 0)
		wrong = strerror(-e);
	else if (link.index == 0)
		wrong = "there is no such interface";
	else if (!link.up)
		wrong = "it is down; expected `ip link set up`";
	else if (!link.carrier)
		wrong = "it has no carrier: cable, switch or bond";
	if (wrong != NULL)
		tell(m, ERROR, "group %s: interface %s: %s", g->name, interface,
		    wrong);
	else if (!link.ethernet)
		tell(m, WARNING,
		    "group %s: interface %s is not Ethernet, so neighbours cannot be told that an address has moved",
		    g->name, interface);
	else
		tell(m, OK, "group %s: interface %s has carrier", g->name,
		    interface);
	if (e == 0 && link.index != 0)
		check_families(m, g, interface, &link);
}

static void
check_left(void *arg, const struct netlink_address *a)
{
	struct host_check *m = arg;
	const struct config_pair *pair = &m->config->pair;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < pair->n_groups; i++)
		if (config_group_has(&pair->groups[i], &a->addr))
			tell(m, WARNING,
			    "group %s: this machine has %s and no hapair runs; `hapair release` removes it",
			    pair->groups[i].name,
			    addr_format_ip(&a->addr, text));
}

static void
check_groups(struct host_check *m)
{
	const struct config_pair *pair = &m->config->pair;
	struct netlink *n;
	int e = netlink_open(&n);

	if (e < 0) {
		tell(m, ERROR, "netlink cannot be opened: %s", strerror(-e));
		return;
	}
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_interfaces; k++)
			check_link(m, n, &pair->groups[i],
			    pair->groups[i].interfaces[k]);
	e = m->running ? 0 : netlink_each_address(n, check_left, m);
	if (e < 0)
		tell(m, ERROR, "addresses cannot be listed: %s", strerror(-e));
	netlink_free(n);
}

/* -- the peer -------------------------------------------------------------- */

/* The wire's port, from where the wire would come. Returns 0 or -errno. */
static int
knock_at(const union addr *self, union addr other, uint16_t port)
{
	CLEANUP(fd_close)
	int fd = socket(
	    self->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	addr_set_port(&other, port);
	if (fd == -1 || bind(fd, &self->sa, addr_len(self)) == -1)
		return -errno;
	if (connect(fd, &other.sa, addr_len(&other)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, PEER_PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

static void
check_path(struct host_check *m, const char *peer, const union addr *a,
    const union addr *b)
{
	const int e = knock_at(a, *b, m->config->pair.port);
	char self[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

	(void)addr_format_ip(a, self);
	(void)addr_format_ip(b, other);
	if (e == -EADDRNOTAVAIL)
		tell(m, ERROR, "this machine does not have %s", self);
	else if (e == 0 || e == -ECONNREFUSED)
		tell(m, OK, "peer %s: %s answers %s, hapair %s there", peer,
		    other, self, e == 0 ? "runs" : "does not run");
	else
		tell(m, ERROR, "peer %s: %s does not answer %s: %s", peer,
		    other, self, strerror(-e));
}

static void
check_peer(struct host_check *m)
{
	const struct config_node *self = &m->config->pair.nodes[m->node];
	const struct config_node *other = &m->config->pair.nodes[1 - m->node];

	check_path(m, other->name, &self->address, &other->address);
	for (size_t i = 0; i < self->n_links; i++)
		check_path(m, other->name, &self->links[i], &other->links[i]);
}

/* -- files ----------------------------------------------------------------- */

/* `fault` NULL: there is none. */
static void
tell_file(
    struct host_check *m, const char *what, const char *path, const char *fault)
{
	if (fault == NULL)
		tell(m, OK, "%s %s", what, path);
	else
		tell(m, ERROR, "%s %s: %s", what, path, fault);
}

/* A program that root runs is as safe as the rights on its file. */
static void
check_program(struct host_check *m, const char *what, const char *path)
{
	char why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (path == NULL)
		return;
	e = trusted_path_look(path, TRUSTED_PATH_ROOTS, why);
	if (e < 0 && e != -EINVAL)
		tell_file(m, what, path, why);
	else if (e < 0 || access(path, X_OK) == -1)
		tell_file(m, what, path, "cannot be run; expected a program");
	else
		tell_file(m, what, path, NULL);
}

/* What a server is checked with. */
static void
check_check(struct host_check *m, const struct config_check *c)
{
	char line[SECRET_LINE_MAX], why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (c->type == CONFIG_CHECK_SCRIPT)
		check_program(m, "check script", c->script);
	if (check_forms_has_certificate(c) && c->ca != NULL &&
	    trusted_path_look(c->ca, TRUSTED_PATH_ROOTS, why) < 0)
		tell_file(m, "ca", c->ca, why);
	if (check_forms_has_user(c) && c->password_file != NULL) {
		e = secret_load_line(c->password_file, line, sizeof(line));
		secret_wipe(line, sizeof(line));
		tell_file(m, "password file", c->password_file,
		    e == 0 ? NULL
		           : secret_line_fault(c->password_file, e, why));
	}
	if (c->type != CONFIG_CHECK_HTTP)
		return;
	if (c->negotiate_keytab != NULL) {
		e = secret_files_try_keytab(c->negotiate_keytab);
		tell_file(m, "keytab", c->negotiate_keytab,
		    e == 0 ? NULL
		           : secret_files_keytab_fault(
		                 c->negotiate_keytab, e, why));
	}
}

/* Whether an earlier server of its service has the same files. */
static bool
is_seen(const struct config_service *s, size_t server)
{
	const struct config_check *c = &s->servers[server].check;

	for (size_t i = 0; i < server; i++) {
		const struct config_check *o = &s->servers[i].check;

		if (o->type == c->type && o->script == c->script &&
		    o->ca == c->ca && o->password_file == c->password_file &&
		    o->negotiate_keytab == c->negotiate_keytab)
			return true;
	}
	return false;
}

static void
check_checks(struct host_check *m, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (!is_seen(s, i))
			check_check(m, &s->servers[i].check);
}

static void
check_directory_of(struct host_check *m, const char *what, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (slash == NULL)
		return;
	(void)snprintf(dir, sizeof(dir), "%.*s",
	    slash == path ? 1 : (int)(slash - path), path);
	if (access(dir, W_OK | X_OK) == -1)
		tell(m, ERROR, "%s %s: directory: %s", what, path,
		    strerror(errno));
}

/* What is written there, and who else could write it. */
static void
check_written(struct host_check *m)
{
	const struct config *c = m->config;
	char text[PREFLIGHT_TEXT];

	if (c->log.target == LOG_TARGET_FILE)
		check_directory_of(m, "log", c->log.path);
	check_directory_of(m, "pid file", c->pid_file);
	if (preflight_places(c, text) != COMMAND_DONE)
		tell(m, ERROR, "%s", text);
}

static void
check_files(struct host_check *m, const char *path)
{
	const struct config *c = m->config;
	char why[TRUSTED_PATH_WHY_MAX];

	if (path != NULL &&
	    trusted_path_look(path, TRUSTED_PATH_ROOTS, why) == -EPERM)
		tell_file(m, "configuration", path, why);
	check_written(m);
	for (size_t i = 0; i < c->n_services; i++) {
		check_checks(m, &c->services[i]);
		check_program(m, "fence", c->services[i].fence);
		check_program(m, "promote", c->services[i].promote);
	}
	if (!c->has_pair)
		return;
	check_program(m, "notify", c->pair.notify);
	for (size_t i = 0; i < c->pair.n_tracks; i++)
		check_program(m, "track script", c->pair.tracks[i].script);
}

/* -- names ----------------------------------------------------------------- */

static void
check_server(struct host_check *m, const struct config_service *s,
    const struct config_server *server)
{
	struct addrinfo *found = NULL;
	int e;

	if (server->host == NULL)
		return;
	e = getaddrinfo(server->host, NULL, NULL, &found);
	if (e != 0)
		tell(m, WARNING, "service %s: server %s: %s: %s", s->name,
		    server->name, server->host, gai_strerror(e));
	else
		freeaddrinfo(found);
}

static void
check_names(struct host_check *m)
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
	tell(arg, good ? OK : WARNING, "%s", text);
}

unsigned
host_check_run(
    const struct config *c, const char *path, const char *node, FILE *out)
{
	struct host_check m = { .config = c, .out = out };

	check_start(&m, path != NULL ? path : "stdin", node);
	check_running(&m);
	check_keys(&m);
	check_ports(&m);
	if (c->has_pair)
		check_groups(&m);
	if (m.node != CONFIG_NO_NODE)
		check_peer(&m);
	check_files(&m, path);
	check_names(&m);
	for (size_t i = 0; i < c->n_services; i++)
		keytab_check_service(&c->services[i], on_keytab, &m);
	return m.errors;
}
