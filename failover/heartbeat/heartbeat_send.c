#include "failover/heartbeat/heartbeat_send.h"

#include "core/buf.h"
#include "failover/connsync/conn_sync.h"
#include "failover/heartbeat/heartbeat.h"

#include <string.h>

void
heartbeat_send_hello(
    struct role *role, bool challenge, const struct node_now *now)
{
	uint8_t packet[HELLO_BYTES_MAX + SECRET_MAC_BYTES];
	struct buf b = buf_writer(packet, HELLO_BYTES_MAX);
	struct hello h;
	size_t len;

	node_speak(&role->inbox.node, challenge ? HELLO_CHALLENGE : HELLO_BEAT,
	    now, &h);
	for (size_t i = 0; i < role->n_groups; i++)
		memcpy(h.groups[i].mac, role->groups[i].vip.link.mac,
		    HELLO_MAC_BYTES);
	hello_encode(&b, &h);
	len = packet_auth_close(&role->auth, packet, b.pos);
	heartbeat_transmit(role, packet, len);
	conn_sync_send_hello(role, packet, len);
}
