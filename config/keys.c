/*
 * A row per key: parser, place, limits, default, text of the manual. The
 * manual's key list is printed from here, so no key is undocumented.
 */
#include "config/keys.h"

#include "config/config.h"
#include "config/keys_check.h"
#include "config/keys_web.h"
#include "config/presets.h"
#include "config/schema/schema.h"
#include "config/schema/value_forms.h"

#include <limits.h>

#define NAME_MAX_LEN (CONFIG_NAME_MAX - 1)
#define USER_MAX 32      /* of useradd(8) */
#define INTERFACE_MAX 15 /* IFNAMSIZ with its NUL is 16 */
#define CONTROL_MAX 107  /* sun_path of a socket address, with its NUL */
#define PATH_LEN (PATH_MAX - 1)
#define CONNECTIONS_MAX 10000000 /* no host of today holds more */
#define SLOTS_MIN 1024
#define SLOTS_MAX 4194304 /* 3 GiB of tables */
#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define OF_STANDBY                                                             \
	.applies = value_forms_is_standby, .applies_to = "mode: standby"

/* What a key takes, where that is put, and from where to where it may be. */
#define NAME(type, member, most)                                               \
	SCHEMA_NAME, SCHEMA_AT(struct type, member), .max = (most)
#define PATH(type, member, most)                                               \
	SCHEMA_PATH, SCHEMA_AT(struct type, member), .max = (most)
#define BOOL(type, member) SCHEMA_BOOL, SCHEMA_AT(struct type, member)
#define WORD(type, member, of)                                                 \
	SCHEMA_WORD, SCHEMA_AT(struct type, member), .words = (of)
#define LIMITS(least, most) .min = (least), .max = (most)
#define NUMBER(type, member, least, most)                                      \
	SCHEMA_NUMBER, SCHEMA_AT(struct type, member), LIMITS(least, most)
#define DURATION(type, member, least, most)                                    \
	SCHEMA_DURATION, SCHEMA_AT(struct type, member), LIMITS(least, most)
#define LIST(type, member, least, most, of)                                    \
	SCHEMA_LIST, SCHEMA_AT(struct type, member), LIMITS(least, most),      \
	    .list = &(of)

/* Of a list: where they are counted, and what they are. */
#define ITEMS(type, count, item)                                               \
	.count_at = offsetof(struct type, count), .item_size = sizeof(item)

#define TABLE(text, rows)                                                      \
	{                                                                      \
		.what = text, .keys = rows, .n_keys = ARRAY_LEN(rows)          \
	}

static const struct schema_list link_list = { ITEMS(config_node, n_links,
	                                          union addr),
	.form = &value_forms_ips, .item = "link" };

static const struct schema_key node_keys[] = {
	{ "name", NAME(config_node, name, NAME_MAX_LEN), .required = true,
	    .help = "What status, log and `--node` call this node." },
	{ "address", SCHEMA_OTHER, SCHEMA_AT(struct config_node, address),
	    .form = &value_forms_ip, .required = true,
	    .help = "Heartbeats come from here. A host that owns this address "
	            "is this node. Where the address is on no group's network "
	            "(a cable between the nodes) and is lacking, an address "
	            "of `links` tells which node it is, or the host's name "
	            "where that is the node's." },
	{ "priority", NUMBER(config_node, priority, 1, 254), .fallback = "100",
	    .help = "The node with the higher priority becomes master. A tie "
	            "goes to the higher address." },
	{ "links", LIST(config_node, links, 0, CONFIG_LINKS_MAX, link_list),
	    .help = "Further addresses of this node for heartbeats, on other "
	            "networks. The n-th link talks to the peer's n-th." },
};

static const struct schema_table node_table = TABLE("a node", node_keys);

static const struct schema_list node_list = {
	.item_size = sizeof(struct config_node),
	.in_place = true,
	.table = &node_table,
};

static const struct schema_key address_keys[] = {
	{ "address", SCHEMA_OTHER, SCHEMA_AT(struct config_address, addr),
	    .form = &value_forms_cidr, .required = true,
	    .help = "A virtual IP with its prefix length." },
	{ "interface", NAME(config_address, interface, INTERFACE_MAX),
	    .help = "Where this one is added, if not where the others are." },
};

