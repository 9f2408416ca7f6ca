#include "failover/vip/netlink.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

/*
 * libnl makes the sockets and knows the message format. Its caches and its
 * address objects are not used: they allocate, and rtnl_addr_add() sends what
 * it thinks best of flags and lifetimes.
 *
 * Two sockets: answers must not wait behind a flood of foreign changes.
 */

/* The kernel's own largest dump packet. */
#define BUFFER_BYTES 32768
#define MESSAGE_BYTES 512

/* The kernel tells ages in these, whatever it counts in. */
#define USER_HZ 100

/* A flush of thousands of addresses elsewhere on the host must fit. */
#define EVENT_BUFFER_BYTES (4 * 1024 * 1024)

/* The kernel answers within the call; this is for a kernel that does not. */
#define ANSWER_TIMEOUT_MS 1000

/* A dump that changed while it was read is read again. */
#define DUMP_TRIES 3

struct netlink {
	struct nl_sock *asking, *hearing;
	struct nl_msg *msg; /* the one request, built again each time */
	uint32_t seq;
	struct nlmsghdr *event; /* the next unread one in `events` */
	int event_len;          /* what is left there */
	_Alignas(struct nlmsghdr) char answer[BUFFER_BYTES];
	_Alignas(struct nlmsghdr) char events[BUFFER_BYTES];
};

static int
errno_of(int nl_error)
{
	switch (nl_error) {
	case -NLE_NOMEM:
		return -ENOMEM;
	case -NLE_PERM:
	case -NLE_NOACCESS:
		return -EPERM;
	default:
		return -EIO;
	}
}

static int
open_asking(struct netlink *n)
{
	const struct timeval patience = { .tv_sec = ANSWER_TIMEOUT_MS / 1000,
		.tv_usec = ANSWER_TIMEOUT_MS % 1000 * 1000 };
	int e;

	n->asking = nl_socket_alloc();
	n->msg = nlmsg_alloc_size(MESSAGE_BYTES);
	if (n->asking == NULL || n->msg == NULL)
		return -ENOMEM;
	e = nl_connect(n->asking, NETLINK_ROUTE);
	if (e < 0)
		return errno_of(e);
	if (setsockopt(nl_socket_get_fd(n->asking), SOL_SOCKET, SO_RCVTIMEO,
	        &patience, sizeof(patience)) == -1)
		return -errno;
	return 0;
}

