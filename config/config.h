#pragma once

/*
 * The configuration as a value: what load.c makes of a file, checked whole,
 * and what everything else reads. Immutable once loaded. All strings and
 * arrays belong to the struct config and live as long as it does.
 */

#include "config/arena.h"
#include "core/addr.h"
#include "core/base.h"
#include "core/log.h"

struct msg_group;

#define CONFIG_NODES 2     /* a pair */
#define CONFIG_LINKS_MAX 4 /* of a node, beside its address */
#define CONFIG_WITNESSES_MAX 8
#define CONFIG_TRACKS_MAX 16
#define CONFIG_GROUPS_MAX 16
#define CONFIG_GROUP_ADDRESSES_MAX 32
#define CONFIG_GROUP_INTERFACES_MAX 4
#define CONFIG_INTERFACES_MAX 16 /* of all groups together */
#define CONFIG_NAME_MAX 64 /* of a node, group, service, server; with NUL */
#define CONFIG_SERVICES_MAX 1024
#define CONFIG_LISTENS_MAX 32
#define CONFIG_NETWORKS_MAX 1024 /* of `allow` or `deny` */
#define CONFIG_WEB_LISTENS_MAX 8
#define CONFIG_SERVERS_MAX 1024
#define CONFIG_STANDBY_SERVERS_MAX 16 /* of a standby service */
#define CONFIG_LISTENS_TOTAL_MAX 4096 /* of all services together */
#define CONFIG_SERVERS_TOTAL_MAX 4096
#define CONFIG_HOST_MAX 256 /* of a host name; with NUL */
#define CONFIG_HASH_BYTES 16
#define CONFIG_NO_NODE (-1)

struct config_node {
	const char *name;
	union addr address; /* no port: pair.port is everybody's */
	uint8_t priority;   /* 1-254 */
	union addr *links;  /* no port; the n-th talks to the peer's n-th */
	size_t n_links;     /* the same at both nodes */
};

/*
 * An address with its prefix length: 10.0.0.100/24; of a network, 10.0.0.0/24.
 */
struct config_cidr {
	union addr addr; /* no port */
	uint8_t prefix;
};

/* A virtual IP, and where it is. */
struct config_address {
	union addr addr; /* no port */
	uint8_t prefix;
	const char *interface; /* NULL: the group's */
	unsigned at;           /* among the group's interfaces */
};

struct config_group {
	const char *name;
	const char *interface; /* of the addresses that name none */
	/* That one, and each other one that an address names, once. */
	const char *interfaces[CONFIG_GROUP_INTERFACES_MAX];
	size_t n_interfaces;
	struct config_address *addresses;
	size_t n_addresses;
	/* By node; 0: the node's own. See config_priority(). */
	uint8_t priority[CONFIG_NODES];
	bool has_priority;
	const struct config_node *nodes; /* borrowed: the pair's, that many */
};

enum config_track_kind {
	CONFIG_TRACK_INTERFACE,
	CONFIG_TRACK_SERVICE,
	CONFIG_TRACK_SCRIPT,
};

/* What this node is worth depends on it. One of the three names is there. */
struct config_track {
	const char *interface;
	const char *service;
	uint32_t min_servers; /* of a service; 1 or more */
	const char *script;
	uint32_t interval_ms, timeout_ms; /* of a script */
	uint32_t rise, fall;              /* of a script */
	uint8_t weight;                   /* 1-253; 0: none, bad is a fault */
};

struct config_pair {
	struct config_node nodes[CONFIG_NODES];
	uint16_t port;
	const char *key_file;
	uint32_t interval_ms;
	uint32_t misses;
	uint32_t hang_ms; /* longer than interval x misses */
	uint32_t deaf_ms;
	bool preempt;
	uint32_t preempt_delay_ms; /* 0 without preempt */
	union addr *witnesses;     /* no port */
	size_t n_witnesses;
	struct config_track *tracks;
	size_t n_tracks;
	const char *notify; /* path; NULL: none */
	bool accept_file;   /* the peer may replace the file */
	struct config_group *groups;
	size_t n_groups;
};

enum config_preset {
	CONFIG_PRESET_NONE,
	CONFIG_PRESET_IMPALAD,
	CONFIG_PRESET_STATESTORED,
	CONFIG_PRESET_CATALOGD,
};

