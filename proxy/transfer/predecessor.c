#include "proxy/transfer/predecessor.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/mono.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "proxy/transfer/service_record.h"
#include "proxy/transfer/service_state.h"
#include "proxy/transfer/transfer_taker.h"
#include "proxy/transfer/transfer_wire.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Clients wait meanwhile, in the backlog: so often is looked. */
#define LOOK_S 0.001

/* It is told that there is progress, so often at most. */
#define TELL_MS 100

#define CHANNELS_MAX 1024

struct predecessor {
	struct services *services; /* borrowed: relay.c's */
	const struct predecessor_calls *calls;
	void *arg;
	int channel; /* -1: it is gone */
	bool gathered, taken;
	unsigned n_channels; /* to its workers, until there are takers */
	int *channels;
	unsigned n_takers;
	struct transfer_taker **takers;
	struct mono begun, told;
	unsigned n_told; /* sessions that were here then */
	/* A bit for each group that it wants dropped, and its name for that. */
	unsigned drops;
	uint32_t drop_numbers[CONFIG_GROUPS_MAX];
	ev_io ready;
	ev_timer look;
};

static struct ev_loop *
loop_of(const struct predecessor *p)
{
	return p->services->shared.sessions.main;
}

static void
close_channel(struct predecessor *p)
{
	ev_io_stop(loop_of(p), &p->ready);
	fd_close(&p->channel);
}

static void
close_channels(struct predecessor *p)
{
	for (unsigned i = 0; i < p->n_channels; i++)
		fd_close(&p->channels[i]);
	p->n_channels = 0;
}

static int
keep_channel(struct predecessor *p, struct transfer_wire_packet *packet)
{
	int *channels;

	if (packet->n_fds != 1 || p->gathered || p->n_channels == CHANNELS_MAX)
		return -EBADMSG;
	channels =
	    reallocarray(p->channels, p->n_channels + 1, sizeof(*channels));
	if (channels == NULL)
		return -ENOMEM;
	p->channels = channels;
	p->channels[p->n_channels++] = fd_take(&packet->fds[0]);
	return 0;
}

static int
take_state(struct predecessor *p, struct buf *b)
{
	struct service_record r;

	while (b->pos < b->len) {
		int e = service_record_decode(b, &r);

		/* By now this relay knows better than the one before. */
		if (p->gathered)
			r.has_past = 0;
		if (e < 0 && e != -EPROTONOSUPPORT)
			return e;
		if (e < 0)
			continue;
		service_state_take(p->services, &r);
		if (p->gathered)
			service_state_take_stays(p->services, &r);
	}
	return 0;
}

/* Nothing stands in the way any more of checks, and of what follows from them.
 */
static int
check_all(struct predecessor *p)
{
	struct worker_shared *sh = &p->services->shared;

	p->gathered = true;
	p->begun = p->told = mono_now();
	for (unsigned i = 0; i < sh->n_pools; i++)
		services_changed(p->services, &sh->pools[i]);
	return services_check_all(p->services);
}

/*
 * Each channel for one worker, in turn: from here on sessions come. Those of a
 * worker that cannot have them stay where they are: this relay must not end
 * over them, for it has others by now.
 */
static int
make_takers(struct predecessor *p)
{
	struct worker_shared *sh = &p->services->shared;

	p->takers = calloc(p->n_channels + 1, sizeof(*p->takers));
	if (p->takers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < p->n_channels; i++) {
		struct transfer_taker *t = transfer_taker_new(
		    &sh->workers[i % sh->n_workers], &p->channels[i]);

		if (t != NULL)
			p->takers[p->n_takers++] = t;
		else
			log_error("relay",
			    "[reload] cannot take over from one worker of the relay before: out of memory or descriptors");
	}
	return 0;
}

static bool
has_taken(const struct predecessor *p)
{
	for (unsigned i = 0; i < p->n_takers; i++)
		if (!transfer_taker_has_ended(p->takers[i]))
			return false;
	return true;
}

static unsigned
count_taken(const struct predecessor *p)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < p->n_takers; i++)
		taken += atomic_load(&p->takers[i]->n_taken);
	return taken;
}

/* Who waits for it to end must not end it over many, which take long. */
static void
look_at_takers(struct predecessor *p)
{
	const unsigned taken = count_taken(p);
	const struct mono now = mono_now();

	if (taken == p->n_told || mono_span_ms(p->told, now) < TELL_MS)
		return;
	p->n_told = taken;
	p->told = now;
	p->calls->on_taking(p->arg);
}

static void
log_taken(const struct predecessor *p)
{
	const unsigned taken = count_taken(p);
	unsigned refused = 0;

	for (unsigned i = 0; i < p->n_takers; i++)
		refused += p->takers[i]->n_refused;
	log_notice("relay",
	    "took %u connections over in %d ms; %u stay with the relay before",
	    taken, (int)mono_span_ms(p->begun, mono_now()), refused);
}

static int
say(struct predecessor *p, enum transfer_message_type type, uint32_t number)
{
	const struct transfer_message m = { .type = (uint8_t)type,
		.number = number };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, &m);
	return transfer_wire_send(p->channel, b.data, b.pos, NULL, 0);
}

/* The supervisor hears it first: it is what cannot be taken back. */
static void
finish(struct predecessor *p)
{
	ev_timer_stop(loop_of(p), &p->look);
	p->taken = true;
	log_taken(p);
	/* First: what follows from it may have to be told, too. */
	p->calls->on_taken(p->arg);
	services_open(p->services);
	/* Where the other one is gone it need not hear it. */
	if (p->channel != -1)
		(void)!say(p, TRANSFER_MESSAGE_DONE,
		    p->services->shared.config->drain_ms);
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct predecessor *p = CONTAINER_OF(t, struct predecessor, look);

	if (!p->gathered)
		return;
	if (has_taken(p))
		finish(p);
	else
		look_at_takers(p);
}

