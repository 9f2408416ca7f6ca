#include "hapair/supervisor/state_store.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/server_request.h"
#include "hapair/supervisor/state_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A peer that is not heard of, or does not tell what it knows, for so long is
 * not waited for: who decides does so without. A wire takes a second at most to
 * be made.
 */
#define PEER_PATIENCE_MS 3000

/*
 * The file is written once for all that others than an operator change in so
 * long. Who was told that it is done does not lose it with the process.
 */
#define WRITE_PAUSE_MS 100

/* -- telling ------------------------------------------------------------ */

/* A relay that does not read 4 MiB of it is replaced, and is told all. */
static void
tell_relay(struct child *relay, const struct buf *accords)
{
	if (accords->pos > 0)
		child_send(relay, MSG_ACCORDS, accords->data, accords->pos, -1);
}

/* For one more, which may be longer than it came. True: something was told. */
static bool
make_way(const struct state_store *s, struct buf *accords)
{
	if (accords->len - accords->pos >= ACCORD_BYTES_MAX)
		return false;
	tell_relay(s->setup.relay, accords);
	accords->pos = 0;
	return true;
}

static void
tell_known(const struct state_store *s, struct child *relay)
{
	const struct msg_known m = { .known = s->known };
	struct buf b = BUF_WRITER(8);

	msg_put_known(&b, &m);
	child_send(relay, MSG_KNOWN, b.data, b.pos, -1);
}

/* One packet each time that failover wants one; more is not under way. */
static void
tell_peer(struct state_store *s)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	const bool all_told = s->told == s->all.n;

	if (!s->wanted || (all_told && !s->end_owed)) {
		event_sync_look(s->setup.events);
		return;
	}
	buf_put_u32(&b, s->wire);
	s->told = shared_state_put(&s->all, s->told, &b);
	s->wanted = false;
	s->end_owed = s->end_owed && !all_told;
	child_send(s->setup.failover, MSG_FOR_PEER, b.data, b.pos, -1);
}

static void
write_now(struct state_store *s)
{
	char *text = state_file_text(&s->all);
	int e = text != NULL ? state_writer_put(&s->writer, text) : -ENOMEM;

	ev_timer_stop(s->setup.loop, &s->write);
	s->write_owed = false;
	s->write_next = mono_add_ms(mono_now(), WRITE_PAUSE_MS);
	if (e < 0)
		log_error(
		    "state", "[state] cannot be written: %s", strerror(-e));
}

static void
on_write(struct ev_loop *loop, ev_timer *t, int revents)
{
	write_now(CONTAINER_OF(t, struct state_store, write));
}

static void
write_file(struct state_store *s)
{
	if (!mono_before(mono_now(), s->write_next)) {
		write_now(s);
		return;
	}
	if (!s->write_owed)
		ev_timer_again(s->setup.loop, &s->write);
	s->write_owed = true;
}

/* This and what follows it are to be told to the peer. */
static void
owe_peer(struct state_store *s, size_t index)
{
	if (s->told > index)
		s->told = index;
}

/* -- what is agreed on -------------------------------------------------- */

static bool
is_ours(const void *arg, const struct accord *a)
{
	return state_names_has(arg, a);
}

/* Who has left the file may return, unless its room is needed: is some free? */
static bool
make_room(struct state_store *s)
{
	const size_t n =
	    shared_state_forget(&s->all, is_ours, &s->places.names);

	if (n == 0)
		return false;
	log_notice("state",
	    "%zu settings of servers that are not in the file are forgotten: there is no more room",
	    n);
	s->told = 0;
	return true;
}

const char *
state_store_fault(int e)
{
	return e == -ENOSPC
	    ? "so many settings are kept already that there is no more room"
	    : strerror(-e);
}

