#pragma once

/*
 * What an import will write, as a value: the parts of a configuration that
 * other programs' files can tell of, and where each part is from. The readers'
 * trees become this, and import_yaml.c writes it. All that it points to is in
 * `memory` and lives as long as the plan.
 */

#include "config/arena.h"
#include "config/config.h"
#include "config/import/import_notes.h"

#define IMPORT_PLAN_TURNS_MAX 16
#define IMPORT_PLAN_COMMENTS_MAX 24
#define IMPORT_PLAN_LINES_MAX 2000
/* A command of theirs is whole in one. */
#define IMPORT_PLAN_COMMENT_LEN 800
#define IMPORT_PLAN_COMMAND_MAX 600

#define IMPORT_PLAN_MADE_UP_MAX 64

/* "FILL IN" is what one looks for in the result. */
#define IMPORT_PLAN_FILL_IN "FILL IN"

/* What the environment says of a name; NULL: it is not set. */
typedef const char *import_plan_env(const char *name);

struct import_plan_comments {
	const char *all[IMPORT_PLAN_COMMENTS_MAX];
	size_t n;
};

struct import_plan_turn {
	const char *send, *expect; /* NULL: nothing */
};

/* NULL and 0: it is not said. */
struct import_plan_check {
	const char *type;
	uint64_t interval_ms, timeout_ms;
	uint64_t rise, fall, port;
	const char *method, *path, *host, *status, *expect;
	const char *role, *user, *password_file, *script, *ca;
	bool tls, no_verify;
	struct import_plan_turn turns[IMPORT_PLAN_TURNS_MAX];
	size_t n_turns;
};

struct import_plan_server {
	struct import_plan_server *next;
	struct import_notes_place at;
	const char *name, *address;
	const char *comment; /* NULL: none */
	bool has_weight;
	uint64_t weight, max_connections, slow_start_ms;
	bool backup;
	struct import_plan_check check; /* only what is not the service's */
};

struct import_plan_list {
	const char **all;
	size_t n, room;
};

struct import_plan_service {
	struct import_plan_service *next;
	struct import_notes_place at;
	struct import_plan_comments comments;
	const char *name;
	struct import_plan_list listens, allow, deny;
	bool is_standby, failback;
	bool no_hold; /* the next server takes over at once */
	const char *balance, *backups, *on_down, *proxy_protocol, *source;
	bool has_retries;
	uint64_t retries, max_connections, max_per_client;
	uint64_t connect_ms, idle_ms, half_closed_ms, queue_ms, keepalive_ms;
	bool half_closed_for_ever;
	struct import_plan_check check;
	struct import_plan_server *servers;
	size_t n_servers;
	unsigned first_line; /* of the result; written by import_yaml.c */
	bool left_out;
};

struct import_plan_node {
	struct import_plan_comments comments;
	const char *name, *address;
	const char *address_comment;
	unsigned priority;
	const char *priority_comment;
	const char *links[CONFIG_LINKS_MAX];
	size_t n_links;
};

struct import_plan_address {
	const char *cidr, *interface; /* interface NULL: the group's */
	const char *comment;
};

struct import_plan_group {
	struct import_plan_group *next;
	struct import_plan_comments comments;
	const char *name, *interface;
	struct import_plan_address addresses[CONFIG_GROUP_ADDRESSES_MAX];
	size_t n_addresses;
	unsigned priority[CONFIG_NODES]; /* 0: the node's */
};

struct import_plan_track {
	struct import_plan_comments comments;
	const char *interface, *script; /* one of them */
	uint64_t interval_ms, timeout_ms, rise, fall, weight;
};

struct import_plan_pair {
	struct import_plan_comments comments;
	struct import_plan_node nodes[CONFIG_NODES];
	bool preempt;
	uint64_t preempt_delay_ms;
	struct import_plan_track tracks[CONFIG_TRACKS_MAX];
	size_t n_tracks;
	const char *notify;
	struct import_plan_list notify_lines; /* of a comment */
	struct import_plan_group *groups;
	size_t n_groups;
};

struct import_plan_web {
	struct import_plan_comments comments;
	struct import_plan_list listens;
	const char *user; /* NULL: none */
	bool is_open;     /* whoever knows the password may see it */
	bool is_limited;  /* by a rule that is not carried over */
};

/* A proxy host that haproxy's `peers` names. */
struct import_plan_peer {
	const char *name, *address; /* address NULL: no number */
	struct import_notes_place at;
};

struct import_plan {
	struct arena memory;
	struct import_notes notes;
	import_plan_env *env; /* NULL: nothing is set */
	bool failed;          /* memory is out */

	bool has_pair;
	struct import_plan_pair pair;
	struct import_plan_peer peers[CONFIG_NODES];
	size_t n_peers; /* more than there is room for: so many were given */
	struct import_plan_service *services, *last_service;
	size_t n_services, n_servers, n_listens;
	uint64_t threads, max_connections;
	const char *threads_comment, *max_connections_comment;
	const char *log_target, *log_facility, *log_level, *log_comment;
	bool has_web;
	struct import_plan_web web;
	const char *made_up[IMPORT_PLAN_MADE_UP_MAX]; /* what they stand for */
	bool was_made_up[IMPORT_PLAN_MADE_UP_MAX]; /* since it was last told */
	size_t n_made_up;
	const char *made_up_network; /* "192.0.2", one that no file has */
};

/* Zeroed; NULL where memory is out, which the plan keeps. */
void *import_plan_alloc(struct import_plan *p, size_t len);

/* A text in its memory; "" where memory is out. */
const char *import_plan_text(struct import_plan *p, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The name of a place, for a comment: "haproxy.cfg:12". */
const char *import_plan_where(
    struct import_plan *p, struct import_notes_place at);

/* A line of a comment; what has no room is left out. */
void import_plan_comment(struct import_plan *p, struct import_plan_comments *c,
    const char *format, ...) PRINTF_LIKE(3, 4);

/* The same where all have room that a file can have and not be hostile. */
void import_plan_line(struct import_plan *p, struct import_plan_list *list,
    const char *format, ...) PRINTF_LIKE(3, 4);

void import_plan_push(
    struct import_plan *p, struct import_plan_list *list, const char *text);

/*
 * An address that stands for one that is not known: of a network that RFC 5737
 * keeps for documents, so that nobody has it. The same for the same text.
 */
const char *import_plan_made_up(struct import_plan *p, const char *text);

/* A line for each that was made up since the last time. */
void import_plan_tell_made_up(
    struct import_plan *p, struct import_plan_comments *c);

/* `text` as a name of ours: letters, digits, '-', '_' and '.'. */
const char *import_plan_name(struct import_plan *p, const char *text,
    const char *extra, const char *fallback);

/* Behind the others; NULL where memory is out. */
struct import_plan_service *import_plan_add_service(struct import_plan *p);

void import_plan_fini(struct import_plan *p);
