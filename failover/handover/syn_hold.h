#pragma once

/*
 * Seam: the packet sockets for the moments in which a group's addresses change
 * hands. SYNs that our relay does not answer any more are held, and sent to the
 * peer as soon as it serves: their clients would ask again only after a second.
 * For a while after that, what neighbours still send here by mistake is sent on
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
#define SEAM_FRAMES_MAX 1024

/* The largest SYN without data: Ethernet 14, IPv6 40, TCP 60, and some room. */
#define SEAM_FRAME_BYTES 192

enum seam_mode {
	SEAM_OFF,
	SEAM_HOLDING,    /* SYNs are kept */
	SEAM_FORWARDING, /* all of TCP is sent on */
};

struct seam_side {
	enum seam_mode mode;
	const struct config_group *group; /* borrowed: the configuration's */
	struct netlink_link link;         /* where frames come from, and go */
	uint8_t peer_mac[NETLINK_MAC_BYTES];
	/* Frames, since seam_hold(). */
	unsigned held, forwarded, returned;
};

struct seam_frame;

struct seam {
	int fds[2];            /* IPv4, IPv6 */
	bool hooked;           /* the kernel shows them what arrives */
	struct raw_socket raw; /* for what is given back */
	struct seam_side sides[CONFIG_GROUPS_MAX];
	unsigned n_frames;
	struct seam_frame *frames; /* SEAM_FRAMES_MAX, in order of arrival */
	uint8_t *scratch;          /* a frame as large as the kernel makes */
	struct socket_filter sieve;
};

/* The empty value. */
void seam_init(struct seam *s);

/* Makes the sockets and all room. Returns 0 or -errno; seam_close() undoes. */
MUST_CHECK int seam_open(struct seam *s);
void seam_close(struct seam *s);

/* Readable when something came that is to be held or forwarded. */
int seam_fd(const struct seam *s, unsigned which);

/* Keeps SYNs to the group's addresses from now on. Returns 0 or -errno. */
MUST_CHECK int seam_hold(struct seam *s, unsigned index,
    const struct config_group *group, const struct netlink_link *link);

/*
 * Sends what is held for the group, and from now on whatever comes, to this
 * hardware address. Returns 0 or -errno: -EHOSTUNREACH where it is none.
 */
MUST_CHECK int seam_forward(struct seam *s, unsigned index,
    const uint8_t peer_mac[static NETLINK_MAC_BYTES]);

/*
 * No more; what is held is given to our kernel, as if it came now, and finds
 * whoever listens. It may know a client already, whose SYN was held and
 * answered at once: then it answers once more, as it would a SYN that came
 * twice (RFC 9293 section 3.10.7.4).
 */
void seam_give_back(struct seam *s, unsigned index);

/* No more; what is held is forgotten. */
void seam_let_go(struct seam *s, unsigned index);

/* Takes what came on this socket, at most so much that heartbeats go on. */
void seam_read(struct seam *s, unsigned which);
