/*
 * A row per key: parser, place, limits, default, text of the manual. The
 * manual's key list is printed from here, so no key is undocumented.
 */
#include "config/keys.h"

#include <limits.h>
#include <string.h>

#include "config/config.h"
#include "config/forms.h"
#include "config/keys_check.h"
#include "config/presets.h"
#include "config/schema.h"
#include "config/schema_type.h"

#define NAME_MAX_LEN (CONFIG_NAME_MAX - 1)
#define USER_MAX 32      /* of useradd(8) */
#define INTERFACE_MAX 15 /* IFNAMSIZ with its NUL is 16 */
#define CONTROL_MAX 107  /* sun_path of a socket address, with its NUL */
#define PATH_LEN (PATH_MAX - 1)
#define CONNECTIONS_MAX 10000000 /* no host of today holds more */
#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define OF_STANDBY .applies = forms_is_standby, .applies_to = "mode: standby"

#define TABLE(text, rows)                                                      \
	{                                                                      \
		.what = text, .keys = rows, .n_keys = ARRAY_LEN(rows)          \
	}

static const struct schema_list link_list = {
	.count_at = offsetof(struct config_node, n_links),
	.item_size = sizeof(union addr),
	.spread = 1,
	.form = &forms_ip,
};

static const struct schema_key node_keys[] = {
	{ "name", SCHEMA_NAME, SCHEMA_AT(struct config_node, name),
	    .max = NAME_MAX_LEN, .required = true,
	    .help = "What status, log and `--node` call this node." },
	{ "address", SCHEMA_IP, SCHEMA_AT(struct config_node, address),
	    .required = true,
	    .help = "Where its heartbeats come from; a node knows itself by "
	            "owning this address." },
	{ "priority", SCHEMA_NUMBER, SCHEMA_AT(struct config_node, priority),
	    .min = 1, .max = 254, .fallback = "100",
	    .help = "The higher one becomes master; a tie goes to the higher "
	            "address." },
	{ "links", SCHEMA_LIST, SCHEMA_AT(struct config_node, links), .min = 0,
	    .max = CONFIG_LINKS_MAX, .list = &link_list,
	    .help = "Further addresses of this node for heartbeats, on other "
	            "networks; the n-th talks to the peer's n-th." },
};

static const struct schema_table node_table = TABLE("a node", node_keys);

static const struct schema_list node_list = {
	.item_size = sizeof(struct config_node),
	.spread = 1,
	.in_place = true,
	.table = &node_table,
};

static const struct schema_list cidr_list = {
	.count_at = offsetof(struct config_group, n_addresses),
	.item_size = sizeof(struct config_cidr),
	.spread = 1,
	.form = &forms_cidr,
};

static const struct schema_key group_keys[] = {
	{ "name", SCHEMA_NAME, SCHEMA_AT(struct config_group, name),
	    .max = NAME_MAX_LEN, .required = true,
	    .help = "What status, log and commands call the group." },
	{ "interface", SCHEMA_NAME, SCHEMA_AT(struct config_group, interface),
	    .max = INTERFACE_MAX, .required = true,
	    .help = "Where the virtual IPs are added." },
	{ "addresses", SCHEMA_LIST, SCHEMA_AT(struct config_group, addresses),
	    .min = 1, .max = CONFIG_GROUP_ADDRESSES_MAX, .required = true,
	    .list = &cidr_list,
	    .help = "The virtual IPs, each with its prefix length. They move "
	            "together." },
	{ "priority", SCHEMA_MAP, SCHEMA_AT(struct config_group, priority),
	    .min = 1, .max = 254, .optional = true,
	    .present_at = offsetof(struct config_group, has_priority),
	    .name_at = forms_node_name, .what = "the pair",
	    .help = "Priority in this group by the name of the node, where it "
	            "is not the node's own: so each can be master of one "
	            "group." },
};

static const struct schema_table group_table = TABLE("a group", group_keys);

static const struct schema_list group_list = {
	.count_at = offsetof(struct config_pair, n_groups),
	.item_size = sizeof(struct config_group),
	.spread = 1,
	.table = &group_table,
	.born = forms_born_group,
};

static const struct schema_list witness_list = {
	.count_at = offsetof(struct config_pair, n_witnesses),
	.item_size = sizeof(union addr),
	.spread = 1,
	.form = &forms_ip,
};

