#include "director/director_ghosts.h"

#include "core/log.h"
#include "director/director_failover.h"
#include "director/director_role.h"
#include "director/director_turn.h"

#include <errno.h>

#define LOOK_S 1.0

/* While there are some: all slots are looked at for each portion. */
#define FORGET_S 0.1

struct director_ghosts {
	ev_timer look;
	struct mono since[REPLICA_GROUPS];
	bool told[REPLICA_GROUPS]; /* of those that are being forgotten */
};

bool
director_ghosts_are_due(struct mono *since, bool doubt, struct mono now)
{
	if (!doubt)
		*since = mono_never();
	else if (mono_is_never(*since))
		*since = now;
	return doubt &&
	    !mono_before(now, mono_add_ms(*since, DIRECTOR_GHOSTS_MS));
}

static uint32_t
count(const struct director_role *role, unsigned group)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < role->node.setup.n_slots; i++)
		if (role->node.slots[i].group == group &&
		    role->node.slots[i].conn.state != KERNEL_CONN_FREE)
			n++;
	return n;
}

/* A portion, so that no SYN waits. True: there are more. */
static bool
forget(struct director_role *role, unsigned group)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_FORGET,
		.group = group };
	bool *told = &role->ghosts->told[group];
	const uint32_t n = count(role, group);
	uint32_t left;

	if (n > 0 && !*told)
		log_notice("director",
		    "group %s: forgetting %u connections, the peer serves it and has told of none for 10 minutes",
		    role->config->pair.groups[group].name, n);
	*told = n > 0;
	if (n == 0)
		return false;
	director_turn_step(role, &ev);
	left = count(role, group);
	return left > 0 && left < n;
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);
	const struct replica *r = &role->node.replica;
	bool more = false;

	if (role->stopped || role->program == NULL)
		return;
	for (unsigned g = 0; g < role->node.setup.n_groups; g++)
		if (director_ghosts_are_due(&role->ghosts->since[g],
		        director_failover_peer_lives(role) &&
		            !replica_is_mine(r, g) && !replica_believes(r, g),
		        mono_now()))
			more = forget(role, g) || more;
	w->repeat = more ? FORGET_S : LOOK_S;
	ev_timer_again(loop, w);
}

void
director_ghosts_begin(struct director_role *role)
{
	ev_timer_start(role->loop, &role->ghosts->look);
}

int
director_ghosts_new(struct director_role *role)
{
	role->ghosts = calloc(1, sizeof(*role->ghosts));
	if (role->ghosts == NULL)
		return -ENOMEM;
	ev_timer_init(&role->ghosts->look, on_look, LOOK_S, LOOK_S);
	for (unsigned g = 0; g < REPLICA_GROUPS; g++)
		role->ghosts->since[g] = mono_never();
	return 0;
}

void
director_ghosts_free(struct director_role *role)
{
	if (role->ghosts == NULL)
		return;
	ev_timer_stop(role->loop, &role->ghosts->look);
	free(role->ghosts);
	role->ghosts = NULL;
}