static const struct schema_table address_table =
    TABLE("a virtual IP", address_keys);

static const struct schema_list address_list = {
	ITEMS(config_group, n_addresses, struct config_address),
	.form = &value_forms_address,
	.table = &address_table,
	.done = value_forms_find_interfaces,
};

static const struct schema_key group_keys[] = {
	{ "name", NAME(config_group, name, NAME_MAX_LEN), .required = true,
	    .help = "What status, log and commands call the group." },
	{ "interface", NAME(config_group, interface, INTERFACE_MAX),
	    .required = true,
	    .help = "Where the virtual IPs are added that name no other." },
	{ "addresses",
	    LIST(config_group, addresses, 1, CONFIG_GROUP_ADDRESSES_MAX,
	        address_list),
	    .required = true,
	    .help =
	        "The virtual IPs, each with its prefix length, or a map of "
	        "the keys below. They move together, and a fault of any of "
	        "their interfaces is one of the group: where clients are on "
	        "one network and servers on another, both have an address, "
	        "and both move." },
	{ "priority", SCHEMA_MAP, SCHEMA_AT(struct config_group, priority),
	    .min = 1, .max = 254, .optional = true,
	    .present_at = offsetof(struct config_group, has_priority),
	    .name_at = value_forms_node_name, .what = "the pair",
	    .help = "The priority of a node in this group, by the node's "
	            "name, in place of the node's own. So each node can be "
	            "master of one group." },
};

static const struct schema_table group_table = TABLE("a group", group_keys);

static const struct schema_list group_list = {
	ITEMS(config_pair, n_groups, struct config_group),
	.table = &group_table,
	.born = value_forms_born_group,
};

static const struct schema_list witness_list = {
	ITEMS(config_pair, n_witnesses, union addr), .form = &value_forms_ips
};

static const struct schema_key track_keys[] = {
	{ "interface", NAME(config_track, interface, INTERFACE_MAX),
	    .choice = true,
	    .help = "A network interface. It has to be up, with a carrier." },
	{ "service", NAME(config_track, service, NAME_MAX_LEN), .choice = true,
	    .help = "A service of this file. Some of its servers have to be "
	            "up." },
	{ "min_servers",
	    NUMBER(config_track, min_servers, 1, CONFIG_SERVERS_MAX),
	    .fallback = "1", .with = "service",
	    .help = "How many servers of the service have to be up." },
	{ "script", PATH(config_track, script, PATH_LEN), .choice = true,
	    .help = "A program that is run as root and without arguments. It "
	            "has to exit with status 0." },
	{ "interval", DURATION(config_track, interval_ms, 100, HOUR),
	    .fallback = "1s", .with = "script",
	    .help = "From the start of one run to the start of the next. Two "
	            "never run at once." },
	{ "timeout", DURATION(config_track, timeout_ms, 10, 10 * MINUTE),
	    .fallback = "1s", .with = "script",
	    .help = "A run that takes longer is killed and has failed." },
	{ "rise", NUMBER(config_track, rise, 1, 100), .fallback = "1",
	    .with = "script",
	    .help = "So many good runs in a row make it well again." },
	{ "fall", NUMBER(config_track, fall, 1, 100), .fallback = "1",
	    .with = "script",
	    .help = "So many failed runs in a row make it not well." },
	{ "weight", NUMBER(config_track, weight, 1, 253),
	    .help = "The priority of this node falls by so much while it is "
	            "not well. Without a weight the node is at fault: it "
	            "holds no virtual IP while its peer can serve and has "
	            "fewer such faults." },
};

static const struct schema_table track_table =
    TABLE("an item of 'track'", track_keys);

static const struct schema_list track_list = { ITEMS(config_pair, n_tracks,
	                                           struct config_track),
	.table = &track_table, .item = "track" };

