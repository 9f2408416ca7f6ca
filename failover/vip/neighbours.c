#include "failover/vip/neighbours.h"

#include "core/fd.h"
#include "core/proc.h"
#include "failover/vip/arp_nd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* All memory is locked: the usual 8 MiB of a thread's stack would be, too. */
#define STACK_BYTES (128 * 1024)

#define ASKED_MAX 8
#define UNANSWERED_MAX 64

/* Often at first: a host that was just booted meets its neighbours then. */
#define LIST_FIRST_MS 50
#define LIST_MS 2000

/* Who was there within an hour may be there. */
#define CONFIRMED_S 3600

/* Nobody was heard for so long: asked for again, it listens again. */
#define LISTEN_MS 1000

#define FRAME_BYTES 64

/* Of each group's interfaces one, in their order. */
#define SLOTS (CONFIG_GROUPS_MAX * CONFIG_GROUP_INTERFACES_MAX)
_Static_assert(SLOTS <= 64, "a bit for each");

struct list {
	size_t n;
	struct netlink_neighbour who[ASKED_MAX]; /* who was met last, first */
};

/* From the thread to the loop, whole: shorter than PIPE_BUF. */
struct news {
	unsigned slot;
	bool heard;       /* somebody */
	struct list list; /* else: these can be asked, at least one */
};

/* A slot's, in the thread. */
struct ear {
	int fd; /* -1: closed */
	struct mono until;
};

struct neighbours {
	struct role *role; /* borrowed */
	pthread_t thread;
	bool started;
	atomic_bool ending;
	_Atomic uint64_t wanted; /* slots that want an ear, a bit each */
	_Atomic uint64_t forget; /* ... whose unanswered are forgotten */
	int wake;                /* eventfd, for the thread */
	int news[2];
	ev_io ready;
	struct list lists[SLOTS]; /* the loop's */
	/* The thread's: */
	struct netlink *netlink;
	struct ear ears[SLOTS];
};

/* The thread's walk through the kernel's table, for one slot. */
struct walk {
	const struct role *role;
	const struct netlink_link *link;
	struct list list;
};

static unsigned
slot_of(unsigned group, unsigned k)
{
	return group * CONFIG_GROUP_INTERFACES_MAX + k;
}

/* Of its interface; NULL: there is none. */
static const char *
name_of(const struct neighbours *n, unsigned slot)
{
	const unsigned i = slot / CONFIG_GROUP_INTERFACES_MAX;

	/* NULL behind the last interface of a group. */
	return i < n->role->n_groups
	    ? n->role->groups[i]
	          .config->interfaces[slot % CONFIG_GROUP_INTERFACES_MAX]
	    : NULL;
}

static bool
find_link(struct neighbours *n, unsigned slot, struct netlink_link *ret_link)
{
	const char *name = name_of(n, slot);

	return name != NULL &&
	    netlink_find_link(n->netlink, name, ret_link) == 0 &&
	    ret_link->index != 0;
}

static bool
is_of_pair(const struct role *role, const union addr *a)
{
	const struct config_pair *pair = &role->config->pair;

	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const struct config_node *node = &pair->nodes[i];

		if (addr_is_same_ip(a, &node->address))
			return true;
		for (size_t k = 0; k < node->n_links; k++)
			if (addr_is_same_ip(a, &node->links[k]))
				return true;
	}
	for (size_t i = 0; i < pair->n_groups; i++)
		if (config_group_has(&pair->groups[i], a))
			return true;
	return false;
}

static void
insert(struct list *list, const struct netlink_neighbour *a)
{
	size_t at = list->n;

	while (at > 0 && list->who[at - 1].confirmed_s > a->confirmed_s)
		at--;
	if (at == ASKED_MAX)
		return;
	if (list->n < ASKED_MAX)
		list->n++;
	memmove(&list->who[at + 1], &list->who[at],
	    (list->n - at - 1) * sizeof(list->who[0]));
	list->who[at] = *a;
}

static void
on_neighbour(void *arg, const struct netlink_neighbour *a)
{
	static const uint8_t none[NETLINK_MAC_BYTES];
	struct walk *w = arg;

	if (a->answered && a->index == w->link->index &&
	    a->confirmed_s <= CONFIRMED_S && (a->mac[0] & 1) == 0 &&
	    memcmp(a->mac, none, sizeof(none)) != 0 &&
	    memcmp(a->mac, w->link->mac, sizeof(none)) != 0 &&
	    !is_of_pair(w->role, &a->addr))
		insert(&w->list, a);
}

/* First of all, and asked of everybody: its hardware may have changed. */
static void
insert_gateway(struct neighbours *n, struct walk *w, int family)
{
	struct netlink_neighbour a = { .index = w->link->index };

	memset(a.mac, 0xff, sizeof(a.mac));
	if (netlink_find_gateway(n->netlink, w->link->index, family, &a.addr) &&
	    !is_of_pair(w->role, &a.addr))
		insert(&w->list, &a);
}