enum config_check_type {
	CONFIG_CHECK_TCP,
	CONFIG_CHECK_NONE,
	CONFIG_CHECK_HTTP,
	CONFIG_CHECK_SCRIPT,
	CONFIG_CHECK_TLS,
	CONFIG_CHECK_MYSQL,
	CONFIG_CHECK_POSTGRES,
	CONFIG_CHECK_REDIS,
	CONFIG_CHECK_LDAP,
};

enum config_match_kind {
	CONFIG_MATCH_BOOL,
	CONFIG_MATCH_NUMBER,
	CONFIG_MATCH_STRING,
};

/* A key at the top of a JSON object, and the value it has to have. */
struct config_match {
	const char *key;
	enum config_match_kind kind;
	const char *value; /* as the file has it: "true", "12", "Active" */
};

struct config_matches {
	struct config_match *all;
	size_t n;
};

enum config_check_proxy {           /* which PROXY header a check sends */
	CONFIG_CHECK_PROXY_SERVICE, /* the service's, where clients go, too */
	CONFIG_CHECK_PROXY_NONE,
	CONFIG_CHECK_PROXY_V1,
	CONFIG_CHECK_PROXY_V2,
};

enum config_method {
	CONFIG_METHOD_GET,
	CONFIG_METHOD_HEAD,
	CONFIG_METHOD_OPTIONS,
};

/* Of an answer by HTTP: from the one to the other, both among them. */
struct config_status {
	uint16_t min, max;
};

/* len 0: nothing. */
struct config_bytes {
	const uint8_t *bytes;
	size_t len;
};

/* One of them may be nothing. */
struct config_turn {
	struct config_bytes send, expect;
};

/*
 * What follows the port is void but for types that have it: `dialog` tcp,
 * `script` script, what is about certificates http and tls, `user` and
 * `password_file` http and all databases, `role` likewise but for ldap, all
 * else http.
 */
struct config_check {
	enum config_check_type type;
	uint32_t interval_ms, timeout_ms;
	uint32_t rise, fall;
	uint16_t port;                 /* 0: the server's own */
	enum config_check_proxy proxy; /* of what goes over a connection */
	struct config_turn *dialog;
	size_t n_dialog;
	const char *script; /* with type script, never NULL */
	const char *path;   /* of the URL, with its query */
	enum config_method method;
	const char *host;              /* NULL: that of the server's address */
	struct config_matches headers; /* name and value of each */
	struct config_status *statuses;
	size_t n_statuses;  /* 1 or more */
	const char *expect; /* "text" or "!text"; NULL: any body */
	struct config_matches json, drain;
	const char *fallback;  /* path; NULL: none */
	const char *role;      /* below; NULL: none */
	const char *role_path; /* never NULL */
	bool tls;
	bool verify;                      /* with tls: the certificate */
	const char *ca;                   /* path; NULL: the system's */
	const char *user, *password_file; /* NULL: none */
	bool negotiate;                   /* by SPNEGO; then no user */
	const char *negotiate_keytab;     /* path; NULL: the environment's */
};

/*
 * `role` of http is the JSON key that says it; of others the role that servers
 * must have, one of these two words.
 */
#define CONFIG_ROLE_PRIMARY "primary"
#define CONFIG_ROLE_REPLICA "replica"

/*
 * A server's address: numeric (`host` NULL), or a name that is resolved in the
 * background and has no address until then: `address` is 0.0.0.0 and void but
 * for its port.
 */
struct config_server {
	const char *name;
	union addr address;       /* with its port */
	const char *host;         /* the name to resolve, lower case, or NULL */
	uint32_t weight;          /* 0-256; 0: no new connections */
	uint32_t max_connections; /* 0: no limit; more of them queue */
	bool backup;              /* used only when all others are down */
	uint32_t slow_start_ms;   /* after it came up: its weight grows */
	struct config_check check; /* the service's, where it says none */
};

/* "*:8007" becomes two of these, 0.0.0.0 and [::]. */
struct config_listen {
	union addr address;
};

enum config_balance {
	CONFIG_BALANCE_ROUNDROBIN,
	CONFIG_BALANCE_LEASTCONN,
	CONFIG_BALANCE_SOURCE,
	CONFIG_BALANCE_RANDOM,
};

enum config_connect {
	CONFIG_CONNECT_AT_ACCEPT,
	CONFIG_CONNECT_AT_FIRST_BYTE,
};

