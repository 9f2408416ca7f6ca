#include "failover/handover/syn_hold.h"

#include "core/addr.h"
#include "core/fd.h"
#include "failover/handover/ip_packet.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Two kernel habits shape this. A packet socket that is taken off its hook
 * (closed, or bound elsewhere) waits for every processor, 6 to 42 ms, in which
 * no heartbeat would go out; so a socket once hooked stays hooked, and a filter
 * that passes nothing makes it quiet. And hooking one costs nothing but a few
 * instructions for each packet that arrives, which is still something for a
 * node that never hands over; so they are hooked at the first handover only.
 *
 * Frames carry the kernel's virtio header, both ways: between machines of one
 * host, checksums are left to "the hardware" and large segments uncut, and only
 * the header says so.
 */

#define V4 0
#define V6 1

/* Read at once; a flood must not keep us from the heartbeat. */
#define BUDGET 64

/* Room in the kernel for a burst while we are at something else. */
#define RECEIVE_BYTES (4 * 1024 * 1024)

#define HEADER_BYTES sizeof(struct virtio_net_hdr)
#define ETHERNET_BYTES 14
#define SOURCE_AT (HEADER_BYTES + NETLINK_MAC_BYTES)
#define NETWORK_AT (HEADER_BYTES + ETHERNET_BYTES)

/* The largest that the kernel builds, with its headers. */
#define SCRATCH_BYTES (64 * 1024 + 256)

/* A client that asked so long ago has asked again. */
#define STALE_MS 900

struct syn_hold_frame {
	struct mono at;
	unsigned side, k; /* the group, and which of its interfaces */
	size_t len;       /* with the virtio header */
	uint8_t bytes[HEADER_BYTES + SYN_HOLD_FRAME_BYTES];
};

static const sa_family_t families[] = { [V4] = AF_INET, [V6] = AF_INET6 };
static const uint16_t protocols[] = { [V4] = ETH_P_IP, [V6] = ETH_P_IPV6 };

void
syn_hold_init(struct syn_hold *s)
{
	memset(s, 0, sizeof(*s));
	s->fds[V4] = s->fds[V6] = -1;
	s->raw = raw_socket_none();
}

/* The filter that the sides' modes ask for; without any, it passes nothing. */
static int
refilter(struct syn_hold *s, unsigned which)
{
	enum socket_filter_kind kind = SOCKET_FILTER_SYNS;

	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		if (s->sides[i].mode == SYN_HOLD_FORWARDING)
			kind = SOCKET_FILTER_TCP;
	socket_filter_begin(&s->sieve, kind, families[which]);
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++) {
		const struct syn_hold_side *side = &s->sides[i];

		if (side->mode == SYN_HOLD_OFF)
			continue;
		for (size_t k = 0; k < side->group->n_addresses; k++)
			socket_filter_add(
			    &s->sieve, &side->group->addresses[k].addr);
	}
	return fd_attach_filter(s->fds[which], &s->sieve);
}

static int
refilter_all(struct syn_hold *s)
{
	const int e = refilter(s, V4);

	return e < 0 ? e : refilter(s, V6);
}

