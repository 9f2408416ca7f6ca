#include "proxy/transfer/transfer_giver.h"

#include "core/buf.h"
#include "tests/lib/transfer_lab.h"

/* The other one is dead: all go on here, as if nothing had been. */
static void
a_dead_taker_costs_nothing(void **state)
{
	struct lab *l = lab_new("", 4);
	struct half *h = &l->halves[0];
	struct transfer_giver *g;
	struct stream in;
	int channel[2];
	struct buf b = BUF_WRITER(64);
	const struct transfer_message go = { .type = TRANSFER_MESSAGE_GO };

	(void)state;
	for (unsigned i = 0; i < LAB_SESSIONS; i++) {
		come(l, i);
		serve(l, i);
	}
	in = stream(l, 0, false);
	feed(&in, 5000);
	assert_int_equal(channel_pair(channel), 0);
	g = transfer_giver_new(&h->worker, &channel[0]);
	transfer_message_encode(&b, &go);
	assert_int_equal(send(channel[1], b.data, b.pos, 0), b.pos);
	turn(h);
	assert_int_equal(h->worker.sessions.n_sessions, LAB_SESSIONS);
	assert_int_equal(
	    LIST_FIRST(&h->worker.sessions.sessions)->phase, SESSION_GIVEN);
	fd_close(&channel[1]);
	while (!transfer_giver_has_ended(g))
		turn(h);
	assert_true(g->failed);
	transfer_giver_free(g);
	assert_int_equal(h->worker.sessions.n_sessions, LAB_SESSIONS);
	drain_all(l, &in);
	/* And the next one may have them. */
	assert_int_equal(move(l), 0);
	for (unsigned i = 0; i < LAB_SESSIONS; i++)
		close_both(l, i);
	assert_clean(l, LAB_SESSIONS);
	lab_free(l);
}