static const struct schema_key pair_keys[] = {
	{ "nodes",
	    LIST(config_pair, nodes, CONFIG_NODES, CONFIG_NODES, node_list),
	    .required = true, .help = "The two hosts of the pair." },
	{ "port", NUMBER(config_pair, port, 1, UINT16_MAX), .fallback = "8401",
	    .help = "UDP port of the heartbeats, TCP port of the wire. With "
	            "`path: kernel` the next one is a TCP port of the pair, "
	            "too." },
	{ "key_file", PATH(config_pair, key_file, PATH_LEN), .required = true,
	    .help = "The key that both nodes share, made by `hapair genkey`. "
	            "A second line with another key is accepted from the peer, "
	            "too, so that keys are changed node by node. "
	            "The file is refused if others can read it." },
	{ "interval", DURATION(config_pair, interval_ms, 5, 10 * SECOND),
	    .fallback = "20ms", .help = "Heartbeat period." },
	{ "misses", NUMBER(config_pair, misses, 2, 20), .fallback = "3",
	    .help = "Silent periods before the peer is suspect." },
	{ "hang_timeout", DURATION(config_pair, hang_ms, 100, MINUTE),
	    .fallback = "1s",
	    .help =
	        "The lease of a virtual IP: a silent peer whose host still "
	        "answers for it has so long to let go. Who answers longer "
	        "renews it, lives, and is not claimed from. It must be "
	        "longer than `interval` x `misses`. A peer whose file has a "
	        "slower heartbeat is given its time, up to this. A relay that "
	        "died has a "
	        "quarter of it (250ms at least, 2s at most) to be back "
	        "before the peer takes over." },
	{ "deaf_timeout", DURATION(config_pair, deaf_ms, 300, MINUTE),
	    .fallback = "3s",
	    .help = "A master that hears nobody at all for so long, neither "
	            "the peer nor a gateway, a server, a witness or a client, "
	            "lets go." },
	{ "preempt", BOOL(config_pair, preempt), .fallback = "false",
	    .help = "Whether a node of higher priority takes a group back "
	            "from a healthy master." },
	{ "preempt_delay", DURATION(config_pair, preempt_delay_ms, 0, HOUR),
	    .fallback = "0s",
	    .help = "With `preempt: true`, how long the node must have been "
	            "well before it takes a group back." },
	{ "witness",
	    LIST(config_pair, witnesses, 0, CONFIG_WITNESSES_MAX, witness_list),
	    .help = "Addresses of third hosts, asked besides the default "
	            "gateways and the neighbours on a group's interface, which "
	            "need no mention. A node that hears nobody there claims "
	            "nothing, and lets go after `deaf_timeout`." },
	{ "track", LIST(config_pair, tracks, 0, CONFIG_TRACKS_MAX, track_list),
	    .help = "What has to be well on this node. Each entry lowers the "
	            "node's priority, or is a fault of it, while it is not." },
	{ "notify", PATH(config_pair, notify, PATH_LEN),
	    .help = "A program that is run as root, as PATH GROUP STATE "
	            "REASON ADDRESSES PEER WORD, after each change of a group. "
	            "ADDRESSES are the group's, as ADDRESS/PREFIX with commas; "
	            "PEER is the other node's name; WORD is stop where this "
	            "node is being stopped, else run. Runs are in order "
	            "and one at a time, and hapair never waits for them." },
	{ "accept_file", BOOL(config_pair, accept_file), .fallback = "false",
	    .help =
	        "Whether `hapair reload --both` on the peer may replace this "
	        "node's file, which stays beside it as FILE.before. Who has "
	        "the pair's key can then change what this node serves, to "
	        "whom and at which addresses. Programs, keys, certificates "
	        "and users that the file here does not name are refused, and "
	        "any change of log. Services, servers and groups that "
	        "programs, passwords or tickets are used for keep their "
	        "names, and checked servers their addresses. Under systemd "
	        "the unit needs ReadWritePaths= with the file's directory." },
	{ "groups", LIST(config_pair, groups, 0, CONFIG_GROUPS_MAX, group_list),
	    .help = "Groups of virtual IPs, each held by one node at a "
	            "time." },
};

static const struct schema_table pair_table = TABLE("'pair'", pair_keys);

