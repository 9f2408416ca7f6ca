#include "director/director_routes.h"

#include "core/addr.h"
#include "core/log.h"
#include "core/timeout.h"
#include "director/director_reach.h"
#include "director/director_role.h"
#include "director/director_sender.h"
#include "director/director_turn.h"
#include "director/route_query.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

/* Changes come in many parts. */
#define SETTLE_MS 20
/* From one look to the next: another program may change routes all the time. */
#define LOOKS_MS 250

#define LINKS_MAX 1024

/* What headers take of an interface's MTU. */
#define HEADERS_V4 40
#define HEADERS_V6 60

struct server {
	uint8_t ip[CONN_TUPLE_IP];
	uint32_t ifindex; /* 0: no way */
	bool local;
};

/* An address of a group, and where it is. */
struct place {
	uint8_t ip[CONN_TUPLE_IP];
	const char *interface;
	uint32_t ifindex; /* 0: it is gone */
};

struct director_routes {
	struct route_query query;
	ev_io heard;
	ev_timer settle;
	struct server *servers;
	unsigned n_servers, room;
	struct place *places; /* of each listen of the node */
	unsigned n_places;
	struct route_query_link links[LINKS_MAX];
	unsigned n_links;
	uint32_t attached[LINKS_MAX];
	unsigned n_attached;
	uint32_t used[LINKS_MAX]; /* by connections that were found */
	unsigned n_used;
	uint32_t told[LINKS_MAX]; /* those that could not be attached to */
	unsigned n_told;
	bool told_many;
	struct mono looked;
	bool changed; /* with the last look: what legs depend on */
};

static const struct route_query_link *
link_of(const struct director_routes *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n_links; i++)
		if (r->links[i].ifindex == ifindex)
			return &r->links[i];
	return NULL;
}

static void
ask(struct director_routes *r, struct server *s)
{
	struct route_query_answer a = { 0 };
	const int e = route_query_ask(&r->query, s->ip, &a);

	r->changed |= s->ifindex != (e == 0 ? a.ifindex : 0);
	s->ifindex = e == 0 ? a.ifindex : 0;
	s->local = e == 0 && a.local;
}

static struct server *
find(struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP])
{
	for (unsigned i = 0; i < r->n_servers; i++)
		if (memcmp(r->servers[i].ip, ip, CONN_TUPLE_IP) == 0)
			return &r->servers[i];
	return NULL;
}

/* NULL: memory is out. */
static struct server *
find_or_add(struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP])
{
	struct server *s = find(r, ip);

	if (s != NULL)
		return s;
	if (r->n_servers == r->room) {
		const unsigned room = r->room == 0 ? 64 : 2 * r->room;

		s = reallocarray(r->servers, room, sizeof(*s));
		if (s == NULL)
			return NULL;
		r->servers = s;
		r->room = room;
	}
	s = &r->servers[r->n_servers++];
	*s = (struct server){ 0 };
	memcpy(s->ip, ip, CONN_TUPLE_IP);
	ask(r, s);
	return s;
}

uint32_t
director_routes_of_server(
    struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP])
{
	const struct server *s = find_or_add(r, ip);

	return s == NULL || s->local ? 0 : s->ifindex;
}

static bool
is_attached(const struct director_routes *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n_attached; i++)
		if (r->attached[i] == ifindex)
			return true;
	return false;
}

bool
director_routes_reaches(
    struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP])
{
	const uint32_t ifindex = director_routes_of_server(r, ip);

	return ifindex != 0 && is_attached(r, ifindex);
}

uint32_t
director_routes_of_listen(
    const struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP])
{
	for (unsigned i = 0; i < r->n_places; i++)
		if (memcmp(r->places[i].ip, ip, CONN_TUPLE_IP) == 0)
			return r->places[i].ifindex;
	return 0;
}

uint16_t
director_routes_mss(const struct director_routes *r, uint32_t client,
    uint32_t server, bool is_v6)
{
	const uint32_t headers = is_v6 ? HEADERS_V6 : HEADERS_V4;
	const struct route_query_link *c = link_of(r, client);
	const struct route_query_link *s = link_of(r, server);
	uint32_t mtu;

	if (c == NULL || s == NULL)
		return 0;
	mtu = c->mtu < s->mtu ? c->mtu : s->mtu;
	if (mtu <= headers || mtu - headers > UINT16_MAX)
		return 0;
	return (uint16_t)(mtu - headers);
}

/* ---- attached or not ---- */

static bool
is_used(const struct director_routes *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n_used; i++)
		if (r->used[i] == ifindex)
			return true;
	return false;
}

