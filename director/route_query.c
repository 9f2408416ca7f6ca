#include "director/route_query.h"

#include "core/fd.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The kernel's own largest packet of a dump. */
#define ANSWER_BYTES 32768

/* Who changes many routes may do so for as long as they like. */
#define MESSAGES_A_CALL 256

/* The kernel answers within the call; this is for a kernel that does not. */
#define ANSWER_S 1

struct route_request {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attr;
	uint8_t value[CONN_TUPLE_IP];
};

struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg link;
};

typedef void message_fn(void *arg, const struct nlmsghdr *h);

struct route_query
route_query_none(void)
{
	return (struct route_query){ .asking = -1, .hearing = -1 };
}

static int
open_netlink(uint32_t groups)
{
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK,
		.nl_groups = groups };
	CLEANUP(fd_close)
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd == -1)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) == -1)
		return -errno;
	return fd_take(&fd);
}

int
route_query_open(struct route_query *q)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	int e;

	*q = route_query_none();
	q->asking = open_netlink(0);
	if (q->asking < 0)
		return q->asking;
	if (setsockopt(q->asking, SOL_SOCKET, SO_RCVTIMEO, &patience,
	        sizeof(patience)) == -1)
		return -errno;
	q->hearing =
	    open_netlink(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
	        RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_TC);
	if (q->hearing < 0) {
		e = q->hearing;
		q->hearing = -1;
		return e;
	}
	return fd_set_nonblock(q->hearing);
}

void
route_query_close(struct route_query *q)
{
	fd_close(&q->asking);
	fd_close(&q->hearing);
}

/* What changes is asked for anew, so that nobody has to keep track. */
bool
route_query_hear(struct route_query *q)
{
	uint8_t bytes[ANSWER_BYTES];
	bool heard = false;
	ssize_t n;

	for (unsigned i = 0; i < MESSAGES_A_CALL; i++) {
		n = recv(q->hearing, bytes, sizeof(bytes), 0);
		if (n <= 0 && errno != ENOBUFS && errno != EINTR)
			break;
		heard = true;
	}
	return heard;
}

/*
 * Sends it and takes what comes. A dump ends with DONE, any other answer with
 * its acknowledgement. Returns 0 or -errno.
 */
static int
transact(
    struct route_query *q, struct nlmsghdr *head, message_fn *fn, void *arg)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[ANSWER_BYTES];

	head->nlmsg_seq = ++q->seq;
	if (send(q->asking, head, head->nlmsg_len, 0) == -1)
		return -errno;
	for (;;) {
		const struct nlmsghdr *h = (const void *)bytes;
		ssize_t n = recv(q->asking, bytes, sizeof(bytes), 0);

		if (n == -1)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != q->seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))
				    ->error;
			fn(arg, h);
		}
	}
}

static void
on_route(void *arg, const struct nlmsghdr *h)
{
	struct route_query_answer *a = arg;
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *attr = RTM_RTA(m);
	int left = (int)RTM_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWROUTE)
		return;
	a->local = m->rtm_type == RTN_LOCAL;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == RTA_OIF &&
		    RTA_PAYLOAD(attr) >= sizeof(a->ifindex))
			memcpy(&a->ifindex, RTA_DATA(attr), sizeof(a->ifindex));
}

int
route_query_ask(struct route_query *q, const uint8_t ip[static CONN_TUPLE_IP],
    struct route_query_answer *ret)
{
	const bool v4 = conn_tuple_is_v4(ip);
	const uint32_t len = v4 ? 4 : CONN_TUPLE_IP;
	struct route_query_answer a = { 0 };
	struct route_request r = {
		.head = { .nlmsg_type = RTM_GETROUTE,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.route = { .rtm_family = v4 ? AF_INET : AF_INET6,
		    .rtm_dst_len = (uint8_t)(len * 8) },
		.attr = { .rta_type = RTA_DST,
		    .rta_len = (uint16_t)RTA_LENGTH(len) },
	};
	int e;

	memcpy(r.value, ip + CONN_TUPLE_IP - len, len);
	r.head.nlmsg_len =
	    (uint32_t)(offsetof(struct route_request, attr) + RTA_LENGTH(len));
	e = transact(q, &r.head, on_route, &a);
	if (e < 0)
		return e;
	if (a.ifindex == 0)
		return -EHOSTUNREACH;
	*ret = a;
	return 0;
}

uint32_t
route_query_find(const char *name)
{
	return if_nametoindex(name);
}

struct links {
	struct route_query_link *all;
	unsigned n, room;
};

static void
on_link(void *arg, const struct nlmsghdr *h)
{
	struct links *l = arg;
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *attr = IFLA_RTA(m);
	int left = (int)IFLA_PAYLOAD(h);
	struct route_query_link *link;

	if (h->nlmsg_type != RTM_NEWLINK || l->n++ >= l->room)
		return;
	link = &l->all[l->n - 1];
	*link = (struct route_query_link){ .ifindex = (uint32_t)m->ifi_index,
		.up = (m->ifi_flags & IFF_UP) != 0,
		/* The loopback interface has one of zeros. */
		.ethernet = m->ifi_type == ARPHRD_ETHER ||
		    m->ifi_type == ARPHRD_LOOPBACK };
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == IFLA_MTU &&
		    RTA_PAYLOAD(attr) >= sizeof(link->mtu))
			memcpy(&link->mtu, RTA_DATA(attr), sizeof(link->mtu));
}

static int
ask_links(struct route_query *q, uint32_t ifindex, struct links *l)
{
	struct link_request r = {
		.head = { .nlmsg_len = sizeof(r),
		    .nlmsg_type = RTM_GETLINK,
		    .nlmsg_flags = NLM_F_REQUEST |
		        (ifindex == 0 ? NLM_F_DUMP : NLM_F_ACK) },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex },
	};

	return transact(q, &r.head, on_link, l);
}

int
route_query_look(
    struct route_query *q, uint32_t ifindex, struct route_query_link *ret)
{
	struct links l = { .all = ret, .room = 1 };
	const int e = ask_links(q, ifindex, &l);

	if (e < 0)
		return e;
	return l.n == 1 ? 0 : -ENODEV;
}

unsigned
route_query_links(
    struct route_query *q, struct route_query_link *ret_links, unsigned room)
{
	struct links l = { .all = ret_links, .room = room };

	(void)ask_links(q, 0, &l);
	return l.n;
}
