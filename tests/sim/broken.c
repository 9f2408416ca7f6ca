#include "tests/sim/broken.h"

#include "failover/election/node_group.h"

#include <string.h>

/* Of the linker's --wrap: the product's own, and what its callers get. */
void __real_node_step(struct node *n, const struct node_event *ev,
    const struct node_now *now, struct node_out *ret_out);
void __wrap_node_step(struct node *n, const struct node_event *ev,
    const struct node_now *now, struct node_out *ret_out);

static enum rule {
	NONE,
	EARLY,
	YIELD,
	KEEP,
	HANDOVER,
} broken;

static broken_watch_fn *watch;

bool
broken_choose(const char *rule)
{
	static const char *const names[] = { [EARLY] = "early",
		[YIELD] = "yield",
		[KEEP] = "keep",
		[HANDOVER] = "handover" };

	for (enum rule r = EARLY; r <= HANDOVER; r++)
		if (strcmp(rule, names[r]) == 0)
			broken = r;
	return broken != NONE;
}

void
broken_watch(broken_watch_fn *fn)
{
	watch = fn;
}

/* The group's last change in this step, or UNCHANGED. */
static enum election_reason
reason_of(const struct node_out *out)
{
	enum election_reason reason = ELECTION_UNCHANGED;

	for (unsigned i = 0; i < out->n; i++)
		if (out->effects[i].type == NODE_TELL_STATE)
			reason = out->effects[i].change.reason;
	return reason;
}

/* The peer was heard, and nothing follows from that. */
static void
insist(struct node *n, const struct node *before, struct node_out *out)
{
	const bool yields = node_is_master(before, 0) &&
	    n->groups[0].election.state == ELECTION_BACKUP &&
	    reason_of(out) != ELECTION_GAVE_OVER;

	if (!yields)
		return;
	n->groups[0] = before->groups[0];
	out->n = 0;
}

static void
forget_to_delete(struct node_out *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < out->n; i++)
		if (out->effects[i].type != NODE_DO_DELETE)
			out->effects[n++] = out->effects[i];
	out->n = n;
}

/* As if the peer, which has just claimed, were gone. */
static void
take_back(struct node *n, const struct node_now *now, struct node_out *out)
{
	struct node_group_step s = { .node = n, .now = now->mono, .out = out };

	if (reason_of(out) == ELECTION_GAVE_OVER)
		node_group_elect_type(&s, 0, ELECTION_PEER_ENDED);
}

void
__wrap_node_step(struct node *n, const struct node_event *ev,
    const struct node_now *now, struct node_out *ret_out)
{
	static struct node before;

	/* Of the groups there is one. */
	memcpy(&before, n, offsetof(struct node, groups[1]));
	if (broken == EARLY && ev->type == NODE_SHOWN) {
		ret_out->n = 0;
		return;
	}
	__real_node_step(n, ev, now, ret_out);
	if (broken == YIELD)
		insist(n, &before, ret_out);
	if (broken == KEEP)
		forget_to_delete(ret_out);
	if (broken == HANDOVER)
		take_back(n, now, ret_out);
	if (watch != NULL)
		watch(&before, n, ev, ret_out);
}
