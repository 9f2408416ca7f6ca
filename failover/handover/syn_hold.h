#pragma once

/*
 * The packet sockets for the moments in which a group's addresses change hands.
 * SYNs that our relay does not answer any more are held, and sent to the peer
 * as soon as it serves: their clients would ask again only after a second. For
 * a while after that, what neighbours still send here by mistake is sent on
 * too. Where nothing comes of it, our own kernel is given what was held.
 * Decides nothing and logs nothing. One for all groups, owned by the role.
 *
 * Frames go to the peer's hardware address on the interface they came by, so
 * both nodes are on one Ethernet there, as virtual IPs demand anyway.
 */

#include "config/config.h"
#include "core/base.h"
#include "core/mono.h"
#include "core/socket_filter.h"
#include "failover/vip/netlink.h"
#include "failover/vip/raw_socket.h"

/* A burst of as many new clients within a handover finds room. */
#define SYN_HOLD_FRAMES_MAX 1024

/* The largest SYN without data: Ethernet 14, IPv6 40, TCP 60, and some room. */
#define SYN_HOLD_FRAME_BYTES 192

enum syn_hold_mode {
	SYN_HOLD_OFF,
	SYN_HOLD_HOLDING,    /* SYNs are kept */
	SYN_HOLD_FORWARDING, /* all of TCP is sent on */
};

struct syn_hold_side {
	enum syn_hold_mode mode;
	const struct config_group *group; /* borrowed: the configuration's */
	/* Where frames come from, and go: as the group's interfaces. */
	struct netlink_link links[CONFIG_GROUP_INTERFACES_MAX];
	/* The peer's; zeros: nothing is sent on there. */
	uint8_t peer_macs[CONFIG_GROUP_INTERFACES_MAX][NETLINK_MAC_BYTES];
	/* Frames, since syn_hold_hold(). */
	unsigned held, forwarded, returned;
};

struct syn_hold_frame;

struct syn_hold {
	int fds[2];  /* IPv4, IPv6: readable when there is something to take */
	bool hooked; /* the kernel shows them what arrives */
	struct raw_socket raw; /* for what is given back */
	struct syn_hold_side sides[CONFIG_GROUPS_MAX];
	unsigned n_frames;
	struct syn_hold_frame *frames; /* in order of arrival */
	uint8_t *scratch; /* a frame as large as the kernel makes */
	struct socket_filter sieve;
};

/* The empty value. */
void syn_hold_init(struct syn_hold *s);

/*
 * Makes the sockets and all room. Returns 0 or -errno; syn_hold_close() undoes.
 */
MUST_CHECK int syn_hold_open(struct syn_hold *s);
void syn_hold_close(struct syn_hold *s);

/*
 * Keeps SYNs to the group's addresses from now on. `links`: of each of its
 * interfaces. Returns 0 or -errno.
 */
MUST_CHECK int syn_hold_hold(struct syn_hold *s, unsigned index,
    const struct config_group *group, const struct netlink_link *links);

/*
 * Sends what is held for the group, and from now on whatever comes, to these
 * hardware addresses, one for each interface. Returns 0 or -errno:
 * -EHOSTUNREACH where one of them is none. Then the others are sent to, and
 * if there are no others all goes on as before.
 */
MUST_CHECK int syn_hold_forward(struct syn_hold *s, unsigned index,
    const uint8_t (*peer_macs)[NETLINK_MAC_BYTES]);

/*
 * No more; what is held is given to our kernel, as if it came now, and finds
 * whoever listens. It may know a client already, whose SYN was held and
 * answered at once: then it answers once more, as it would a SYN that came
 * twice (RFC 9293 section 3.10.7.4).
 */
void syn_hold_give_back(struct syn_hold *s, unsigned index);

/* No more; what is held is forgotten. */
void syn_hold_let_go(struct syn_hold *s, unsigned index);

/* Takes what came on this socket, at most so much that heartbeats go on. */
void syn_hold_read(struct syn_hold *s, unsigned which);
