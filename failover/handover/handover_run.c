#include "failover/handover/handover_run.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "failover/handover/syn_hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct handover_run {
	struct syn_hold syn_hold;
	ev_io ready[2];
};

int
handover_run_mute(struct role_group *g, bool muted)
{
	const struct msg_mute m = { .group = (uint16_t)g->index,
		.wanted = muted };
	struct buf b = BUF_WRITER(16);

	msg_put_mute(&b, &m);
	return channel_send(g->role->supervisor, MSG_MUTE, b.data, b.pos, -1);
}

int
handover_run_drop(struct role_group *g)
{
	const struct msg_reset m = { .group = (uint16_t)g->index };
	struct buf b = BUF_WRITER(16);

	if (g->role->relay == -1)
		return -ENOTCONN;
	msg_put_reset(&b, &m);
	return channel_send(g->role->relay, MSG_RESET, b.data, b.pos, -1);
}

static void
hold(struct role_group *g, struct syn_hold *syn_hold)
{
	int e = syn_hold_hold(syn_hold, g->index, g->config, g->vip.links);

	/* Without it, those clients ask again after a second. */
	if (e < 0)
		log_warning(g->subject,
		    "[handover] new clients cannot be held for %s: %s, going on without",
		    g->role->other->name, strerror(-e));
}

static void
forward(struct role_group *g, struct syn_hold *syn_hold)
{
	int e = syn_hold_forward(syn_hold, g->index, role_stand(g)->peer_macs);

	if (e < 0)
		log_warning(g->subject,
		    "[handover] new clients cannot be sent on to %s: %s",
		    g->role->other->name, strerror(-e));
}

void
handover_run_hold(struct role_group *g, enum node_effect_type how)
{
	struct syn_hold *syn_hold = &g->role->handover_run->syn_hold;
	const struct syn_hold_side *side = &syn_hold->sides[g->index];

	if (how == NODE_DO_HOLD) {
		hold(g, syn_hold);
		return;
	}
	if (how == NODE_DO_FORWARD) {
		forward(g, syn_hold);
		return;
	}
	if (how == NODE_DO_GIVE_BACK)
		syn_hold_give_back(syn_hold, g->index);
	else
		syn_hold_let_go(syn_hold, g->index);
	if (side->held > 0 || side->forwarded > 0)
		log_debug(g->subject,
		    "handover: %u new clients held, %u frames sent on, "
		    "%u given back",
		    side->held, side->forwarded, side->returned);
}

int
handover_run_take_mute(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_mute m;
	enum node_type type;

	if (msg_get_mute(&b, &m) < 0)
		return -EBADMSG;
	type = m.muted ? NODE_MUTED : NODE_NOT_MUTED;
	if (!m.wanted) {
		if (m.muted)
			return 0; /* it could not be done: time tells */
		type = NODE_ANSWERED;
	}
	if (m.group < role->n_groups)
		inbox_put_group(&role->inbox, type, m.group);
	return 0;
}

void
handover_run_take_drop(struct role *role, const struct msg_reset *m)
{
	if (m->group < role->n_groups)
		inbox_put_group(&role->inbox, NODE_WAS_RESET, m->group);
}

static void
on_seam(struct ev_loop *loop, ev_io *w, int revents)
{
	const struct role *role = ev_userdata(loop);
	struct handover_run *handover_run = role->handover_run;

	syn_hold_read(
	    &handover_run->syn_hold, (unsigned)(w - handover_run->ready));
}

int
handover_run_fd(const struct role *role, unsigned which)
{
	return role->handover_run->syn_hold.fds[which];
}

int
handover_run_open(struct role *role)
{
	struct handover_run *handover_run = calloc(1, sizeof(*handover_run));
	int e;

	if (handover_run == NULL)
		return -ENOMEM;
	role->handover_run = handover_run;
	syn_hold_init(&handover_run->syn_hold);
	e = syn_hold_open(&handover_run->syn_hold);
	for (unsigned i = 0; e == 0 && i < ARRAY_LEN(handover_run->ready);
	     i++) {
		ev_io *w = &handover_run->ready[i];

		ev_io_init(w, on_seam, handover_run->syn_hold.fds[i], EV_READ);
		ev_io_start(role->loop, w);
	}
	return e;
}

void
handover_run_close(struct role *role)
{
	struct handover_run *handover_run = role->handover_run;

	if (handover_run == NULL)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(handover_run->ready); i++)
		ev_io_stop(role->loop, &handover_run->ready[i]);
	syn_hold_close(&handover_run->syn_hold);
	free(handover_run);
	role->handover_run = NULL;
}
