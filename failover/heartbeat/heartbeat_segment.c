#include "failover/heartbeat/heartbeat_segment.h"

#include "core/fd.h"
#include "core/log.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/heartbeat/heartbeat_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(NODE_SEGMENTS_MAX == CONFIG_GROUP_INTERFACES_MAX &&
        NODE_SEGMENT_PATHS_MAX == CONFIG_INTERFACES_MAX &&
        NODE_SEGMENT_PATHS_MAX == HEARTBEAT_FRAME_INTERFACES_MAX,
    "a path for each");

/* Read at once; a flood must not keep us from our own heartbeat. */
#define BUDGET 64

/* Everybody is spoken to so seldom that nobody minds. */
#define CRY_MS 1000

/* An interface, of one group or of several. */
struct segment_side {
	unsigned group, k; /* the first, and which of its interfaces */
	uint8_t mac[HEARTBEAT_FRAME_MAC_BYTES]; /* the peer's; zeros: unknown */
	struct mono cried; /* when everybody was spoken to */
	int error;         /* of sending; told once, 0: none */
};

struct heartbeat_segment {
	int fd; /* -1: there is no such network */
	ev_io ready;
	unsigned n;
	struct segment_side sides[NODE_SEGMENT_PATHS_MAX];
	int heard[NODE_SEGMENT_PATHS_MAX]; /* interfaces; 0: not there */
	int error;                         /* of that; told once, 0: none */
	unsigned paths[CONFIG_GROUPS_MAX][CONFIG_GROUP_INTERFACES_MAX];
};

static const struct netlink_link *
link_of(const struct role *role, const struct segment_side *side)
{
	return &role->groups[side->group].vip.links[side->k];
}

static const char *
name_of(const struct config_pair *pair, const struct segment_side *side)
{
	return pair->groups[side->group].interfaces[side->k];
}

static void
note_sent(const struct role *role, struct segment_side *side, int e)
{
	const char *interface = name_of(&role->config->pair, side);

	if (e == side->error)
		return;
	side->error = e;
	if (e < 0)
		log_warning(role->peer_subject,
		    "[heartbeat] cannot send heartbeats over %s: %s, still trying",
		    interface, strerror(-e));
	else
		log_notice(role->peer_subject,
		    "[heartbeat] sending heartbeats over %s again", interface);
}

static void
note_heard(struct role *role, int e)
{
	struct heartbeat_segment *h = role->heartbeat_segment;

	if (e < 0 && e != h->error)
		log_warning(role->peer_subject,
		    "[heartbeat] cannot hear heartbeats on the groups' interfaces: %s, "
		    "still trying",
		    strerror(-e));
	h->error = e;
}

/* An interface that was made anew has another number. */
static void
hear(struct role *role)
{
	struct heartbeat_segment *h = role->heartbeat_segment;
	int interfaces[NODE_SEGMENT_PATHS_MAX] = { 0 };
	int e;

	for (unsigned i = 0; i < h->n; i++)
		interfaces[i] = link_of(role, &h->sides[i])->index;
	if (memcmp(interfaces, h->heard, sizeof(interfaces)) == 0)
		return;
	e = heartbeat_frame_hear(h->fd, interfaces, h->n, role->auth.other);
	if (e == 0)
		memcpy(h->heard, interfaces, sizeof(interfaces));
	note_heard(role, e);
}

static bool
is_known(const struct segment_side *side)
{
	static const uint8_t none[HEARTBEAT_FRAME_MAC_BYTES];

	return memcmp(side->mac, none, sizeof(none)) != 0;
}

