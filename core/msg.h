#pragma once

/*
 * All that the processes ever say to each other. Each message has a struct, a
 * _put_ that writes its fields into a buf one by one, and a _get_ that reads
 * them all or refuses the message whole (-EBADMSG). Messages travel as the
 * body of a chan packet whose type is the enum value.
 *
 * Who may say which of them to whom, when, and how often is a table:
 * msg_rights.h, printed in doc/messages.md.
 *
 * Pure.
 */

#include "core/base.h"
#include "core/version.h"

struct buf;
struct secret_keys;

enum msg_type {
	MSG_START = 1, /* descriptor: the configuration, a sealed memfd */
	MSG_LISTENER,  /* descriptor: a listening socket */
	MSG_SIBLING,   /* descriptor: a channel to the other role; msg_ask */
	MSG_CONTROL,   /* descriptor: the socket to answer on */
	MSG_STOP,      /* end in good order; empty */
	MSG_READY,     /* the role does its work; empty */
	MSG_STOPPED, /* after STOP: no connection, no address is left; empty */
	MSG_GROUP,
	MSG_PEER,
	MSG_SERVING, /* the relay accepts connections; empty */
	MSG_SERVICE,
	MSG_ASK, /* send PEER, TRACKS, then ANSWERED */
	MSG_ANSWERED,
	MSG_SCRIPT, /* a tracked script has run */
	MSG_TRACKS, /* how all that is tracked stands */
	MSG_PULSE,  /* descriptor: a pulse, its own to write, or to look at */
	MSG_MUTE,
	MSG_RESET,
	MSG_HAND_OVER_ALL, /* every group we are master of; empty */
	MSG_HANDED_OVER,   /* nothing more to wait for; empty */
	/* Of live connections at virtual IPs: what follows is all there is. */
	MSG_CONNECTIONS_BEGIN, /* empty */
	MSG_CONNECTIONS,     /* records of conn_record.h, one after the other */
	MSG_CONNECTIONS_END, /* empty: the others are no more */
	MSG_WIRE,      /* descriptor: the wire's socket, to be held; empty */
	MSG_WIRE_DOWN, /* it has ended; empty */
	MSG_HOLD,      /* descriptor: a packet socket, to be held; empty */
	MSG_ACCORDS,   /* accord.h, one after the other */
	MSG_KNOWN,
	/*
	 * Something for the peer behind the wire of this number; another one
	 * than before: the peer has been told nothing yet.
	 */
	MSG_WANTED,   /* struct msg_ask */
	MSG_FOR_PEER, /* that number, then accords; none: these were all */
	MSG_FENCE,
	MSG_FENCED,
	MSG_CHOSEN,   /* the relay has made this server active */
	MSG_ACTIVATE, /* it shall be; descriptor: the socket to answer on */
	/*
	 * The answer to an operator, by whoever has done by then what was said
	 * before. Descriptor: the socket to answer on.
	 */
	MSG_REPLY,
	/*
	 * The pair's. To a failover that begins: without a descriptor. Read
	 * anew: descriptor, the socket to answer on. Back: it has taken these.
	 */
	MSG_KEYS,
	MSG_PAUSE,
	/* The channel of this SIBLING, or CHANNEL, does not do any more. */
	MSG_SIBLING_LOST,
	/*
	 * Two relays, of which the later takes over. Descriptor: a channel to
	 * the other one; empty. With a predecessor a relay's READY says that it
	 * can take over; with a successor it gives all that it has.
	 */
	MSG_PREDECESSOR,
	MSG_SUCCESSOR,
	MSG_TAKING, /* it has some of it, and more comes; empty */
	MSG_TAKEN,  /* it has what it could get, and accepts; empty */
	MSG_GIVEN,
	/*
	 * Failover has loaded its file. It begins when it has the GROUPs that
	 * START announced, and KEYS: they may be kept back until another one
	 * has ended. Empty.
	 */
	MSG_PREPARED,
	MSG_LOG,       /* descriptor: the log file, opened anew; empty */
	MSG_ROLE_ENDS, /* for `status`, before the question */
	MSG_EVENT,     /* something about a server, to be kept */
	MSG_EVENTS, /* event.h, some; for the peer with a number, as FOR_PEER */
	/*
	 * What the kernel says of a thread of the relay; descriptor: its file
	 * (core/thread_stat.h). Not to roles of a program that was before.
	 */
	MSG_THREAD,
	/* hapair/supervisor/peer_file.h, for the peer's supervisor or of it. */
	MSG_PEER_FILE,
	MSG_FILE_UNSENT, /* what was for the peer has not gone */
	/* Of `web`; descriptors: a listening socket, a stream of lines. */
	MSG_WEB_LISTENER, /* empty */
	MSG_EVENT_FEED,   /* empty */
	/* The director's: core/kernel/msg_kernel.h has what they say. */
	MSG_DIRECTOR_BEGIN,   /* the kernel's maps are yours now; empty */
	MSG_STREAM_LISTENER,  /* descriptor: where its peer is accepted */
	MSG_FAILOVER_CHANNEL, /* descriptor: a channel to it; struct msg_ask */
	MSG_RELAY_CHANNEL,    /* likewise */
	MSG_DIRECTOR_CHANNEL, /* likewise */
	MSG_DIRECTOR_ENDS,    /* with ROLE_ENDS; struct msg_ends */
	MSG_CLAIM,
	MSG_RELEASE,
	MSG_RELEASED,
	MSG_TERM,
	MSG_PEER_LIFE,
	MSG_LEVEL,
	MSG_KERNEL_SERVER,
	MSG_KERNEL_SERVERS_END, /* empty */
	MSG_KERNEL_CUT,
	MSG_KERNEL_ACCUSED,
	MSG_KERNEL_KILL,
	MSG_KERNEL_KILLED,
	MSG_KERNEL_LIST,
	MSG_KERNEL_CONN,
	MSG_KERNEL_LIST_END,
	MSG_KERNEL_SERVICE,
	MSG_KERNEL_COUNT,
	MSG_KERNEL_STATE,
	MSG_KILLED, /* an operator's kill, which was an order */
};