int
netlink_hear(struct netlink *n)
{
	const int size = EVENT_BUFFER_BYTES;
	int e;

	n->hearing = nl_socket_alloc();
	if (n->hearing == NULL)
		return -ENOMEM;
	e = nl_connect(n->hearing, NETLINK_ROUTE);
	if (e == 0)
		e = nl_socket_add_memberships(n->hearing, RTNLGRP_LINK,
		    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	if (e < 0)
		return errno_of(e);
	/* Without the capability the default size has to do; see LOST. */
	(void)setsockopt(nl_socket_get_fd(n->hearing), SOL_SOCKET,
	    SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

int
netlink_open(struct netlink **ret_netlink)
{
	struct netlink *n = calloc(1, sizeof(*n));
	int e;

	if (n == NULL)
		return -ENOMEM;
	e = open_asking(n);
	if (e < 0) {
		netlink_free(n);
		return e;
	}
	*ret_netlink = n;
	return 0;
}

void
netlink_free(struct netlink *n)
{
	if (n == NULL)
		return;
	nlmsg_free(n->msg);
	nl_socket_free(n->asking);
	nl_socket_free(n->hearing);
	free(n);
}

int
netlink_fd(const struct netlink *n)
{
	return nl_socket_get_fd(n->hearing);
}

bool
netlink_is_pending(const struct netlink *n)
{
	return nlmsg_ok(n->event, n->event_len);
}

/* A new request in the one message; the caller appends header and fields. */
static void
request(struct netlink *n, int type, int flags)
{
	/* What nlmsg_alloc() leaves behind: an empty message. */
	nlmsg_hdr(n->msg)->nlmsg_len = NLMSG_HDRLEN;
	(void)nlmsg_put(
	    n->msg, NL_AUTO_PORT, ++n->seq, type, 0, NLM_F_REQUEST | flags);
}

static int
transmit(struct netlink *n)
{
	struct nlmsghdr *h = nlmsg_hdr(n->msg);

	/* Answers to a request that was given up are skipped by number. */
	if (send(nl_socket_get_fd(n->asking), h, h->nlmsg_len, 0) == -1)
		return -errno;
	return 0;
}

/* A datagram of answers. Returns its length or -errno. */
static int
receive_answer(struct netlink *n)
{
	ssize_t len;

	do
		len = recv(nl_socket_get_fd(n->asking), n->answer,
		    sizeof(n->answer), 0);
	while (len == -1 && errno == EINTR);
	if (len == -1)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (int)len;
}

typedef void message_fn(void *arg, struct nlmsghdr *h);

/*
 * Sends the request and hands each message of the answer to `fn` (may be
 * NULL), up to the acknowledgement or the end of the dump, whose result is
 * returned.
 */
static int
transact(struct netlink *n, message_fn *fn, void *arg)
{
	bool interrupted = false;
	int e = transmit(n);

	while (e == 0) {
		struct nlmsghdr *h = (void *)n->answer;
		int left = receive_answer(n);

		if (left < 0)
			return left;
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != n->seq)
				continue;
			if ((h->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
				interrupted = true;
			if (h->nlmsg_type == NLMSG_DONE)
				return interrupted ? -EINTR : 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)nlmsg_data(h))
				    ->error;
			if (fn != NULL)
				fn(arg, h);
		}
	}
	return e;
}

static void
put_ip(struct nl_msg *msg, int type, const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	/* NLE_NOMEM is impossible: MESSAGE_BYTES has room for all we say. */
	(void)nla_put(msg, type, (int)len, bytes);
}

static void
put_ifaddr(struct nl_msg *msg, const struct netlink_address *a)
{
	struct ifaddrmsg m = { .ifa_family = (uint8_t)a->addr.sa.sa_family,
		.ifa_prefixlen = a->prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)a->index };

	(void)nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO);
	put_ip(msg, IFA_LOCAL, &a->addr);
	put_ip(msg, IFA_ADDRESS, &a->addr);
}

int
netlink_put_address(struct netlink *n, const struct netlink_address *a)
{
	const bool v6 = a->addr.sa.sa_family == AF_INET6;
	/*
	 * A preferred lifetime of 0 makes an IPv6 address deprecated from the
	 * start: it is never chosen as a source unless bound. For IPv4 that
	 * has no such meaning (there a second address in a subnet is never
	 * chosen), and "deprecated" would only puzzle readers of `ip addr`.
	 */
	struct ifa_cacheinfo lease = { .ifa_valid = a->valid_s,
		.ifa_prefered = v6 ? 0 : a->valid_s };
	const uint32_t flags = IFA_F_NOPREFIXROUTE | (v6 ? IFA_F_NODAD : 0);

	request(n, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	put_ifaddr(n->msg, a);
	/* NOPREFIXROUTE does not fit into the header's 8 bits. */
	(void)nla_put_u32(n->msg, IFA_FLAGS, flags);
	(void)nla_put(n->msg, IFA_CACHEINFO, sizeof(lease), &lease);
	return transact(n, NULL, NULL);
}

int
netlink_del_address(struct netlink *n, const struct netlink_address *a)
{
	int e;

	request(n, RTM_DELADDR, NLM_F_ACK);
	put_ifaddr(n->msg, a);
	e = transact(n, NULL, NULL);
	if (e == -ENXIO || e == -EOPNOTSUPP) /* there is no IPv6 any more */
		return 0;
	return e == -EADDRNOTAVAIL || e == -ENODEV ? 0 : e;
}

static void
on_route(void *arg, struct nlmsghdr *h)
{
	const struct rtmsg *m = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWROUTE)
		*(bool *)arg = m->rtm_type == RTN_LOCAL;
}

