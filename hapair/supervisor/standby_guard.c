#include "hapair/supervisor/standby_guard.h"

#include "config/config.h"

/*
 * A fence that failed is tried again after 30 s (STANDBY_RETRY_MS of
 * proxy/control/standby.h), operators and those who mend things want it at
 * once, and a relay that has died asks anew.
 */
#define RUNS_AT_ONCE 10
#define RUN_MS 10000

/* Servers that say who of them is active may change their minds. */
#define CHOICES_AT_ONCE 10
#define CHOICE_MS 200

/* From the last fence of a group to the change; the relay needs no time. */
#define FENCED_MS 30000

/* From the change to `promote`: likewise, but see ACTIVE_CHOICE_PATIENCE_MS. */
#define PROMOTE_MS 10000

static bool
is_member(const struct config *c, size_t service, size_t leader)
{
	return c->services[service].mode == CONFIG_MODE_STANDBY &&
	    config_standby_leader(c, service) == leader;
}

/* Where servers say themselves who is active, no fence is asked for. */
static bool
servers_say(const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (s->servers[i].check.role != NULL)
			return true;
	return false;
}

static bool
is_fenced(const struct standby_guard *all, const struct config *c,
    size_t leader, int active, struct mono now)
{
	bool fences = false, recent = false;

	for (size_t i = leader; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		const struct standby_guard *g = &all[i];

		if (!is_member(c, i, leader))
			continue;
		if (servers_say(s))
			return true;
		if (s->fence == NULL)
			continue;
		fences = true;
		if (!g->fenced || (active >= 0 && g->fenced_host != active))
			return false;
		recent = recent ||
		    mono_before(now, mono_add_ms(g->fenced_at, FENCED_MS));
	}
	return recent || !fences;
}

static enum standby_guard_answer
say(enum standby_guard_answer answer, const char *why, const char **ret_why)
{
	*ret_why = why;
	return answer;
}

static enum standby_guard_answer
may_fence(struct standby_guard *g, const struct msg_fence *m,
    const struct standby_guard_sight *sight, struct mono now,
    const char **ret_why)
{
	if (!sight->decides)
		return say(STANDBY_GUARD_LATER,
		    "the other node decides, and not this one", ret_why);
	if (sight->active >= 0 && m->from != sight->active)
		return say(
		    sight->waits ? STANDBY_GUARD_LATER : STANDBY_GUARD_NO,
		    "the one to be fenced is not the active one", ret_why);
	if (!rate_allows(&g->fence_rate, RUNS_AT_ONCE, RUN_MS, now))
		return say(STANDBY_GUARD_NO, "it has run too often", ret_why);
	return STANDBY_GUARD_YES;
}

static enum standby_guard_answer
may_promote(struct standby_guard *g, const struct msg_fence *m,
    const struct standby_guard_sight *sight, struct mono now,
    const char **ret_why)
{
	if (sight->waits)
		return say(STANDBY_GUARD_LATER, "the change is not agreed on",
		    ret_why);
	if (!standby_guard_owes_promote(g, now) || g->to != m->to ||
	    (g->from >= 0 && g->from != m->from))
		return say(
		    STANDBY_GUARD_NO, "there was no such change", ret_why);
	g->promotes = false;
	if (!rate_allows(&g->promote_rate, RUNS_AT_ONCE, RUN_MS, now))
		return say(STANDBY_GUARD_NO, "it has run too often", ret_why);
	return STANDBY_GUARD_YES;
}

enum standby_guard_answer
standby_guard_run(struct standby_guard *all, const struct msg_fence *m,
    const struct standby_guard_sight *sight, struct mono now,
    const char **ret_why)
{
	struct standby_guard *g = &all[m->service];

	return m->promote ? may_promote(g, m, sight, now, ret_why)
	                  : may_fence(g, m, sight, now, ret_why);
}

enum standby_guard_answer
standby_guard_choose(struct standby_guard *all, const struct config *c,
    size_t leader, unsigned to, const struct standby_guard_sight *sight,
    struct mono now, const char **ret_why)
{
	if (!sight->decides)
		return say(
		    STANDBY_GUARD_LATER, "the other node decides", ret_why);
	if (sight->active != (int)to &&
	    !is_fenced(all, c, leader, sight->active, now))
		return say(STANDBY_GUARD_NO, "no fence has passed", ret_why);
	if (!rate_allows(
	        &all[leader].choice_rate, CHOICES_AT_ONCE, CHOICE_MS, now))
		return say(
		    STANDBY_GUARD_LATER, "it does so too often", ret_why);
	return STANDBY_GUARD_YES;
}

void
standby_guard_note_fence(
    struct standby_guard *g, unsigned host, struct mono now)
{
	g->fenced = true;
	g->fenced_host = (uint16_t)host;
	g->fenced_at = now;
}

void
standby_guard_note_choice(struct standby_guard *all, const struct config *c,
    size_t leader, int from, unsigned to, struct mono now)
{
	for (size_t i = leader; i < c->n_services; i++) {
		if (!is_member(c, i, leader))
			continue;
		all[i].fenced = false;
		all[i].promotes = from != (int)to;
		all[i].from = from;
		all[i].to = (uint16_t)to;
		all[i].promotes_until = mono_add_ms(now, PROMOTE_MS);
	}
}

bool
standby_guard_owes_promote(const struct standby_guard *g, struct mono now)
{
	return g->promotes && mono_before(now, g->promotes_until);
}

void
standby_guard_forget(struct standby_guard *all, const struct config *c)
{
	for (size_t i = 0; i < c->n_services; i++)
		all[i].fenced = all[i].promotes = false;
}
