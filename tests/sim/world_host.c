#include "tests/sim/world_host.h"

#include "core/buf.h"
#include "tests/sim/world.h"

#include <errno.h>
#include <string.h>

static void
pass(struct sim *s, unsigned to, unsigned path, const struct buf *b)
{
	for (int i = world_percent(s, s->twice_percent); i >= 0; i--) {
		struct packet *p =
		    world_new_packet(s, PARCEL_HELLO, to, s->delay_ms);

		if (p == NULL)
			break;
		p->path = path;
		p->len = b->pos;
		memcpy(p->bytes, b->data, b->pos);
	}
}

static void
send_hello(struct sim *s, unsigned from, enum hello_type type)
{
	struct host *h = &s->hosts[from];
	const unsigned to = 1 - from;
	const struct node_now now = world_moment(s);
	uint8_t bytes[HELLO_BYTES_MAX];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct hello hello;

	node_speak(&h->inbox.node, type, &now, &hello);
	hello.groups[0].macs[0][5] = (uint8_t)(from + 1);
	hello_encode(&b, &hello);
	if (!s->cut[to] && !s->silent[from] && !s->mute && !s->only_to_all &&
	    !h->bare && !s->hosts[to].bare && !s->filtered[to] &&
	    !world_percent(s, s->loss_percent))
		pass(s, to, SEGMENT_PATH, &b);
	if (world_has_cable(s))
		pass(s, to, LINK_PATH, &b);
}

/* A kernel is quick; what loses heartbeats loses this, too. */
static struct packet *
reply(struct sim *s, enum parcel kind, unsigned to)
{
	return s->cut[to] || world_percent(s, s->loss_percent / 2)
	    ? NULL
	    : world_new_packet(s, kind, to, s->delay_ms < 2 ? 0 : 2);
}

static void
show(struct sim *s, unsigned to, unsigned from, bool own)
{
	struct packet *p = reply(s, PARCEL_SHOWN, to);

	if (p == NULL)
		return;
	p->from = from;
	p->own = own;
}

/* The kernel of node `i` gets what is asked, and its answer gets out. */
static bool
can_answer(const struct sim *s, unsigned i)
{
	return !s->cut[i] && !s->silent[i] && !s->hosts[i].dark;
}

/* Who gets the probe answers it, whatever its daemon does. */
static void
probe(struct sim *s, unsigned from)
{
	const unsigned to = 1 - from;
	const struct host *other = &s->hosts[to];
	/* What is its own it does not ask for. */
	const bool asks = !node_is_master(world_node(s, from), 0);

	if (s->silent[from]) {
		if (s->clients && s->hosts[from].held)
			(void)reply(s, PARCEL_SOMEBODY, from);
		return;
	}
	if (can_answer(s, to) && !s->only_to_all) {
		if (!other->bare)
			show(s, from, to, true);
		if (other->held && asks)
			show(s, from, to, false);
	}
	if (s->rogue && asks)
		show(s, from, 2, false);
	if (s->fabric && !other->held && asks)
		show(s, from, to, false);
	if (s->hosts[from].askable || (s->clients && s->hosts[from].held))
		(void)reply(s, PARCEL_SOMEBODY, from);
}

/* To all; of the address that is here. */
void
world_host_announce(struct host *h)
{
	struct sim *s = h->sim;
	unsigned frame;

	while (
	    garp_schedule_next(&h->announcing, &h->lane, world_now(s), &frame))
		if (!s->silent[h->index])
			show(s, 1 - h->index, h->index, false);
}

/* Who has the address and lives. */
static void
question(struct sim *s, unsigned from)
{
	const unsigned to = 1 - from;
	const struct host *other = &s->hosts[to];

	if (s->filtered[from] || s->silent[from])
		return;
	if ((can_answer(s, to) && other->held && !s->only_to_all) ||
	    (s->rogue && !s->ghosts))
		(void)reply(s, PARCEL_LIVES, from);
	if (s->hosts[from].askable)
		(void)reply(s, PARCEL_CONTROL, from);
}

/* A word to the own daemon; of one that dies meanwhile it is never read. */
static void
say(struct host *h, enum node_type word, unsigned delay_ms)
{
	struct packet *p =
	    world_new_packet(h->sim, PARCEL_WORD, h->index, delay_ms);

	if (p == NULL)
		return;
	p->word = word;
	p->boot = h->boot;
}

/* Supervisor and relay: mostly at once, else late, or never. */
static unsigned
reluctance(struct host *h)
{
	if (!h->sullen)
		return world_below(h->sim, 4);
	return world_below(h->sim, world_percent(h->sim, 50) ? 30 : 300);
}

static int
mute(struct host *h)
{
	struct sim *s = h->sim;

	if (h->sullen && world_percent(s, 20))
		return -EAGAIN;
	if (!h->muted)
		h->muted_ms = s->now_ms;
	h->muted = true;
	if (h->sullen && world_percent(s, 20))
		say(h, NODE_NOT_MUTED, reluctance(h));
	else if (!h->sullen || world_percent(s, 70))
		say(h, NODE_MUTED, reluctance(h));
	return 0;
}

