#include "hapair/supervisor/mute_request.h"

#include "core/buf.h"
#include "core/log.h"
#include "hapair/supervisor/generation.h"

#include <errno.h>
#include <string.h>

void
mute_request_do(struct generation *g, unsigned group, bool muted)
{
	int e = listeners_mute_group(g->listeners, group, muted);

	if (e < 0)
		log_error("supervisor", "[stop] a listener cannot be %s: %s",
		    muted ? "muted" : "unmuted", strerror(-e));
}

void
mute_request_end(struct generation *g)
{
	for (unsigned i = 0; i < generation_group_count(g); i++)
		mute_request_do(g, i, false);
}

int
mute_request_take(
    struct generation *g, const struct channel_packet *p, bool obeyed)
{
	struct buf b = buf_reader(p->body, p->len);
	struct buf reply = BUF_WRITER(16);
	struct msg_mute m;

	if (msg_get_mute(&b, &m) < 0 || m.group >= generation_group_count(g))
		return -EBADMSG;
	if (obeyed)
		mute_request_do(g, m.group, m.wanted);
	m.muted = (g->listeners->muted & 1U << m.group) != 0;
	msg_put_mute(&reply, &m);
	child_send(&g->failover, MSG_MUTE, reply.data, reply.pos, -1);
	return 0;
}