static const struct schema_key track_keys[] = {
	{ "interface", SCHEMA_NAME, SCHEMA_AT(struct config_track, interface),
	    .max = INTERFACE_MAX, .choice = true,
	    .help = "A network interface: it has to be up, with a carrier." },
	{ "service", SCHEMA_NAME, SCHEMA_AT(struct config_track, service),
	    .max = NAME_MAX_LEN, .choice = true,
	    .help = "A service of this file: servers of it have to be up." },
	{ "min_servers", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config_track, min_servers), .min = 1,
	    .max = CONFIG_SERVERS_MAX, .fallback = "1", .with = "service",
	    .help = "How many of them." },
	{ "script", SCHEMA_PATH, SCHEMA_AT(struct config_track, script),
	    .max = PATH_LEN, .choice = true,
	    .help = "A program, run as root and without arguments: it has to "
	            "exit with status 0." },
	{ "interval", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_track, interval_ms), .min = 100,
	    .max = HOUR, .fallback = "1s", .with = "script",
	    .help = "From the start of one run to the next; there are never "
	            "two at once." },
	{ "timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_track, timeout_ms), .min = 10,
	    .max = 10 * MINUTE, .fallback = "1s", .with = "script",
	    .help = "A run that takes longer is killed and has failed." },
	{ "rise", SCHEMA_NUMBER, SCHEMA_AT(struct config_track, rise), .min = 1,
	    .max = 100, .fallback = "1", .with = "script",
	    .help = "Good runs in a row after which it is well again." },
	{ "fall", SCHEMA_NUMBER, SCHEMA_AT(struct config_track, fall), .min = 1,
	    .max = 100, .fallback = "1", .with = "script",
	    .help = "Failed runs in a row after which it is not." },
	{ "weight", SCHEMA_NUMBER, SCHEMA_AT(struct config_track, weight),
	    .min = 1, .max = 253,
	    .help = "How much the priority of this node falls meanwhile; "
	            "without it, the node is at fault and holds no virtual "
	            "IP." },
};

static const struct schema_table track_table =
    TABLE("an item of 'track'", track_keys);

static const struct schema_list track_list = {
	.count_at = offsetof(struct config_pair, n_tracks),
	.item_size = sizeof(struct config_track),
	.spread = 1,
	.table = &track_table,
};

static const struct schema_key pair_keys[] = {
	{ "nodes", SCHEMA_LIST, SCHEMA_AT(struct config_pair, nodes),
	    .min = CONFIG_NODES, .max = CONFIG_NODES, .required = true,
	    .list = &node_list, .help = "The two hosts of the pair." },
	{ "port", SCHEMA_NUMBER, SCHEMA_AT(struct config_pair, port), .min = 1,
	    .max = UINT16_MAX, .fallback = "8401",
	    .help = "UDP port of the heartbeats, TCP port of the wire." },
	{ "key_file", SCHEMA_PATH, SCHEMA_AT(struct config_pair, key_file),
	    .max = PATH_LEN, .required = true,
	    .help = "The key that both nodes share, made by `hapair genkey`. "
	            "Refused if others can read it." },
	{ "interval", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_pair, interval_ms), .min = 5,
	    .max = 10 * SECOND, .fallback = "20ms",
	    .help = "Heartbeat period." },
	{ "misses", SCHEMA_NUMBER, SCHEMA_AT(struct config_pair, misses),
	    .min = 2, .max = 20, .fallback = "3",
	    .help = "Silent periods before the peer is suspect." },
	{ "hang_timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_pair, hang_ms), .min = 100, .max = MINUTE,
	    .fallback = "1s",
	    .help = "How long a peer that is silent, but whose host still "
	            "answers for a virtual IP, keeps it. Longer than "
	            "`interval` x `misses`." },
	{ "preempt", SCHEMA_BOOL, SCHEMA_AT(struct config_pair, preempt),
	    .fallback = "false",
	    .help = "Whether a node of higher priority takes a group back "
	            "from a healthy master." },
	{ "preempt_delay", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_pair, preempt_delay_ms), .min = 0,
	    .max = HOUR, .fallback = "0s",
	    .help = "With `preempt: true`, how long it has been well before "
	            "it does." },
	{ "witness", SCHEMA_LIST, SCHEMA_AT(struct config_pair, witnesses),
	    .min = 0, .max = CONFIG_WITNESSES_MAX, .list = &witness_list,
	    .help = "Addresses of third hosts, such as gateways. A node that "
	            "hears neither its peer nor any of them holds no virtual "
	            "IP and claims none." },
	{ "track", SCHEMA_LIST, SCHEMA_AT(struct config_pair, tracks), .min = 0,
	    .max = CONFIG_TRACKS_MAX, .list = &track_list,
	    .help = "What has to be well for this node to be worth its "
	            "priority." },
	{ "notify", SCHEMA_PATH, SCHEMA_AT(struct config_pair, notify),
	    .max = PATH_LEN,
	    .help = "A program, run as root as PATH GROUP STATE REASON after "
	            "each change of a group: in order, one at a time, never "
	            "waited for." },
	{ "groups", SCHEMA_LIST, SCHEMA_AT(struct config_pair, groups),
	    .min = 0, .max = CONFIG_GROUPS_MAX, .list = &group_list,
	    .help = "Groups of virtual IPs, each held by one node at a "
	            "time." },
};