static const struct schema_key server_keys[] = {
	{ "name", NAME(config_server, name, NAME_MAX_LEN), .extra = ":[]",
	    .help = "What status, log and commands call the server. Without "
	            "it, this is the host of its address, or host and port "
	            "where two servers would have the same name." },
	{ "address", SCHEMA_OTHER, .offset = 0,
	    .size = sizeof(struct config_server), .form = &value_forms_host,
	    .required = true,
	    .help = "Where the server listens. A host name is resolved at "
	            "start and again while the relay runs; the server is down "
	            "until it has an address. A server may be written as this "
	            "alone." },
	{ "weight", NUMBER(config_server, weight, 0, 256), .fallback = "1",
	    .help = "The server's share of the connections. 0: it gets no new "
	            "ones." },
	{ "max_connections",
	    NUMBER(config_server, max_connections, 0, CONNECTIONS_MAX),
	    .fallback = "0",
	    .help = "Further clients wait until one of its connections ends "
	            "or another server has room. 0: no limit." },
	{ "backup", BOOL(config_server, backup), .fallback = "false",
	    .help = "The server is used only when all servers that are no "
	            "backups are down, and by a client that all of these "
	            "have just refused. Servers that are full are not "
	            "down." },
	{ "slow_start", DURATION(config_server, slow_start_ms, 0, HOUR),
	    .fallback = "0s",
	    .help = "After the server came up its share of the connections "
	            "grows for so long, until it is that of its weight. With "
	            "`balance: source` its clients return to it over that "
	            "time." },
	{ "check", SCHEMA_MAP, SCHEMA_AT(struct config_server, check),
	    .table = &keys_check_table, .inherit = true,
	    .help = "Overrides the service's check, key by key." },
};

static const struct schema_table server_table = TABLE("a server", server_keys);

static const struct schema_list server_list = {
	ITEMS(config_service, n_servers, struct config_server),
	.form = &value_forms_server,
	.table = &server_table,
	.born = value_forms_born_server,
	.done = value_forms_name_servers,
};

static const struct schema_list listen_list = {
	ITEMS(config_service, n_listens, struct config_listen),
	.twice = true,
	.form = &value_forms_listen,
};

static const struct schema_list allow_list = {
	ITEMS(config_service, n_allow, struct config_cidr),
	.form = &value_forms_network,
};

static const struct schema_list deny_list = {
	ITEMS(config_service, n_deny, struct config_cidr),
	.form = &value_forms_network,
};

static const struct schema_key timeout_keys[] = {
	{ "connect", DURATION(config_timeouts, connect_ms, 1, 10 * MINUTE),
	    .fallback = "5s",
	    .help = "How long a server may take to accept a connection." },
	{ "idle", DURATION(config_timeouts, idle_ms, 0, 30 * (int64_t)DAY),
	    .fallback = "0s",
	    .help = "A connection ends when neither side has sent anything "
	            "for so long. 0s: never." },
	{ "half_closed", DURATION(config_timeouts, half_closed_ms, 0, DAY),
	    .fallback = "60s",
	    .help = "The same, once one side has sent its end. 0s: only `idle` "
	            "ends it." },
	{ "queue", DURATION(config_timeouts, queue_ms, 1, HOUR),
	    .fallback = "30s",
	    .help = "How long a client waits while every server is down, or "
	            "has no room (see `max_connections` of the servers). It "
	            "is reset then." },
	{ "first_byte", DURATION(config_timeouts, first_byte_ms, 1, HOUR),
	    .fallback = "10s",
	    .help = "With `connect: at_first_byte`, how long a client may be "
	            "silent at first." },
};

static const struct schema_table timeout_table =
    TABLE("'timeouts'", timeout_keys);

