#include "hapair/supervisor/file_say.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/peer_file.h"

void
file_say(const struct generation *g, const struct peer_file *m)
{
	const struct child *f = &g->failover;
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

	peer_file_put(&b, m);
	/* One that has not begun ends over it, and one of before an upgrade. */
	if (b.bad || !f->ready || f->adopted || f->channel == -1)
		return;
	if (channel_send(f->channel, MSG_PEER_FILE, b.data, b.pos, -1) < 0)
		log_debug("supervisor", "no room for a word about a file");
}
