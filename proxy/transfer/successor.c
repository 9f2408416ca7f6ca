#include "proxy/transfer/successor.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/mono.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "proxy/transfer/service_record.h"
#include "proxy/transfer/service_state.h"
#include "proxy/transfer/transfer_giver.h"
#include "proxy/transfer/transfer_wire.h"

#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Clients wait meanwhile, in the backlog: so often is looked. */
#define LOOK_S 0.001

/* Whoever is left takes longer. */
#define LEFT_LOOK_S 0.05

/*
 * A worker of the other one that has asked for nothing by then, though its
 * checks of all servers have begun, is stuck.
 */
#define GO_MS 1500

/* Who does not read what is left to tell is not waited for. */
#define NEWS_MS 500

/* Nor is what the page knows of the past: its thread has a low priority. */
#define PAST_MS 300

#define WORKERS_MAX 1024

enum phase {
	HOLDING, /* until the other one greets, and nobody accepts */
	TELLING, /* until the other one knows what this one does */
	GIVING,  /* until all were offered, and the other one says DONE */
	LEFT,    /* what could not be given is here */
};

struct successor {
	struct services *services; /* borrowed: relay.c's */
	const struct successor_calls *calls;
	void *arg;
	enum phase phase;
	int channel;        /* -1: it is gone */
	unsigned n_workers; /* of the other one; 0: it has not greeted */
	bool done;          /* it serves: nothing is taken back */
	unsigned n_givers;
	struct transfer_giver **givers;
	struct service_state_told told;
	size_t service;  /* which is told next */
	int server;      /* of it; -1: the service itself */
	bool more;       /* these are still to be written down */
	size_t n_packet; /* bytes that were, and are to be sent; or 0 */
	uint8_t packet[TRANSFER_WIRE_BODY_MAX];
	unsigned left;  /* that the other one was told of */
	bool has_news;  /* it is being told more, since `told_since` */
	unsigned drops; /* a bit for each group that it was told to drop */
	struct mono begun, gathered, told_since;
	bool past_wanted; /* it will come, or was not told yet */
	int past;         /* see successor_give_past(); -1: none */
	uint32_t past_len;
	uint32_t drain_ms;   /* by the other one's file; 0: no limit */
	struct mono drained; /* when that is over; never: it has no end */
	ev_io ready;
	ev_timer look;
};

static struct ev_loop *
loop_of(const struct successor *s)
{
	return s->services->shared.sessions.main;
}

static int
say(struct successor *s, enum transfer_message_type type, uint32_t number,
    const int *fd)
{
	const struct transfer_message m = { .type = (uint8_t)type,
		.number = number };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, &m);
	return transfer_wire_send(
	    s->channel, b.data, b.pos, fd, fd != NULL ? 1 : 0);
}

/* -- what is known ----------------------------------------------------------
 */

static void
rewind_telling(struct successor *s)
{
	s->service = 0;
	s->server = -1;
	s->more = s->services->shared.n_pools > 0;
	s->n_packet = 0;
}

/* The next record; false behind the last. */
static bool
step_telling(struct successor *s)
{
	const struct worker_shared *sh = &s->services->shared;

	if (s->service == sh->n_pools)
		return false;
	if (++s->server == (int)sh->pools[s->service].n_servers) {
		s->service++;
		s->server = -1;
	}
	return s->service < sh->n_pools;
}

/* A packet full of records; `past`: not only what was counted. */
static void
write_down(struct successor *s, bool past)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_STATE };
	struct service_record r;
	struct buf b = buf_writer(s->packet, sizeof(s->packet));

	transfer_message_encode(&b, &m);
	while (s->more && b.len - b.pos >= SERVICE_RECORD_BYTES_MAX) {
		if (service_state_describe(
		        s->services, &s->told, s->service, s->server, past, &r))
			service_record_encode(&b, &r);
		s->more = step_telling(s);
	}
	s->n_packet = b.pos;
}

/*
 * From where it is; -EAGAIN: and on from there later. A counter that was
 * written down counts as told, so a packet is kept until it has gone out.
 */
static int
go_on_telling(struct successor *s, bool past)
{
	while (s->n_packet > 0 || s->more) {
		int e;

		if (s->n_packet == 0)
			write_down(s, past);
		e = transfer_wire_send(
		    s->channel, s->packet, s->n_packet, NULL, 0);
		if (e < 0)
			return e;
		s->n_packet = 0;
	}
	return 0;
}

/* -- who gives --------------------------------------------------------------
 */

/* A giver for each pair of workers: those of whom there are fewer have more. */
static int
make_givers(struct successor *s)
{
	const struct worker_shared *sh = &s->services->shared;
	unsigned n =
	    sh->n_workers > s->n_workers ? sh->n_workers : s->n_workers;

	s->givers = calloc(n, sizeof(*s->givers));
	if (s->givers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		int fds[2], e = channel_pair(fds);

		if (e < 0)
			return e;
		e = say(s, TRANSFER_MESSAGE_WORKER, i, &fds[1]);
		fd_close(&fds[1]);
		s->givers[i] = transfer_giver_new(
		    &sh->workers[i % sh->n_workers], &fds[0]);
		if (s->givers[i] == NULL)
			return -ENOMEM;
		s->n_givers++;
		if (e < 0)
			return e;
	}
	return 0;
}