/*
 * Of all of them together: one more where any is another than before, so that
 * a supervisor knows whether it can talk with roles of the program that it was
 * (hapair/supervisor/upgrade.h). START says it. What is new, and is neither
 * said to those (child.h, `adopted`) nor missed where it is not said, is none.
 */
#define MSG_VERSION 1

#define MSG_TEXT_MAX 256 /* a name, a reason, a path's last part */
#define MSG_PATH_MAX 1024
#define MSG_REQUEST_MAX 1024 /* a request line of the control socket */
#define MSG_PEER_GROUPS_MAX 16
#define MSG_PEER_LINKS_MAX 5
#define MSG_PEER_NETWORKS_MAX 64
#define MSG_TRACKS_MAX 16
#define MSG_NO_NODE UINT16_MAX

/* Group states: the same words in code, log, `status` and notify. */
enum msg_group_state {
	MSG_GROUP_INIT,
	MSG_GROUP_BACKUP,
	MSG_GROUP_MASTER,
	MSG_GROUP_FAULT,
};

/* A pause, to be kept over our end (failover/election/pause.h). */
struct msg_pause {
	uint32_t epoch; /* 0: there was none */
	bool own;
	int64_t until_wall_ms;
};

/* First message to a role: everything it needs to load the file. */
struct msg_start {
	uint16_t version;     /* MSG_VERSION */
	uint16_t node;        /* index into pair.nodes, or MSG_NO_NODE */
	uint16_t n_listeners; /* LISTENER messages that follow */
	uint16_t n_groups;    /* GROUP messages that follow (failover only) */
	uint16_t workers;     /* relay threads */
	uint32_t max_connections; /* of the node, never 0 */
	uint16_t pipes;           /* a worker may have, for splice */
	int64_t loaded_wall_ms;
	int64_t started_ns; /* struct mono: when the daemon was started */
	struct msg_pause pause;
	char path[MSG_PATH_MAX]; /* of the file, for messages and status */
};

