#include "hapair/supervisor/upgrade_adopt.h"

#include "config/config.h"
#include "config/load.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/fd_keeper.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/state_store.h"

#include <errno.h>

static int
fd_of(uint32_t number)
{
	return number == 0 ? -1 : (int)number;
}

static struct role_user
users_of(const struct upgrade_state_generation *g)
{
	return (struct role_user){
		.failover = { .uid = g->failover.uid, .gid = g->failover.gid },
		.relay = { .uid = g->relay.uid, .gid = g->relay.gid },
		.director = { .uid = g->director.uid, .gid = g->director.gid },
	};
}

struct role_user
upgrade_adopt_users(const struct upgrade_state *s, const struct config *config)
{
	return s == NULL ? role_user_choose(config)
	                 : users_of(&s->generations[0]);
}

struct mono
upgrade_adopt_started(const struct upgrade_state *s)
{
	return s == NULL ? mono_now()
	                 : (struct mono){ .ns = (int64_t)s->started_ns };
}

static void
adopt_bank(struct fd_keeper_bank *b, const struct upgrade_state_bank *from)
{
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		b->slots[i] = fd_of(from->slots[i]);
	b->n = from->n;
}

int
upgrade_adopt_keeper(struct fd_keeper *k, const struct upgrade_state *s)
{
	if (s == NULL)
		return fd_keeper_init(k);
	k->null = fd_of(s->null);
	adopt_bank(&k->present, &s->present);
	adopt_bank(&k->past, &s->past);
	fd_keeper_sink(k);
	return 0;
}

static void
adopt_child(struct child *c, const struct upgrade_state_child *from)
{
	c->pid = (pid_t)from->pid;
	c->channel = fd_of(from->channel);
	c->report = fd_of(from->report);
	c->ready = from->ready != 0;
	c->stopping = from->stopping != 0;
	c->unwanted = from->unwanted != 0;
	c->restart.row = from->row;
	c->restart.started = (struct mono){ .ns = (int64_t)from->started_ns };
	c->pause_ms = from->pause_ms;
	child_adopt(c);
}

static void
adopt_director(
    struct director_child *d, const struct upgrade_state_generation *from)
{
	if (from->directs == 0)
		return;
	d->carried = true;
	d->prepared = from->director_prepared != 0;
	d->begun = from->director_begun != 0;
	d->failover.id = from->director_failover;
	d->relay.id = from->director_relay;
	adopt_child(&d->child, &from->director);
}

int
upgrade_adopt_generation(
    struct generation *g, const struct upgrade_state_generation *from)
{
	int e = role_watchdog_adopt(&g->watchdog, fd_of(from->failover.pulse),
	    fd_of(from->relay.pulse), fd_of(from->director.pulse));

	if (e < 0)
		return e;
	g->loaded_wall_ms = (int64_t)from->loaded_wall_ms;
	g->begun = from->begun != 0;
	g->given = from->given != 0;
	g->roles.id = from->introduction;
	for (size_t i = 0; i < from->n_groups; i++) {
		const struct msg_group *m = &from->groups[i];

		if (m->group >= generation_group_count(g))
			return -EBADMSG;
		g->groups[m->group] = *m;
		g->known[m->group] = true;
	}
	adopt_child(&g->failover, &from->failover);
	adopt_child(&g->relay, &from->relay);
	adopt_director(&g->director, from);
	return 0;
}

static int
adopt_replaced(struct generation_change *change,
    const struct upgrade_state_generation *from, const char *path)
{
	struct generation_setup setup = change->now->setup;
	const char *text = (const char *)from->text;
	struct config *c = NULL;
	struct generation *g;
	int e = load_text(path, text, from->len, NULL, &c);

	if (e < 0)
		return e;
	setup.config = c;
	setup.text = text;
	setup.len = from->len;
	setup.workers = from->workers;
	setup.max_connections = from->max_connections;
	setup.pipes = from->pipes;
	setup.users = users_of(from);
	setup.listeners = NULL;
	g = generation_new(&setup, &e);
	if (g == NULL) {
		config_free(c);
		return e;
	}
	generation_own(g, c);
	generation_change_add_replaced(change, g);
	return upgrade_adopt_generation(g, from);
}

int
upgrade_adopt_replaced(
    struct generation_change *change, const struct upgrade_state *s)
{
	int e = 0;

	/* The youngest is the first of the list. */
	for (size_t i = s->n_generations - 1U; e == 0 && i > 0; i--)
		e = adopt_replaced(change, &s->generations[i], s->path);
	return e;
}

int
upgrade_adopt_store(struct state_store *store, const struct upgrade_state *s)
{
	struct shared_state all = { .n = 0 };
	int e =
	    state_file_parse((const char *)s->accords, s->accords_len, &all);

	if (e < 0)
		return e;
	shared_state_fini(&store->all);
	store->all = all;
	store->wire = s->wire_number;
	store->wanted = s->wanted != 0;
	store->end_owed = s->end_owed != 0;
	store->told = s->told < all.n ? s->told : all.n;
	store->known = s->known != 0;
	if (!store->known)
		ev_timer_again(store->setup.loop, &store->peer_patience);
	/* Who was writing the file may not have come to its end. */
	ev_timer_again(store->setup.loop, &store->write);
	store->write_owed = true;
	event_log_go_on(
	    &store->setup.events->log, (const char *)s->events, s->events_len);
	return 0;
}

void
upgrade_adopt_scripts(
    struct generation *g, const struct upgrade_state_generation *from)
{
	struct buf b = from->scripts;

	while (b.pos < b.len) {
		const unsigned index = buf_get_u16(&b);
		const bool passed = buf_get_u8(&b) != 0;

		for (unsigned i = 0; i < g->scripts.n; i++)
			if (g->scripts.one[i].index == index) {
				g->scripts.one[i].known = true;
				g->scripts.one[i].passed = passed;
			}
	}
}