static bool
has_given(const struct successor *s)
{
	for (unsigned i = 0; i < s->n_givers; i++)
		if (!transfer_giver_has_ended(s->givers[i]))
			return false;
	return true;
}

static void
log_given(const struct successor *s)
{
	unsigned given = 0, longest_us = 0;

	for (unsigned i = 0; i < s->n_givers; i++) {
		given += s->givers[i]->n_given;
		if (s->givers[i]->longest_us > longest_us)
			longest_us = s->givers[i]->longest_us;
	}
	log_notice("relay",
	    "gave %u connections to the next relay in %d ms, each within %u us; %u stay",
	    given, (int)mono_span_ms(s->begun, mono_now()), longest_us,
	    s->left);
}

/* One that asks for nothing must not make the others wait for ever. */
static void
hurry_givers(struct successor *s)
{
	if (mono_is_never(s->gathered) ||
	    mono_span_ms(s->gathered, mono_now()) < GO_MS)
		return;
	for (unsigned i = 0; i < s->n_givers; i++)
		transfer_giver_hurry(s->givers[i]);
}

/* -- the order --------------------------------------------------------------
 */

static void
note_dropped(struct successor *s, unsigned groups)
{
	groups &= s->drops;
	s->drops &= ~groups;
	for (unsigned i = 0; groups >> i != 0; i++)
		if ((groups & 1U << i) != 0)
			s->calls->on_dropped(s->arg, i);
}

static void
close_channel(struct successor *s)
{
	ev_io_stop(loop_of(s), &s->ready);
	fd_close(&s->channel);
	s->has_news = false;
	note_dropped(s, UINT_MAX); /* it is gone with what it had */
}

/* It ends then, as one does that cannot be told even that. */
static void
abort_giving(struct successor *s)
{
	s->phase = GIVING;
	if (say(s, TRANSFER_MESSAGE_ABORT, 0, NULL) < 0)
		close_channel(s);
}

static void
look_at_telling(struct successor *s)
{
	int e = go_on_telling(s, true);

	if (e == 0)
		e = say(s, TRANSFER_MESSAGE_GATHERED,
		    services_count_connections(s->services), NULL);
	if (e == 0) {
		s->phase = GIVING;
		s->gathered = mono_now();
	} else if (e != -EAGAIN)
		abort_giving(s);
}

static void
begin(struct successor *s)
{
	s->phase = TELLING;
	rewind_telling(s);
	if (make_givers(s) < 0)
		abort_giving(s);
	else
		look_at_telling(s);
}

/* -- who is left ------------------------------------------------------------
 */

static void
begin_news(struct successor *s, unsigned left)
{
	s->left = left;
	if (s->channel == -1)
		return;
	s->has_news = true;
	s->told_since = mono_now();
	rewind_telling(s);
}

/* With what the page knows, once. One that does not know of it closes it. */
static int
say_given(struct successor *s)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_GIVEN,
		.number = s->left,
		.far_len = s->past != -1 ? s->past_len : 0 };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);
	int e;

	if (s->past_wanted && s->past == -1 &&
	    mono_span_ms(s->told_since, mono_now()) < PAST_MS)
		return -EAGAIN;
	transfer_message_encode(&b, &m);
	e = transfer_wire_send(
	    s->channel, b.data, b.pos, &s->past, s->past != -1 ? 1 : 0);
	if (e < 0)
		return e;
	s->past_wanted = false;
	fd_close(&s->past);
	return 0;
}

/* As the channel takes it. */
static void
go_on_with_news(struct successor *s)
{
	int e = go_on_telling(s, false);

	if (e == 0)
		e = say_given(s);
	if (e == 0)
		s->has_news = false;
	else if (e != -EAGAIN ||
	    mono_span_ms(s->told_since, mono_now()) >= NEWS_MS)
		close_channel(s);
}

/* Who is left for another reason goes on. */
static void
look_at_drained(struct successor *s)
{
	if (mono_is_never(s->drained) || mono_before(mono_now(), s->drained))
		return;
	s->drained = mono_never();
	log_notice("relay",
	    "drain_timeout is over: of %u connections that are left, those end whose service or server is not in the file any more",
	    s->left);
	services_drop_gone(s->services);
}

static void
look_at_left(struct successor *s)
{
	const unsigned left = services_count_connections(s->services);

	if (!s->has_news && left != s->left)
		begin_news(s, left);
	if (s->has_news)
		go_on_with_news(s);
	look_at_drained(s);
	s->look.repeat = s->has_news ? LOOK_S : LEFT_LOOK_S;
	ev_timer_again(loop_of(s), &s->look);
	if (s->has_news || s->left > 0)
		return;
	/* All that was counted has been told: it may end. */
	ev_timer_stop(loop_of(s), &s->look);
	s->calls->on_given(s->arg, 0);
}

