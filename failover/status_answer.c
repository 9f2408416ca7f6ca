#include "failover/status_answer.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/tickle.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/pause_request.h"
#include "failover/role.h"
#include "failover/track.h"

_Static_assert(MSG_PEER_LINKS_MAX >= ROLE_LINKS_MAX, "status tells of all");

static bool
send_peer(struct role *role, int channel)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	struct msg_peer m = { .node = (uint16_t)(1 - role->start.node) };

	heartbeat_describe(role, &m);
	pause_request_describe(role, &m);
	conn_sync_describe(role, &m);
	tickle_describe(role, &m);
	msg_put_peer(&b, &m);
	return !b.bad &&
	    channel_send(channel, MSG_PEER, b.data, b.pos, -1) == 0;
}

static bool
send_tracks(struct role *role, int channel)
{
	const struct msg_tracks m = track_message(role);
	struct buf b = BUF_WRITER(64);

	msg_put_tracks(&b, &m);
	return !b.bad &&
	    channel_send(channel, MSG_TRACKS, b.data, b.pos, -1) == 0;
}

void
status_answer_send(struct role *role, int channel, const struct msg_ask *ask)
{
	struct buf b = BUF_WRITER(16);

	if (role->other != NULL &&
	    (!send_peer(role, channel) || !send_tracks(role, channel)))
		return;
	msg_put_ask(&b, ask);
	if (channel_send(channel, MSG_ANSWERED, b.data, b.pos, -1) < 0)
		log_debug("failover", "status: no room for an answer");
}