/* Which way a service's connections go. */
enum config_path {
	CONFIG_PATH_RELAY,
	CONFIG_PATH_KERNEL, /* they outlive a node */
	CONFIG_PATH_AUTO,   /* of a file: one of the two, see kernel_fit.h */
};

enum config_mode {
	CONFIG_MODE_BALANCE,
	CONFIG_MODE_STANDBY,
};

enum config_on_down {
	CONFIG_ON_DOWN_KEEP,
	CONFIG_ON_DOWN_RESET,
};

enum config_backups { /* which of several serve when no other server is up */
	CONFIG_BACKUPS_ORDERED, /* the first that is up */
	CONFIG_BACKUPS_ALL,
};

enum config_prefer { /* of a name's addresses, which is tried first */
	CONFIG_PREFER_ANY,
	CONFIG_PREFER_IPV4,
	CONFIG_PREFER_IPV6,
};

enum config_proxy_protocol { /* `proxy_protocol` */
	CONFIG_PROXY_PROTOCOL_NONE,
	CONFIG_PROXY_PROTOCOL_V1,
	CONFIG_PROXY_PROTOCOL_V2,
};

struct config_timeouts {
	uint32_t connect_ms;
	uint32_t idle_ms;        /* 0: none */
	uint32_t half_closed_ms; /* 0: as idle_ms */
	uint32_t queue_ms;       /* never 0 */
	uint32_t first_byte_ms;  /* never 0 */
};

struct config_service {
	const char *name;
	enum config_preset preset;
	struct config_listen *listens;
	size_t n_listens;
	enum config_balance balance;
	enum config_backups backups;
	enum config_connect connect;
	enum config_path path_asked; /* what the file says */
	enum config_path path;       /* what it is: never `auto` */
	enum config_mode mode;
	/* What follows is void but for CONFIG_MODE_STANDBY. */
	const char *standby_group; /* NULL: it stands alone */
	bool failback;
	const char *fence, *promote; /* paths; NULL: none */
	uint32_t fence_timeout_ms;
	/* Of any mode again. */
	uint32_t hold_ms; /* how long down until it is given up */
	enum config_on_down on_down;
	uint32_t max_connections; /* 0: no limit */
	uint32_t max_per_client;  /* by address; 0: no limit */
	struct config_timeouts timeouts;
	uint32_t retries;
	uint32_t keepalive_ms;            /* 0: off; whole seconds */
	struct config_cidr *allow, *deny; /* networks; none is in both */
	size_t n_allow, n_deny;
	enum config_proxy_protocol proxy_protocol;
	enum config_prefer prefer;
	bool has_source;
	union addr source;  /* no port; where servers are connected from */
	bool shares_source; /* the kernel path connects from it, too */
	const char *keytab; /* path; NULL: none */
	struct config_check check; /* what its servers' checks begin with */
	struct config_server *servers;
	size_t n_servers;
};

/*
 * Of the ports that servers are connected to from an address that services with
 * `path: kernel` have for their source, these are the kernel path's, and those
 * above are the relay's.
 */
#define CONFIG_KERNEL_PORT_FIRST 10240
#define CONFIG_KERNEL_PORT_LAST 49151

/* The longest `timeouts.queue` of those: most clients give up connecting. */
#define CONFIG_KERNEL_QUEUE_MS 60000

#define CONFIG_KERNEL_PINS "/sys/fs/bpf/hapair"

struct config_kernel {
	const char *pins; /* a directory in bpffs */
	uint32_t slots;   /* connections of both nodes together */
};

/* The status page and what programs read there. */
struct config_web {
	struct config_service front;      /* void but `listens` and `allow` */
	const char *user, *password_file; /* both, or NULL */
};

struct config_log {
	enum log_target target;
	const char *path;  /* of LOG_TARGET_FILE, else NULL */
	union addr dest;   /* of LOG_TARGET_UDP */
	unsigned facility; /* RFC 5424 number */
	enum log_level level;
	bool connections; /* a line a connection */
};

struct config {
	struct arena memory; /* of its strings and arrays */
	bool has_pair;       /* else a single node, and `pair` is void */
	struct config_pair pair;
	struct config_service *services;
	size_t n_services;
	uint32_t threads;         /* 0: one a core */
	const char *user, *group; /* NULL: hapair if it exists, else nobody */
	uint32_t max_connections; /* 0: from the descriptor limit */
	uint32_t drain_ms; /* of what nobody new is sent to; 0: no limit */
	const char *control;
	struct config_kernel kernel; /* of services with `path: kernel` */
	const char *pid_file;        /* NULL: none */
	bool has_web;                /* else `web` is void */
	struct config_web web;
	struct config_log log;
	uint8_t hash[CONFIG_HASH_BYTES]; /* of the canonical text */
};