static int
make_one(struct state_store *s, struct accord *a)
{
	const int node = s->setup.node == CONFIG_NO_NODE ? 0 : s->setup.node;
	size_t index;
	int e = shared_state_make(&s->all, (uint8_t)node, a, &index);

	if (e == -ENOSPC && make_room(s))
		e = shared_state_make(&s->all, (uint8_t)node, a, &index);
	if (e == 0)
		owe_peer(s, index);
	return e;
}

static void
publish(struct state_store *s)
{
	write_file(s);
	tell_peer(s);
}

int
state_store_make(struct state_store *s, struct accord *a)
{
	int e = make_one(s, a);

	if (e == 0)
		publish(s);
	return e;
}

/* -- what roles say ----------------------------------------------------- */

static void
set_known(struct state_store *s, bool known)
{
	s->known = known;
	tell_known(s, s->setup.relay);
	if (known)
		ev_timer_stop(s->setup.loop, &s->peer_patience);
	else
		ev_timer_again(s->setup.loop, &s->peer_patience);
	active_choice_look(s);
}

static void
on_peer_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	set_known(CONTAINER_OF(t, struct state_store, peer_patience), true);
}

void
state_store_look(struct state_store *s)
{
	active_choice_look(s);
}

static void
on_choice_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	active_choice_look(
	    CONTAINER_OF(t, struct state_store, choice_patience));
}

/*
 * Only what our file has, or had, takes room. The peer, whose file may be
 * another one for a while, tells all again when we have been started anew.
 */
static bool
is_kept(struct state_store *s, const struct accord *a)
{
	uint64_t more;

	if (state_names_has(&s->places.names, a) ||
	    shared_state_find(&s->all, a->kind, a->subject, a->server) != NULL)
		return true;
	if (limiter_allows(&s->strangers, mono_now(), &more))
		log_notice("state",
		    "the peer's setting of server %s of service %s is not kept: this node's file has no such server (%" PRIu64
		    " more since the last line)",
		    a->server, a->subject, more);
	return false;
}

static int
hear(struct state_store *s, const struct accord *a, size_t *ret_index)
{
	const uint8_t node = (uint8_t)s->setup.node;
	const size_t before = s->all.n;
	uint64_t more;
	int e = shared_state_hear(&s->all, node, a, ret_index);

	if (e == -ENOSPC && make_room(s))
		e = shared_state_hear(&s->all, node, a, ret_index);
	if (e < 0 && limiter_allows(&s->no_room, mono_now(), &more))
		log_error("state",
		    "[state] the peer's setting of server %s of service %s cannot be kept: %s (%" PRIu64
		    " more since the last line)",
		    a->server, a->subject, state_store_fault(e), more);
	/* The peer knows its own. */
	if (e == SHARED_STATE_NEWS && s->all.n > before &&
	    *ret_index <= s->told)
		s->told++;
	return e;
}

/* For the relay: what the peer has told, whoever it says has said it. */
static void
put_news(struct state_store *s, struct buf *news, size_t index)
{
	struct accord a = s->all.all[index];

	if (!a.own)
		a.node = (uint8_t)(1 - s->setup.node);
	accord_put(news, &a);
}

static void
take_one(struct state_store *s, const struct accord *a, struct buf *news)
{
	size_t index;

	if (!is_kept(s, a))
		return;
	switch (hear(s, a, &index)) {
	case SHARED_STATE_NEWS:
		put_news(s, news, index);
		break;
	case SHARED_STATE_SAID_AGAIN:
		put_news(s, news, index);
		owe_peer(s, index);
		break;
	case SHARED_STATE_OLDER:
		owe_peer(s, index);
		break;
	default: /* both know the same, or there is no room */
		break;
	}
}

static int
take_accords(struct state_store *s, struct buf *b)
{
	struct buf news = BUF_WRITER(CHANNEL_BODY_MAX);
	struct accord a;
	bool told = false;

	if (b->len == 0)
		set_known(s, true);
	while (b->pos < b->len) {
		const int e = accord_get(b, &a);

		if (e < 0)
			return e;
		if (e == 0)
			take_one(s, &a, &news);
		told = make_way(s, &news) || told;
	}
	tell_relay(s->setup.relay, &news);
	if (news.pos > 0 || told)
		write_file(s);
	tell_peer(s);
	return 0;
}

