#include "proxy/transfer/session_take.h"

#include "proxy/data/session_end.h"
#include "proxy/transfer/session_give.h"
#include "proxy/transfer/session_record.h"
#include "tests/lib/transfer_lab.h"

/* Taken, while the giver has not heard of it and has both files still. */
static struct move
begin_to_take(struct lab *l)
{
	struct move m;

	come(l, 0);
	serve(l, 0);
	m = begin_move(l);
	turn(m.from);
	assert_int_equal(LIST_FIRST(&m.from->worker.sessions.sessions)->phase,
	    SESSION_GIVEN);
	return m;
}

static void
taker_turns(struct move *m)
{
	for (unsigned i = 0; i < 5; i++)
		turn(m->to);
	assert_int_equal(m->to->worker.sessions.n_sessions, 0);
}

/* Nothing is told of it afterwards, and both hear of it from the taker. */
static void
ended_while_the_giver_has_the_files(void **state)
{
	struct lab *l = lab_new("", 0);
	struct move m = begin_to_take(l);
	char byte;

	(void)state;
	assert_int_equal(shutdown(l->clients[0], SHUT_WR), 0);
	assert_int_equal(shutdown(l->peers[0], SHUT_WR), 0);
	taker_turns(&m);
	assert_int_equal(recv(l->clients[0], &byte, 1, 0), 0);
	assert_int_equal(recv(l->peers[0], &byte, 1, 0), 0);
	taker_turns(&m);
	assert_int_equal(end_move(l, &m), 0);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
reset_while_the_giver_has_the_files(void **state)
{
	struct lab *l = lab_new("", 0);
	struct move m = begin_to_take(l);
	const struct linger now = { .l_onoff = 1 };
	char byte;

	(void)state;
	assert_int_equal(
	    setsockopt(l->clients[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
	    0);
	fd_close(&l->clients[0]);
	taker_turns(&m);
	assert_int_equal(recv(l->peers[0], &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	taker_turns(&m);
	assert_int_equal(end_move(l, &m), 0);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* Of `r`, with these as its descriptors; nobody has them afterwards. */
static int
try_to_take(
    struct lab *l, const struct session_record *r, int client, int server)
{
	struct half *h = &l->halves[1];
	int fds[2] = { client, server };
	struct session_take_place place;
	struct session *s = NULL;
	int e;

	assert_int_equal(session_take_find(&h->pool, 1, r, &place), 0);
	e = session_take(&h->worker.sessions, &place, r, fds, &s);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
	if (e == 0)
		session_end_given(s);
	turns(l, 1);
	return e;
}

/* They are another's, or none that a worker could wait for. */
static void
other_descriptors_are_refused(void **state)
{
	struct lab *l = lab_new("", 0);
	struct session *s;
	struct session_record r, without;
	int client, server, pair[2];

	(void)state;
	come(l, 0);
	serve(l, 0);
	s = LIST_FIRST(&l->halves[0].worker.sessions.sessions);
	assert_int_equal(session_give(s, &r), 0);
	client = s->ends[SESSION_CLIENT].fd;
	server = s->ends[SESSION_SERVER].fd;
	assert_int_equal(
	    try_to_take(l, &r, dup(server), dup(client)), -EBADMSG);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(try_to_take(l, &r, dup(client), pair[0]), -EBADMSG);
	assert_int_equal(try_to_take(l, &r, pair[1], dup(server)), -EBADMSG);
	assert_int_equal(try_to_take(l, &r, dup(client),
	                     open("/dev/null", O_RDWR | O_CLOEXEC)),
	    -EBADMSG);
	assert_int_equal(
	    try_to_take(l, &r, dup(client), socket(AF_INET, SOCK_DGRAM, 0)),
	    -EBADMSG);
	without = r;
	without.local = (union addr){ 0 };
	assert_int_equal(
	    try_to_take(l, &without, dup(client), dup(server)), -EBADMSG);
	/* One at which calls wait is taken, and they wait no more. */
	assert_int_equal(fcntl(client, F_SETFL, 0), 0);
	assert_int_equal(try_to_take(l, &r, dup(client), dup(server)), 0);
	assert_true((fcntl(client, F_GETFL) & O_NONBLOCK) != 0);
	session_give_back(s, &r);
	close_both(l, 0);
	/* That one was neither accepted nor connected there. */
	assert_clean(l, 1);
	lab_free(l);
}

/* Of the one session, as it is in its relay now. */
static struct session *
taken(struct lab *l)
{
	return LIST_FIRST(&l->halves[l->now].worker.sessions.sessions);
}

static bool
is_due_within(struct session *s, double seconds)
{
	const struct timers *all = &s->thread->timers;

	return timers_is_set(&s->timer) &&
	    mono_before(timers_due(all, &s->timer),
	        mono_add_us(mono_now(), (int64_t)(seconds * 1e6)));
}

/* Another file, other timeouts: whoever comes under them has them. */
static void
it_waits_no_longer_than_the_new_file_says(void **state)
{
	struct lab *l = lab_new("", 0);
	struct config_timeouts *t[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		t[i] = &l->halves[i].config->services[0].timeouts;
	t[0]->idle_ms = 0;
	t[1]->idle_ms = 1000000;
	come(l, 0);
	serve(l, 0);
	assert_false(timers_is_set(&taken(l)->timer));
	assert_int_equal(move(l), 0);
	assert_true(is_due_within(taken(l), 1000.));
	t[0]->idle_ms = 500000;
	assert_int_equal(move(l), 0);
	assert_true(is_due_within(taken(l), 500.));
	/* What was left stays so until it is looked at. */
	assert_int_equal(move(l), 0);
	assert_true(is_due_within(taken(l), 500.));
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

static void
it_queues_no_longer_than_the_new_file_says(void **state)
{
	struct lab *l = lab_new("", 0);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		pool_set_state(&l->halves[i].pool,
		    &l->halves[i].pool.servers[0], SERVER_DOWN, mono_now());
	l->halves[0].config->services[0].timeouts.queue_ms = 2000000;
	l->halves[1].config->services[0].timeouts.queue_ms = 1000000;
	come(l, 0);
	assert_int_equal(taken(l)->phase, SESSION_QUEUED);
	assert_false(is_due_within(taken(l), 1500.));
	assert_int_equal(move(l), 0);
	assert_int_equal(taken(l)->phase, SESSION_QUEUED);
	assert_true(is_due_within(taken(l), 1000.));
	assert_true(mono_before(
	    taken(l)->info.waits_until, mono_add_us(mono_now(), 1000000000)));
	fd_close(&l->clients[0]);
	turns(l, 5);
	assert_int_equal(l->halves[1].worker.sessions.n_sessions, 0);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_while_the_giver_has_the_files),
		cmocka_unit_test(reset_while_the_giver_has_the_files),
		cmocka_unit_test(other_descriptors_are_refused),
		cmocka_unit_test(it_waits_no_longer_than_the_new_file_says),
		cmocka_unit_test(it_queues_no_longer_than_the_new_file_says),
	};

	TEST_MAIN(tests);
}