bool
netlink_is_local(struct netlink *n, const union addr *a)
{
	size_t len;
	const uint8_t *ip = addr_bytes(a, &len);
	struct rtmsg m = { .rtm_family = (uint8_t)a->sa.sa_family,
		.rtm_dst_len = (uint8_t)(len * 8) };
	bool local = false;

	request(n, RTM_GETROUTE, NLM_F_ACK);
	(void)nlmsg_append(n->msg, &m, sizeof(m), NLMSG_ALIGNTO);
	(void)nla_put(n->msg, RTA_DST, (int)len, ip);
	return transact(n, on_route, &local) == 0 && local;
}

static bool
read_ip(struct nlattr *attr, int family, union addr *ret_addr)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (attr == NULL)
		return false;
	if (family == AF_INET && nla_len(attr) == 4)
		memcpy(&a.in.sin_addr, nla_data(attr), 4);
	else if (family == AF_INET6 && nla_len(attr) == 16)
		memcpy(&a.in6.sin6_addr, nla_data(attr), 16);
	else
		return false;
	a.sa.sa_family = (sa_family_t)family;
	*ret_addr = a;
	return true;
}

static bool
read_address(struct nlmsghdr *h, struct netlink_address *ret)
{
	struct nlattr *attrs[IFA_MAX + 1];
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct netlink_address a = { 0 };
	int attr;

	if (nlmsg_parse(h, sizeof(*m), attrs, IFA_MAX, NULL) < 0)
		return false;
	a.index = (int)m->ifa_index;
	a.prefix = m->ifa_prefixlen;
	/* IPv4: the address itself is LOCAL, and ADDRESS the far end's. */
	attr = attrs[IFA_LOCAL] != NULL ? IFA_LOCAL : IFA_ADDRESS;
	if (!read_ip(attrs[attr], m->ifa_family, &a.addr))
		return false;
	*ret = a;
	return true;
}

struct visit {
	netlink_address_fn *fn;
	netlink_neighbour_fn *neighbour_fn;
	void *arg;
};

static void
on_address(void *arg, struct nlmsghdr *h)
{
	struct visit *v = arg;
	struct netlink_address a;

	if (h->nlmsg_type == RTM_NEWADDR && read_address(h, &a))
		v->fn(v->arg, &a);
}

int
netlink_each_address(struct netlink *n, netlink_address_fn *fn, void *arg)
{
	struct visit v = { .fn = fn, .arg = arg };
	const struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	int e = -EINTR;

	for (int i = 0; i < DUMP_TRIES && e == -EINTR; i++) {
		request(n, RTM_GETADDR, NLM_F_DUMP);
		(void)nlmsg_append(n->msg, (void *)(uintptr_t)&all, sizeof(all),
		    NLMSG_ALIGNTO);
		e = transact(n, on_address, &v);
	}
	return e == -EINTR ? 0 : e; /* restless, but each was seen */
}

static bool
read_neighbour(struct nlmsghdr *h, struct netlink_neighbour *ret)
{
	struct nlattr *attrs[NDA_MAX + 1];
	const struct ndmsg *m = nlmsg_data(h);
	struct netlink_neighbour a = { 0 };
	const struct nda_cacheinfo *info;

	if (h->nlmsg_type != RTM_NEWNEIGH || (m->ndm_state & NUD_NOARP) != 0 ||
	    nlmsg_parse(h, sizeof(*m), attrs, NDA_MAX, NULL) < 0 ||
	    !read_ip(attrs[NDA_DST], m->ndm_family, &a.addr))
		return false;
	a.index = m->ndm_ifindex;
	a.answered = (m->ndm_state & (NUD_INCOMPLETE | NUD_FAILED)) == 0 &&
	    attrs[NDA_LLADDR] != NULL && attrs[NDA_CACHEINFO] != NULL &&
	    nla_len(attrs[NDA_LLADDR]) == NETLINK_MAC_BYTES &&
	    nla_len(attrs[NDA_CACHEINFO]) >= (int)sizeof(*info);
	if (a.answered) {
		info = nla_data(attrs[NDA_CACHEINFO]);
		a.confirmed_s = info->ndm_confirmed / USER_HZ;
		memcpy(a.mac, nla_data(attrs[NDA_LLADDR]), NETLINK_MAC_BYTES);
	}
	*ret = a;
	return true;
}

