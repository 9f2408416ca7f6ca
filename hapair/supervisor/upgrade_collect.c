#include "hapair/supervisor/upgrade_collect.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/proc.h"
#include "core/version.h"
#include "hapair/supervisor/event_file.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/fd_keeper.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/supervisor.h"
#include "proxy/transfer/transfer_wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static_assert(UPGRADE_STATE_SLOTS_MAX == FD_KEEPER_MAX, "one slot for each");
static_assert(
    UPGRADE_STATE_GROUPS_MAX == CONFIG_GROUPS_MAX, "one place for each");

static uint32_t
number_of(int fd)
{
	return fd > STDERR_FILENO ? (uint32_t)fd : 0;
}

/* What is to be freed when it has been written. */
struct parts {
	void *all[3 * UPGRADE_STATE_GENERATIONS_MAX];
	size_t n;
};

static void *
keep(struct parts *p, size_t len)
{
	void *bytes = calloc(1, len + 1);

	p->all[p->n++] = bytes;
	return bytes;
}

static void
free_state(struct upgrade_state **s)
{
	free(*s);
}

static void
parts_fini(struct parts *p)
{
	while (p->n > 0)
		free(p->all[--p->n]);
}

static int
collect_text(struct parts *p, int file, struct upgrade_state_generation *to)
{
	struct stat st;
	uint8_t *text;

	if (fstat(file, &st) == -1)
		return -errno;
	text = keep(p, (size_t)st.st_size);
	if (text == NULL)
		return -ENOMEM;
	/* A sealed file is there whole, and its offset is nobody's. */
	if (pread(file, text, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	to->text = text;
	to->len = (size_t)st.st_size;
	return 0;
}

static struct upgrade_state_child
child_of(const struct child *c, const struct role_watchdog_ward *ward)
{
	return (struct upgrade_state_child){ .pid = (uint32_t)c->pid,
		.channel = number_of(c->channel),
		.report = number_of(c->report),
		.pulse = number_of(ward->fd),
		.uid = c->user.uid,
		.gid = c->user.gid,
		.ready = c->ready,
		.stopping = c->stopping,
		.unwanted = c->unwanted,
		.row = c->restart.row,
		.pause_ms = c->pause_ms,
		.started_ns = (uint64_t)c->restart.started.ns };
}

static int
collect_listeners(struct parts *p, const struct listeners *l,
    struct upgrade_state_generation *to)
{
	const size_t len = l->n * sizeof(uint32_t);
	uint8_t *bytes = keep(p, len);
	struct buf b;

	if (bytes == NULL)
		return -ENOMEM;
	b = buf_writer(bytes, len);
	for (size_t i = 0; i < l->n; i++)
		buf_put_u32(&b, number_of(l->fds[i]));
	to->listeners = buf_reader(bytes, len);
	return 0;
}

static int
collect_scripts(struct parts *p, const struct track_scripts *s,
    struct upgrade_state_generation *to)
{
	const size_t room = (size_t)s->n * (sizeof(uint16_t) + 1);
	uint8_t *bytes = keep(p, room);
	struct buf b;

	if (bytes == NULL)
		return -ENOMEM;
	b = buf_writer(bytes, room);
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->one[i].known)
			continue;
		buf_put_u16(&b, (uint16_t)s->one[i].index);
		buf_put_u8(&b, s->one[i].passed);
	}
	to->scripts = buf_reader(bytes, b.pos);
	return 0;
}

/* One that is about to be started again, too. */
static void
collect_director(
    const struct generation *g, struct upgrade_state_generation *to)
{
	const struct director_child *d = &g->director;

	to->directs = d->child.pid != 0 || ev_is_active(&d->child.again);
	if (to->directs == 0)
		return;
	to->director = child_of(&d->child, &g->watchdog.director);
	to->director_prepared = d->prepared;
	to->director_begun = d->begun;
	to->director_failover = d->failover.id;
	to->director_relay = d->relay.id;
}

static int
collect_generation(struct parts *p, const struct generation *g,
    struct upgrade_state_generation *to)
{
	int e = collect_text(p, g->file, to);

	if (e == 0)
		e = collect_listeners(p, g->listeners, to);
	if (e == 0)
		e = collect_scripts(p, &g->scripts, to);
	to->loaded_wall_ms = (uint64_t)g->loaded_wall_ms;
	to->node_and_one =
	    g->setup.node == CONFIG_NO_NODE ? 0 : (uint16_t)(g->setup.node + 1);
	to->workers = (uint16_t)g->setup.workers;
	to->pipes = (uint16_t)g->setup.pipes;
	to->max_connections = g->setup.max_connections;
	to->begun = g->begun;
	to->given = g->given;
	to->introduction = g->roles.id;
	to->failover = child_of(&g->failover, &g->watchdog.failover);
	to->relay = child_of(&g->relay, &g->watchdog.relay);
	collect_director(g, to);
	for (size_t i = 0; i < generation_group_count(g); i++)
		if (g->known[i])
			to->groups[to->n_groups++] = g->groups[i];
	return e;
}

