#include "failover/vip/own_address.h"

#include "core/timeout.h"

#include <errno.h>
#include <stdlib.h>

struct own_address {
	bool missing; /* as the node was told */
	ev_timer patience;
};

static void
tell(struct role *role, bool missing)
{
	if (missing == role->own_address->missing)
		return;
	role->own_address->missing = missing;
	inbox_put(&role->inbox,
	    &(struct node_event){ .type = NODE_FAULT,
	        .group = NODE_EVERY,
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