/*
 * It has ended. As any relay, then, with what it has told by now; and without
 * its workers, who would wait to be asked.
 */
static int
go_alone(struct predecessor *p)
{
	close_channel(p);
	close_channels(p);
	service_state_forget_stays(p->services);
	return p->gathered ? 0 : check_all(p);
}

/*
 * What makes no sense comes from one that lives: should this one go on without
 * it, both would serve. So it is this one that ends, unless it has sessions.
 */
static int
mistrust(const struct predecessor *p)
{
	return p->gathered ? 0 : -EBADMSG;
}

static void
say_dropped(struct predecessor *p, uint32_t number)
{
	if (p->channel != -1)
		(void)!say(p, TRANSFER_MESSAGE_DROPPED, number);
}

/*
 * An address leaves there, and nobody has told us: failover knows one relay.
 * What it had of that is here by now, or has ended.
 */
static void
take_drop(struct predecessor *p, const struct transfer_message *m)
{
	const struct config *c = p->services->shared.config;

	for (unsigned i = 0; c->has_pair && i < c->pair.n_groups; i++) {
		if (strcmp(c->pair.groups[i].name, m->group) != 0)
			continue;
		p->drops |= 1U << i;
		p->drop_numbers[i] = m->number;
		services_drop_group(p->services, i);
		return;
	}
	say_dropped(p, m->number);
}

void
predecessor_note_dropped(struct predecessor *p, unsigned group)
{
	if ((p->drops & 1U << group) == 0)
		return;
	p->drops &= ~(1U << group);
	say_dropped(p, p->drop_numbers[group]);
}

/* Returns 0 or -errno. */
static int
take_message(struct predecessor *p, struct transfer_wire_packet *packet)
{
	struct buf b = buf_reader(packet->body, packet->len);
	struct transfer_message m;
	int e = transfer_message_decode(&b, &m);

	if (e < 0)
		return mistrust(p);
	if (m.type == TRANSFER_MESSAGE_WORKER && !p->gathered)
		return keep_channel(p, packet);
	if (m.type == TRANSFER_MESSAGE_STATE)
		return take_state(p, &b) < 0 ? mistrust(p) : 0;
	if (m.type == TRANSFER_MESSAGE_GIVEN) {
		if (packet->n_fds == 1)
			p->calls->on_past(p->arg, &packet->fds[0], m.far_len);
		return 0;
	}
	if (m.type == TRANSFER_MESSAGE_DROP) {
		take_drop(p, &m);
		return 0;
	}
	if (m.type == TRANSFER_MESSAGE_ABORT && !p->gathered)
		return -ECANCELED; /* it cannot give, and goes on */
	if (m.type != TRANSFER_MESSAGE_GATHERED || p->gathered)
		return mistrust(p);
	e = check_all(p);
	if (e == 0 && m.number > 0)
		services_open_early(p->services, m.number);
	return e < 0 ? e : make_takers(p);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct predecessor *p = CONTAINER_OF(io, struct predecessor, ready);
	uint8_t room[TRANSFER_WIRE_BODY_MAX];
	struct transfer_wire_packet packet = { .body = room,
		.room = sizeof(room) };
	int e = transfer_wire_recv(p->channel, &packet);

	if (e == -EAGAIN)
		return;
	e = e == 1 ? take_message(p, &packet) : go_alone(p);
	transfer_wire_close(&packet);
	if (e < 0) {
		log_error(
		    "relay", "[reload] cannot take over: %s", strerror(-e));
		close_channel(p);
		p->calls->on_failed(p->arg);
	}
}

/*
 * Where a process has threads the kernel lets all of them finish what they are
 * at whenever its table of descriptors grows: some milliseconds each time, in
 * which connections would stand still. So it grows once, before there are any;
 * where that is refused, it grows as it has to.
 */
static void
make_room(const struct predecessor *p)
{
	const uint32_t most = p->services->shared.sessions.limit.limit;
	struct rlimit now;
	int high;

	if (getrlimit(RLIMIT_NOFILE, &now) == -1)
		return;
	if (now.rlim_cur > 2 * (rlim_t)most)
		now.rlim_cur = 2 * (rlim_t)most;
	high = fcntl(p->channel, F_DUPFD_CLOEXEC, (int)now.rlim_cur - 1);
	fd_close(&high);
}

struct predecessor *
predecessor_new(struct services *services, int *channel,
    const struct predecessor_calls *calls, void *arg)
{
	struct predecessor *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->services = services;
	p->calls = calls;
	p->arg = arg;
	p->channel = fd_take(channel);
	services_wait(services);
	make_room(p);
	ev_io_init(&p->ready, on_ready, p->channel, EV_READ);
	ev_timer_init(&p->look, on_look, LOOK_S, LOOK_S);
	return p;
}

void
predecessor_begin(struct predecessor *p)
{
	/* Where it is gone, that is what is read next. */
	(void)!say(p, TRANSFER_MESSAGE_HELLO, p->services->shared.n_workers);
	ev_io_start(loop_of(p), &p->ready);
	ev_timer_start(loop_of(p), &p->look);
}

void
predecessor_free(struct predecessor *p)
{
	if (p == NULL)
		return;
	ev_timer_stop(loop_of(p), &p->look);
	close_channel(p);
	for (unsigned i = 0; i < p->n_takers; i++)
		transfer_taker_free(p->takers[i]);
	close_channels(p);
	free(p->takers);
	free(p->channels);
	free(p);
}
