#include "proxy/control/status_query.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/reply.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct run {
	struct ev_loop *loop;
	struct status_query query;
	int ours, failover; /* the two ends of the channel */
	int ask, client;    /* of a control connection */
	unsigned answers;
};

/* Tells by one letter each what failover has said. */
static void
answer(void *arg, int *socket, const struct status_query_said *said)
{
	struct run *r = arg;
	const char text[] = { said->peer != NULL ? 'p' : '-',
		said->tracks != NULL ? 't' : '-', '\n', '\0' };

	r->answers++;
	if (*socket != -1)
		reply_send(r->loop, socket, strdup(text));
}

static void
open_client(struct run *r)
{
	int ends[2];

	fd_close(&r->client);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	r->ask = ends[0];
	r->client = ends[1];
}

static void
set_up(struct run *r)
{
	int ends[2];

	*r = (struct run){ .loop = ev_loop_new(EVFLAG_AUTO), .client = -1 };
	assert_non_null(r->loop);
	assert_int_equal(channel_pair(ends), 0);
	r->ours = ends[0];
	r->failover = ends[1];
	status_query_init(&r->query, r->loop, answer, r);
	open_client(r);
}

static void
tear_down(struct run *r)
{
	status_query_fini(&r->query);
	fd_close(&r->ours);
	fd_close(&r->failover);
	fd_close(&r->client);
	ev_loop_destroy(r->loop);
}

static uint32_t
asked_number(struct run *r)
{
	struct channel_packet p;
	struct msg_ask m;
	struct buf b;

	assert_int_equal(channel_recv(r->failover, &p), 1);
	assert_int_equal(p.type, MSG_ASK);
	b = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_ask(&b, &m), 0);
	return m.id;
}

static void
say_peer(struct run *r)
{
	struct channel_packet p = { .type = MSG_PEER };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_peer(&b, &(struct msg_peer){ .node = 1, .reachable = true });
	p.len = b.pos;
	assert_int_equal(status_query_take(&r->query, &p), 0);
}

static void
say_tracks(struct run *r)
{
	struct channel_packet p = { .type = MSG_TRACKS };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_tracks(&b, &(struct msg_tracks){ .n = 1 });
	p.len = b.pos;
	assert_int_equal(status_query_take(&r->query, &p), 0);
}

static void
say_answered(struct run *r, uint32_t id)
{
	struct channel_packet p = { .type = MSG_ANSWERED };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_ask(&b, &(struct msg_ask){ .id = id });
	p.len = b.pos;
	assert_int_equal(status_query_take(&r->query, &p), 0);
}

/* What the client has got by now; "": nothing yet. */
static const char *
heard(struct run *r)
{
	static char text[128];
	ssize_t n = read(r->client, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
an_answer_is_of_all_that_failover_said_for_it(void **state)
{
	struct run r;
	uint32_t id;

	(void)state;
	set_up(&r);
	status_query_ask(&r.query, &r.ask, r.ours);
	assert_int_equal(r.ask, -1);
	id = asked_number(&r);
	say_peer(&r);
	say_tracks(&r);
	assert_text(heard(&r), "");
	say_answered(&r, id + 1); /* another's */
	assert_text(heard(&r), "");
	/* That one was of somebody else's question: it is not kept for us. */
	say_answered(&r, id);
	assert_text(heard(&r), "--\n");

	open_client(&r);
	status_query_ask(&r.query, &r.ask, r.ours);
	id = asked_number(&r);
	say_peer(&r);
	say_tracks(&r);
	say_answered(&r, id);
	assert_text(heard(&r), "pt\n");
	assert_int_equal(r.answers, 2);
	tear_down(&r);
}

static void
a_failover_that_is_not_there_is_not_waited_for(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	status_query_ask(&r.query, &r.ask, -1);
	assert_text(heard(&r), "--\n");
	open_client(&r);
	fd_close(&r.failover);
	status_query_ask(&r.query, &r.ask, r.ours);
	assert_text(heard(&r), "--\n");
	tear_down(&r);
}

static void
a_silent_failover_is_waited_for_a_moment_only(void **state)
{
	struct run r;

	(void)state;
	set_up(&r);
	status_query_ask(&r.query, &r.ask, r.ours);
	assert_text(heard(&r), "");
	(void)ev_run(r.loop, 0); /* until nothing is left to wait for */
	assert_text(heard(&r), "--\n");
	/* Late: there is nobody any more who asked. */
	say_answered(&r, asked_number(&r));
	assert_int_equal(r.answers, 1);
	tear_down(&r);
}

static void
too_many_are_refused_not_kept(void **state)
{
	struct run r;
	int clients[64];

	(void)state;
	set_up(&r);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		status_query_ask(&r.query, &r.ask, r.ours);
		clients[i] = r.client;
		r.client = -1;
		open_client(&r);
	}
	status_query_ask(&r.query, &r.ask, r.ours);
	assert_text(heard(&r), "{\"error\":\"too many requests at once\"}");
	assert_int_equal(r.answers, 0);
	/* Who has no socket cannot be refused. */
	r.ask = -1;
	status_query_ask(&r.query, &r.ask, r.ours);
	assert_int_equal(r.answers, 1);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		fd_close(&clients[i]);
	tear_down(&r);
}

static void
what_cannot_be_understood_is_refused(void **state)
{
	static const enum msg_type types[] = { MSG_PEER, MSG_TRACKS,
		MSG_ANSWERED, MSG_START };
	struct channel_packet p = { .len = 1 };
	struct run r;

	(void)state;
	set_up(&r);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		p.type = (uint16_t)types[i];
		assert_int_equal(status_query_take(&r.query, &p), -EBADMSG);
	}
	status_query_ask(&r.query, &r.ask, r.ours);
	say_answered(&r, asked_number(&r));
	assert_text(heard(&r), "--\n");
	tear_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_of_all_that_failover_said_for_it),
		cmocka_unit_test(
		    a_failover_that_is_not_there_is_not_waited_for),
		cmocka_unit_test(a_silent_failover_is_waited_for_a_moment_only),
		cmocka_unit_test(too_many_are_refused_not_kept),
		cmocka_unit_test(what_cannot_be_understood_is_refused),
	};

	TEST_MAIN(tests);
}