/* The check stands before the servers, which inherit it. */
static const struct schema_key service_keys[] = {
	{ "name", NAME(config_service, name, NAME_MAX_LEN), .required = true,
	    .help = "What status, log and commands call the service." },
	{ "preset", WORD(config_service, preset, config_preset_words),
	    .fallback = "none", .decides = true,
	    .help = "Other defaults for the keys below, for a kind of server "
	            "that hapair knows. The file may give any of these keys "
	            "all the same. `hapair check --print` shows the result. "
	            "impalad: coordinators of Apache Impala; with `balance: "
	            "source` there is no slow_start. statestored, catalogd: "
	            "its masters, one of them active." },
	{ "listen",
	    LIST(config_service, listens, 1, CONFIG_LISTENS_MAX, listen_list),
	    .required = true,
	    .help = "Clients connect here. \"*:port\" is every address, IPv4 "
	            "and IPv6. A virtual IP is bound even while the peer has "
	            "it." },
	{ "balance", WORD(config_service, balance, config_balance_words),
	    .fallback = "roundrobin",
	    .help = "roundrobin: one server after the other, by weight. "
	            "leastconn: the server with the fewest connections for "
	            "its weight. source: always the same server for a "
	            "client's address, on both nodes. random: of two servers "
	            "at random, the one with fewer connections." },
	{ "backups", WORD(config_service, backups, config_backups_words),
	    .fallback = "ordered",
	    .help = "Which servers with `backup: true` serve when the others "
	            "cannot. ordered: the first one that is up. all: every "
	            "one that is up shares the connections." },
	{ "connect", WORD(config_service, connect, config_connect_words),
	    .fallback = "at_accept",
	    .help = "When hapair connects to a server: at once, or when the "
	            "client has sent something, so that silent clients never "
	            "reach a server. The latter is not for servers that speak "
	            "first." },
	{ "path", WORD(config_service, path_asked, config_path_words),
	    .fallback = "relay",
	    .help =
	        "Which way connections go. relay: hapair ends the client's "
	        "connection and has one of its own to the server, which both "
	        "end with the node. kernel: the client's own connection goes "
	        "on to the server, by a program in the kernel that hapair "
	        "instructs, and lives on when the node dies, since the peer "
	        "knows of it before the server does. This takes a pair, "
	        "virtual IPs in `listen` and `source`, servers on other hosts "
	        "and of the client's IP version. There is no `proxy_protocol`, "
	        "and `queue` is 1m at most: who waits has not connected yet. "
	        "`hapair check --host` tells whether this kernel can; where "
	        "it cannot, connections are relayed, and `status` says so. "
	        "auto: kernel where this file has all that it takes, relay "
	        "where not, and `status` says why." },
	{ "mode", WORD(config_service, mode, config_mode_words),
	    .fallback = "balance", .decides = true,
	    .help = "balance: connections are spread over the servers. "
	            "standby: all connections go to one server, the active "
	            "one. When it fails the next server becomes active, and "
	            "connections to the old one are reset; the old one does "
	            "not come back by itself. Both nodes agree on which "
	            "server is active." },
	{ "standby_group", NAME(config_service, standby_group, NAME_MAX_LEN),
	    OF_STANDBY,
	    .help = "Services of one group move together. Their n-th servers "
	            "are one host, which is fit if all of them are." },
	{ "failback", BOOL(config_service, failback), .fallback = "false",
	    OF_STANDBY,
	    .help = "The first server becomes the active one again when it "
	            "has been fit for `hold`." },
	{ "fence", PATH(config_service, fence, PATH_LEN), OF_STANDBY,
	    .help =
	        "A program that is run as root, as PATH SERVICE OLD NEW, "
	        "before another server becomes active. It makes sure that "
	        "the old server is not active any more. Unless it exits "
	        "with status 0 nothing changes, and it is tried again "
	        "after 30 seconds. It may run more than once for a change." },
	{ "fence_timeout",
	    DURATION(config_service, fence_timeout_ms, 100, HOUR),
	    .fallback = "10s", OF_STANDBY,
	    .help = "A `fence` or `promote` that takes longer is killed and "
	            "has failed." },
	{ "promote", PATH(config_service, promote, PATH_LEN), OF_STANDBY,
	    .help = "A program that is run as root, as PATH SERVICE OLD NEW, "
	            "after another server has become active." },
	{ "hold", DURATION(config_service, hold_ms, 0, HOUR), .fallback = "0s",
	    .help = "A server that has been down for so long is given up. "
	            "With `mode: standby` the default is 6s, and the next "
	            "server becomes active then." },
	{ "on_down", WORD(config_service, on_down, config_on_down_words),
	    .fallback = "keep",
	    .help = "What happens to the connections of a server that is "
	            "given up. keep: they go on, since they may live. reset: "
	            "both sides are reset; with `mode: standby` this is the "
	            "default. A server that drains is not down." },
	{ "max_connections",
	    NUMBER(config_service, max_connections, 0, CONNECTIONS_MAX),
	    .fallback = "0",
	    .help = "Further clients wait in the kernel's backlog. 0: no "
	            "limit." },
	{ "max_connections_per_client",
	    NUMBER(config_service, max_per_client, 0, CONNECTIONS_MAX),
	    .fallback = "0",
	    .help = "How many connections a client may have at once, by its "
	            "address. Further ones are reset, counted and logged. "
	            "0: no limit." },
	{ "timeouts", SCHEMA_MAP, SCHEMA_AT(struct config_service, timeouts),
	    .table = &timeout_table,
	    .help = "How long hapair waits, and for what." },
	{ "retries", NUMBER(config_service, retries, 0, 10), .fallback = "3",
	    .help = "hapair tries a connect that failed again at once, on "
	            "another server where there is one, so many times." },
	{ "keepalive", DURATION(config_service, keepalive_ms, 0, 2 * HOUR),
	    .in_seconds = true, .fallback = "60s",
	    .help = "After so long without a word TCP asks whether the other "
	            "side is still there, 3 times, 10 seconds apart. 0s: "
	            "never." },
	{ "allow",
	    LIST(config_service, allow, 1, CONFIG_NETWORKS_MAX, allow_list),
	    .help = "Networks of clients that may connect. The smallest "
	            "network in `allow` and `deny` that holds a client "
	            "decides. A client in none of them may connect unless "
	            "there is an `allow`." },
	{ "deny", LIST(config_service, deny, 1, CONFIG_NETWORKS_MAX, deny_list),
	    .help = "Networks of clients that may not connect." },
	{ "proxy_protocol",
	    WORD(config_service, proxy_protocol, config_preface_words),
	    .fallback = "none",
	    .help = "Tells the server the client's address in a header of the "
	            "PROXY protocol; the server has to expect it." },
	{ "prefer", WORD(config_service, prefer, config_prefer_words),
	    .fallback = "any",
	    .help = "Which of the addresses of a server's name are tried "
	            "first: ipv4, ipv6, or any, in the order of the name "
	            "server's answer. Where one does not answer the next is "
	            "tried." },
	{ "source", SCHEMA_OTHER, SCHEMA_AT(struct config_service, source),
	    .form = &value_forms_ip, .optional = true,
	    .present_at = offsetof(struct config_service, has_source),
	    .help = "hapair connects to the servers from this address. "
	            "Without it the kernel chooses one. A virtual IP works "
	            "while this node is master. Servers that are connected to "
	            "from one are told when this host dies; others are not, so "
	            "a database holds the locks of an open transaction until "
	            "its own patience ends." },
	{ "keytab", PATH(config_service, keytab, PATH_LEN),
	    .help = "A copy on this host of the merged Kerberos keytab that "
	            "the servers have. Only `hapair check --host` reads it, "
	            "to see whether it holds what clients of the service ask "
	            "for." },
	{ "check", SCHEMA_MAP, SCHEMA_AT(struct config_service, check),
	    .table = &keys_check_table,
	    .help = "How the servers are checked, unless a server says "
	            "otherwise." },
	{ "servers",
	    LIST(config_service, servers, 1, CONFIG_SERVERS_MAX, server_list),
	    .required = true, .help = "The servers that get the connections." },
};

