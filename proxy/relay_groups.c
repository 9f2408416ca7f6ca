#include "proxy/relay_groups.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"

#include <errno.h>
#include <stdlib.h>

int
relay_groups_init(struct relay_groups *g, const struct config *config)
{
	*g = (struct relay_groups){ .n = 0 };
	if (!config->has_pair)
		return 0;
	g->n = config->pair.n_groups;
	g->all = calloc(g->n + 1, sizeof(*g->all));
	return g->all != NULL ? 0 : -ENOMEM;
}

void
relay_groups_fini(struct relay_groups *g)
{
	free(g->all);
	*g = (struct relay_groups){ .n = 0 };
}

int
relay_groups_take(
    struct relay_groups *g, const struct channel_packet *p, unsigned *ret_group)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_group m;
	bool was_master;

	if (msg_get_group(&b, &m) < 0 || g->all == NULL || m.group >= g->n)
		return -EBADMSG;
	/*
	 * Told for the first time: the listeners are older than this relay, and
	 * so are the clients in their backlog. The address may have left since.
	 */
	was_master = (g->known & 1U << m.group) == 0 ||
	    g->all[m.group].state == MSG_GROUP_MASTER;
	g->known |= 1U << m.group;
	g->all[m.group] = m;
	*ret_group = m.group;
	return was_master && m.state != MSG_GROUP_MASTER;
}

int
relay_groups_take_reset(const struct relay_groups *g,
    const struct channel_packet *p, unsigned *ret_group)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_reset m;

	if (msg_get_reset(&b, &m) < 0 || g->all == NULL || m.group >= g->n)
		return -EBADMSG;
	*ret_group = m.group;
	return 0;
}