static void
finish(struct successor *s)
{
	log_given(s);
	s->phase = LEFT;
	s->calls->on_served(s->arg);
	services_close(s->services);
	s->drained = s->drain_ms > 0 ? mono_add_ms(mono_now(), s->drain_ms)
	                             : mono_never();
	if (s->left > 0)
		s->calls->on_given(s->arg, s->left);
	begin_news(s, s->left);
	look_at_left(s);
}

static void
lose(struct successor *s)
{
	ev_timer_stop(loop_of(s), &s->look);
	log_warning("relay",
	    "[reload] the next relay ended before it had all, going on with %u connections",
	    services_count_connections(s->services));
	services_hold(s->services, false);
	s->calls->on_lost(s->arg);
}

/*
 * That all was offered is not that somebody serves: until the other one says
 * so it may end, and then these listeners are all that there are. One that
 * says nothing for too long is ended by the supervisor.
 */
static void
look_at_givers(struct successor *s)
{
	if (!has_given(s)) {
		hurry_givers(s);
		return;
	}
	s->left = services_count_connections(s->services);
	if (s->done)
		finish(s);
	else if (s->channel == -1)
		lose(s);
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct successor *s = CONTAINER_OF(t, struct successor, look);

	switch (s->phase) {
	case HOLDING:
		if (s->channel == -1)
			lose(s);
		else if (s->n_workers > 0 && services_is_held(s->services))
			begin(s);
		break;
	case TELLING:
		look_at_telling(s);
		break;
	case GIVING:
		look_at_givers(s);
		break;
	case LEFT:
		look_at_left(s);
		break;
	}
}

/* False: nothing that could be said now. */
static bool
take_message(struct successor *s, const struct transfer_message *m)
{
	if (m->type == TRANSFER_MESSAGE_HELLO && s->n_workers == 0 &&
	    m->number > 0 && m->number <= WORKERS_MAX) {
		s->n_workers = m->number;
		return true;
	}
	if (m->type == TRANSFER_MESSAGE_DROPPED &&
	    m->number < CONFIG_GROUPS_MAX) {
		note_dropped(s, 1U << m->number);
		return true;
	}
	if (m->type != TRANSFER_MESSAGE_DONE || s->phase != GIVING)
		return false;
	s->done = true;
	s->drain_ms = m->number;
	return true;
}

/* The other one greets, says that it serves, and is there until it ends. */
static void
on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct successor *s = CONTAINER_OF(io, struct successor, ready);
	uint8_t room[TRANSFER_MESSAGE_BYTES_MAX];
	struct transfer_wire_packet p = { .body = room, .room = sizeof(room) };
	struct transfer_message m;
	struct buf b;
	int e = transfer_wire_recv(s->channel, &p);

	if (e == -EAGAIN)
		return;
	if (e == 1) {
		transfer_wire_close(&p);
		b = buf_reader(p.body, p.len);
		if (transfer_message_decode(&b, &m) == 0 && take_message(s, &m))
			return;
	}
	close_channel(s);
}

struct successor *
successor_new(struct services *services, int *channel,
    const struct successor_calls *calls, void *arg)
{
	struct successor *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (service_state_init(&s->told, services) < 0) {
		service_state_fini(&s->told);
		free(s);
		return NULL;
	}
	s->services = services;
	s->calls = calls;
	s->arg = arg;
	s->begun = mono_now();
	s->gathered = mono_never();
	s->channel = fd_take(channel);
	s->past = -1;
	s->past_wanted = calls->on_past_wanted(arg);
	ev_io_init(&s->ready, on_ready, s->channel, EV_READ);
	ev_io_start(loop_of(s), &s->ready);
	ev_timer_init(&s->look, on_look, LOOK_S, LOOK_S);
	ev_timer_start(loop_of(s), &s->look);
	services_hold(services, true);
	return s;
}

bool
successor_drop(struct successor *s, unsigned group)
{
	const struct config *c = s->services->shared.config;
	struct transfer_message m = { .type = TRANSFER_MESSAGE_DROP,
		.number = group };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	if (s->channel == -1 || (s->phase != GIVING && s->phase != LEFT))
		return false;
	(void)stpcpy(m.group, c->pair.groups[group].name);
	transfer_message_encode(&b, &m);
	if (transfer_wire_send(s->channel, b.data, b.pos, NULL, 0) < 0)
		return false;
	s->drops |= 1U << group;
	return true;
}

void
successor_give_past(struct successor *s, int *fd, uint32_t len)
{
	if (s->past_wanted && s->past == -1) {
		s->past = fd_take(fd);
		s->past_len = len;
	}
	fd_close(fd);
}

void
successor_free(struct successor *s)
{
	if (s == NULL)
		return;
	s->drops = 0; /* nobody is told any more */
	ev_timer_stop(loop_of(s), &s->look);
	close_channel(s);
	for (unsigned i = 0; i < s->n_givers; i++)
		transfer_giver_free(s->givers[i]);
	free(s->givers);
	fd_close(&s->past);
	service_state_fini(&s->told);
	free(s);
}
