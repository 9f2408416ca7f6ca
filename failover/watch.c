#include "failover/watch.h"

#include <inttypes.h>
#include <string.h>

#include "core/log.h"
#include "failover/beat.h"
#include "failover/group.h"
#include "failover/renewer.h"
#include "failover/track.h"

/* Another program that deletes our addresses may do so a thousand times. */
#define TELL_READDED_MS 1000

/* A flood of foreign changes must not keep us from the heartbeat. */
#define BUDGET 64

/*
 * The kernel tells of a new IPv6 address before its route is there, and of the
 * route not at all: it is looked for, every millisecond for a while.
 */
#define ROUTE_LOOK_S 0.001
#define ROUTE_LOOKS 200

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

/* Held, and not on their way out: what is missing is to be mended. */
static bool
is_at_home(const struct role_group *g)
{
	return g->holder.held && g->election.state == ELECTION_MASTER;
}

static void
refused(struct role_group *g, int r)
{
	log_error(g->subject, "renewing the addresses on %s failed: %s",
	    g->config->interface, strerror(-r));
	group_post(
	    g, &(struct election_event){ .type = ELECTION_ACTION_FAILED });
}

static void
add_again(struct role_group *g)
{
	int r = holder_hold(&g->holder);

	if (r < 0)
		refused(g, r);
	else
		group_announce(g);
}

void
watch_look(struct role_group *g)
{
	bool changed = false;
	int r = holder_look(&g->holder, &changed);

	if (r < 0) {
		log_warning(g->subject,
		    "cannot look at interface %s: %s, going by what was",
		    g->config->interface, strerror(-r));
		return;
	}
	group_track(g, ROLE_CAUSE_INTERFACE, verdict(&g->holder.link));
	/* Deleted and made anew between two looks, or a bond that moved. */
	if (changed && is_at_home(g))
		add_again(g);
}

static void
survey(struct role_group *g)
{
	int r = holder_survey(&g->holder);

	if (r < 0)
		log_warning(g->subject,
		    "cannot list addresses: %s, going by what was",
		    strerror(-r));
}

/* Clients may come now, and who handed the group over waits for the word. */
static void
note_there(struct role_group *g, size_t i)
{
	const bool was_usable = holder_is_usable(&g->holder, i);
	const bool complete = holder_note(&g->holder, (int)i, true);

	if (!was_usable && holder_is_usable(&g->holder, i))
		group_announce_address(g, (unsigned)i);
	if (complete)
		beat_send(g->role);
}

static void
on_route_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role_group *g = w->data;

	(void)revents;
	for (size_t i = 0; g->holder.held && i < g->config->n_addresses; i++)
		if (!holder_is_usable(&g->holder, i))
			note_there(g, i);
	if (!g->holder.held || holder_is_complete(&g->holder) ||
	    --g->route_looks == 0)
		ev_timer_stop(loop, w);
}

static void
on_there(struct role_group *g, const struct netlink_change *c, int index)
{
	if (!g->holder.held || c->index != g->holder.link.index)
		return;
	note_there(g, (size_t)index);
	if (holder_is_usable(&g->holder, (size_t)index) ||
	    ev_is_active(&g->route_look))
		return;
	g->route_looks = ROUTE_LOOKS;
	ev_timer_init(
	    &g->route_look, on_route_look, ROUTE_LOOK_S, ROUTE_LOOK_S);
	g->route_look.data = g;
	ev_timer_start(g->role->loop, &g->route_look);
}

/* It may have gone along with the address that brought the route. */
static void
on_gone(struct role_group *g, const struct netlink_change *c, int index)
{
	if (!g->holder.held || c->index != g->holder.link.index)
		return;
	(void)holder_note(&g->holder, index, false);
	g->chores.survey = g->chores.add = true;
	g->chores.gone++;
}

static void
on_other(struct role_group *g, const struct netlink_change *c)
{
	if (c->index == g->holder.link.index &&
	    holder_note_other(
	        &g->holder, &c->addr, c->prefix, c->type == NETLINK_ADDRESS))
		g->chores.survey = true;
}