/* It is slow, and hears too late that they are the giver's again. */
static void
a_late_taker_takes_nothing(void **state)
{
	struct lab *l = lab_new("", 4);
	struct half *from = &l->halves[0], *to = &l->halves[1];
	struct transfer_giver *g;
	struct transfer_taker *t;
	struct stream in;
	int channel[2];

	(void)state;
	come(l, 0);
	serve(l, 0);
	in = stream(l, 0, false);
	feed(&in, 5000);
	assert_int_equal(channel_pair(channel), 0);
	g = transfer_giver_new(&from->worker, &channel[0]);
	t = transfer_taker_new(&to->worker, &channel[1]);
	while (!transfer_giver_has_ended(g)) {
		turn(from);
		(void)poll(NULL, 0, 10);
	}
	assert_true(g->failed);
	while (!transfer_taker_has_ended(t))
		turn(to);
	assert_int_equal(t->n_taken, 0);
	transfer_giver_free(g);
	transfer_taker_free(t);
	assert_int_equal(to->worker.sessions.n_sessions, 0);
	drain_all(l, &in);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* What a dead giver had sent is taken, though nobody hears that it was. */
static void
a_dead_giver_loses_what_it_had_not_sent(void **state)
{
	struct lab *l = lab_new("", 4);
	struct half *from = &l->halves[0], *to = &l->halves[1];
	struct transfer_giver *g;
	struct transfer_taker *t;
	struct stream in;
	struct session *s;
	int channel[2];

	(void)state;
	come(l, 0);
	serve(l, 0);
	in = stream(l, 0, false);
	feed(&in, 5000);
	assert_int_equal(channel_pair(channel), 0);
	g = transfer_giver_new(&from->worker, &channel[0]);
	t = transfer_taker_new(&to->worker, &channel[1]);
	turn(from);
	/* As a death would: the channel and its copies of the sockets end. */
	session_thread_unwatch(&from->worker.sessions, g->channel);
	timers_leave(&from->worker.sessions.timers, &g->timer);
	s = LIST_FIRST(&from->worker.sessions.sessions);
	assert_int_equal(s->phase, SESSION_GIVEN);
	transfer_giver_free(g);
	worker_fini(&from->worker);
	memset(&from->worker, 0, sizeof(from->worker));
	while (!transfer_taker_has_ended(t))
		turn(to);
	assert_int_equal(t->n_taken, 1);
	transfer_taker_free(t);
	for (unsigned i = 0; i < 100 && in.read < in.written; i++) {
		turn(to);
		(void)drain(&in, 65536);
	}
	assert_int_equal(in.read, in.written);
	assert_int_equal(worker_init(&from->worker, &from->shared, 0), 0);
	lab_free(l);
}

/* A server that the next file has not: its session stays, and ends in order. */
static void
what_the_other_has_not_stays(void **state)
{
	struct lab *l = lab_new("", 0);
	struct stream in;

	(void)state;
	come(l, 0);
	serve(l, 0);
	l->halves[1].config->services[0].servers[0].name = "two";
	assert_int_equal(move(l), 1);
	in = stream(l, 0, false);
	feed(&in, 100);
	drain_all(l, &in);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/*
 * It has refused some, and nobody hears of that; and cannot be told that the
 * others are not its own. They are the giver's as soon as it can.
 */
static void
who_is_refused_unheard_is_not_lost(void **state)
{
	struct lab *l = lab_new("", 0);
	struct half *from = &l->halves[0], *to = &l->halves[1];
	const int least = 1;
	struct transfer_giver *g;
	struct transfer_taker *t;
	struct stream in;
	int channel[2];

	(void)state;
	for (unsigned i = 0; i < TRANSFER_MESSAGE_SESSIONS_MAX; i++) {
		come(l, i);
		serve(l, i);
	}
	to->config->services[0].servers[0].name = "two";
	assert_int_equal(channel_pair(channel), 0);
	/* One packet that is larger than this has room, and nothing else. */
	assert_int_equal(setsockopt(channel[0], SOL_SOCKET, SO_SNDBUF, &least,
	                     sizeof(least)),
	    0);
	g = transfer_giver_new(&from->worker, &channel[0]);
	t = transfer_taker_new(&to->worker, &channel[1]);
	while (!g->falls) {
		assert_false(transfer_giver_has_ended(g));
		turn(from);
		(void)poll(NULL, 0, 10);
	}
	turn(from);
	/* They may be the taker's. */
	assert_false(transfer_giver_has_ended(g));
	while (!transfer_giver_has_ended(g) || !transfer_taker_has_ended(t))
		turns(l, 1);
	assert_int_equal(t->n_taken, 0);
	assert_int_equal(t->n_refused, TRANSFER_MESSAGE_SESSIONS_MAX);
	assert_int_equal(g->n_given, 0);
	transfer_giver_free(g);
	transfer_taker_free(t);
	assert_int_equal(
	    from->worker.sessions.n_sessions, TRANSFER_MESSAGE_SESSIONS_MAX);
	for (unsigned i = 0; i < TRANSFER_MESSAGE_SESSIONS_MAX; i++) {
		in = stream(l, i, false);
		feed(&in, 100);
		drain_all(l, &in);
		close_both(l, i);
	}
	assert_clean(l, TRANSFER_MESSAGE_SESSIONS_MAX);
	lab_free(l);
}

/* A worker over there that is stuck, and asks when nobody waits any more. */
static void
who_asks_too_late_gets_nothing(void **state)
{
	struct lab *l = lab_new("", 0);
	struct half *from = &l->halves[0], *to = &l->halves[1];
	struct transfer_giver *g;
	struct transfer_taker *t;
	int channel[2];

	(void)state;
	come(l, 0);
	serve(l, 0);
	assert_int_equal(channel_pair(channel), 0);
	g = transfer_giver_new(&from->worker, &channel[0]);
	turn(from);
	transfer_giver_hurry(g);
	t = transfer_taker_new(&to->worker, &channel[1]);
	assert_non_null(t);
	while (!transfer_giver_has_ended(g) || !transfer_taker_has_ended(t))
		turns(l, 1);
	assert_true(g->failed);
	assert_int_equal(t->n_taken, 0);
	transfer_giver_free(g);
	transfer_taker_free(t);
	/* One that has asked is not hurried. */
	assert_int_equal(channel_pair(channel), 0);
	g = transfer_giver_new(&from->worker, &channel[0]);
	t = transfer_taker_new(&to->worker, &channel[1]);
	turn(from);
	transfer_giver_hurry(g);
	while (!transfer_giver_has_ended(g) || !transfer_taker_has_ended(t))
		turns(l, 1);
	assert_false(g->failed);
	assert_int_equal(t->n_taken, 1);
	transfer_giver_free(g);
	transfer_taker_free(t);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

/* Each is looked at once, and who comes meanwhile as well. */
static void
who_comes_meanwhile_is_given(void **state)
{
	struct lab *l = lab_new("", 0);
	struct half *from = &l->halves[0];
	struct session_thread *t = &from->worker.sessions;
	struct move m;

	(void)state;
	for (unsigned i = 0; i < LAB_SESSIONS - 1; i++) {
		come(l, i);
		serve(l, i);
	}
	m = begin_move(l);
	turn(from);
	assert_int_equal(LIST_FIRST(&t->sessions)->phase, SESSION_GIVEN);
	assert_null(t->next_give);
	/* As one that another thread has accepted: first in the list. */
	l->clients[LAB_SESSIONS - 1] = connect_to(l);
	for (unsigned k = 0; k < 1000 && t->n_sessions < LAB_SESSIONS; k++)
		worker_turn(&from->worker);
	assert_int_equal(t->n_sessions, LAB_SESSIONS);
	assert_int_equal(end_move(l, &m), 0);
	serve(l, LAB_SESSIONS - 1);
	for (unsigned i = 0; i < LAB_SESSIONS; i++)
		close_both(l, i);
	assert_clean(l, LAB_SESSIONS);
	lab_free(l);
}

/* -- any traffic, and moves at any moment -----------------------------------
 */

static uint64_t
chance(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void
do_something(struct stream *s, uint64_t *seed, bool *shut)
{
	static const size_t amounts[] = { 1, 100, 5000, 65536 };
	const size_t amount = amounts[chance(seed) % ARRAY_LEN(amounts)];

	switch (chance(seed) % 8) {
	case 0:
	case 1:
	case 2:
		if (!*shut)
			feed(s, amount);
		break;
	case 3:
		if (!*shut && chance(seed) % 40 == 0) {
			assert_int_equal(shutdown(s->from, SHUT_WR), 0);
			*shut = true;
		}
		break;
	default:
		(void)drain(s, amount);
		break;
	}
}

static void
run_random(uint64_t seed)
{
	struct lab *l = lab_new("", seed % 2 == 0 ? 3 : 0);
	struct stream streams[16];
	bool shut[16] = { false };

	for (unsigned i = 0; i < 8; i++) {
		come(l, i);
		serve(l, i);
		streams[2 * i] = stream(l, i, false);
		streams[2 * i + 1] = stream(l, i, true);
	}
	for (unsigned step = 0; step < 3000; step++) {
		unsigned i = chance(&seed) % 16;

		do_something(&streams[i], &seed, &shut[i]);
		if (chance(&seed) % 4 == 0)
			turns(l, 1);
		if (chance(&seed) % 30 == 0)
			assert_int_equal(move(l), 0);
	}
	for (unsigned i = 0; i < 16; i++)
		if (!shut[i])
			assert_int_equal(shutdown(streams[i].from, SHUT_WR), 0);
	for (unsigned i = 0; i < 16; i++)
		expect_end(l, &streams[i]);
	assert_clean(l, 8);
	lab_free(l);
}

static void
any_traffic_and_moves_at_any_moment(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		run_random(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_taker_costs_nothing),
		cmocka_unit_test(a_late_taker_takes_nothing),
		cmocka_unit_test(a_dead_giver_loses_what_it_had_not_sent),
		cmocka_unit_test(what_the_other_has_not_stays),
		cmocka_unit_test(any_traffic_and_moves_at_any_moment),
		cmocka_unit_test(who_is_refused_unheard_is_not_lost),
		cmocka_unit_test(who_asks_too_late_gets_nothing),
		cmocka_unit_test(who_comes_meanwhile_is_given),
	};

	TEST_MAIN(tests);
}
