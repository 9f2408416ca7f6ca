#include "failover/vip/link_watch.h"

#include "core/limiter.h"
#include "core/log.h"
#include "failover/group.h"
#include "failover/track.h"
#include "failover/vip/own_address.h"
#include "failover/vip/refusal.h"
#include "failover/vip/vip_lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A flood of foreign changes must not keep us from the heartbeat. */
#define BUDGET 64

/*
 * The kernel tells of a new IPv6 address before its route is there, and of the
 * route not at all: it is looked for, every millisecond for a while.
 */
#define ROUTE_LOOK_S 0.001
#define ROUTE_LOOKS 200

/* A group's; what a batch of news asks for is done once for all of them. */
struct side {
	bool look;        /* at the interface */
	bool stray;       /* they are here where and as they should not be */
	bool add;         /* the virtual IPs again, if they are still ours */
	uint32_t refused; /* by the kernel, at the last try */
	struct refusal refusal;
	bool served;    /* some could be used, since they were added */
	ev_timer retry; /* while any is in doubt */
	unsigned gone;  /* so many of them were deleted by others */
	uint64_t readded;
	struct mono renewed;  /* the kernel said that it had renewed one */
	int64_t unrenewed_ms; /* of the last that is gone */
	struct limiter told;  /* of that: there may be thousands */
	ev_timer route;       /* of an address that is not usable yet */
	unsigned route_looks;
};

struct link_watch {
	struct vip_lease *vip_lease;
	ev_io ready;
	ev_timer renew;
	struct side sides[CONFIG_GROUPS_MAX];
};

static struct side *
side_of(const struct role_group *g)
{
	return &g->role->link_watch->sides[g->index];
}

static enum election_reason
verdict(const struct netlink_link *link)
{
	if (link->index == 0)
		return ELECTION_INTERFACE_MISSING;
	if (!link->up)
		return ELECTION_INTERFACE_DOWN;
	if (!link->carrier)
		return ELECTION_INTERFACE_CARRIER;
	return ELECTION_RECOVERED;
}

static void
put(struct role_group *g, enum node_type type)
{
	inbox_put_group(&g->role->inbox, type, g->index);
}

/* The first that is not well is the group's fault. */
static void
tell_links(struct role_group *g)
{
	struct node_event ev = { .type = NODE_FAULT,
		.group = g->index,
		.fault = { .cause = NODE_CAUSE_INTERFACE,
		    .reason = ELECTION_RECOVERED } };

	for (unsigned k = g->config->n_interfaces; k-- > 0;) {
		const enum election_reason found = verdict(&g->vip.links[k]);

		if (found == ELECTION_RECOVERED)
			continue;
		ev.fault.reason = found;
		ev.fault.which = k;
	}
	inbox_put(&g->role->inbox, &ev);
}

static void
tell_refused(const struct role_group *g, size_t i)
{
	const struct config_address *a = &g->config->addresses[i];
	const char *interface = g->config->interfaces[a->at];
	char ip[ADDR_TEXT_MAX], why[VIP_WHY_MAX];

	(void)addr_format_ip(&a->addr, ip);
	if (g->vip.errors[i] < 0)
		log_error(g->subject, "[address] cannot hold %s on %s: %s", ip,
		    interface, vip_why(&g->vip, i, why));
	else
		log_notice(g->subject, "[address] can hold %s on %s again", ip,
		    interface);
}

static void
tell_lacks(struct role_group *g, uint32_t before)
{
	const uint32_t told = side_of(g)->refusal.told;

	inbox_put(&g->role->inbox,
	    &(struct node_event){ .type = NODE_LACKS,
	        .group = g->index,
	        .lacks = vip_lacks(&g->vip, told) });
	group_tell_refused(g, told);
	for (size_t i = 0; i < g->config->n_addresses; i++)
		if (((told ^ before) >> i & 1) != 0)
			tell_refused(g, i);
}

static uint32_t
patience_ms(struct role_group *g, uint32_t refused)
{
	if (!g->vip.held)
		return 0;
	if (vip_lacks(&g->vip, refused) != UINT32_MAX)
		return REFUSAL_PATIENCE_MS;
	return side_of(g)->served ? REFUSAL_ALL_PATIENCE_MS : 0;
}