static struct upgrade_state_bank
bank_of(const struct fd_keeper_bank *b)
{
	struct upgrade_state_bank bank = { .n = (uint8_t)b->n };

	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		bank.slots[i] = number_of(b->slots[i]);
	return bank;
}

static void
collect_head(
    const struct upgrade_collect *u, int socket, struct upgrade_state *s)
{
	const struct state_store *store = u->store;

	(void)strncpy(s->version, VERSION, sizeof(s->version) - 1);
	(void)strncpy(s->program, u->program, sizeof(s->program) - 1);
	(void)strncpy(s->path, u->own->path, sizeof(s->path) - 1);
	s->started_ns = (uint64_t)u->started.ns;
	s->lock = number_of(u->own->control->lock);
	s->control = number_of(u->own->control->fd);
	s->wire = number_of(*u->wire);
	s->ready = number_of(u->own->ready_fd);
	s->socket = number_of(socket);
	s->null = number_of(u->fd_keeper->null);
	s->present = bank_of(&u->fd_keeper->present);
	s->past = bank_of(&u->fd_keeper->past);
	s->known = store->known;
	s->wanted = store->wanted;
	s->end_owed = store->end_owed;
	s->wire_number = store->wire;
	s->told = (uint32_t)store->told;
}

static int
collect_generations(struct parts *p, const struct generation_change *change,
    struct upgrade_state *s)
{
	const struct generation *g;
	int e = collect_generation(p, change->now, &s->generations[0]);

	s->n_generations = 1;
	LIST_FOREACH (g, &change->replaced, replaced) {
		if (e == 0 && s->n_generations == UPGRADE_STATE_GENERATIONS_MAX)
			e = -E2BIG;
		if (e < 0)
			return e;
		e = collect_generation(
		    p, g, &s->generations[s->n_generations++]);
	}
	return e;
}

static int
write_file(const struct upgrade_state *s)
{
	const size_t room = upgrade_state_room(s);
	CLEANUP(free_str) char *bytes = calloc(1, room);
	struct buf b = buf_writer(bytes, room);

	if (bytes == NULL)
		return -ENOMEM;
	upgrade_state_encode(&b, s);
	return b.bad ? -EMSGSIZE
	             : proc_sealed_file("hapair-state", b.data, b.pos);
}

int
upgrade_collect_file(const struct upgrade_collect *u, int socket)
{
	CLEANUP(free_str) char *accords = state_file_text(&u->store->all);
	CLEANUP(free_str)
	char *events = event_file_text(u->store->setup.events->log.lists);
	CLEANUP(free_state)
	struct upgrade_state *s = calloc(1, sizeof(*s));
	CLEANUP(parts_fini) struct parts parts = { .n = 0 };
	int e;

	if (accords == NULL || events == NULL || s == NULL)
		return -ENOMEM;
	collect_head(u, socket, s);
	s->accords = (const uint8_t *)accords;
	s->accords_len = strlen(accords);
	s->events = (const uint8_t *)events;
	s->events_len = strlen(events);
	e = collect_generations(&parts, u->change, s);
	return e == 0 ? write_file(s) : e;
}

int
upgrade_collect_load(int file, struct upgrade_collect_loaded **ret_loaded)
{
	CLEANUP(upgrade_collect_free)
	struct upgrade_collect_loaded *l = calloc(1, sizeof(*l));
	struct stat st;
	struct buf b;
	int e;

	if (l == NULL)
		return -ENOMEM;
	if (fstat(file, &st) == -1 || st.st_size <= 0)
		return -EBADMSG;
	/* Only of a memory file that is sealed. */
	e = transfer_wire_load(file, (size_t)st.st_size, &l->bytes);
	if (e < 0)
		return e;
	b = buf_reader(l->bytes, (size_t)st.st_size);
	e = upgrade_state_decode(&b, &l->state);
	if (e < 0)
		return e;
	*ret_loaded = l;
	l = NULL;
	return 0;
}

void
upgrade_collect_free(struct upgrade_collect_loaded **l)
{
	if (*l != NULL)
		free((*l)->bytes);
	free(*l);
	*l = NULL;
}