static const struct schema_table service_table =
    TABLE("a service", service_keys);

static const struct schema_list service_list = {
	ITEMS(config, n_services, struct config_service),
	.table = &service_table,
	.defaults = presets_of,
};

static const struct schema_key log_keys[] = {
	{ "target", SCHEMA_OTHER, .offset = 0,
	    .size = sizeof(struct config_log), .form = &value_forms_target,
	    .fallback = "stderr", .help = "Where the log goes." },
	{ "facility", WORD(config_log, facility, config_log_facility_words),
	    .fallback = "local0",
	    .help = "The facility of RFC 5424, for syslog and udp." },
	{ "level", WORD(config_log, level, config_log_level_words),
	    .fallback = "info",
	    .help = "The least important lines that are written." },
	{ "connections", BOOL(config_log, connections), .fallback = "true",
	    .help = "A line for each connection." },
};

static const struct schema_table log_table = TABLE("'log'", log_keys);

static const struct schema_key kernel_keys[] = {
	{ "pins", PATH(config_kernel, pins, PATH_LEN),
	    .fallback = CONFIG_KERNEL_PINS,
	    .help = "A directory in a BPF file system, where the kernel's "
	            "tables are kept while hapair is not there. It is made "
	            "where it is not there." },
	{ "slots", NUMBER(config_kernel, slots, SLOTS_MIN, SLOTS_MAX),
	    .fallback = "65536",
	    .help = "How many connections there may be on both nodes "
	            "together, which each of them knows. Each takes about 700 "
	            "bytes, from the start. Further ones are relayed. Other "
	            "slots mean new tables, and an end of what is in the old "
	            "ones." },
};