static int
let_answer(struct host *h)
{
	if (h->sullen && world_percent(h->sim, 20))
		return -EAGAIN;
	h->muted = false;
	if (!h->sullen || world_percent(h->sim, 70))
		say(h, NODE_ANSWERED, reluctance(h));
	return 0;
}

static int
drop(struct host *h)
{
	if (!h->relay_up || (h->sullen && world_percent(h->sim, 20)))
		return -ENOTCONN;
	if (!h->sullen || world_percent(h->sim, 70))
		say(h, NODE_WAS_RESET, reluctance(h));
	return 0;
}

static int
add(struct host *h)
{
	const struct node_now real = world_moment(h->sim);

	if (node_is_late(&h->inbox.node, &real))
		world_fail(h->sim, "node %u: claims, and is late", h->index);
	h->held = true; /* also the half of them */
	h->lost = false;
	h->renewed_ms = h->sim->now_ms;
	if (h->refusals > 0) {
		h->refusals--;
		return -EPERM;
	}
	if (h->barred == (1u << ADDRESSES) - 1)
		return -EPERM;
	inbox_put(&h->inbox,
	    &(struct node_event){ .type = NODE_LACKS, .lacks = h->barred });
	say(h, NODE_USABLE, world_below(h->sim, 3));
	return 0;
}

static void
set_seam(struct host *h, enum node_effect_type type)
{
	const enum syn_hold mode = type == NODE_DO_HOLD ? SYN_HOLD_HOLDING
	    : type == NODE_DO_FORWARD                   ? SYN_HOLD_FORWARDING
	                                                : SYN_HOLD_OFF;

	/* Held ones are sent to the peer, or given to our own kernel. */
	if (mode == SYN_HOLD_FORWARDING || h->syn_hold == SYN_HOLD_HOLDING) {
		h->syns_given += h->syns;
		h->syns = 0;
	}
	h->syn_hold = mode;
}

static void
conclude(struct host *h, const struct node_effect *e)
{
	struct sim *s = h->sim;

	if (e->type == NODE_TELL_OUTCOME) {
		s->handovers += e->outcome == HANDOVER_DONE;
		s->given_up += e->outcome != HANDOVER_DONE;
	}
	if (h->stop_ms != 0)
		h->stop_ms = s->now_ms; /* it waited for that */
}

static void
announce(struct host *h, enum node_effect_type type)
{
	if (type == NODE_DO_END_ANNOUNCING) {
		garp_schedule_stop(&h->announcing);
		return;
	}
	h->announced_ms = h->sim->now_ms;
	garp_schedule_start(&h->announcing, 1, 1, world_now(h->sim));
	world_host_announce(h);
}

static void
speak(struct host *h, enum node_effect_type type)
{
	const struct node_now real = world_moment(h->sim);

	if (node_is_late(&h->inbox.node, &real))
		world_fail(h->sim, "node %u: speaks, and is late", h->index);
	send_hello(h->sim, h->index,
	    type == NODE_DO_SAY ? HELLO_BEAT : HELLO_CHALLENGE);
}

int
world_host_carry_out(
    void *arg, const struct node_effect *e, const struct node_now *now)
{
	struct host *h = arg;

	switch (e->type) {
	case NODE_DO_SAY:
	case NODE_DO_CHALLENGE:
		speak(h, e->type);
		return 0;
	case NODE_DO_ADD:
	case NODE_DO_RENEW:
		return add(h);
	case NODE_DO_DELETE:
		h->held = false;
		return 0;
	case NODE_DO_ANNOUNCE:
	case NODE_DO_END_ANNOUNCING:
		announce(h, e->type);
		return 0;
	case NODE_DO_PROBE:
		probe(h->sim, h->index);
		return 0;
	case NODE_DO_QUESTION:
		question(h->sim, h->index);
		return 0;
	case NODE_DO_HOLD:
	case NODE_DO_FORWARD:
	case NODE_DO_GIVE_BACK:
	case NODE_DO_LET_GO:
		set_seam(h, e->type);
		return 0;
	case NODE_DO_MUTE:
		return mute(h);
	case NODE_DO_ANSWER:
		return let_answer(h);
	case NODE_DO_RESET:
		return drop(h);
	case NODE_TELL_OUTCOME:
	case NODE_TELL_REFUSED:
		conclude(h, e);
		return 0;
	case NODE_DO_START:
	case NODE_DO_EXPECT:
	case NODE_DO_TICKLE:
	case NODE_DO_TICKLE_LATE:
	case NODE_DO_TICKLE_MORE:
	case NODE_DO_END_TICKLING:
	case NODE_TELL_STATE:
	case NODE_TELL_PRIORITY:
	case NODE_TELL_HEARD:
	case NODE_TELL_ENDED:
	case NODE_TELL_STALL:
	case NODE_TELL_PAUSE:
	case NODE_TELL_BEGUN:
	case NODE_TELL_UNWILLING:
		break;
	}
	return 0;
}
