#include "hapair/supervisor/generation.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/proc.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/state_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t
generation_group_count(const struct generation *g)
{
	const struct config *c = g->setup.config;

	return c->has_pair ? c->pair.n_groups : 0;
}

static int
allocate(struct generation *g)
{
	const size_t n = generation_group_count(g) + 1;

	g->groups = calloc(n, sizeof(*g->groups));
	g->known = calloc(n, sizeof(*g->known));
	if (g->groups == NULL || g->known == NULL)
		return -ENOMEM;
	return state_places_init(&g->places, g->setup.config);
}

static void
on_fenced(void *arg, const struct msg_fenced *m)
{
	struct generation *g = arg;
	struct buf b = BUF_WRITER(8 + MSG_TEXT_MAX);

	msg_put_fenced(&b, m);
	child_send(&g->relay, MSG_FENCED, b.data,
	    g->relay.adopted ? MSG_FENCED_LEAST : b.pos, -1);
}

static int
init(struct generation *g)
{
	const struct generation_setup *setup = &g->setup;
	int e = allocate(g);

	if (e < 0)
		return e;
	e = proc_sealed_file("hapair.yaml", setup->text, setup->len);
	if (e < 0)
		return e;
	g->file = e;
	secret_print_take(setup->config, g->secrets);
	e = fence_run_init(
	    &g->fences, setup->config, setup->store, on_fenced, g);
	if (e < 0)
		return e;
	return role_watchdog_init(&g->watchdog, setup->config, setup->workers,
	    &g->failover, &g->relay, &g->director.child);
}

struct generation *
generation_new(const struct generation_setup *setup, int *ret_error)
{
	struct generation *g = calloc(1, sizeof(*g));

	*ret_error = -ENOMEM;
	if (g == NULL)
		return NULL;
	g->setup = *setup;
	g->file = -1;
	g->watchdog = role_watchdog_none();
	g->listeners = setup->listeners != NULL ? setup->listeners : &g->opened;
	g->loaded_wall_ms = wall_clock_now_ms();
	child_init(&g->failover, MSG_RIGHTS_FAILOVER, &setup->users.failover,
	    setup->calls, g);
	child_init(
	    &g->relay, MSG_RIGHTS_RELAY, &setup->users.relay, setup->calls, g);
	g->failover.closer = g->relay.closer = setup->closer;
	role_channel_init(&g->roles, g->failover.loop, &g->failover, &g->relay);
	director_child_init(&g->director, g);
	g->relay.restart.well_ms = RESTART_WELL_RELAY_MS;
	*ret_error = init(g);
	g->setup.text = NULL; /* there is a sealed copy */
	if (*ret_error == 0)
		return g;
	generation_free(g);
	return NULL;
}

void
generation_free(struct generation *g)
{
	if (g == NULL)
		return;
	role_watchdog_fini(&g->watchdog);
	role_channel_stop(&g->roles);
	director_child_fini(&g->director);
	child_fini(&g->failover);
	child_fini(&g->relay);
	track_scripts_stop(&g->scripts);
	fence_run_fini(&g->fences);
	listeners_close(&g->opened);
	free(g->groups);
	free(g->known);
	state_places_fini(&g->places);
	fd_close(&g->file);
	config_free(g->own);
	free(g);
}

void
generation_own(struct generation *g, struct config *config)
{
	g->own = config;
}

void
generation_introduce(struct generation *g, const struct child *role)
{
	role_channel_make(&g->roles);
	director_child_meet(&g->director, role);
}

static void
on_script(void *arg, unsigned track, bool passed)
{
	struct generation *g = arg;
	const struct msg_script m = { .track = (uint16_t)track,
		.passed = passed };
	struct buf b = BUF_WRITER(8);

	msg_put_script(&b, &m);
	child_send(&g->failover, MSG_SCRIPT, b.data, b.pos, -1);
}

void
generation_start_scripts(struct generation *g)
{
	track_scripts_start(&g->scripts, g->setup.config, on_script, g);
}

struct msg_start
generation_start(const struct generation *g)
{
	const struct generation_setup *setup = &g->setup;
	struct msg_start m = {
		.version = MSG_VERSION,
		.node = setup->node == CONFIG_NO_NODE ? MSG_NO_NODE
		                                      : (uint16_t)setup->node,
		.n_listeners = (uint16_t)g->listeners->n_open,
		.workers = (uint16_t)setup->workers,
		.max_connections = setup->max_connections,
		.pipes = (uint16_t)setup->pipes,
		.loaded_wall_ms = g->loaded_wall_ms,
	};

	for (size_t i = 0; i < generation_group_count(g); i++)
		m.n_groups += g->known[i];
	return m;
}

/* -1: it is not there. */
static int
find_group(const struct generation *g, const char *name)
{
	const struct config_pair *pair = &g->setup.config->pair;

	for (size_t i = 0; i < generation_group_count(g); i++)
		if (strcmp(pair->groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

void
generation_inherit(
    struct generation *g, const struct generation *before, bool first)
{
	const struct config_pair *pair = &g->setup.config->pair;

	for (size_t i = 0; i < generation_group_count(g); i++) {
		const int was = find_group(before, pair->groups[i].name);

		if (was < 0 || !before->known[was] || (!first && !g->known[i]))
			continue;
		g->groups[i] = before->groups[was];
		g->groups[i].group = (uint16_t)i;
		/* Which addresses those were is not the same any more. */
		g->groups[i].refused = 0;
		g->known[i] = true;
	}
}

bool
generation_moves_active(const struct generation *g)
{
	return fence_run_is_busy(&g->fences) ||
	    active_choice_is_under_way(g->setup.store);
}

bool
generation_has_ended(const struct generation *g)
{
	return g->failover.pid == 0 && g->relay.pid == 0 &&
	    g->director.child.pid == 0;
}