static int
open_one(struct syn_hold *s, unsigned which)
{
	CLEANUP(fd_close) int fd = -1;
	const int on = 1, room = RECEIVE_BYTES;

	/* Protocol 0: on no hook yet. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) == -1)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ==
	    -1)
		return -errno;
	s->fds[which] = fd_take(&fd);
	return refilter(s, which);
}

int
syn_hold_open(struct syn_hold *s)
{
	int e;

	s->frames = calloc(SYN_HOLD_FRAMES_MAX, sizeof(*s->frames));
	s->scratch = calloc(1, SCRATCH_BYTES);
	if (s->frames == NULL || s->scratch == NULL)
		return -ENOMEM;
	e = open_one(s, V4);
	if (e == 0)
		e = open_one(s, V6);
	return e < 0 ? e : raw_socket_open(&s->raw);
}

void
syn_hold_close(struct syn_hold *s)
{
	fd_close(&s->fds[V4]);
	fd_close(&s->fds[V6]);
	raw_socket_close(&s->raw);
	free(s->frames);
	free(s->scratch);
	syn_hold_init(s);
}

static int
hook(struct syn_hold *s)
{
	for (unsigned i = 0; !s->hooked && i < ARRAY_LEN(s->fds); i++) {
		const struct sockaddr_ll all = { .sll_family = AF_PACKET,
			.sll_protocol = htons(protocols[i]) };

		if (bind(s->fds[i], (const struct sockaddr *)&all,
		        sizeof(all)) == -1)
			return -errno;
	}
	s->hooked = true;
	return 0;
}

static bool
is_none(const uint8_t *mac)
{
	static const uint8_t none[NETLINK_MAC_BYTES];

	return memcmp(mac, none, sizeof(none)) == 0;
}

static void
send_on(struct syn_hold *s, unsigned which, struct syn_hold_side *side,
    unsigned k, uint8_t *bytes, size_t len)
{
	const struct netlink_link *link = &side->links[k];
	const uint8_t *mac = side->peer_macs[k];
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = link->index,
		.sll_halen = NETLINK_MAC_BYTES };

	if (is_none(mac))
		return;
	memcpy(to.sll_addr, mac, NETLINK_MAC_BYTES);
	memcpy(bytes + HEADER_BYTES, mac, NETLINK_MAC_BYTES);
	/* From us, or switches would look for the client at our port. */
	memcpy(bytes + SOURCE_AT, link->mac, NETLINK_MAC_BYTES);
	/* A frame that is lost here was as good as lost before. */
	if (sendto(s->fds[which], bytes, len, MSG_DONTWAIT,
	        (const struct sockaddr *)&to, sizeof(to)) != -1)
		side->forwarded++;
}

/* As if it came now. What our kernel refuses is lost, as it was before. */
static void
give_back(struct syn_hold *s, struct syn_hold_frame *f)
{
	struct virtio_net_hdr offload;
	uint8_t *ip = f->bytes + NETWORK_AT;
	const size_t len = ip_packet_len(ip, f->len - NETWORK_AT);
	const union addr to = ip_packet_dest(ip);

	if (len == 0)
		return;
	memcpy(&offload, f->bytes, sizeof(offload));
	if ((offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		const size_t at = offload.csum_start;

		if (at < ETHERNET_BYTES ||
		    !ip_packet_finish_checksum(
		        ip, len, at - ETHERNET_BYTES, offload.csum_offset))
			return;
	}
	if (raw_socket_send(&s->raw, ip, len, &to) == 0)
		s->sides[f->side].returned++;
}

enum fate {
	FORGET,
	SEND_ON,
	GIVE_BACK,
};

/* What becomes of the side's frames; those that are too old are forgotten. */
static void
empty(struct syn_hold *s, unsigned index, enum fate fate)
{
	const struct mono now = mono_now();
	unsigned kept = 0;

	for (unsigned i = 0; i < s->n_frames; i++) {
		struct syn_hold_frame *f = &s->frames[i];
		const bool v6 = (f->bytes[NETWORK_AT] >> 4) == 6;

		if (f->side != index) {
			if (kept != i)
				s->frames[kept] = *f;
			kept++;
		} else if (mono_span_ms(f->at, now) >= STALE_MS) {
			continue;
		} else if (fate == SEND_ON) {
			send_on(s, v6 ? V6 : V4, &s->sides[index], f->k,
			    f->bytes, f->len);
		} else if (fate == GIVE_BACK) {
			give_back(s, f);
		}
	}
	s->n_frames = kept;
}

int
syn_hold_hold(struct syn_hold *s, unsigned index,
    const struct config_group *group, const struct netlink_link *links)
{
	struct syn_hold_side *side = &s->sides[index];
	int e;

	if (side->mode == SYN_HOLD_HOLDING)
		return 0;
	*side =
	    (struct syn_hold_side){ .mode = SYN_HOLD_HOLDING, .group = group };
	memcpy(side->links, links, group->n_interfaces * sizeof(*links));
	e = hook(s);
	if (e == 0)
		e = refilter_all(s);
	if (e < 0)
		syn_hold_let_go(s, index);
	return e;
}

/* On how many interfaces the peer can be sent to. */
static size_t
note_macs(
    struct syn_hold_side *side, const uint8_t (*peer_macs)[NETLINK_MAC_BYTES])
{
	size_t n = 0;

	for (unsigned k = 0; k < side->group->n_interfaces; k++) {
		if (!side->links[k].ethernet || is_none(peer_macs[k]))
			continue;
		memcpy(side->peer_macs[k], peer_macs[k], NETLINK_MAC_BYTES);
		n++;
	}
	return n;
}

int
syn_hold_forward(struct syn_hold *s, unsigned index,
    const uint8_t (*peer_macs)[NETLINK_MAC_BYTES])
{
	struct syn_hold_side *side = &s->sides[index];
	size_t n;
	int e;

	if (side->mode == SYN_HOLD_OFF)
		return -EHOSTUNREACH;
	n = note_macs(side, peer_macs);
	if (n == 0)
		return -EHOSTUNREACH;
	side->mode = SYN_HOLD_FORWARDING;
	empty(s, index, SEND_ON);
	e = refilter_all(s);
	return e == 0 && n < side->group->n_interfaces ? -EHOSTUNREACH : e;
}

static void
finish(struct syn_hold *s, unsigned index, enum fate fate)
{
	s->sides[index].mode = SYN_HOLD_OFF;
	empty(s, index, fate);
	/* Fewer addresses than before fit; else it is read for nothing. */
	(void)refilter_all(s);
}

void
syn_hold_give_back(struct syn_hold *s, unsigned index)
{
	/* Those that wait in the sockets are of the same moment. */
	syn_hold_read(s, V4);
	syn_hold_read(s, V6);
	finish(s, index, GIVE_BACK);
}

void
syn_hold_let_go(struct syn_hold *s, unsigned index)
{
	finish(s, index, FORGET);
}

/* Which of the group's interfaces it is; as many as there are: none. */
static unsigned
find_link(const struct syn_hold_side *side, int interface)
{
	unsigned k = 0;

	while (
	    k < side->group->n_interfaces && side->links[k].index != interface)
		k++;
	return k;
}

/*
 * -1: no group's, or of one that is not in question. *ret_k: on which of its
 * interfaces.
 */
static int
side_of(const struct syn_hold *s, const uint8_t *network, int interface,
    unsigned *ret_k)
{
	const union addr to = ip_packet_dest(network);

	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++) {
		const struct syn_hold_side *side = &s->sides[i];

		if (side->mode == SYN_HOLD_OFF ||
		    !config_group_has(side->group, &to))
			continue;
		*ret_k = find_link(side, interface);
		return *ret_k < side->group->n_interfaces ? (int)i : -1;
	}
	return -1;
}