static const struct schema_table pair_table = TABLE("'pair'", pair_keys);

static const struct schema_key server_keys[] = {
	{ "name", SCHEMA_NAME, SCHEMA_AT(struct config_server, name),
	    .max = NAME_MAX_LEN, .extra = ":[]",
	    .help = "What status, log and commands call the server; without "
	            "it, the host of its address, or host and port where two "
	            "servers would have the same name." },
	{ "address", SCHEMA_OTHER, .offset = 0,
	    .size = sizeof(struct config_server), .form = &forms_host,
	    .required = true,
	    .help = "Where it listens. A host name is resolved at start and "
	            "again while the relay runs; until it has an address, the "
	            "server is down. A server may be written as this alone." },
	{ "weight", SCHEMA_NUMBER, SCHEMA_AT(struct config_server, weight),
	    .min = 0, .max = 256, .fallback = "1",
	    .help = "Its share of the connections; 0: no new ones." },
	{ "max_connections", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config_server, max_connections), .min = 0,
	    .max = CONNECTIONS_MAX, .fallback = "0",
	    .help = "Further clients wait until one of its connections ends, "
	            "or another server has room; 0: no limit." },
	{ "backup", SCHEMA_BOOL, SCHEMA_AT(struct config_server, backup),
	    .fallback = "false",
	    .help = "It is used only when all servers that are no backups are "
	            "down." },
	{ "slow_start", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_server, slow_start_ms), .min = 0,
	    .max = HOUR, .fallback = "0s",
	    .help = "How long its share of the connections grows after it "
	            "came up, until it is that of its weight. With `balance: "
	            "source` its clients return to it over that time." },
	{ "check", SCHEMA_MAP, SCHEMA_AT(struct config_server, check),
	    .table = &keys_check_table, .inherit = true,
	    .help = "Overrides the service's check, key by key." },
};

static const struct schema_table server_table = TABLE("a server", server_keys);

static const struct schema_list server_list = {
	.count_at = offsetof(struct config_service, n_servers),
	.item_size = sizeof(struct config_server),
	.spread = 1,
	.form = &forms_server,
	.table = &server_table,
	.born = forms_born_server,
	.done = forms_name_servers,
};

static const struct schema_list listen_list = {
	.count_at = offsetof(struct config_service, n_listens),
	.item_size = sizeof(struct config_listen),
	.spread = 2,
	.form = &forms_listen,
};

static const struct schema_list allow_list = {
	.count_at = offsetof(struct config_service, n_allow),
	.item_size = sizeof(struct config_cidr),
	.spread = 1,
	.form = &forms_network,
};

static const struct schema_list deny_list = {
	.count_at = offsetof(struct config_service, n_deny),
	.item_size = sizeof(struct config_cidr),
	.spread = 1,
	.form = &forms_network,
};