struct msg_listener {
	uint16_t service, listen; /* indices in the configuration */
	uint16_t worker;
};

struct msg_control {
	char request[MSG_REQUEST_MAX]; /* one line, without its newline */
};

/* How a group stands on this node, whole, after each change. */
struct msg_group {
	uint16_t group; /* index into pair.groups */
	enum msg_group_state state;
	uint8_t priority, effective_priority;
	uint32_t transitions; /* since the daemon started */
	uint64_t term;        /* rises with each claim, never falls */
	int64_t since_wall_ms;
	int64_t decided_wall_ms; /* for that reason, to change or to stay */
	char reason[MSG_TEXT_MAX];
	uint32_t refused; /* addresses that it cannot hold, a bit each */
	char refused_reason[MSG_TEXT_MAX]; /* of the first */
};

struct msg_peer_link {
	bool up;
	int64_t heard_ms;                  /* ago; -1: never */
	uint64_t received, lost, rejected; /* heartbeats */
};

#define MSG_PEER_KEYS_MAX 2

/* Why packets that came from the peer's address a moment ago were not heard. */
enum msg_peer_odd {
	MSG_PEER_NOT_ODD,
	MSG_PEER_ODD_KEY,     /* `odd`: its id */
	MSG_PEER_ODD_VERSION, /* `odd`: the heartbeat's */
};

#define MSG_MAC_BYTES 6

/* Another host showed that it has an address of a group, while we had it. */
struct msg_conflict {
	bool there;      /* else all of it is void */
	bool peer;       /* by its hardware address: the peer, unheard */
	uint8_t address; /* index into the group's */
	uint8_t mac[MSG_MAC_BYTES];
	uint64_t first_ms, last_ms; /* ago */
};

/* What failover knows of the peer, when asked. */
struct msg_peer {
	uint16_t node; /* index into pair.nodes */
	bool reachable;
	bool config_known, config_matches; /* known once it was heard */
	int64_t last_heard_ms;             /* -1: never */
	bool wire_up;
	uint8_t wire_version;
	char version[VERSION_TEXT_MAX]; /* of its program; empty: not told */
	int64_t wire_ms;                /* ago it came up, or went; -1: never */
	uint32_t connections;   /* of the peer, that we would have to tell */
	uint64_t wire_rejected; /* connections that were none of the peer's */
	uint32_t pause_ms;      /* of automatic moves; 0: there is none */
	bool pause_own;         /* this node was told, else the peer */
	uint8_t odd_kind;       /* enum msg_peer_odd */
	uint64_t odd;
	/* Ids of the keys that each takes, and signs with; 0: none, unknown. */
	uint64_t own_keys[MSG_PEER_KEYS_MAX], own_key;
	uint64_t keys[MSG_PEER_KEYS_MAX], key;
	/* Of the peer's, that we have told of takeovers since our start. */
	uint32_t told_clients, told_servers;
	uint32_t silent_clients; /* of these, who never answered */
	uint16_t n_groups;
	enum msg_group_state groups[MSG_PEER_GROUPS_MAX];
	uint32_t refused[MSG_PEER_GROUPS_MAX]; /* as in struct msg_group */
	struct msg_conflict conflicts[MSG_PEER_GROUPS_MAX];
	uint16_t n_links; /* the address first, then those of `links` */
	struct msg_peer_link links[MSG_PEER_LINKS_MAX];
	/* Those of the first group, of the second, and so on. */
	uint16_t n_networks;
	struct msg_peer_link networks[MSG_PEER_NETWORKS_MAX];
};

