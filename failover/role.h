#pragma once

/*
 * The failover role's state: one struct, made by failover.c in the process's
 * only thread, and worked on by the shell files, each by its part:
 *
 *	failover.c  start, end, and what the supervisor says
 *	beat.c      heartbeats out and in
 *	group.c     a group's election and what it asks for
 *	giver.c     a group's handover, and how its addresses leave
 *	errand.c    who asked for a handover, and the answer
 *	watch.c     interfaces and addresses, as the kernel tells of them
 *	neighbours.c, witness.c  what the network says, asked and unasked
 *	sibling.c   the relay: does it serve, what does it ask
 *	track.c     what the configuration tracks, and what follows from it
 *	sentry.c    shows that this process turns, looks whether the relay does
 *	replica.c   the wire, and each node's connections as the other knows
 *	tickle.c    who is told of a takeover
 *	state_sync.c  what both nodes agree on
 */

#include "config/config.h"
#include "core/msg.h"
#include "core/pulse.h"
#include "core/stall.h"
#include "failover/election.h"
#include "failover/errand.h"
#include "failover/handover.h"
#include "failover/holder.h"
#include "failover/link.h"
#include "failover/peer.h"
#include "failover/reason.h"
#include "failover/schedule.h"
#include "failover/seal.h"
#include "failover/seam.h"
#include "failover/state_sync.h"
#include "failover/tracker.h"

#include <ev.h>

/* A step raises at most one event, and one more may come from outside. */
#define ROLE_EVENTS_MAX 8

/* What keeps a group from serving; of several the first is told. */
enum role_cause {
	ROLE_CAUSE_INTERFACE,
	ROLE_CAUSE_RELAY,
	ROLE_CAUSE_STALLED,
	ROLE_CAUSE_TRACK,
};

#define ROLE_CAUSES 4

struct role_fault {
	enum election_reason reason; /* ELECTION_UNCHANGED: there is none */
	unsigned which;              /* of several that it may mean */
};

struct replica;
struct role;
struct tickle;

/* What a batch of the kernel's news asks for, once for all of them: watch.c. */
struct role_chores {
	bool look;     /* at the interface */
	bool survey;   /* the other addresses on it */
	bool add;      /* the virtual IPs again, if they are still ours */
	unsigned gone; /* so many of them were deleted by others */
};

struct role_group {
	struct role *role; /* borrowed: the one it is in */
	unsigned index;    /* among pair.groups */
	const struct config_group *config;
	char subject[CONFIG_NAME_MAX + 8]; /* of its log lines: "group main" */
	uint32_t id;                       /* on the wire */

	struct election election;
	struct election_event events[ROLE_EVENTS_MAX];
	unsigned n_events;
	bool settling; /* a step is being carried out */
	struct role_fault faults[ROLE_CAUSES];
	struct role_fault fault; /* as the election was told */

	struct holder holder;
	struct schedule schedule;
	struct schedule_lane *lane; /* of its interface */
	int announce_error;         /* told once, 0: none */
	struct role_chores chores;
	uint64_t readded; /* addresses that others deleted */
	struct mono readded_told;
	ev_timer route_look; /* of an address that is not usable yet */
	unsigned route_looks;

	ev_timer tick, frame;

	struct handover handover;
	struct handover_event handover_events[ROLE_EVENTS_MAX];
	unsigned n_handover_events;
	bool giving;      /* a step of the handover is being carried out */
	bool answer_owed; /* the supervisor must hear that they are to answer */
	enum handover_outcome objection_told; /* to the election's wish */
	ev_timer handover_tick;

	struct msg_group told; /* how it stands, for supervisor and relay */
	bool supervisor_owes, relay_owes; /* not sent yet */
	enum msg_group_state peer_state;
	/* The peer's interface: by its own word, else as seen; zeros: unknown.
	 */
	uint8_t peer_mac[HELLO_MAC_BYTES];
	bool peer_near; /* its address is in a subnet of the group's */
};

/* The nodes' addresses, or a pair of their `links`. */
struct role_link {
	struct role *role; /* borrowed: the one it is in */
	struct link link;
	struct peer_path path;
	int error; /* of sending; told once, 0: none */
	ev_io ready;
};

#define ROLE_LINKS_MAX (1 + CONFIG_LINKS_MAX)

/* One of pair.track. */
struct role_track {
	const struct config_track *config;
	struct tracker tracker;
	int link;    /* an interface's index, 0: it is not there */
	int service; /* a service's index in the configuration */
};

struct role {
	struct ev_loop *loop;
	pid_t parent;
	int status;    /* of the process, once the loop has ended */
	bool begun;    /* sockets are open, listening */
	bool stopping; /* on the way out: our hellos resign */

	int supervisor; /* channel */
	ev_io supervisor_ready;
	ev_signal on_term, on_int;
	struct msg_start start;
	struct config *config;
	unsigned n_restored;
	struct msg_group restored[CONFIG_GROUPS_MAX];

	int relay;         /* channel, -1: none */
	bool relay_leaves; /* it said that its end is meant */
	bool relay_serves;
	ev_io relay_ready;
	ev_timer relay_grace;
	struct pulse *pulse;              /* our own; NULL: nobody watches */
	struct pulse *relay_pulse;        /* to look at; NULL: none */
	struct stall stalls[PULSE_LINES]; /* of the relay */
	bool relay_stalled;
	ev_timer look;

	size_t n_tracks;
	struct role_track tracks[CONFIG_TRACKS_MAX];
	ev_timer settle; /* an interface is about to count as up */

	const struct config_node *self, *other; /* NULL: no pair */
	char peer_subject[CONFIG_NAME_MAX + 8];
	uint32_t dead_ms;
	struct seal seal;
	size_t n_links;
	struct role_link links[ROLE_LINKS_MAX];
	struct peer peer;
	uint64_t fresh; /* 64 random bits for the next new boot */
	ev_timer beat;
	struct mono beaten, beaten_boot; /* the last hello, on two clocks */
	struct mono challenged;          /* the last stranger was */
	bool peer_told, config_told;     /* reachable; configurations differ */
	uint64_t rejected_told[PEER_REJECTS];
	struct mono rejected_at;
	ev_check turn;
	struct replica *replica; /* NULL: no pair */
	struct tickle *tickle;
	struct state_sync sync;

	struct netlink *netlink;
	int packet;      /* AF_PACKET socket, to send alone */
	int arp, advert; /* what neighbours say; -1: none */
	ev_io arp_ready, advert_ready;
	int echo4, echo6; /* to the witnesses; -1: none */
	uint64_t echo_token;
	ev_io echo4_ready, echo6_ready;
	struct seam seam;
	ev_io seam_ready[2];
	struct errand errand;
	ev_timer leaving; /* stopped, but still sending on */
	ev_io netlink_ready;
	ev_timer renew;
	struct renewer *renewer; /* NULL: no pair */

	size_t n_groups;
	struct role_group groups[CONFIG_GROUPS_MAX];
	struct schedule_lane lanes[CONFIG_GROUPS_MAX];
};