static const struct schema_table kernel_table = TABLE("'kernel'", kernel_keys);

static const struct schema_key file_keys[] = {
	{ "pair", SCHEMA_MAP, SCHEMA_AT(struct config, pair),
	    .table = &pair_table, .optional = true,
	    .present_at = offsetof(struct config, has_pair),
	    .help = "The two nodes and their virtual IPs. Without it this is "
	            "a single node that has none." },
	{ "services",
	    LIST(config, services, 0, CONFIG_SERVICES_MAX, service_list),
	    .help = "Each service relays connections from its addresses to "
	            "its servers." },
	{ "threads", NUMBER(config, threads, 1, 64), .zero = "auto",
	    .fallback = "auto",
	    .help = "Threads of the relay. auto: one for each core." },
	{ "user", NAME(config, user, USER_MAX),
	    .help =
	        "The relay runs as this user, by name or number. Without it, as hapair-relay "
	        "or hapair if that user exists, else as a number that "
	        "nobody has." },
	{ "group", NAME(config, group, USER_MAX),
	    .help =
	        "The relay's group, by name or number. Without it, that of the user." },
	{ "max_connections",
	    NUMBER(config, max_connections, 0, CONNECTIONS_MAX),
	    .fallback = "0",
	    .help = "Connections of the whole node. 0: as many as the limit "
	            "on descriptors allows." },
	{ "drain_timeout", DURATION(config, drain_ms, 0, 30 * (int64_t)DAY),
	    .fallback = "0s",
	    .help = "How long connections may go on whose service or server "
	            "a reload has removed, or whose server an operator "
	            "drains. Then both sides are reset. 0: to their end." },
	{ "control", PATH(config, control, CONTROL_MAX),
	    .fallback = "/run/hapair/control.sock",
	    .help = "The socket that the command line talks to." },
	{ "kernel", SCHEMA_MAP, SCHEMA_AT(struct config, kernel),
	    .table = &kernel_table,
	    .help = "What services with `path: kernel` have in the kernel." },
	{ "web", SCHEMA_MAP, SCHEMA_AT(struct config, web),
	    .table = &keys_web_table, .optional = true,
	    .present_at = offsetof(struct config, has_web),
	    .help = "A page that shows how both nodes stand, at /, and for "
	            "programs /metrics (OpenMetrics), /status.json, "
	            "/events.json and /health. Nothing can be changed there. "
	            "Without it nobody listens." },
	{ "log", SCHEMA_MAP, SCHEMA_AT(struct config, log), .table = &log_table,
	    .help = "What is logged, and where." },
	{ "pid_file", PATH(config, pid_file, PATH_LEN),
	    .help = "Where the process id is written." },
};

const struct schema_table keys_file = TABLE("the file", file_keys);