static int
send_one(struct role *role, struct segment_side *side, const uint8_t *packet,
    size_t len)
{
	static const uint8_t all[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct heartbeat_segment *h = role->heartbeat_segment;
	const struct netlink_link *link = link_of(role, side);
	const struct node *n = role_node(role);
	const unsigned path = NODE_LINKS_MAX + (unsigned)(side - h->sides);
	const struct mono now = mono_now();
	int e = 0;

	if (!link->ethernet || !link->up || !link->carrier)
		return 0; /* a fault of the group by itself */
	if (is_known(side))
		e = heartbeat_frame_send(
		    h->fd, link->index, side->mac, packet, len);
	if (e < 0 ||
	    peer_path_is_alive(&n->paths[path], node_dead_ms(n), now) ||
	    mono_before(now, mono_add_ms(side->cried, CRY_MS)))
		return e;
	side->cried = now;
	return heartbeat_frame_send(h->fd, link->index, all, packet, len);
}

void
heartbeat_segment_transmit(struct role *role, const uint8_t *packet, size_t len)
{
	struct heartbeat_segment *h = role->heartbeat_segment;

	if (h->fd != -1)
		hear(role);
	for (unsigned i = 0; i < h->n; i++)
		note_sent(role, &h->sides[i],
		    send_one(role, &h->sides[i], packet, len));
}

static void
take(struct role *role, const uint8_t *packet, int len,
    const struct heartbeat_frame_from *from)
{
	struct heartbeat_segment *h = role->heartbeat_segment;

	for (unsigned i = 0; i < h->n; i++) {
		struct segment_side *side = &h->sides[i];
		const unsigned path = NODE_LINKS_MAX + i;
		const uint64_t before = role_node(role)->paths[path].received;

		if (link_of(role, side)->index != from->interface)
			continue;
		heartbeat_hear(role, path, packet, len);
		/* A recording has a good signature, and may be anybody's. */
		if (role_node(role)->paths[path].received != before)
			memcpy(side->mac, from->mac, sizeof(side->mac));
	}
}

static void
on_frame(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);

	for (int i = 0; i < BUDGET && ev_is_active(w); i++) {
		uint8_t packet[HEARTBEAT_PACKET_MAX + 1];
		struct heartbeat_frame_from from;
		const int len = heartbeat_frame_receive(
		    w->fd, packet, sizeof(packet), &from);

		if (len == -EAGAIN)
			break;
		if (len > 0)
			take(role, packet, len, &from);
	}
}

/* Whose heartbeats go there: of the nodes' addresses and links, in order. */
static unsigned
find_link(const struct role *role, const struct config_group *g, unsigned k)
{
	const struct config_node *other = role->other;

	if (config_group_is_near(g, k, &other->address))
		return 0;
	for (unsigned i = 0; i < other->n_links; i++)
		if (config_group_is_near(g, k, &other->links[i]))
			return 1 + i;
	return NODE_PATHS_MAX;
}

static unsigned
find_side(struct heartbeat_segment *h, const struct config_pair *pair,
    const struct segment_side *wanted)
{
	unsigned i = 0;

	while (i < h->n &&
	    strcmp(name_of(pair, &h->sides[i]), name_of(pair, wanted)) != 0)
		i++;
	if (i == h->n)
		h->sides[h->n++] = *wanted;
	return NODE_LINKS_MAX + i;
}

static void
find_paths(struct role *role, unsigned group)
{
	const struct config_pair *pair = &role->config->pair;
	const struct config_group *g = &pair->groups[group];
	struct heartbeat_segment *h = role->heartbeat_segment;

	for (unsigned k = 0; k < g->n_interfaces; k++) {
		const struct segment_side wanted = { .group = group, .k = k };
		const unsigned link = find_link(role, g, k);

		h->paths[group][k] =
		    link < NODE_PATHS_MAX ? link : find_side(h, pair, &wanted);
	}
}

int
heartbeat_segment_open(struct role *role)
{
	struct heartbeat_segment *h = calloc(1, sizeof(*h));
	int fd;

	if (h == NULL)
		return -ENOMEM;
	role->heartbeat_segment = h;
	h->fd = -1;
	for (unsigned i = 0; i < role->config->pair.n_groups; i++)
		find_paths(role, i);
	if (h->n == 0)
		return 0;
	fd = heartbeat_frame_open();
	if (fd < 0)
		return fd;
	h->fd = fd;
	ev_io_init(&h->ready, on_frame, h->fd, EV_READ);
	return 0;
}

void
heartbeat_segment_watch(struct role *role, bool on)
{
	struct heartbeat_segment *h = role->heartbeat_segment;

	if (h->fd != -1 && on)
		ev_io_start(role->loop, &h->ready);
	else if (h->fd != -1)
		ev_io_stop(role->loop, &h->ready);
}

int
heartbeat_segment_fd(const struct role *role)
{
	return role->heartbeat_segment->fd;
}

unsigned
heartbeat_segment_path(
    const struct role *role, unsigned group, unsigned interface)
{
	return role->heartbeat_segment->paths[group][interface];
}

void
heartbeat_segment_close(struct role *role)
{
	struct heartbeat_segment *h = role->heartbeat_segment;

	if (h == NULL)
		return;
	if (ev_is_active(&h->ready))
		ev_io_stop(role->loop, &h->ready);
	fd_close(&h->fd);
	free(h);
	role->heartbeat_segment = NULL;
}