/* All are refused, and that may be over in a moment. */
static bool
is_all_in_doubt(const struct role_group *g)
{
	return side_of(g)->refusal.doubted != 0 &&
	    vip_lacks(&g->vip, vip_refused(&g->vip)) == UINT32_MAX;
}

/*
 * Which addresses can't be held, if they are others than before. Those that are
 * left may be all that can be, and usable by now.
 */
static void
note_refused(struct role_group *g)
{
	struct side *side = side_of(g);
	const uint32_t refused = vip_refused(&g->vip);
	const uint32_t before = side->refusal.told;
	const uint32_t patience = patience_ms(g, refused);
	const double every = patience / 1e3 / REFUSAL_RETRIES;

	refusal_note(&side->refusal, refused, patience, mono_now());
	if (side->refusal.doubted != 0 &&
	    (!ev_is_active(&side->retry) || side->retry.repeat > every)) {
		side->retry.repeat = every;
		ev_timer_again(g->role->loop, &side->retry);
	}
	if (side->refusal.told != before)
		tell_lacks(g, before);
	if (refused == side->refused)
		return;
	side->refused = refused;
	inbox_put(&g->role->inbox,
	    &(struct node_event){ .type = NODE_USABLE,
	        .group = g->index,
	        .usable = vip_is_complete(&g->vip) });
}

int
link_watch_hold(struct role_group *g)
{
	const int e = vip_hold(&g->vip);

	note_refused(g);
	return e < 0 && is_all_in_doubt(g) ? 0 : e;
}

void
link_watch_look(struct role_group *g)
{
	bool any = false;

	for (unsigned k = 0; k < g->config->n_interfaces; k++) {
		bool changed = false;
		const int e = vip_look(&g->vip, k, &changed);

		if (e < 0)
			log_warning(g->subject,
			    "[resource] cannot look at interface %s: %s, assuming no change",
			    g->config->interfaces[k], strerror(-e));
		any = any || changed;
	}
	tell_links(g);
	note_refused(g);
	/* Deleted and made anew between two looks, or a bond that moved. */
	if (any)
		put(g, NODE_LOST);
}

/*
 * Announced first: who handed the group over sends its clients on as soon as it
 * hears that all are usable, and then neighbours have to know where they are.
 */
static void
note(struct role_group *g, int i, bool there)
{
	const bool was_usable = vip_is_usable(&g->vip, (size_t)i);
	const bool was_complete = vip_is_complete(&g->vip);
	struct node_event ev = { .type = NODE_USABLE, .group = g->index };

	vip_note(&g->vip, i, there);
	if (vip_is_usable(&g->vip, (size_t)i))
		side_of(g)->served = true;
	if (!was_usable && vip_is_usable(&g->vip, (size_t)i))
		group_announce_address(g, (unsigned)i);
	ev.usable = vip_is_complete(&g->vip);
	if (ev.usable != was_complete)
		inbox_put(&g->role->inbox, &ev);
}

static void
on_route_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct side *side = CONTAINER_OF(w, struct side, route);
	struct role *role = ev_userdata(loop);
	struct role_group *g = &role->groups[side - role->link_watch->sides];

	for (size_t i = 0; g->vip.held && i < g->config->n_addresses; i++)
		if (!vip_is_usable(&g->vip, i))
			note(g, (int)i, true);
	if (!g->vip.held || vip_is_complete(&g->vip) ||
	    --side->route_looks == 0)
		ev_timer_stop(loop, w);
}

static void
on_there(struct role_group *g, const struct netlink_change *c, int index)
{
	struct side *side = side_of(g);

	if (!g->vip.held ||
	    !vip_is_own(&g->vip, (size_t)index, c->index, c->prefix))
		side->stray = true;
	if (!g->vip.held || c->index != vip_link(&g->vip, (size_t)index)->index)
		return;
	note(g, index, true);
	side->renewed = mono_now();
	if (vip_is_usable(&g->vip, (size_t)index) || ev_is_active(&side->route))
		return;
	side->route_looks = ROUTE_LOOKS;
	ev_timer_init(&side->route, on_route_look, ROUTE_LOOK_S, ROUTE_LOOK_S);
	ev_timer_start(g->role->loop, &side->route);
}

