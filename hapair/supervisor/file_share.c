#include "hapair/supervisor/file_share.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "hapair/supervisor/reload.h"

#include <errno.h>

void
file_share_init(struct file_share *s, struct reload *reload)
{
	file_push_init(&s->push, reload);
	file_receive_init(&s->receive, reload);
}

void
file_share_fini(struct file_share *s)
{
	file_push_fini(&s->push);
	file_receive_fini(&s->receive);
}

void
file_share_obey(struct file_share *s, int *socket)
{
	file_push_obey(&s->push, socket);
}

int
file_share_take(
    struct file_share *s, const struct channel_packet *p, bool running)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_unsent unsent;
	struct peer_file m;

	if (!s->push.reload->change->now->setup.config->has_pair)
		return -EBADMSG;
	if (p->type == MSG_FILE_UNSENT) {
		if (msg_get_unsent(&b, &unsent) < 0)
			return -EBADMSG;
		file_push_note_unsent(&s->push, unsent.unspoken);
		return 0;
	}
	/* The peer's words: failover has passed on what it cannot judge. */
	if (peer_file_get(&b, &m) < 0)
		return 0;
	if (m.kind <= PEER_FILE_FORGET)
		file_receive_hear(&s->receive, &m, running);
	else
		file_push_hear(&s->push, &m);
	return 0;
}