static void
keep(struct syn_hold *s, unsigned index, unsigned k, size_t len)
{
	struct syn_hold_frame *f;

	/* Full, or with data: those few clients ask again. */
	if (s->n_frames == SYN_HOLD_FRAMES_MAX || len > sizeof(f->bytes))
		return;
	f = &s->frames[s->n_frames++];
	f->at = mono_now();
	f->side = index;
	f->k = k;
	f->len = len;
	memcpy(f->bytes, s->scratch, len);
	s->sides[index].held++;
}

static void
take(struct syn_hold *s, unsigned which, const struct sockaddr_ll *from,
    size_t len)
{
	struct syn_hold_side *side;
	unsigned k;
	int index;

	/* To us by hardware address: a switch may flood, others may listen. */
	if (len < NETWORK_AT + IP_PACKET_BYTES_MIN ||
	    from->sll_pkttype != PACKET_HOST)
		return;
	index = side_of(s, s->scratch + NETWORK_AT, from->sll_ifindex, &k);
	if (index == -1)
		return;
	side = &s->sides[index];
	/* What the peer sends on to us must not go back to it. */
	if (memcmp(s->scratch + SOURCE_AT, side->peer_macs[k],
	        NETLINK_MAC_BYTES) == 0)
		return;
	switch (side->mode) {
	case SYN_HOLD_OFF:
		break;
	case SYN_HOLD_HOLDING:
		if (ip_packet_is_syn(s->scratch + NETWORK_AT, len - NETWORK_AT))
			keep(s, (unsigned)index, k, len);
		break;
	case SYN_HOLD_FORWARDING:
		send_on(s, which, side, k, s->scratch, len);
		break;
	}
}

void
syn_hold_read(struct syn_hold *s, unsigned which)
{
	for (int i = 0; i < BUDGET; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(s->fds[which], s->scratch, SCRATCH_BYTES,
		    MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n == -1)
			break; /* nothing more, or an interface went down */
		take(s, which, &from, (size_t)n);
	}
}
