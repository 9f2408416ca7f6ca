#include "proxy/control/standby_view.h"

#include "proxy/pool/pool.h"

static enum standby_fitness
fitness_of(const struct pool_view *s)
{
	if (s->admin == ACCORD_MAINT)
		return STANDBY_OUT;
	if (s->admin == ACCORD_DRAIN)
		return STANDBY_PARKED;
	if (s->state == SERVER_UNKNOWN)
		return STANDBY_UNKNOWN;
	return s->state == SERVER_UP && s->has_address && s->weight > 0
	    ? STANDBY_FIT
	    : STANDBY_UNFIT;
}

static enum standby_claim
claim_of(enum server_role role)
{
	switch (role) {
	case SERVER_ROLE_UNSAID:
		break;
	case SERVER_ROLE_ACTIVE:
		return STANDBY_CLAIMS_ACTIVE;
	case SERVER_ROLE_STANDBY:
		return STANDBY_CLAIMS_STANDBY;
	}
	return STANDBY_CLAIMS_NOTHING;
}

/* A host is what the worst of its servers is: the order says who that is. */
static enum standby_fitness
worse(enum standby_fitness a, enum standby_fitness b)
{
	static const unsigned badness[] = {
		[STANDBY_FIT] = 0,
		[STANDBY_UNFIT] = 1,
		[STANDBY_UNKNOWN] = 2,
		[STANDBY_PARKED] = 3,
		[STANDBY_OUT] = 4,
	};

	return badness[a] > badness[b] ? a : b;
}

void
standby_view_add(struct standby_view *v, const struct pool_view *server)
{
	const enum standby_fitness fitness = fitness_of(server);
	const enum standby_claim claim = claim_of(server->role);

	v->host.fitness = v->seen ? worse(v->host.fitness, fitness) : fitness;
	/* Some may say nothing; those that do have to agree. */
	if (v->host.claim == STANDBY_CLAIMS_NOTHING)
		v->host.claim = claim;
	else if (claim != STANDBY_CLAIMS_NOTHING && claim != v->host.claim)
		v->conflict = true;
	v->seen = true;
}

struct standby_host
standby_view_host(const struct standby_view *v)
{
	struct standby_host host = v->host;

	if (v->conflict)
		host.claim = STANDBY_CLAIMS_NOTHING;
	return host;
}