/* A file may have no service any more that has them there. */
static void
find_used(struct director_role *role)
{
	struct director_routes *r = role->routes;

	for (uint32_t i = 0; i < role->node.setup.n_slots; i++)
		for (unsigned k = 0; role->conns[i].written && k < 2; k++) {
			const uint32_t ifindex = role->slots[i].leg[k].ifindex;

			if (r->n_used < LINKS_MAX && !is_used(r, ifindex))
				r->used[r->n_used++] = ifindex;
		}
}

static bool
is_wanted(const struct director_role *role, uint32_t ifindex)
{
	const struct director_routes *r = role->routes;

	if (ifindex == director_sender_loopback(role->sender) ||
	    is_used(r, ifindex))
		return true;
	for (unsigned i = 0; i < r->n_places; i++)
		if (r->places[i].ifindex == ifindex)
			return true;
	for (unsigned i = 0; i < r->n_servers; i++)
		if (r->servers[i].ifindex == ifindex && !r->servers[i].local)
			return true;
	return false;
}

/* Once of each: they are tried again with whatever changes. */
static bool
tells(struct director_routes *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n_told; i++)
		if (r->told[i] == ifindex)
			return false;
	if (r->n_told < LINKS_MAX)
		r->told[r->n_told++] = ifindex;
	return true;
}

/* The program expects that header in front of each packet. */
static void
refuse(struct director_role *role, uint32_t ifindex)
{
	char name[IF_NAMESIZE] = "?";

	(void)if_indextoname(ifindex, name);
	if (tells(role->routes, ifindex))
		log_warning("director",
		    "[resource] interface %s: not attached: it is not Ethernet, connections over it are relayed",
		    name);
}

static void
attach(struct director_role *role, uint32_t ifindex)
{
	struct director_routes *r = role->routes;
	char name[IF_NAMESIZE] = "?";
	const int e = director_program_attach(role->program, ifindex);

	(void)if_indextoname(ifindex, name);
	if (e == 0) {
		r->attached[r->n_attached++] = ifindex;
		log_notice("director", "interface %s: attached", name);
	} else if (tells(r, ifindex)) {
		log_error("director",
		    "[resource] interface %s: attaching the kernel's program: %s, connections do not pass there",
		    name, strerror(-e));
	}
}

/*
 * Interfaces that are gone have taken their filters along, and who sets up
 * queues anew may have: without ours the stack resets what is connected.
 */
static void
attach_all(struct director_role *role)
{
	struct director_routes *r = role->routes;
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n_attached; i++)
		if (link_of(r, r->attached[i]) != NULL &&
		    director_program_is_attached(r->attached[i]))
			r->attached[kept++] = r->attached[i];
	r->n_attached = kept;
	for (unsigned i = 0; i < r->n_links; i++) {
		const uint32_t ifindex = r->links[i].ifindex;

		if (!is_wanted(role, ifindex) || is_attached(r, ifindex))
			continue;
		if (r->links[i].ethernet)
			attach(role, ifindex);
		else
			refuse(role, ifindex);
	}
}

/* Those of a process before us, where nothing is ours any more. */
static void
detach_others(struct director_role *role)
{
	const struct director_routes *r = role->routes;

	for (unsigned i = 0; i < r->n_links; i++) {
		const uint32_t ifindex = r->links[i].ifindex;

		/* -EINVAL: nobody has filters there. */
		if (!is_attached(r, ifindex) &&
		    director_program_detach(role->program, ifindex) < 0)
			log_debug("director",
			    "nothing to detach from interface %" PRIu32,
			    ifindex);
	}
}

void
director_routes_end(struct director_role *role)
{
	role->routes->n_attached = 0;
	detach_others(role);
}

/* ---- what changes ---- */

/* Another number where others are there. */
static uint64_t
name_links(const struct director_routes *r)
{
	uint64_t name = 0;

	for (unsigned i = 0; i < r->n_links; i++)
		name = (name ^ r->links[i].ifindex) * UINT64_C(0x100000001b3);
	return name;
}

static void
look_at_links(struct director_routes *r)
{
	r->n_links = route_query_links(&r->query, r->links, LINKS_MAX);
	if (r->n_links > LINKS_MAX) {
		if (!r->told_many)
			log_warning("director",
			    "[resource] this host has %u interfaces, more than the %d that are looked at: connections over the rest are relayed",
			    r->n_links, LINKS_MAX);
		r->told_many = true;
		r->n_links = LINKS_MAX;
	}
}

/* Of all that can change little concerns us: a route to elsewhere does not. */
static void
look(struct director_role *role)
{
	struct director_routes *r = role->routes;
	const uint64_t before = name_links(r);

	r->looked = mono_now();
	look_at_links(r);
	r->changed = before != name_links(r);
	for (unsigned i = 0; i < r->n_places; i++) {
		struct place *p = &r->places[i];
		const uint32_t ifindex = route_query_find(p->interface);

		r->changed |= ifindex != p->ifindex;
		p->ifindex = ifindex;
	}
	for (unsigned i = 0; i < r->n_servers; i++)
		ask(r, &r->servers[i]);
}

