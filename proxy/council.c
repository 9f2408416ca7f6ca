#include "proxy/council.h"

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "core/msg.h"
#include "proxy/marshal.h"

#include <errno.h>
#include <string.h>

/* Full or gone: another failover is told all. */
static void
send_accords(void *arg, const struct buf *body)
{
	const struct council *c = arg;
	const int failover = *c->setup.failover;

	if (failover != -1 &&
	    chan_send(failover, MSG_ACCORDS, body->data, body->pos, -1) < 0)
		log_debug("relay", "failover does not take messages");
}

/* A supervisor that does not read ends us soon. */
static void
send_fence(void *arg, const struct msg_fence *m)
{
	const struct council *c = arg;
	uint8_t room[16];
	struct buf b = buf_writer(room, sizeof(room));
	int e;

	msg_put_fence(&b, m);
	e = chan_send(c->setup.supervisor, MSG_FENCE, b.data, b.pos, -1);
	if (e < 0)
		log_error("relay", "the supervisor does not take messages: %s",
		    strerror(-e));
}

static int
agree(void *arg, struct accord *a)
{
	struct council *c = arg;

	return orders_make(&c->orders, a);
}

int
council_begin(struct council *c, const struct council_setup *setup)
{
	const bool alone = setup->node == MSG_NO_NODE;
	const struct marshal_setup marshal = { .loop = setup->loop,
		.config = setup->config,
		.roster = setup->roster,
		.groups = setup->groups,
		.node = alone ? -1 : (int)setup->node,
		.agree = agree,
		.send = send_fence,
		.arg = c };

	c->setup = *setup;
	c->marshal = marshal_new(&marshal);
	c->orders = (struct orders){ .config = setup->config,
		.roster = setup->roster,
		.marshal = c->marshal,
		.node = alone ? 0 : (uint8_t)setup->node,
		.send = send_accords,
		.arg = c };
	return c->marshal != NULL ? 0 : -ENOMEM;
}

void
council_fini(struct council *c)
{
	marshal_free(c->marshal);
	orders_fini(&c->orders);
}

int
council_take(
    struct council *c, enum orders_source from, const struct chan_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_known known;
	struct msg_fenced fenced;

	if (c->marshal == NULL)
		return -EBADMSG;
	if (p->type == MSG_ACCORDS)
		return orders_take(&c->orders, from, p->body, p->len);
	if (p->type == MSG_KNOWN && msg_get_known(&b, &known) == 0) {
		marshal_set_known(c->marshal, known.known);
		return 0;
	}
	if (p->type == MSG_FENCED && msg_get_fenced(&b, &fenced) == 0) {
		marshal_take_fenced(c->marshal, &fenced);
		return 0;
	}
	return -EBADMSG;
}