static const struct schema_key timeout_keys[] = {
	{ "connect", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_timeouts, connect_ms), .min = 1,
	    .max = 10 * MINUTE, .fallback = "5s",
	    .help = "How long a server may take to accept a connection." },
	{ "idle", SCHEMA_DURATION, SCHEMA_AT(struct config_timeouts, idle_ms),
	    .min = 0, .max = 30 * (int64_t)DAY, .fallback = "0s",
	    .help = "A connection on which neither side has sent anything for "
	            "so long is ended; 0s: never." },
	{ "half_closed", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_timeouts, half_closed_ms), .min = 1,
	    .max = DAY, .fallback = "60s",
	    .help = "The same, once one of the sides has sent all it had." },
	{ "queue", SCHEMA_DURATION, SCHEMA_AT(struct config_timeouts, queue_ms),
	    .min = 1, .max = HOUR, .fallback = "30s",
	    .help = "How long a client waits for a server that has room (see "
	            "`max_connections` of the servers)." },
	{ "first_byte", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_timeouts, first_byte_ms), .min = 1,
	    .max = HOUR, .fallback = "10s",
	    .help = "With `connect: at_first_byte`, how long a client may be "
	            "silent at first." },
};

static const struct schema_table timeout_table =
    TABLE("'timeouts'", timeout_keys);