/*
 * Where the client's interface is as it was, it stays: that is where its SYN
 * came in.
 */
static void
mend_legs(struct director_role *role, uint32_t slot)
{
	struct director_routes *r = role->routes;
	struct director_bpf_leg *legs = role->slots[slot].leg;
	uint32_t *to_client = &legs[DIRECTOR_BPF_FROM_SERVER].ifindex;
	uint32_t *to_server = &legs[DIRECTOR_BPF_FROM_CLIENT].ifindex;
	const uint32_t server = director_routes_of_server(r,
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_SERVER)->src);
	uint32_t client;

	if (server != 0 && server != *to_server)
		__atomic_store_n(to_server, server, __ATOMIC_RELAXED);
	if (link_of(r, *to_client) != NULL)
		return;
	client = director_routes_of_listen(r,
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_CLIENT)->dst);
	if (client == 0)
		return;
	role->conns[slot].client_ifindex = client;
	__atomic_store_n(to_client, client, __ATOMIC_RELAXED);
}

/* A look at each slot: only where something has changed. */
static void
mend_all(struct director_role *role)
{
	for (uint32_t i = 0; i < role->node.setup.n_slots; i++)
		if (role->conns[i].written)
			mend_legs(role, i);
}

static void
on_settled(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	ev_timer_stop(loop, w);
	if (!role->begun || role->stopped)
		return;
	look(role);
	attach_all(role);
	director_reach_look(role);
	if (role->routes->changed)
		mend_all(role);
}

static void
on_heard(struct ev_loop *loop, ev_io *w, int revents)
{
	struct director_role *role = ev_userdata(loop);
	struct director_routes *r = role->routes;
	int64_t ms;

	if (!route_query_hear(&r->query) || ev_is_active(&r->settle))
		return;
	ms = LOOKS_MS - mono_span_ms(r->looked, mono_now());
	timeout_arm(
	    loop, &r->settle, (double)(ms > SETTLE_MS ? ms : SETTLE_MS) / 1e3);
}

/* ---- life ---- */

bool
director_routes_add(
    struct director_role *role, const uint8_t ip[static CONN_TUPLE_IP])
{
	struct director_routes *r = role->routes;
	const unsigned known = r->n_servers;
	const struct server *s = find_or_add(r, ip);

	if (role->begun && r->n_servers > known)
		attach_all(role);
	return s != NULL;
}

void
director_routes_begin(struct director_role *role)
{
	look(role);
	find_used(role);
	mend_all(role);
	attach_all(role);
	detach_others(role);
	ev_io_start(role->loop, &role->routes->heard);
}

/* The interface of an address, by its bytes. */
static const char *
interface_of(const struct director_role *role, const uint8_t *ip)
{
	const struct config_pair *pair = &role->config->pair;
	union addr a = { 0 };

	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, ip, CONN_TUPLE_IP);
	addr_normalize(&a);
	for (size_t g = 0; g < pair->n_groups; g++) {
		const struct config_group *group = &pair->groups[g];

		for (size_t i = 0; i < group->n_addresses; i++)
			if (addr_is_same_ip(&group->addresses[i].addr, &a))
				return group
				    ->interfaces[group->addresses[i].at];
	}
	return "";
}

static int
open_all(struct director_role *role)
{
	struct director_routes *r = role->routes;
	const unsigned n = role->node.setup.n_listens;
	const int e = route_query_open(&r->query);

	if (e < 0)
		return e;
	r->places = calloc(n + 1, sizeof(*r->places));
	if (r->places == NULL)
		return -ENOMEM;
	r->n_places = n;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *ip = role->node.listens[i].ip;

		memcpy(r->places[i].ip, ip, CONN_TUPLE_IP);
		r->places[i].interface = interface_of(role, ip);
	}
	ev_io_set(&r->heard, r->query.hearing, EV_READ);
	look(role);
	return 0;
}

int
director_routes_new(struct director_role *role)
{
	struct director_routes *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	role->routes = r;
	r->query = route_query_none();
	ev_init(&r->heard, on_heard);
	ev_init(&r->settle, on_settled);
	return open_all(role);
}

void
director_routes_free(struct director_role *role)
{
	struct director_routes *r = role->routes;

	if (r == NULL)
		return;
	ev_io_stop(role->loop, &r->heard);
	ev_timer_stop(role->loop, &r->settle);
	route_query_close(&r->query);
	free(r->servers);
	free(r->places);
	free(r);
	role->routes = NULL;
}
