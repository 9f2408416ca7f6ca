#include "failover/vip/garp.h"

#include "config/config.h"
#include "failover/vip/arp_nd_frame.h"
#include "failover/vip/netlink.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

int
garp_open(void)
{
	/* Protocol 0: bound to none, so nothing ever fills its buffer. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd == -1 ? -errno : fd;
}

static bool
is_v4(const struct config_group *group, size_t i)
{
	return group->addresses[i].addr.sa.sa_family == AF_INET;
}

unsigned
garp_count(const struct config_group *group)
{
	unsigned n = 0;

	for (size_t i = 0; i < group->n_addresses; i++)
		n += is_v4(group, i) ? 2 : 1;
	return n;
}

/* The n-th IPv4 address of the group. */
static const struct config_address *
nth_v4(const struct config_group *group, size_t n)
{
	for (size_t i = 0; i < group->n_addresses; i++)
		if (is_v4(group, i) && n-- == 0)
			return &group->addresses[i];
	return NULL;
}

/* Whose frame it is; NULL: there is no such frame. */
static const struct config_address *
address_of(const struct config_group *group, unsigned i)
{
	const size_t n = group->n_addresses;

	return i < n ? &group->addresses[i] : nth_v4(group, i - n);
}

unsigned
garp_interface(const struct config_group *group, unsigned i)
{
	const struct config_address *a = address_of(group, i);

	return a == NULL ? 0 : a->at;
}

static struct arp_nd_frame
build(const uint8_t *mac, const struct config_group *group, unsigned i)
{
	const struct config_address *a = address_of(group, i);
	const uint8_t *ip;
	size_t len;

	if (a == NULL)
		return (struct arp_nd_frame){ 0 };
	ip = addr_bytes(&a->addr, &len);
	return arp_nd_frame_announce(mac, ip, len, i >= group->n_addresses);
}

int
garp_send(int fd, const struct netlink_link *link,
    const struct config_group *group, unsigned i)
{
	const struct arp_nd_frame f = build(link->mac, group, i);
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = link->index,
		.sll_halen = ARP_ND_FRAME_MAC_BYTES };

	if (!link->ethernet || f.len == 0)
		return 0; /* nobody keeps neighbour entries there */
	memcpy(to.sll_addr, f.bytes, ARP_ND_FRAME_MAC_BYTES);
	if (sendto(fd, f.bytes, f.len, MSG_DONTWAIT,
	        (const struct sockaddr *)&to, sizeof(to)) == -1)
		return -errno;
	return 0;
}