static void
on_neighbour(void *arg, struct nlmsghdr *h)
{
	struct visit *v = arg;
	struct netlink_neighbour a;

	if (read_neighbour(h, &a))
		v->neighbour_fn(v->arg, &a);
}

int
netlink_each_neighbour(
    struct netlink *n, int index, netlink_neighbour_fn *fn, void *arg)
{
	struct visit v = { .neighbour_fn = fn, .arg = arg };
	const struct ndmsg all = { .ndm_family = AF_UNSPEC };
	int e;

	request(n, RTM_GETNEIGH, NLM_F_DUMP);
	(void)nlmsg_append(
	    n->msg, (void *)(uintptr_t)&all, sizeof(all), NLMSG_ALIGNTO);
	(void)nla_put_u32(n->msg, NDA_IFINDEX, (uint32_t)index);
	e = transact(n, on_neighbour, &v);
	return e == -EINTR ? 0 : e;
}

int
netlink_forget_neighbour(struct netlink *n, const struct netlink_neighbour *a)
{
	struct ndmsg m = { .ndm_family = (uint8_t)a->addr.sa.sa_family,
		.ndm_ifindex = a->index };
	int e;

	request(n, RTM_DELNEIGH, NLM_F_ACK);
	(void)nlmsg_append(n->msg, &m, sizeof(m), NLMSG_ALIGNTO);
	put_ip(n->msg, NDA_DST, &a->addr);
	e = transact(n, NULL, NULL);
	return e == -ENOENT ? 0 : e;
}

static void
on_gateway(void *arg, struct nlmsghdr *h)
{
	struct nlattr *attrs[RTA_MAX + 1];
	const struct rtmsg *m = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWROUTE &&
	    nlmsg_parse(h, sizeof(*m), attrs, RTA_MAX, NULL) == 0)
		(void)read_ip(attrs[RTA_GATEWAY], m->rtm_family, arg);
}

bool
netlink_find_gateway(
    struct netlink *n, int index, int family, union addr *ret_gateway)
{
	/* RFC 5737, RFC 3849: for documentation, so they are nobody's. */
	static const uint8_t far4[4] = { 192, 0, 2, 1 };
	static const uint8_t far6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	const int len = family == AF_INET ? sizeof(far4) : sizeof(far6);
	struct rtmsg m = { .rtm_family = (uint8_t)family,
		.rtm_dst_len = (uint8_t)(len * 8) };
	union addr gateway = { 0 };

	request(n, RTM_GETROUTE, NLM_F_ACK);
	(void)nlmsg_append(n->msg, &m, sizeof(m), NLMSG_ALIGNTO);
	(void)nla_put(n->msg, RTA_DST, len, family == AF_INET ? far4 : far6);
	(void)nla_put_u32(n->msg, RTA_OIF, (uint32_t)index);
	if (transact(n, on_gateway, &gateway) < 0 ||
	    gateway.sa.sa_family != family)
		return false;
	*ret_gateway = gateway;
	return true;
}