/* NULL-safe; frees the half-built too, with all that `memory` has. */
void config_free(struct config *c);
void config_free_at(struct config **c); /* for CLEANUP */

/* Whether this is one of its addresses; ports do not matter. */
bool config_group_has(const struct config_group *g, const union addr *a);

/* Whether they have an interface in common. */
bool config_group_shares(
    const struct config_group *a, const struct config_group *b);

/*
 * Whether an address is in a subnet of the group's on one of its interfaces:
 * neighbours can be asked there.
 */
bool config_group_is_near(
    const struct config_group *g, unsigned interface, const union addr *a);

/* The same, on any of its interfaces. */
bool config_group_is_near_any(
    const struct config_group *g, const union addr *a);

/*
 * The place of one of its interfaces among them, in an order that does not hang
 * on the file's: of the lowest address that is on each.
 */
unsigned config_group_place(const struct config_group *g, unsigned interface);

/*
 * An address of the pair: a group's, or one of a node or its links. Who listens
 * everywhere has it too, or the peer does. False where there is no pair.
 */
bool config_has_address(const struct config *c, const union addr *a);

/* Some server can have clients of this family; of names nobody knows yet. */
bool config_has_family(const struct config_service *s, sa_family_t family);

/* The [::] of a "*:PORT", which has 0.0.0.0 beside it. */
bool config_is_star_v6(const struct config_service *s, size_t listen);

/*
 * Whether a connection to `a` and its port reaches this service itself;
 * `is_here` says that this host has the address, for who listens everywhere.
 */
bool config_listens_at(
    const struct config_service *s, const union addr *a, bool is_here);

/* What log_open() wants, for a role; borrows the path. */
struct log_options config_log_options(
    const struct config_log *log, const char *role);

/* What a node is worth in a group, before anything is tracked. */
uint8_t config_priority(
    const struct config_pair *pair, size_t group, size_t node);

enum config_track_kind config_track_kind(const struct config_track *t);

/* The index, or -1. */
int config_find_service(const struct config *c, const char *name);

/* Whether an address, whatever its prefix, is one of a group's. */
bool config_has_virtual(const struct config_pair *pair, const union addr *a);

/* The index of that group, or -1. */
int config_group_of(const struct config_pair *pair, const union addr *a);

/*
 * The first service that moves together with this one: of its standby group,
 * or itself.
 */
size_t config_standby_leader(const struct config *c, size_t service);

/*
 * Of a leader: whether this node decides, which is the master of the group that
 * has the service's address, or of the first. `groups`: how each stands here;
 * `known`: what the peer knows of it, we do (MSG_KNOWN).
 */
bool config_standby_decides(const struct config *c, size_t leader, int node,
    bool known, const struct msg_group *groups);

/*
 * Which of its hosts has this server, -1: none. By the name in any service of
 * the group: another one may have been the first when it was written down.
 */
int config_standby_host(
    const struct config *c, size_t leader, const char *name);

/* Whether some service has `path: kernel`. */
bool config_has_kernel(const struct config *c);

/*
 * Where connections of such a service that came to `listen` reach their server
 * from: `source`, or that address itself.
 */
const union addr *config_kernel_source(
    const struct config_service *s, size_t listen);

/* Whether any of them does so from this address; ports do not matter. */
bool config_is_kernel_source(const struct config *c, const union addr *a);

/* Where the directors of a pair talk to each other, by TCP. */
uint16_t config_stream_port(const struct config_pair *pair);

/* For `status`. */
const char *config_track_kind_name(enum config_track_kind kind);

/*
 * The words of the file and of `status`, in the order of their values and with
 * a NULL at the end.
 */
extern const char *const config_balance_words[];
extern const char *const config_backups_words[];
extern const char *const config_connect_words[];
extern const char *const config_path_words[];
extern const char *const config_mode_words[];
extern const char *const config_on_down_words[];
extern const char *const config_prefer_words[];
extern const char *const config_preface_words[];
extern const char *const config_check_type_words[];
extern const char *const config_check_proxy_words[];
extern const char *const config_method_words[];
extern const char *const config_preset_words[];
extern const char *const config_log_level_words[];
extern const char *const config_log_facility_words[];
