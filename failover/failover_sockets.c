#include "failover/failover_sockets.h"

#include "core/channel.h"
#include "core/log.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/tickle.h"
#include "failover/handover/handover_run.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/heartbeat/heartbeat_segment.h"
#include "failover/heartbeat/witness.h"
#include "failover/role.h"
#include "failover/vip/arp_nd.h"
#include "failover/vip/garp.h"
#include "failover/vip/living.h"
#include "failover/vip/netlink.h"

#include <string.h>

static int
failed(const char *what, int e)
{
	log_error("failover", "[start] %s: %s", what, strerror(-e));
	return e;
}

/*
 * The heartbeat's port and the wire tell the peer when this process dies, so
 * they come last: the kernel closes a dying process's descriptors from the
 * highest, and takes 20 ms over the packet sockets.
 */
int
failover_sockets_open(struct role *role)
{
	int e = living_new(role);

	if (e == 0)
		e = arp_nd_open(role);
	if (e < 0)
		return failed("opening sockets to hear neighbours", e);
	e = heartbeat_segment_open(role);
	if (e < 0)
		return failed("opening a socket for frames", e);
	e = witness_open(role);
	if (e < 0)
		return failed("opening sockets to ask witnesses", e);
	e = handover_run_open(role);
	if (e < 0)
		return failed("opening the handover's sockets", e);
	role->packet = garp_open();
	if (role->packet < 0)
		return failed("opening a packet socket", role->packet);
	e = netlink_open(&role->netlink);
	if (e == 0)
		e = netlink_hear(role->netlink);
	if (e < 0)
		return failed("opening netlink", e);
	e = tickle_open(role);
	if (e < 0)
		return failed("opening a raw socket", e);
	e = heartbeat_open(role);
	if (e < 0)
		return failed("opening the heartbeat's sockets", e);
	e = conn_sync_open(role);
	return e < 0 ? failed("opening the wire", e) : 0;
}

/*
 * The supervisor keeps duplicates, for the sake of a quick end (fd_keeper.h).
 */
void
failover_sockets_lend(const struct role *role)
{
	const int fds[] = { role->packet, arp_nd_fd(role),
		handover_run_fd(role, 0), handover_run_fd(role, 1),
		heartbeat_segment_fd(role) };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] != -1 &&
		    channel_send(role->supervisor, MSG_HOLD, NULL, 0, fds[i]) <
		        0)
			log_debug("failover", "no room to lend a socket");
}