/* The check stands before the servers, which inherit it. */
static const struct schema_key service_keys[] = {
	{ "name", SCHEMA_NAME, SCHEMA_AT(struct config_service, name),
	    .max = NAME_MAX_LEN, .required = true,
	    .help = "What status, log and commands call the service." },
	{ "preset", SCHEMA_WORD, SCHEMA_AT(struct config_service, preset),
	    .words = config_preset_words, .fallback = "none", .decides = true,
	    .help =
	        "What is known of a kind of server: other defaults for the "
	        "keys below, any of which may be given all the same. "
	        "`hapair check --print` shows what became of it. impalad: "
	        "coordinators of Apache Impala, with `balance: source` "
	        "without its slow_start. statestored, catalogd: its masters, "
	        "one of them active." },
	{ "listen", SCHEMA_LIST, SCHEMA_AT(struct config_service, listens),
	    .min = 1, .max = CONFIG_LISTENS_MAX, .required = true,
	    .list = &listen_list,
	    .help = "Where clients connect; \"*:port\" is every address, IPv4 "
	            "and IPv6. A virtual IP is bound even while the peer has "
	            "it." },
	{ "balance", SCHEMA_WORD, SCHEMA_AT(struct config_service, balance),
	    .words = config_balance_words, .fallback = "roundrobin",
	    .help = "roundrobin: one after the other, by weight. leastconn: "
	            "the one with the fewest connections for its weight. "
	            "source: the same one for a client's address, on both "
	            "nodes. random: of two at random, the one with fewer "
	            "connections." },
	{ "connect", SCHEMA_WORD, SCHEMA_AT(struct config_service, connect),
	    .words = config_connect_words, .fallback = "at_accept",
	    .help = "When the server is connected to: at once, or when the "
	            "client has sent something, so that silent clients never "
	            "reach it. Not where servers speak first." },
	{ "mode", SCHEMA_WORD, SCHEMA_AT(struct config_service, mode),
	    .words = config_mode_words, .fallback = "balance", .decides = true,
	    .help =
	        "balance: the connections are spread over the servers. "
	        "standby: all go to one, the active server; when it fails "
	        "the next takes over, the connections of the old one are "
	        "reset, and it stays so. Both nodes agree on which it is." },
	{ "standby_group", SCHEMA_NAME,
	    SCHEMA_AT(struct config_service, standby_group),
	    .max = NAME_MAX_LEN, OF_STANDBY,
	    .help = "Services of one group move together: the n-th servers of "
	            "each are one host, which is fit if all of them are." },
	{ "failback", SCHEMA_BOOL, SCHEMA_AT(struct config_service, failback),
	    .fallback = "false", OF_STANDBY,
	    .help = "The first server becomes the active one again when it "
	            "has been fit for `hold`." },
	{ "fence", SCHEMA_PATH, SCHEMA_AT(struct config_service, fence),
	    .max = PATH_LEN, OF_STANDBY,
	    .help =
	        "A program, run as root as PATH SERVICE OLD NEW before "
	        "another server becomes active: it sees to it that the old "
	        "one is not any more. Unless it exits with status 0, nothing changes, "
	        "and it is tried again after 30 seconds. It may run more "
	        "than once for a change." },
	{ "fence_timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_service, fence_timeout_ms), .min = 100,
	    .max = HOUR, .fallback = "10s", OF_STANDBY,
	    .help = "A `fence` or `promote` that takes longer is killed and "
	            "has failed." },
	{ "promote", SCHEMA_PATH, SCHEMA_AT(struct config_service, promote),
	    .max = PATH_LEN, OF_STANDBY,
	    .help = "A program, run as root as PATH SERVICE OLD NEW after "
	            "another server has become active." },
	{ "hold", SCHEMA_DURATION, SCHEMA_AT(struct config_service, hold_ms),
	    .min = 0, .max = HOUR, .fallback = "0s",
	    .help = "How long a server has been down when it is given up. With "
	            "`mode: standby` 6s by default, and then the next becomes "
	            "active." },
	{ "on_down", SCHEMA_WORD, SCHEMA_AT(struct config_service, on_down),
	    .words = config_on_down_words, .fallback = "keep",
	    .help =
	        "What becomes of the connections of a server that is given "
	        "up: they are kept, for they may live, or both sides are "
	        "reset, which is the default with `mode: standby`. One that "
	        "drains is not down." },
	{ "max_connections", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config_service, max_connections), .min = 0,
	    .max = CONNECTIONS_MAX, .fallback = "0",
	    .help = "Further clients wait in the kernel's backlog; 0: no "
	            "limit." },
	{ "timeouts", SCHEMA_MAP, SCHEMA_AT(struct config_service, timeouts),
	    .table = &timeout_table, .help = "How long to wait for what." },
	{ "retries", SCHEMA_NUMBER, SCHEMA_AT(struct config_service, retries),
	    .min = 0, .max = 10, .fallback = "3",
	    .help = "A connect that failed is tried again at once, on another "
	            "server where there is one, this many times." },
	{ "keepalive", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_service, keepalive_ms), .min = 0,
	    .max = 2 * HOUR, .in_seconds = true, .fallback = "60s",
	    .help = "After so long without a word, TCP asks whether the other "
	            "side is still there: 3 times, 10 seconds apart; 0s: "
	            "never." },
	{ "allow", SCHEMA_LIST, SCHEMA_AT(struct config_service, allow),
	    .min = 1, .max = CONFIG_NETWORKS_MAX, .list = &allow_list,
	    .help = "Networks of clients that may connect. Of all in `allow` "
	            "and `deny` that hold a client, the smallest decides. "
	            "Others may connect unless there is an `allow`." },
	{ "deny", SCHEMA_LIST, SCHEMA_AT(struct config_service, deny), .min = 1,
	    .max = CONFIG_NETWORKS_MAX, .list = &deny_list,
	    .help = "Networks of clients that may not connect." },
	{ "proxy_protocol", SCHEMA_WORD,
	    SCHEMA_AT(struct config_service, preface),
	    .words = config_preface_words, .fallback = "none",
	    .help = "Tells the server the client's address in a header of the "
	            "PROXY protocol; the server has to expect it." },
	{ "source", SCHEMA_IP, SCHEMA_AT(struct config_service, source),
	    .optional = true,
	    .present_at = offsetof(struct config_service, has_source),
	    .help = "Address to connect to the servers from; without it, the "
	            "kernel chooses. A virtual IP will do while this node is "
	            "master." },
	{ "keytab", SCHEMA_PATH, SCHEMA_AT(struct config_service, keytab),
	    .max = PATH_LEN,
	    .help =
	        "The merged Kerberos keytab that its servers have, as a "
	        "copy on this host. Only `hapair check --host` reads it: it "
	        "has to hold what clients of the service ask for." },
	{ "check", SCHEMA_MAP, SCHEMA_AT(struct config_service, check),
	    .table = &keys_check_table,
	    .help = "How its servers are checked, where they do not say." },
	{ "servers", SCHEMA_LIST, SCHEMA_AT(struct config_service, servers),
	    .min = 1, .max = CONFIG_SERVERS_MAX, .required = true,
	    .list = &server_list, .help = "Who gets the connections." },
};

static const struct schema_table service_table =
    TABLE("a service", service_keys);