/* How a role has ended since the daemon was started, but on purpose. */
struct msg_ends {
	uint32_t n, recent; /* of these, the last within an hour of each other
	                     */
	int64_t wall_ms;    /* the last */
	char reason[MSG_TEXT_MAX];
};

struct msg_role_ends {
	struct msg_ends failover, relay;
};

struct msg_service {
	uint16_t service;
	uint16_t servers, up;
	uint16_t unknown; /* their first check has not ended */
};

/*
 * ASK and its ANSWERED, and WANTED, carry the asker's number; SIBLING and the
 * CHANNELs that of the introduction, of which no two have the same.
 */
struct msg_ask {
	uint32_t id;
};

struct msg_lost {
	uint32_t id;  /* of SIBLING, or of a CHANNEL */
	bool refused; /* the other sent what it may not, else it is just over */
};

struct msg_script {
	uint16_t track; /* index into pair.track */
	bool passed;
};

/* In the order of pair.track. */
struct msg_tracks {
	uint16_t n;
	bool ok[MSG_TRACKS_MAX];
};

struct msg_pulse {
	bool own; /* else it is the other role's */
};

struct msg_thread {
	uint16_t line; /* of its pulse: liveness.h */
};

/*
 * New clients of a group's addresses get no answer from our listeners, or get
 * one again. Sent back with what has come about.
 */
struct msg_mute {
	uint16_t group;
	bool wanted; /* to be muted */
	bool muted;  /* in the answer */
};

/*
 * The connections to a group's addresses shall be reset, both legs; answered
 * when they were.
 */
struct msg_reset {
	uint16_t group;
};

/*
 * Whether the accords are all there are: the peer has told its own, or can't be
 * asked.
 */
struct msg_known {
	bool known;
};

/*
 * A standby service's active server is to be another: run its `fence` or, when
 * it is done, its `promote`. The fence is answered, with the asker's number.
 */
struct msg_fence {
	uint32_t id;
	uint16_t service;
	bool promote;
	uint16_t from, to; /* of its servers */
};

struct msg_fenced {
	uint32_t id;
	bool passed;
	char fault[MSG_TEXT_MAX]; /* why it has not, with its last words */
};

/* Of it, what relays of version 0.2.0 know. */
#define MSG_FENCED_LEAST 5

/*
 * The active server of a standby service: in CHOSEN of the first of its group.
 * Each CHOSEN of the relay is answered with what is agreed on then.
 */
struct msg_active {
	uint16_t service, server;
	uint64_t epoch; /* of an answer; 0: nobody ever chose */
};

/*
 * Connections that the successor could not have, and that go on to their end
 * here. Said again at 0, and then the relay ends.
 */
struct msg_given {
	uint32_t left;
};

/* A server of a service is another now; standby: it is the active one. */
struct msg_event {
	uint16_t service, server;
	bool standby;
	char what[MSG_TEXT_MAX];
	char reason[MSG_TEXT_MAX];
};

/* By its id, if not 0, or all that this server had. */
struct msg_killed {
	uint64_t id;
	uint16_t service, server;
};

/* Why no PEER_FILE can go to the peer now. */
struct msg_unsent {
	bool unspoken; /* it is of a version without; else there is no wire */
};