static void
on_gone(struct role_group *g, const struct netlink_change *c, int index)
{
	if (!g->vip.held || c->index != vip_link(&g->vip, (size_t)index)->index)
		return;
	note(g, index, false);
	side_of(g)->add = true;
	side_of(g)->gone++;
	side_of(g)->unrenewed_ms =
	    mono_span_ms(side_of(g)->renewed, mono_now());
}

static bool
is_of(const struct role_group *g, const struct netlink_change *c)
{
	for (unsigned k = 0; k < g->config->n_interfaces; k++)
		if (strcmp(c->name, g->config->interfaces[k]) == 0 ||
		    c->index == g->vip.links[k].index)
			return true;
	return false;
}

static bool
is_foreign_v6(const struct netlink_change *c, int index)
{
	return index == -1 && c->addr.sa.sa_family == AF_INET6 &&
	    (c->type == NETLINK_ADDRESS || c->type == NETLINK_ADDRESS_GONE);
}

static void
on_change(struct role_group *g, const struct netlink_change *c)
{
	const int index = c->type == NETLINK_LINK || c->type == NETLINK_LOST
	    ? -1
	    : vip_find(&g->vip, &c->addr);
	struct side *side = side_of(g);

	/*
	 * Where IPv6 is switched on or off, its other addresses come or go. But
	 * each renewal of another group's is news, too, and a router's word:
	 * a look waits for the kernel's big lock, and the heartbeat for it.
	 */
	if (is_foreign_v6(c, index) && vip_contradicts(&g->vip, c))
		side->look = true;
	switch (c->type) {
	case NETLINK_LINK:
		if (is_of(g, c))
			side->look = true;
		break;
	case NETLINK_ADDRESS:
		/* Our own leases come by several times a second. */
		if (index != -1)
			on_there(g, c, index);
		break;
	case NETLINK_ADDRESS_GONE:
		if (index != -1)
			on_gone(g, c, index);
		break;
	case NETLINK_LOST:
		side->look = side->stray = side->add = true;
		break;
	}
}

static void
tell_readded(const struct role_group *g, unsigned gone)
{
	struct side *side = side_of(g);
	uint64_t left_out;

	side->readded += gone;
	if (!limiter_allows(&side->told, mono_now(), &left_out))
		return;
	if (vip_lease_has_ended(g->vip.lease_s, side->unrenewed_ms))
		log_warning(g->subject,
		    "[address] the lease of a virtual IP ran out, for the kernel "
		    "took %" PRId64 " ms to renew it, added again (%" PRIu64
		    " times so far)",
		    side->unrenewed_ms, side->readded);
	else
		log_warning(g->subject,
		    "[address] another program deleted a virtual IP, added again (%" PRIu64
		    " times so far)",
		    side->readded);
}

/*
 * Who is not master has none of them, whoever has added them, on whichever
 * interface; and a master none but its own, for others would outlive them. News
 * of our own last renewals may come after a release, so it is looked first
 * whether there is any.
 */
static void
remove_stray(struct role_group *g)
{
	unsigned deleted = 0;
	const int e = vip_remove_strays(&g->vip, &deleted);
	uint64_t left_out;

	if ((e == 0 && deleted == 0) ||
	    !limiter_allows(&side_of(g)->told, mono_now(), &left_out))
		return;
	if (e < 0)
		log_error(g->subject,
		    "[address] another program added a virtual IP on this node, and "
		    "removing it failed: %s",
		    strerror(-e));
	else
		log_warning(g->subject,
		    "[address] another program added a virtual IP on this node: removed");
}

/*
 * It takes a list of all the host's addresses, and somebody may change
 * thousands of them: it is done once for as many changes as were read.
 */
static void
do_chores(struct role_group *g)
{
	struct side *side = side_of(g);
	const bool look = side->look, stray = side->stray, add = side->add;
	const unsigned gone = side->gone;

	side->look = side->stray = side->add = false;
	side->gone = 0;
	if (look)
		link_watch_look(g);
	if (stray)
		remove_stray(g);
	if (!add)
		return;
	put(g, NODE_LOST);
	/*
	 * An interface that went down took them along, and is a fault by now;
	 * and what the kernel refuses it has deleted itself.
	 */
	if (gone > 0 && vip_refused(&g->vip) == 0 &&
	    node_is_master(role_node(g->role), g->index))
		tell_readded(g, gone);
}

