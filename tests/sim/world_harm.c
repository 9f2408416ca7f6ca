#include "tests/sim/world.h"
#include "tests/sim/world_host.h"

static void
put_fault(struct host *h)
{
	inbox_put(&h->inbox,
	    &(struct node_event){ .type = NODE_FAULT,
	        .fault = { .cause = NODE_CAUSE_INTERFACE,
	            .reason = h->faulted ? ELECTION_INTERFACE_CARRIER
	                                 : ELECTION_RECOVERED } });
}

static void
put_tracked(struct host *h)
{
	inbox_put(&h->inbox,
	    &(struct node_event){ .type = NODE_TRACKED,
	        .tracked = { .lowered = h->lowered,
	            .faults = h->tracked,
	            .reason = ELECTION_TRACK_SCRIPT } });
}

/* Who foresees it knows before it tries; else the interface tries anew. */
static void
put_lacks(struct host *h)
{
	inbox_put(&h->inbox,
	    &(struct node_event){
	        .type = NODE_LACKS, .lacks = h->foresees ? h->barred : 0 });
	if (h->held)
		inbox_put_type(&h->inbox, NODE_LOST);
}

void
world_put_ills(struct host *h)
{
	if (h->faulted)
		put_fault(h);
	put_tracked(h);
	put_lacks(h);
}

void
world_mend_network(struct sim *s)
{
	s->cut[0] = s->cut[1] = s->mute = s->rogue = false;
	s->filtered[0] = s->filtered[1] = false;
	s->silent[0] = s->silent[1] = s->unplugged = false;
	s->loss_percent = 0;
}

void
world_kill(struct sim *s, unsigned i)
{
	struct host *h = &s->hosts[i];
	struct packet *p;

	h->alive = false;
	h->restorable = world_percent(s, 50);
	h->dark = !h->restorable && world_percent(s, 50);
	h->reborn_ms = s->now_ms +
	    (h->restorable ? 1 + world_below(s, 100) : world_below(s, 3000));
	if (h->dark)
		h->held = false;
	h->muted = false; /* who muted them is gone */
	h->syn_hold = SYN_HOLD_OFF;
	/* A supervisor that lives keeps the wire: then nobody is told. */
	if (h->dark || h->restorable ||
	    ((s->cut[1 - i] || s->silent[i]) && !world_has_cable(s)))
		return;
	p = world_new_packet(s, PARCEL_ENDED, 1 - i, 0);
	if (p != NULL)
		p->boot = h->boot;
}

void
world_stop(struct sim *s, unsigned i)
{
	inbox_put_type(&s->hosts[i].inbox, NODE_STOP);
	if (s->hosts[i].held)
		world_fail(s, "node %u: stopped, and holds on", i);
	world_kill(s, i);
	s->hosts[i].restorable = false;
}

void
world_hand_over(struct sim *s, unsigned i, bool stop)
{
	if (!world_is_awake(s, i))
		return;
	if (stop)
		s->hosts[i].stop_ms = s->now_ms + 1 + world_below(s, 1500);
	inbox_put_group(&s->hosts[i].inbox, NODE_HAND_OVER, 0);
}

void
world_kill_relay(struct sim *s, unsigned i)
{
	struct host *h = &s->hosts[i];

	if (!world_is_awake(s, i) || !h->relay_up)
		return;
	h->relay_up = h->overdue = false;
	h->relay_gone_ms = s->now_ms;
	h->relay_at_ms = s->now_ms + 1 + world_below(s, 500);
	if (world_percent(s, 50))
		inbox_put_type(&h->inbox, NODE_RELAY_LEAVES);
	inbox_put_type(&h->inbox, NODE_RELAY_GONE);
}

void
world_set_fault(struct sim *s, unsigned i, bool faulted)
{
	struct host *h = &s->hosts[i];

	if (h->faulted == faulted || !world_is_awake(s, i))
		return;
	h->faulted = faulted;
	put_fault(h);
}

void
world_set_lowered(struct sim *s, unsigned i, uint8_t by)
{
	struct host *h = &s->hosts[i];

	if (h->lowered == by || !world_is_awake(s, i))
		return;
	h->lowered = by;
	put_tracked(h);
}

void
world_set_tracked(struct sim *s, unsigned i, uint8_t faults)
{
	struct host *h = &s->hosts[i];

	if (h->tracked == faults || !world_is_awake(s, i))
		return;
	h->tracked = faults;
	put_tracked(h);
}

void
world_set_barred(struct sim *s, unsigned i, uint32_t addresses)
{
	struct host *h = &s->hosts[i];

	if (h->barred == addresses || !world_is_awake(s, i))
		return;
	h->barred = addresses;
	put_lacks(h);
}
