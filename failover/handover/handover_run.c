#include "failover/handover/handover_run.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "failover/handover/syn_hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct giver {
	struct seam seam;
	ev_io ready[2];
};

int
giver_hush(struct role_group *g, bool hushed)
{
	const struct msg_hush m = { .group = (uint16_t)g->index,
		.wanted = hushed };
	uint8_t body[16];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_hush(&b, &m);
	return channel_send(g->role->supervisor, MSG_HUSH, body, b.pos, -1);
}

int
giver_drop(struct role_group *g)
{
	const struct msg_drop m = { .group = (uint16_t)g->index };
	uint8_t body[16];
	struct buf b = buf_writer(body, sizeof(body));

	if (g->role->relay == -1)
		return -ENOTCONN;
	msg_put_drop(&b, &m);
	return channel_send(g->role->relay, MSG_DROP, body, b.pos, -1);
}

static void
hold(struct role_group *g, struct seam *seam)
{
	int r = seam_hold(seam, g->index, g->config, &g->vip.link);

	/* Without it, those clients ask again after a second. */
	if (r < 0)
		log_warning(g->subject,
		    "new clients cannot be held for %s: %s, going on without",
		    g->role->other->name, strerror(-r));
}

static void
forward(struct role_group *g, struct seam *seam)
{
	int r = seam_forward(seam, g->index, role_stand(g)->peer_mac);

	if (r < 0)
		log_warning(g->subject,
		    "new clients cannot be sent on to %s: %s",
		    g->role->other->name, strerror(-r));
}

void
giver_hold(struct role_group *g, enum node_effect_type how)
{
	struct seam *seam = &g->role->giver->seam;
	const struct seam_side *side = &seam->sides[g->index];

	if (how == NODE_DO_HOLD) {
		hold(g, seam);
		return;
	}
	if (how == NODE_DO_FORWARD) {
		forward(g, seam);
		return;
	}
	if (how == NODE_DO_GIVE_BACK)
		seam_give_back(seam, g->index);
	else
		seam_let_go(seam, g->index);
	if (side->held > 0 || side->forwarded > 0)
		log_debug(g->subject,
		    "handover: %u new clients held, %u frames sent on, "
		    "%u given back",
		    side->held, side->forwarded, side->returned);
}

void
giver_take_hush(struct role *role, const struct msg_hush *m)
{
	enum node_type type = m->hushed ? NODE_HUSHED : NODE_NOT_HUSHED;

	if (!m->wanted) {
		if (m->hushed)
			return; /* it could not be done: time tells */
		type = NODE_ANSWERED;
	}
	if (m->group < role->n_groups)
		inbox_put_group(&role->inbox, type, m->group);
}

void
giver_take_drop(struct role *role, const struct msg_drop *m)
{
	if (m->group < role->n_groups)
		inbox_put_group(&role->inbox, NODE_DROPPED, m->group);
}

static void
on_seam(struct ev_loop *loop, ev_io *w, int revents)
{
	struct giver *giver = w->data;

	(void)loop;
	(void)revents;
	seam_read(&giver->seam, (unsigned)(w - giver->ready));
}

int
giver_fd(const struct role *role, unsigned which)
{
	return seam_fd(&role->giver->seam, which);
}

int
giver_open(struct role *role)
{
	role->giver = calloc(1, sizeof(*role->giver));
	if (role->giver == NULL)
		return -ENOMEM;
	seam_init(&role->giver->seam);
	return seam_open(&role->giver->seam);
}

void
giver_start(struct role *role)
{
	struct giver *giver = role->giver;

	for (unsigned i = 0; i < ARRAY_LEN(giver->ready); i++) {
		ev_io *w = &giver->ready[i];

		ev_io_init(w, on_seam, seam_fd(&giver->seam, i), EV_READ);
		w->data = giver;
		ev_io_start(role->loop, w);
	}
}

void
giver_close(struct role *role)
{
	struct giver *giver = role->giver;

	if (giver == NULL)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(giver->ready); i++)
		ev_io_stop(role->loop, &giver->ready[i]);
	seam_close(&giver->seam);
	free(giver);
	role->giver = NULL;
}
