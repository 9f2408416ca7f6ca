#pragma once

/*
 * What tests of the election begin with: a pair at its default settings, the
 * peer's words, and a clock to step by.
 */

#include "failover/election/election.h"
#include "tests/lib/test.h"

/*
 * Dead after 60 ms, listening takes 1 s, our priority is 100 and our address
 * the higher one.
 */
static const struct election_config pair_config = {
	.dead_ms = 60,
	.listen_ms = 1000,
	.doubt = { .hang_ms = 1000, .deaf_ms = 3000 },
	.priority = 100,
	.wins_ties = true,
};

static inline struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static inline struct election_event
heard(enum election_state state, uint8_t priority, uint64_t term)
{
	struct election_event ev = { .type = ELECTION_HEARTBEAT };

	ev.heartbeat = (struct election_heartbeat){ .state = state,
		.hears_us = true,
		.priority = priority,
		.term = term,
		.dead_ms = 60 };
	return ev;
}

static inline struct election_event
plain(enum election_type type)
{
	return (struct election_event){ .type = type,
		.fault = ELECTION_INTERFACE_DOWN };
}

/* Steps in place. */
static inline struct election_out
step(struct election *e, struct election_event ev, int64_t now_ms)
{
	struct election_out out;

	*e = election_step(e, &ev, at(now_ms), &out);
	return out;
}

/* It has heard its master, of priority 150 and term 7, at 0 ms. */
static inline struct election
backup(void)
{
	struct election e = election_init(&pair_config, at(0));

	(void)step(&e, heard(ELECTION_MASTER, 150, 7), 0);
	assert_int_equal(e.state, ELECTION_BACKUP);
	return e;
}

/* Its master has ended, at 60 ms; the term is 8. */
static inline struct election
master(void)
{
	struct election e = backup();

	(void)step(&e, plain(ELECTION_PEER_ENDED), 60);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(e.term, 8);
	return e;
}

/* Two probes 4 ms apart, to which nobody answers; gives the last step. */
static inline struct election_out
doubt(struct election *e, int64_t from_ms)
{
	struct election_out out;

	for (int64_t ms = from_ms; ms < from_ms + SUSPECT_LEAST_MS; ms += 4) {
		out = step(e, plain(ELECTION_TICK), ms);
		assert_int_equal(out.n_actions, 1);
		assert_int_equal(out.actions[0], ELECTION_PROBE);
		assert_int_equal(out.wake.ns, at(ms + 4).ns);
	}
	return step(e, plain(ELECTION_TICK), from_ms + SUSPECT_LEAST_MS);
}