static void
on_netlink(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);
	struct netlink_change c;
	int e = 0;

	/* Leases may have run out meanwhile: nothing is to be mended then. */
	inbox_look(&role->inbox);
	for (int i = 0; i < BUDGET || netlink_is_pending(role->netlink); i++) {
		e = netlink_next(role->netlink, &c);
		if (e <= 0)
			break;
		for (size_t g = 0; g < role->n_groups; g++)
			on_change(&role->groups[g], &c);
		own_address_on_change(role, &c);
		track_on_change(role, &c);
	}
	for (size_t g = 0; g < role->n_groups; g++)
		do_chores(&role->groups[g]);
	if (e < 0)
		log_error("failover",
		    "[resource] cannot hear the kernel's changes: %s, still trying",
		    strerror(-e));
}

static void
ask_renewal(struct role *role)
{
	const struct vip *holders[CONFIG_GROUPS_MAX];

	for (size_t i = 0; i < role->n_groups; i++)
		holders[i] = &role->groups[i].vip;
	vip_lease_ask(role->link_watch->vip_lease, holders, role->n_groups);
}

static void
on_renew(struct ev_loop *loop, ev_timer *w, int revents)
{
	ask_renewal(ev_userdata(loop));
}

/* Sooner than the next renewal, and also where nothing else is heard of it. */
static void
on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct side *side = CONTAINER_OF(w, struct side, retry);
	struct role *role = ev_userdata(loop);

	note_refused(&role->groups[side - role->link_watch->sides]);
	if (side->refusal.doubted != 0)
		ask_renewal(role);
	else
		ev_timer_stop(loop, w);
}

static void
on_renewal_failed(void *arg, size_t group, int error, const struct vip *seen)
{
	struct role *role = arg;
	struct role_group *g = &role->groups[group];

	/* Given up in the meantime: then it is no matter. */
	if (!node_is_master(role_node(role), (unsigned)group))
		return;
	memcpy(g->vip.errors, seen->errors, sizeof(g->vip.errors));
	note_refused(g);
	if (error == 0 || is_all_in_doubt(g))
		return;
	g->vip.failed_on = seen->failed_on;
	inbox_put(&role->inbox,
	    &(struct node_event){ .type = NODE_FAILED,
	        .group = (unsigned)group,
	        .failed = { .what = NODE_DO_RENEW, .error = error } });
}

int
link_watch_release(struct role_group *g)
{
	const uint32_t doubted = side_of(g)->refusal.doubted;
	int e;

	vip_lease_forget(g->role->link_watch->vip_lease, g->index);
	e = vip_release(&g->vip);
	side_of(g)->served = false;
	/* What was refused for a moment is not known to be any more. */
	for (size_t i = 0; i < g->config->n_addresses; i++)
		if ((doubted >> i & 1) != 0)
			g->vip.errors[i] = 0;
	note_refused(g);
	return e;
}

int
link_watch_start(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;
	const double renew_s =
	    vip_lease_s(pair->hang_ms, pair->interval_ms * pair->misses) /
	    (double)VIP_RENEWALS;
	struct link_watch *link_watch = calloc(1, sizeof(*link_watch));
	int e;

	if (link_watch == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(link_watch->sides); i++) {
		ev_init(&link_watch->sides[i].route, on_route_look);
		ev_init(&link_watch->sides[i].retry, on_retry);
	}
	role->link_watch = link_watch;
	e = vip_lease_start(
	    role->loop, on_renewal_failed, role, &link_watch->vip_lease);
	if (e < 0)
		return e;
	ev_io_init(
	    &link_watch->ready, on_netlink, netlink_fd(role->netlink), EV_READ);
	ev_io_start(role->loop, &link_watch->ready);
	ev_timer_init(&link_watch->renew, on_renew, renew_s, renew_s);
	ev_timer_start(role->loop, &link_watch->renew);
	return 0;
}

void
link_watch_stop(struct role *role)
{
	struct link_watch *link_watch = role->link_watch;

	if (link_watch == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(link_watch->sides); i++) {
		ev_timer_stop(role->loop, &link_watch->sides[i].route);
		ev_timer_stop(role->loop, &link_watch->sides[i].retry);
	}
	ev_io_stop(role->loop, &link_watch->ready);
	ev_timer_stop(role->loop, &link_watch->renew);
	vip_lease_free(link_watch->vip_lease);
	free(link_watch);
	role->link_watch = NULL;
}