static const struct schema_list service_list = {
	.count_at = offsetof(struct config, n_services),
	.item_size = sizeof(struct config_service),
	.spread = 1,
	.table = &service_table,
	.defaults = presets_of,
};

static const struct schema_key log_keys[] = {
	{ "target", SCHEMA_OTHER, .offset = 0,
	    .size = sizeof(struct config_log), .form = &forms_target,
	    .fallback = "stderr", .help = "Where the log goes." },
	{ "facility", SCHEMA_WORD, SCHEMA_AT(struct config_log, facility),
	    .words = config_log_facility_words, .fallback = "local0",
	    .help = "The facility of RFC 5424, for syslog and udp." },
	{ "level", SCHEMA_WORD, SCHEMA_AT(struct config_log, level),
	    .words = config_log_level_words, .fallback = "info",
	    .help = "The least important lines that are written." },
	{ "connections", SCHEMA_BOOL, SCHEMA_AT(struct config_log, connections),
	    .fallback = "true", .help = "A line for each connection." },
};

static const struct schema_table log_table = TABLE("'log'", log_keys);

static const struct schema_key file_keys[] = {
	{ "pair", SCHEMA_MAP, SCHEMA_AT(struct config, pair),
	    .table = &pair_table, .optional = true,
	    .present_at = offsetof(struct config, has_pair),
	    .help = "The other node and the virtual IPs; left out: a single "
	            "node without any." },
	{ "services", SCHEMA_LIST, SCHEMA_AT(struct config, services), .min = 0,
	    .max = CONFIG_SERVICES_MAX, .list = &service_list,
	    .help = "What is relayed to where." },
	{ "threads", SCHEMA_NUMBER, SCHEMA_AT(struct config, threads), .min = 1,
	    .max = 64, .zero = "auto", .fallback = "auto",
	    .help = "Threads of the relay; auto: one a core." },
	{ "user", SCHEMA_NAME, SCHEMA_AT(struct config, user), .max = USER_MAX,
	    .help = "Whom the relay runs as; without it, hapair if there is "
	            "such a user, else nobody." },
	{ "group", SCHEMA_NAME, SCHEMA_AT(struct config, group),
	    .max = USER_MAX,
	    .help = "Its group; without it, as for the user." },
	{ "max_connections", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, max_connections), .min = 0,
	    .max = CONNECTIONS_MAX, .fallback = "0",
	    .help = "Of the whole node; 0: as many as the limit on "
	            "descriptors allows." },
	{ "control", SCHEMA_PATH, SCHEMA_AT(struct config, control),
	    .max = CONTROL_MAX, .fallback = "/run/hapair/control.sock",
	    .help = "The socket that the command line talks to." },
	{ "log", SCHEMA_MAP, SCHEMA_AT(struct config, log), .table = &log_table,
	    .help = "What is logged, and where." },
	{ "pid_file", SCHEMA_PATH, SCHEMA_AT(struct config, pid_file),
	    .max = PATH_LEN, .help = "Where the process id is written." },
};

const struct schema_table keys_file = TABLE("the file", file_keys);

static void
document_key(const struct schema_key *k, const char *prefix, FILE *out)
{
	char type[320];

	schema_type_text(k, type, sizeof(type));
	if (k->list != NULL && k->list->form != NULL)
		(void)fprintf(out, "`%s%s`: a list of %s", prefix, k->name,
		    k->list->form->name);
	else
		(void)fprintf(out, "`%s%s`: %s", prefix, k->name, type);
	if (k->required)
		(void)fputs(", required", out);
	else if (k->fallback != NULL)
		(void)fprintf(out, ", default `%s`", k->fallback);
	(void)fprintf(out, "\n:   %s\n\n", k->help);
}

/* Of the keys under a key: `servers[].check.` */
static void
document_table(const struct schema_table *table, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		bool is_list = k->list != NULL;
		const struct schema_table *below =
		    is_list ? k->list->table : k->table;
		char path[128];

		document_key(k, prefix, out);
		/* What is inherited was told where it is inherited from. */
		if (below == NULL || k->inherit)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s.", prefix, k->name,
		    is_list ? "[]" : "");
		document_table(below, path, out);
	}
}

void
keys_document(FILE *out)
{
	document_table(&keys_file, "", out);
}
