#include "tests/model/broken_director.h"

#include "director/director_conns.h"
#include "director/director_hear.h"
#include "director/kernel_conn.h"
#include "director/replica.h"

#include <string.h>

static enum broken_director_rule broken;

static const char *const names[] = {
	[BROKEN_DIRECTOR_EARLY] = "early",
	[BROKEN_DIRECTOR_HASTY] = "hasty",
	[BROKEN_DIRECTOR_TIMERS] = "timers",
	[BROKEN_DIRECTOR_STRANGER] = "stranger",
	[BROKEN_DIRECTOR_WAIT] = "wait",
	[BROKEN_DIRECTOR_BARE] = "bare",
	[BROKEN_DIRECTOR_PASS] = "pass",
	[BROKEN_DIRECTOR_REFUSAL] = "refusal",
	[BROKEN_DIRECTOR_PARITY] = "parity",
	[BROKEN_DIRECTOR_SWEEP] = "sweep",
	[BROKEN_DIRECTOR_FORGET] = "forget",
	[BROKEN_DIRECTOR_ORPHAN] = "orphan",
};

bool
broken_director_choose(const char *name)
{
	for (unsigned i = 1; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			broken = (enum broken_director_rule)i;
	return broken != BROKEN_DIRECTOR_NONE;
}

bool
broken_director_is(enum broken_director_rule rule)
{
	return broken == rule;
}

/* Of the linker's --wrap: the product's own, and what its callers get. */
bool __real_replica_waits(const struct replica *r, unsigned group);
bool __wrap_replica_waits(const struct replica *r, unsigned group);
bool __real_replica_is_protected(
    const struct replica *r, unsigned group, uint64_t seq);
bool __wrap_replica_is_protected(
    const struct replica *r, unsigned group, uint64_t seq);
bool __real_replica_believes(const struct replica *r, unsigned group);
bool __wrap_replica_believes(const struct replica *r, unsigned group);
struct kernel_conn __real_kernel_conn_step(const struct kernel_conn *before,
    const struct kernel_conn_event *ev, const struct kernel_conn_rules *rules,
    struct mono now, struct kernel_conn_out *ret_out);
struct kernel_conn __wrap_kernel_conn_step(const struct kernel_conn *before,
    const struct kernel_conn_event *ev, const struct kernel_conn_rules *rules,
    struct mono now, struct kernel_conn_out *ret_out);
void __real_director_hear_msg(
    struct director_node *d, const struct replica_msg *m);
void __wrap_director_hear_msg(
    struct director_node *d, const struct replica_msg *m);
void __real_director_conns_release(struct director_node *d, unsigned group);
void __wrap_director_conns_release(struct director_node *d, unsigned group);
void __real_director_node_step(struct director_node *d,
    const struct director_node_event *ev, struct mono now);
void __wrap_director_node_step(struct director_node *d,
    const struct director_node_event *ev, struct mono now);

bool
__wrap_replica_waits(const struct replica *r, unsigned group)
{
	return broken != BROKEN_DIRECTOR_EARLY &&
	    __real_replica_waits(r, group);
}

bool
__wrap_replica_is_protected(
    const struct replica *r, unsigned group, uint64_t seq)
{
	return broken == BROKEN_DIRECTOR_HASTY
	    ? replica_is_told(r, group, seq)
	    : __real_replica_is_protected(r, group, seq);
}

bool
__wrap_replica_believes(const struct replica *r, unsigned group)
{
	return __real_replica_believes(r, group) ||
	    broken == BROKEN_DIRECTOR_STRANGER;
}

struct kernel_conn
__wrap_kernel_conn_step(const struct kernel_conn *before,
    const struct kernel_conn_event *ev, const struct kernel_conn_rules *rules,
    struct mono now, struct kernel_conn_out *ret_out)
{
	struct kernel_conn_event changed = *ev;

	if (broken == BROKEN_DIRECTOR_TIMERS)
		changed.mine = true;
	return __real_kernel_conn_step(before, &changed, rules, now, ret_out);
}

void
__wrap_director_hear_msg(struct director_node *d, const struct replica_msg *m)
{
	if (broken == BROKEN_DIRECTOR_FORGET && m->type == REPLICA_MSG_DEL)
		return;
	for (uint32_t i = 0; i < d->setup.n_slots; i++)
		if (broken == BROKEN_DIRECTOR_SWEEP &&
		    m->type == REPLICA_MSG_FINISH)
			d->slots[i].begun = d->begins[d->slots[i].group];
	__real_director_hear_msg(d, m);
}

void
__wrap_director_conns_release(struct director_node *d, unsigned group)
{
	if (broken != BROKEN_DIRECTOR_TIMERS)
		__real_director_conns_release(d, group);
}

void
__wrap_director_node_step(struct director_node *d,
    const struct director_node_event *ev, struct mono now)
{
	struct director_node_event changed = *ev;

	if (broken == BROKEN_DIRECTOR_WAIT) {
		changed.peer_dead = false;
		if (ev->type == DIRECTOR_NODE_PEER_DEAD)
			return;
	}
	__real_director_node_step(d, &changed, now);
}