static int
take_wanted(struct state_store *s, struct buf *b)
{
	struct msg_ask m;

	if (msg_get_ask(b, &m) < 0)
		return -EBADMSG;
	if (m.id != s->wire) {
		s->wire = m.id;
		s->told = 0;
		s->end_owed = true;
		event_sync_meet_peer(s->setup.events);
		set_known(s, false);
	}
	s->wanted = true;
	tell_peer(s);
	return 0;
}

static int
take_of_relay(struct state_store *s, uint16_t type, struct buf *b)
{
	switch (type) {
	case MSG_CHOSEN:
		return active_choice_take(s, b);
	case MSG_TAKING:
	case MSG_TAKEN:
	case MSG_GIVEN: /* nobody was told to take over, or to give */
	default:        /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

int
state_store_take(struct state_store *s, const struct child *role,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (role == s->setup.relay)
		return take_of_relay(s, p->type, &b);
	if (s->setup.node == CONFIG_NO_NODE)
		return -EBADMSG; /* there is no peer that could have said it */
	switch (p->type) {
	case MSG_ACCORDS:
		return take_accords(s, &b);
	case MSG_WANTED:
		return take_wanted(s, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

int
state_store_take_pause(struct state_store *s, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_pause m;

	if (msg_get_pause(&b, &m) < 0)
		return -EBADMSG;
	s->all.pause = m;
	write_file(s);
	return 0;
}

void
state_store_meet(struct state_store *s, struct child *role)
{
	size_t next = 0;

	if (role == s->setup.failover) {
		s->wire = 0;
		s->wanted = false;
		set_known(s, s->setup.node == CONFIG_NO_NODE);
		return;
	}
	if (role == s->setup.relay)
		active_choice_forget(s);
	while (next < s->all.n) {
		struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

		next = shared_state_put(&s->all, next, &b);
		tell_relay(role, &b);
	}
	tell_known(s, role);
}

void
state_store_follow(struct state_store *s, const struct state_store_setup *setup,
    struct state_places *places)
{
	const char *directory = s->setup.directory;

	state_places_fini(&s->places);
	s->places = *places;
	*places = (struct state_places){ 0 };
	s->setup = *setup;
	s->setup.directory = directory;
	/* The old failover did; this one is told nothing before it has begun.
	 */
	s->wanted = false;
	s->held = false;
}

/* -- operators ---------------------------------------------------------- */

/*
 * By the relay, where there is one: then whoever asked knows that it is so, and
 * not only that it will be.
 */
static void
answer(struct state_store *s, int *socket, const char *text)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *line = NULL;
	struct child *relay = s->setup.relay;

	json_doc_put_string(doc, "text", text);
	line = json_doc_text(doc, false);
	if (line != NULL && relay->channel != -1) {
		child_send(relay, MSG_REPLY, line, strlen(line), *socket);
		return;
	}
	reply_send(s->setup.loop, socket, line);
	line = NULL;
}

static void
activate(struct state_store *s, const struct server_request *q, int *socket)
{
	const struct msg_active m = { .service = q->service,
		.server = q->server };
	struct buf b = BUF_WRITER(16);

	if (!s->setup.relay->ready) {
		reply_error(
		    s->setup.loop, socket, "the relay process does not run");
		return;
	}
	msg_put_active(&b, &m);
	child_send(s->setup.relay, MSG_ACTIVATE, b.data, b.pos, *socket);
}

static int
change(struct state_store *s, struct accord *a)
{
	struct buf b = BUF_WRITER(ACCORD_BYTES_MAX);
	int e = state_store_make(s, a);

	if (e < 0)
		return e;
	accord_put(&b, a);
	tell_relay(s->setup.relay, &b);
	return 0;
}

/* Back to what the file says, of all that this request is about. */
static unsigned
reset(struct state_store *s, const struct server_request *q)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	unsigned n = 0;

	for (size_t i = 0; i < s->all.n; i++) {
		struct accord a = s->all.all[i];

		if (!server_request_resets(q, &a) || make_one(s, &a) < 0)
			continue;
		n++;
		accord_put(&b, &a);
		(void)make_way(s, &b);
	}
	tell_relay(s->setup.relay, &b);
	if (n > 0)
		publish(s);
	return n;
}

void
state_store_obey(struct state_store *s, const char *request, int *socket)
{
	char text[SERVER_REQUEST_TEXT_MAX];
	struct server_request q;
	struct accord *a = &q.wanted;
	int e = 0;

	if (!server_request_parse(s->setup.config, request, &q, text)) {
		reply_error(s->setup.loop, socket, text);
		return;
	}
	a->said.wall_ms = wall_clock_now_ms();
	if (q.activate) {
		activate(s, &q, socket);
		return;
	}
	if (q.reset)
		server_request_answer_reset(&q, reset(s, &q), text);
	else if (server_request_answer(&q,
	             shared_state_find(&s->all, a->kind, a->subject, a->server),
	             text))
		e = change(s, a);
	if (e == 0) {
		if (s->write_owed)
			write_now(s);
		answer(s, socket, text);
		return;
	}
	(void)snprintf(
	    text, sizeof(text), "it cannot be kept: %s", state_store_fault(e));
	reply_error(s->setup.loop, socket, text);
}

/* -- life --------------------------------------------------------------- */

/* What is wrong with the file is said, and costs no start. */
static void
load(struct state_store *s)
{
	const char *directory = s->setup.directory;
	int e;

	s->claim = state_file_claim(directory);
	if (s->claim == -EEXIST) {
		log_warning("state",
		    "[state] %s is used by another hapair on this host: what operators order is not kept over a restart; start one of them with another directory in STATE_DIRECTORY",
		    directory);
		return;
	}
	s->claimed = s->claim >= 0;
	e = state_file_load(directory, &s->all);
	s->writer.directory = directory;
	if (e == 0 && s->all.n > 0)
		log_notice("state", "%zu accords read from %s/%s", s->all.n,
		    directory, STATE_FILE_NAME);
	if (e == 0)
		return;
	log_error("state", "[state] %s/%s: %s, beginning without it", directory,
	    STATE_FILE_NAME, e == -EBADMSG ? "it is damaged" : strerror(-e));
	if (e != -EBADMSG)
		return;
	e = state_file_set_aside(directory);
	if (e < 0)
		log_error("state",
		    "[state] the damaged file cannot be set aside: %s",
		    strerror(-e));
}

int
state_store_init(struct state_store *s, const struct state_store_setup *setup)
{
	*s = (struct state_store){ .setup = *setup };
	ev_timer_init(&s->choice_patience, on_choice_patience, 0.,
	    ACTIVE_CHOICE_PATIENCE_MS / 1e3);
	ev_timer_init(&s->write, on_write, 0., WRITE_PAUSE_MS / 1e3);
	ev_timer_init(
	    &s->peer_patience, on_peer_patience, 0., PEER_PATIENCE_MS / 1e3);
	if (setup->directory != NULL)
		load(s);
	return state_places_init(&s->places, setup->config);
}

void
state_store_fini(struct state_store *s)
{
	if (s->setup.loop != NULL) {
		ev_timer_stop(s->setup.loop, &s->choice_patience);
		ev_timer_stop(s->setup.loop, &s->peer_patience);
		ev_timer_stop(s->setup.loop, &s->write);
	}
	if (s->write_owed)
		write_now(s);
	state_writer_fini(&s->writer);
	shared_state_fini(&s->all);
	state_places_fini(&s->places);
	if (s->claimed)
		fd_close(&s->claim);
}
