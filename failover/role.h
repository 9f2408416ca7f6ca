#pragma once

/*
 * The failover role's state: what is everybody's, and borrowed pointers to what
 * each shell file has for itself, allocated once at the start. One struct, made
 * by failover.c, in the process's only thread:
 *
 *	failover.c            start, end, and what the supervisor says
 *	effects.c             carries out what the node decides (inbox.h)
 *	group.c               a group's announcements, and how it stands, to be
 *	                      told
 *	heartbeat.c           heartbeats in and out
 *	heartbeat_segment.c   the same, on the networks of groups
 *	handover_run.c        a group's handover: who is asked, what is held and
 *	                      sent on
 *	handover_request.c    who asked for a handover, and the answer
 *	handover_preview.c    the same of a dry run
 *	link_watch.c          interfaces and addresses, as the kernel tells of
 *	                      them
 *	own_address.c         whether the host has its own
 *	arp_nd.c, witness.c   what the network says, asked and unasked
 *	neighbours.c          who else is there: asked, and listened for
 *	living.c              whether who answers for an address lives
 *	relay_link.c          the relay: does it serve, what does it ask
 *	director_link.c       the director: whose addresses are where
 *	track.c               what the configuration tracks
 *	relay_watchdog.c      shows that this process turns, looks whether the
 *	                      relay does
 *	conn_sync.c           the wire, and each node's connections as the other
 *	                      knows
 *	tickle.c              who is told of a takeover
 *	state_sync.c          what both nodes agree on
 *
 * Whoever hears something puts it into the inbox, and knows nobody above.
 */

#include "config/config.h"
#include "core/msg.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/inbox.h"
#include "failover/state_sync.h"
#include "failover/vip/address_conflict.h"
#include "failover/vip/garp_schedule.h"
#include "failover/vip/vip.h"

#include <ev.h>

#define ROLE_LINKS_MAX (1 + CONFIG_LINKS_MAX)

struct arp_nd;
struct closer;
struct conn_sync;
struct director_link;
struct effects;
struct handover_request;
struct handover_run;
struct heartbeat;
struct heartbeat_segment;
struct link_watch;
struct living;
struct neighbours;
struct own_address;
struct relay_link;
struct relay_watchdog;
struct role;
struct tickle;
struct track;
struct witness;

/* A group in the shell: its addresses, and what is to be said of them. */
struct role_group {
	struct role *role; /* borrowed: the one it is in */
	unsigned index;    /* among pair.groups, and the node's */
	const struct config_group *config;
	char subject[CONFIG_NAME_MAX + 8]; /* of its log lines: "group main" */

	struct vip vip;
	struct garp_schedule schedule;
	struct garp_schedule_lane *lane; /* of its interfaces */
	int announce_errors[CONFIG_GROUP_INTERFACES_MAX]; /* told once */
	ev_timer frame;
	struct address_conflict conflict;

	struct msg_group told; /* how it stands, for supervisor and relay */
	bool supervisor_owes, relay_owes; /* not sent yet */
};

struct role {
	struct ev_loop *loop;  /* its user data is the role */
	int supervisor, relay; /* channels; -1: none */
	struct closer *closer; /* of what strangers gave */
	struct msg_start start;
	struct config *config;
	const struct config_node *self, *other; /* NULL: no pair */
	char peer_subject[CONFIG_NAME_MAX + 8];
	bool begun; /* sockets are open, listening */

	struct inbox inbox; /* and the node in it */
	size_t n_groups;
	struct role_group groups[CONFIG_GROUPS_MAX];
	struct garp_schedule_lane lanes[CONFIG_GROUPS_MAX];

	struct packet_auth auth;
	struct netlink *netlink;
	int packet; /* AF_PACKET socket, to send alone */
	struct state_sync sync;
	ev_timer pause_again; /* the supervisor is to be told */

	/* Each its own file's; NULL before its _open() or _new(). */
	struct heartbeat *heartbeat;
	struct heartbeat_segment *heartbeat_segment;
	struct effects *effects;
	struct handover_request *handover_request;
	struct handover_run *handover_run;
	struct arp_nd *arp_nd;
	struct conn_sync *conn_sync;
	struct relay_watchdog *relay_watchdog;
	struct relay_link *relay_link;
	struct director_link *director_link;
	struct tickle *tickle;
	struct track *track;
	struct link_watch *link_watch;
	struct living *living;
	struct neighbours *neighbours;
	struct own_address *own_address;
	struct witness *witness;
};

/*
 * The node, to look at: whoever wants something of it puts it into the inbox.
 */
static inline const struct node *
role_node(const struct role *role)
{
	return &role->inbox.node;
}

/* How one of its groups stands. */
static inline const struct node_group *
role_stand(const struct role_group *g)
{
	return &g->role->inbox.node.groups[g->index];
}