/* Whether the kernel would take addresses, by family. */
static void
read_families(struct nlattr *families, struct netlink_link *l)
{
	struct nlattr *v6, *conf = NULL;
	int32_t all[DEVCONF_DISABLE_IPV6 + 1] = { 0 };

	l->v4 = nla_find(nla_data(families), nla_len(families), AF_INET);
	v6 = nla_find(nla_data(families), nla_len(families), AF_INET6);
	if (v6 != NULL)
		conf = nla_find(nla_data(v6), nla_len(v6), IFLA_INET6_CONF);
	if (conf != NULL)
		(void)nla_memcpy(all, conf, sizeof(all));
	l->v6 = v6 != NULL && all[DEVCONF_DISABLE_IPV6] == 0;
}

static void
on_link(void *arg, struct nlmsghdr *h)
{
	struct netlink_link *l = arg;
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *m = nlmsg_data(h);
	struct nlattr *mac;

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(*m), attrs, IFLA_MAX, NULL) < 0)
		return;
	if (attrs[IFLA_AF_SPEC] != NULL)
		read_families(attrs[IFLA_AF_SPEC], l);
	mac = attrs[IFLA_ADDRESS];
	l->index = m->ifi_index;
	l->up = (m->ifi_flags & IFF_UP) != 0;
	/* LOWER_UP is the wire's word, RUNNING the driver's (RFC 2863). */
	l->carrier = (m->ifi_flags & IFF_LOWER_UP) != 0 &&
	    (m->ifi_flags & IFF_RUNNING) != 0;
	l->ethernet = m->ifi_type == ARPHRD_ETHER && mac != NULL &&
	    nla_len(mac) == NETLINK_MAC_BYTES;
	if (l->ethernet)
		memcpy(l->mac, nla_data(mac), NETLINK_MAC_BYTES);
}

int
netlink_find_link(
    struct netlink *n, const char *name, struct netlink_link *ret_link)
{
	struct netlink_link l = { 0 };
	const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	int e;

	request(n, RTM_GETLINK, NLM_F_ACK);
	(void)nlmsg_append(
	    n->msg, (void *)(uintptr_t)&any, sizeof(any), NLMSG_ALIGNTO);
	(void)nla_put_string(n->msg, IFLA_IFNAME, name);
	(void)nla_put_u32(n->msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	e = transact(n, on_link, &l);
	if (e == -ENODEV)
		l = (struct netlink_link){ 0 };
	else if (e < 0)
		return e;
	*ret_link = l;
	return 0;
}

static bool
read_change(struct nlmsghdr *h, struct netlink_change *c)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *m = nlmsg_data(h);
	struct netlink_address a;

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (nlmsg_parse(h, sizeof(*m), attrs, IFLA_MAX, NULL) < 0 ||
		    attrs[IFLA_IFNAME] == NULL)
			return false;
		c->type = NETLINK_LINK;
		c->index = m->ifi_index;
		(void)nla_strlcpy(c->name, attrs[IFLA_IFNAME], sizeof(c->name));
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (!read_address(h, &a))
			return false;
		c->type = h->nlmsg_type == RTM_NEWADDR ? NETLINK_ADDRESS
		                                       : NETLINK_ADDRESS_GONE;
		c->index = a.index;
		c->addr = a.addr;
		c->prefix = a.prefix;
		return true;
	default:
		return false;
	}
}

int
netlink_next(struct netlink *n, struct netlink_change *ret_change)
{
	for (;;) {
		struct netlink_change c = { .type = NETLINK_LOST };
		ssize_t len;

		while (netlink_is_pending(n)) {
			struct nlmsghdr *h = n->event;

			n->event = nlmsg_next(h, &n->event_len);
			if (!read_change(h, &c))
				continue;
			*ret_change = c;
			return 1;
		}
		len = recv(
		    netlink_fd(n), n->events, sizeof(n->events), MSG_DONTWAIT);
		if (len == -1 && errno == EAGAIN)
			return 0;
		if (len == -1 && errno == ENOBUFS) {
			*ret_change = c;
			return 1;
		}
		if (len == -1 && errno != EINTR)
			return -errno;
		n->event = (void *)n->events;
		n->event_len = len == -1 ? 0 : (int)len;
	}
}