static void
on_change(struct role_group *g, const struct netlink_change *c)
{
	const int index = c->type == NETLINK_LINK || c->type == NETLINK_LOST
	    ? -1
	    : holder_find(&g->holder, &c->addr);

	switch (c->type) {
	case NETLINK_LINK:
		if (strcmp(c->name, g->config->interface) == 0 ||
		    c->index == g->holder.link.index)
			g->chores.look = g->chores.survey = true;
		break;
	case NETLINK_ADDRESS:
		/* Our own leases come by several times a second. */
		if (index != -1)
			on_there(g, c, index);
		else
			on_other(g, c);
		break;
	case NETLINK_ADDRESS_GONE:
		if (index != -1)
			on_gone(g, c, index);
		else
			on_other(g, c);
		break;
	case NETLINK_LOST:
		g->chores.look = g->chores.survey = g->chores.add = true;
		break;
	}
}

static void
tell_readded(struct role_group *g)
{
	const struct mono now = mono_now();

	if (!mono_is_never(g->readded_told) &&
	    mono_before(now, mono_add_ms(g->readded_told, TELL_READDED_MS)))
		return;
	g->readded_told = now;
	log_warning(g->subject,
	    "another program deleted a virtual IP, added again (%" PRIu64
	    " times so far)",
	    g->readded);
}

/*
 * A survey takes a list of all the host's addresses, and somebody may change
 * thousands of them: it is made once for as many changes as were read.
 */
static void
do_chores(struct role_group *g)
{
	const struct role_chores chores = g->chores;

	g->chores = (struct role_chores){ 0 };
	if (chores.look)
		watch_look(g);
	if (chores.survey)
		survey(g);
	/* An interface that went down took them along, and is a fault by now.
	 */
	if (!chores.add || !is_at_home(g))
		return;
	add_again(g);
	g->readded += chores.gone;
	if (chores.gone > 0)
		tell_readded(g);
}

static void
on_netlink(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = w->data;
	struct netlink_change c;
	int r = 0;

	(void)loop;
	(void)revents;
	/* Leases may have run out meanwhile: nothing is to be mended then. */
	beat_look(role);
	for (int i = 0; i < BUDGET || netlink_is_pending(role->netlink); i++) {
		r = netlink_next(role->netlink, &c);
		if (r <= 0)
			break;
		for (size_t g = 0; g < role->n_groups; g++)
			on_change(&role->groups[g], &c);
		track_on_change(role, &c);
	}
	for (size_t g = 0; g < role->n_groups; g++)
		do_chores(&role->groups[g]);
	if (r < 0)
		log_error("failover",
		    "cannot hear the kernel's changes: %s, trying on",
		    strerror(-r));
}

static void
on_renew(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = w->data;
	const struct holder *holders[CONFIG_GROUPS_MAX];

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < role->n_groups; i++)
		holders[i] = &role->groups[i].holder;
	renewer_ask(role->renewer, holders, role->n_groups);
}

static void
on_renewal_failed(void *arg, size_t group, int error)
{
	struct role *role = arg;

	/* Given up in the meantime: then it is no matter. */
	if (is_at_home(&role->groups[group]))
		refused(&role->groups[group], error);
}

int
watch_start(struct role *role)
{
	const int r =
	    renewer_start(role->loop, on_renewal_failed, role, &role->renewer);
	const double renew_s =
	    holder_lease_s(role->config->pair.hang_ms, role->dead_ms) /
	    (double)HOLDER_RENEWALS;

	if (r < 0)
		return r;
	ev_io_init(&role->netlink_ready, on_netlink, netlink_fd(role->netlink),
	    EV_READ);
	role->netlink_ready.data = role;
	ev_io_start(role->loop, &role->netlink_ready);
	ev_timer_init(&role->renew, on_renew, renew_s, renew_s);
	role->renew.data = role;
	ev_timer_start(role->loop, &role->renew);
	return 0;
}

void
watch_stop(struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++)
		ev_timer_stop(role->loop, &role->groups[i].route_look);
	ev_io_stop(role->loop, &role->netlink_ready);
	ev_timer_stop(role->loop, &role->renew);
	renewer_free(role->renewer);
}
