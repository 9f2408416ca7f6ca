#include "hapair/supervisor/state_store.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/server_request.h"
#include "hapair/supervisor/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A peer that is not heard of, or does not tell what it knows, for so long is
 * not waited for: who decides does so without. A wire takes a second at most to
 * be made.
 */
#define PEER_PATIENCE_MS 3000

/* -- telling ------------------------------------------------------------ */

/* A relay that does not read 4 MiB of it is replaced, and is told all. */
static void
tell_relay(struct state_store *s, const struct buf *accords)
{
	if (accords->pos > 0)
		child_send(s->setup.relay, MSG_ACCORDS, accords->data,
		    accords->pos, -1);
}

static void
tell_known(const struct state_store *s)
{
	const struct msg_known m = { .known = s->known };
	struct buf b = BUF_WRITER(8);

	msg_put_known(&b, &m);
	child_send(s->setup.relay, MSG_KNOWN, b.data, b.pos, -1);
}

/* One packet each time that failover wants one; more is not under way. */
static void
tell_peer(struct state_store *s)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	const bool all_told = s->told == s->all.n;

	if (!s->wanted || (all_told && !s->end_owed))
		return;
	buf_put_u32(&b, s->wire);
	s->told = shared_state_put(&s->all, s->told, &b);
	s->wanted = false;
	s->end_owed = s->end_owed && !all_told;
	child_send(s->setup.failover, MSG_FOR_PEER, b.data, b.pos, -1);
}

static void
write_file(struct state_store *s)
{
	char *text = state_file_text(&s->all);
	int e = text != NULL ? state_writer_put(&s->writer, text) : -ENOMEM;

	if (e < 0)
		log_error("state", "cannot be written: %s", strerror(-e));
}

int
state_store_make(struct state_store *s, struct accord *a)
{
	const int node = s->setup.node == CONFIG_NO_NODE ? 0 : s->setup.node;
	size_t index;
	int e = shared_state_make(&s->all, (uint8_t)node, a, &index);

	if (e < 0)
		return e;
	if (s->told > index)
		s->told = index;
	write_file(s);
	tell_peer(s);
	return 0;
}

/* -- what roles say ----------------------------------------------------- */

static void
set_known(struct state_store *s, bool known)
{
	s->known = known;
	tell_known(s);
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

/* Returns whether it is news. */
static bool
take_one(struct state_store *s, const struct accord *a)
{
	const size_t before = s->all.n;
	size_t index;
	int e = shared_state_take(&s->all, a, &index);

	if (e < 0)
		log_error("state",
		    "no room to keep the setting of server %s of service %s",
		    a->server, a->subject);
	/* The peer knows its own. */
	if (e > 0 && s->all.n > before && index <= s->told)
		s->told++;
	return e > 0;
}

static int
take_accords(struct state_store *s, struct buf *b)
{
	struct buf news = BUF_WRITER(CHANNEL_BODY_MAX);
	struct accord a;

	if (b->len == 0)
		set_known(s, true);
	while (b->pos < b->len) {
		const int e = accord_get(b, &a);

		if (e < 0)
			return e;
		if (e == 0 && take_one(s, &a))
			accord_put(&news, &a);
	}
	tell_relay(s, &news);
	if (news.pos > 0)
		write_file(s);
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
		set_known(s, false);
	}
	s->wanted = true;
	tell_peer(s);
	return 0;
}

int
state_store_take(struct state_store *s, const struct child *role,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (role == s->setup.relay)
		return p->type == MSG_CHOSEN ? active_choice_take(s, &b)
		                             : -EBADMSG;
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
state_store_meet(struct state_store *s, const struct child *role)
{
	size_t next = 0;

	if (role == s->setup.failover) {
		s->wire = 0;
		s->wanted = false;
		set_known(s, s->setup.node == CONFIG_NO_NODE);
		return;
	}
	active_choice_forget(s);
	while (next < s->all.n) {
		struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

		next = shared_state_put(&s->all, next, &b);
		tell_relay(s, &b);
	}
	tell_known(s);
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
	tell_relay(s, &b);
	return 0;
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
	if (q.activate) {
		activate(s, &q, socket);
		return;
	}
	if (server_request_answer(&q,
	        shared_state_find(&s->all, a->kind, a->subject, a->server),
	        text))
		e = change(s, a);
	if (e == 0) {
		answer(s, socket, text);
		return;
	}
	(void)snprintf(
	    text, sizeof(text), "it cannot be kept: %s", strerror(-e));
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
		    "%s is used by another hapair on this host: what operators order is not kept over a restart; start one of them with another directory in STATE_DIRECTORY",
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
	log_error("state", "%s/%s: %s, beginning without it", directory,
	    STATE_FILE_NAME, e == -EBADMSG ? "it is damaged" : strerror(-e));
	if (e != -EBADMSG)
		return;
	e = state_file_set_aside(directory);
	if (e < 0)
		log_error("state", "the damaged file cannot be set aside: %s",
		    strerror(-e));
}

int
state_store_init(struct state_store *s, const struct state_store_setup *setup)
{
	*s = (struct state_store){ .setup = *setup };
	ev_timer_init(&s->choice_patience, on_choice_patience, 0.,
	    ACTIVE_CHOICE_PATIENCE_MS / 1e3);
	ev_timer_init(
	    &s->peer_patience, on_peer_patience, 0., PEER_PATIENCE_MS / 1e3);
	if (setup->directory != NULL)
		load(s);
	s->choices = calloc(setup->config->n_services + 1, sizeof(*s->choices));
	s->guards = calloc(setup->config->n_services + 1, sizeof(*s->guards));
	return s->choices != NULL && s->guards != NULL ? 0 : -ENOMEM;
}

void
state_store_fini(struct state_store *s)
{
	if (s->setup.loop != NULL) {
		ev_timer_stop(s->setup.loop, &s->choice_patience);
		ev_timer_stop(s->setup.loop, &s->peer_patience);
	}
	state_writer_fini(&s->writer);
	shared_state_fini(&s->all);
	free(s->choices);
	free(s->guards);
	if (s->claimed)
		fd_close(&s->claim);
}
