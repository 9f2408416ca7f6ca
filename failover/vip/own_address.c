#include "failover/vip/own_address.h"

#include "config/config.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <stdlib.h>

struct own_address {
	bool missing; /* as the node was told */
	ev_timer patience;
};

/*
 * Where the address is elsewhere, on a cable between the nodes, it goes with a
 * carrier that the peer's end has taken along, and that is no fault of this
 * node's: the group's own network carries heartbeats and questions without it.
 */
static bool
needs_it(const struct role *role, unsigned i)
{
	return config_group_is_near_any(
	    role->groups[i].config, &role->self->address);
}

static void
log_change(const struct role *role, bool missing)
{
	char ip[ADDR_TEXT_MAX];

	(void)addr_format_ip(&role->self->address, ip);
	if (missing)
		log_warning("failover",
		    "[own-address] own address %s is missing, the peer cannot be reached by it",
		    ip);
	else
		log_notice(
		    "failover", "[own-address] own address %s is back", ip);
}

static void
tell(struct role *role, bool missing)
{
	if (missing == role->own_address->missing)
		return;
	role->own_address->missing = missing;
	log_change(role, missing);
	for (unsigned i = 0; i < role->n_groups; i++)
		if (needs_it(role, i))
			inbox_put(&role->inbox,
			    &(struct node_event){ .type = NODE_FAULT,
			        .group = i,
			        .fault = { .cause = NODE_CAUSE_ADDRESS,
			            .reason = missing ? ELECTION_ADDRESS_MISSING
			                              : ELECTION_RECOVERED } });
}

static bool
is_there(struct role *role)
{
	return netlink_is_local(role->netlink, &role->self->address);
}

static void
on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	tell(role, !is_there(role));
}

int
own_address_start(struct role *role)
{
	role->own_address = calloc(1, sizeof(*role->own_address));
	if (role->own_address == NULL)
		return -ENOMEM;
	ev_init(&role->own_address->patience, on_patience);
	tell(role, !is_there(role));
	return 0;
}

void
own_address_stop(struct role *role)
{
	if (role->own_address == NULL)
		return;
	ev_timer_stop(role->loop, &role->own_address->patience);
	free(role->own_address);
	role->own_address = NULL;
}

void
own_address_on_change(struct role *role, const struct netlink_change *c)
{
	struct own_address *own = role->own_address;

	if (own == NULL || c->type == NETLINK_LINK ||
	    (c->type != NETLINK_LOST &&
	        !addr_is_same_ip(&c->addr, &role->self->address)))
		return;
	/* Its route, by which we look, comes and goes later than the news. */
	if (c->type == NETLINK_ADDRESS) {
		ev_timer_stop(role->loop, &own->patience);
		tell(role, false);
	} else if (!ev_is_active(&own->patience)) {
		timeout_arm(role->loop, &own->patience, OWN_ADDRESS_PATIENCE_S);
	}
}