static void
tell(struct neighbours *n, const struct news *news)
{
	/* A loop that stands still has the last ones to read. */
	(void)!write(n->news[1], news, sizeof(*news));
}

/*
 * A list that is empty tells nothing: who is deaf for long forgets everybody,
 * and must not take that for a network without anybody.
 */
static void
look_at_table(struct neighbours *n, unsigned slot)
{
	struct netlink_link link;
	struct walk w = { .role = n->role, .link = &link };
	struct news news = { .slot = slot };

	if (!find_link(n, slot, &link) || !link.ethernet)
		return;
	if (netlink_each_neighbour(n->netlink, link.index, on_neighbour, &w) <
	    0)
		return;
	insert_gateway(n, &w, AF_INET);
	insert_gateway(n, &w, AF_INET6);
	if (w.list.n == 0)
		return;
	news.list = w.list;
	tell(n, &news);
}

/*
 * What a host says to this one, or to all. What is said to groups is mostly a
 * switch's own: it asks for members on ports that carry nothing else.
 */
static int
filter_frames(int fd, const uint8_t mac[static NETLINK_MAC_BYTES])
{
	const uint32_t first = (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 |
	    (uint32_t)mac[2] << 8 | mac[3];
	const uint32_t last = (uint32_t)mac[4] << 8 | mac[5];
	struct sock_filter code[] = {
		/* Not what the kernel loops back to itself, headless. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_BROADCAST, 6, 0),
		/* Nor what another network sends over the same wire. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (uint32_t)SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		/* Ours, that some bridge has sent back. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 10),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, last, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, FRAME_BYTES),
	};
	const struct sock_fprog program = { ARRAY_LEN(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
	           sizeof(program)) == -1
	    ? -errno
	    : 0;
}

static int
open_ear(const struct netlink_link *link)
{
	CLEANUP(fd_close) int fd = -1;
	const struct sockaddr_ll all = { .sll_family = AF_PACKET,
		.sll_ifindex = link->index,
		.sll_protocol = htons(ETH_P_ALL) };
	const struct fd_option options[] = {
		{ SOL_PACKET, PACKET_IGNORE_OUTGOING, 1 },
		{ SOL_SOCKET, SO_RCVBUF, 4096 },
	};
	int e;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	e = filter_frames(fd, link->mac);
	if (e == 0)
		e = fd_set_options(fd, options, ARRAY_LEN(options));
	if (e < 0)
		return e;
	if (bind(fd, (const struct sockaddr *)&all, sizeof(all)) == -1)
		return -errno;
	return fd_take(&fd);
}

/* One frame closes it again: what it heard was said after it was wanted. */
static void
listen_again(struct neighbours *n, unsigned slot)
{
	struct ear *ear = &n->ears[slot];
	struct netlink_link link;

	ear->until = mono_add_ms(mono_now(), LISTEN_MS);
	if (ear->fd != -1)
		return;
	if (find_link(n, slot, &link) && link.ethernet)
		ear->fd = open_ear(&link);
	if (ear->fd < 0)
		ear->fd = -1; /* asked again, it tries again */
}

static void
hear(struct neighbours *n, unsigned slot)
{
	struct ear *ear = &n->ears[slot];
	uint8_t frame[FRAME_BYTES];

	/* An interface that went down is readable, too. */
	if (recv(ear->fd, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		tell(n, &(struct news){ .slot = slot, .heard = true });
	fd_close(&ear->fd);
}

static void
wait_and_hear(struct neighbours *n, int timeout_ms)
{
	struct pollfd fds[1 + SLOTS];
	uint64_t count;

	fds[0] = (struct pollfd){ .fd = n->wake, .events = POLLIN };
	for (unsigned i = 0; i < SLOTS; i++)
		fds[1 + i] =
		    (struct pollfd){ .fd = n->ears[i].fd, .events = POLLIN };
	if (poll(fds, ARRAY_LEN(fds), timeout_ms) <= 0)
		return;
	if (fds[0].revents != 0)
		(void)!read(n->wake, &count, sizeof(count));
	for (unsigned i = 0; i < SLOTS; i++)
		if (fds[1 + i].revents != 0)
			hear(n, i);
}

/* The thread's walk for those who have not answered. */
struct unanswered {
	int index;
	size_t n;
	struct netlink_neighbour who[UNANSWERED_MAX];
};

static void
on_unanswered(void *arg, const struct netlink_neighbour *a)
{
	struct unanswered *u = arg;

	if (!a->answered && a->index == u->index && u->n < UNANSWERED_MAX)
		u->who[u->n++] = *a;
}

/* Where it fails the kernel asks again by itself, only later. */
static void
forget_unanswered(struct neighbours *n, unsigned slot)
{
	struct unanswered u = { 0 };
	struct netlink_link link;

	if (!find_link(n, slot, &link))
		return;
	u.index = link.index;
	if (netlink_each_neighbour(n->netlink, link.index, on_unanswered, &u) <
	    0)
		return;
	for (size_t i = 0; i < u.n; i++)
		(void)!netlink_forget_neighbour(n->netlink, &u.who[i]);
}

static void
attend(struct neighbours *n)
{
	const uint64_t forget = atomic_exchange(&n->forget, 0);
	const uint64_t wanted = atomic_exchange(&n->wanted, 0);
	const struct mono now = mono_now();

	for (unsigned i = 0; i < SLOTS; i++) {
		if ((forget >> i & 1) != 0)
			forget_unanswered(n, i);
		if ((wanted >> i & 1) != 0)
			listen_again(n, i);
		else if (n->ears[i].fd != -1 &&
		    !mono_before(now, n->ears[i].until))
			fd_close(&n->ears[i].fd);
	}
}

static void *
neighbours_main(void *arg)
{
	struct neighbours *n = arg;
	struct mono next = mono_now();
	int64_t pause_ms = LIST_FIRST_MS;

	while (!atomic_load(&n->ending)) {
		const int64_t left_ms = mono_span_ms(mono_now(), next);

		if (left_ms <= 0) {
			for (unsigned i = 0; i < SLOTS; i++)
				look_at_table(n, i);
			next = mono_add_ms(mono_now(), pause_ms);
			if (pause_ms < LIST_MS)
				pause_ms *= 2;
			continue;
		}
		attend(n);
		wait_and_hear(n, (int)left_ms);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		fd_close(&n->ears[i].fd);
	return NULL;
}

static void
on_news(struct ev_loop *loop, ev_io *w, int revents)
{
	struct neighbours *n = CONTAINER_OF(w, struct neighbours, ready);
	struct news news;

	while (read(n->news[0], &news, sizeof(news)) == sizeof(news)) {
		struct list *list = &n->lists[news.slot];
		const unsigned group = news.slot / CONFIG_GROUP_INTERFACES_MAX;
		struct node_event ev = { .type = NODE_SOMEBODY,
			.group = group,
			.segment =
			    1 + news.slot % CONFIG_GROUP_INTERFACES_MAX };

		if (!news.heard && list->n == 0)
			ev = (struct node_event){ .type = NODE_ASKABLE,
				.group = group,
				.askable = true };
		if (!news.heard)
			*list = news.list;
		if (news.heard || ev.type == NODE_ASKABLE)
			inbox_put(&n->role->inbox, &ev);
	}
}

static uint64_t
slots_of(const struct role_group *g)
{
	const uint64_t all = (UINT64_C(1) << g->config->n_interfaces) - 1;

	return all << slot_of(g->index, 0);
}

void
neighbours_ask(struct role_group *g)
{
	struct neighbours *n = g->role->neighbours;
	const uint64_t one = 1;

	for (unsigned k = 0; k < g->config->n_interfaces; k++) {
		const struct list *list = &n->lists[slot_of(g->index, k)];

		for (size_t i = 0; i < list->n; i++)
			arp_nd_ask_host(
			    g, k, &list->who[i].addr, list->who[i].mac);
	}
	atomic_fetch_or(&n->wanted, slots_of(g));
	(void)!write(n->wake, &one, sizeof(one));
}

const union addr *
neighbours_get(const struct role_group *g, unsigned k, unsigned i)
{
	const struct list *list =
	    &g->role->neighbours->lists[slot_of(g->index, k)];

	return i < list->n ? &list->who[i].addr : NULL;
}

void
neighbours_ask_anew(struct role_group *g)
{
	struct neighbours *n = g->role->neighbours;
	const uint64_t one = 1;

	atomic_fetch_or(&n->forget, slots_of(g));
	(void)!write(n->wake, &one, sizeof(one));
}

int
neighbours_start(struct role *role)
{
	struct neighbours *n = calloc(1, sizeof(*n));
	int e;

	if (n == NULL)
		return -ENOMEM;
	role->neighbours = n;
	n->role = role;
	n->news[0] = n->news[1] = -1;
	for (size_t i = 0; i < ARRAY_LEN(n->ears); i++)
		n->ears[i].fd = -1;
	ev_io_init(&n->ready, on_news, -1, EV_READ);
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->wake == -1 || pipe2(n->news, O_CLOEXEC | O_NONBLOCK) == -1)
		return -errno;
	e = netlink_open(&n->netlink);
	if (e < 0)
		return e;
	ev_io_set(&n->ready, n->news[0], EV_READ);
	ev_io_start(role->loop, &n->ready);
	e = proc_start_thread(&n->thread, STACK_BYTES, neighbours_main, n);
	n->started = e == 0;
	return e;
}

void
neighbours_stop(struct role *role)
{
	struct neighbours *n = role->neighbours;
	const uint64_t one = 1;

	if (n == NULL)
		return;
	atomic_store(&n->ending, true);
	if (n->started) {
		(void)!write(n->wake, &one, sizeof(one));
		(void)pthread_join(n->thread, NULL);
	}
	ev_io_stop(role->loop, &n->ready);
	netlink_free(n->netlink);
	fd_close(&n->wake);
	fd_close(&n->news[0]);
	fd_close(&n->news[1]);
	free(n);
	role->neighbours = NULL;
}