void msg_put_start(struct buf *b, const struct msg_start *m);
void msg_put_listener(struct buf *b, const struct msg_listener *m);
void msg_put_control(struct buf *b, const struct msg_control *m);
void msg_put_group(struct buf *b, const struct msg_group *m);
void msg_put_peer(struct buf *b, const struct msg_peer *m);
void msg_put_service(struct buf *b, const struct msg_service *m);
void msg_put_ask(struct buf *b, const struct msg_ask *m);
void msg_put_lost(struct buf *b, const struct msg_lost *m);
void msg_put_script(struct buf *b, const struct msg_script *m);
void msg_put_tracks(struct buf *b, const struct msg_tracks *m);
void msg_put_pulse(struct buf *b, const struct msg_pulse *m);
void msg_put_thread(struct buf *b, const struct msg_thread *m);
void msg_put_mute(struct buf *b, const struct msg_mute *m);
void msg_put_reset(struct buf *b, const struct msg_reset *m);
void msg_put_known(struct buf *b, const struct msg_known *m);
void msg_put_fence(struct buf *b, const struct msg_fence *m);
void msg_put_fenced(struct buf *b, const struct msg_fenced *m);
void msg_put_active(struct buf *b, const struct msg_active *m);
void msg_put_pause(struct buf *b, const struct msg_pause *m);
void msg_put_given(struct buf *b, const struct msg_given *m);
void msg_put_ends(struct buf *b, const struct msg_ends *m);
void msg_put_role_ends(struct buf *b, const struct msg_role_ends *m);
void msg_put_event(struct buf *b, const struct msg_event *m);
void msg_put_killed(struct buf *b, const struct msg_killed *m);
void msg_put_unsent(struct buf *b, const struct msg_unsent *m);
void msg_put_keys(struct buf *b, const struct secret_keys *m);

MUST_CHECK int msg_get_start(struct buf *b, struct msg_start *ret_start);
MUST_CHECK int msg_get_listener(struct buf *b, struct msg_listener *ret);
MUST_CHECK int msg_get_control(struct buf *b, struct msg_control *ret_control);
MUST_CHECK int msg_get_group(struct buf *b, struct msg_group *ret_group);
MUST_CHECK int msg_get_peer(struct buf *b, struct msg_peer *ret_peer);
MUST_CHECK int msg_get_service(struct buf *b, struct msg_service *ret_service);
MUST_CHECK int msg_get_ask(struct buf *b, struct msg_ask *ret_ask);
MUST_CHECK int msg_get_lost(struct buf *b, struct msg_lost *ret_lost);
MUST_CHECK int msg_get_script(struct buf *b, struct msg_script *ret_script);
MUST_CHECK int msg_get_tracks(struct buf *b, struct msg_tracks *ret_tracks);
MUST_CHECK int msg_get_pulse(struct buf *b, struct msg_pulse *ret_pulse);
MUST_CHECK int msg_get_thread(struct buf *b, struct msg_thread *ret_thread);
MUST_CHECK int msg_get_mute(struct buf *b, struct msg_mute *ret_mute);
MUST_CHECK int msg_get_reset(struct buf *b, struct msg_reset *ret_drop);
MUST_CHECK int msg_get_known(struct buf *b, struct msg_known *ret_known);
MUST_CHECK int msg_get_fence(struct buf *b, struct msg_fence *ret_fence);
MUST_CHECK int msg_get_fenced(struct buf *b, struct msg_fenced *ret_fenced);
MUST_CHECK int msg_get_active(struct buf *b, struct msg_active *ret_active);
MUST_CHECK int msg_get_pause(struct buf *b, struct msg_pause *ret_pause);
MUST_CHECK int msg_get_given(struct buf *b, struct msg_given *ret_given);
MUST_CHECK int msg_get_ends(struct buf *b, struct msg_ends *ret_ends);
MUST_CHECK int msg_get_role_ends(struct buf *b, struct msg_role_ends *ret_ends);
MUST_CHECK int msg_get_event(struct buf *b, struct msg_event *ret_event);
MUST_CHECK int msg_get_killed(struct buf *b, struct msg_killed *ret_killed);
MUST_CHECK int msg_get_unsent(struct buf *b, struct msg_unsent *ret_unsent);
/* Straight into its place, also of what is refused: no copy is left. */
MUST_CHECK int msg_get_keys(struct buf *b, struct secret_keys *ret_keys);

/* "init", "backup", "master", "fault". */
const char *msg_group_state_name(enum msg_group_state state);
