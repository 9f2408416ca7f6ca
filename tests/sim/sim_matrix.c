/*
 * Prints doc/election.md: what each event does in each state, asked of the
 * election itself. `make check` compares, so that a change of behaviour is a
 * changed table in the diff.
 */

#include "core/base.h"
#include "failover/election/election.h"

#include <stdio.h>
#include <string.h>

/* All figures of the matrix: dead after 60 ms, now is 10 s. */
#define DEAD_MS 60
#define LISTEN_MS 1000
#define TERM 5

static const struct election_config config = {
	.dead_ms = DEAD_MS,
	.listen_ms = LISTEN_MS,
	.doubt = { .hang_ms = 1000, .deaf_ms = 3000 },
	.priority = 100,
	.wins_ties = true,
};

static struct mono
at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

#define NOW_MS 10000

/* A state as it is met: the deadline of BACKUP and INIT is now. */
struct start {
	const char *name;
	enum election_state state;
	bool settling, contested, faulted, stopped, handing, isolated, ill;
	bool askable, preempt, paused;
	struct suspect doubt;
	int64_t deadline_ms; /* 0: never */
};

/* Both probes are out, and this is what has come back. */
#define DOUBT(...)                                                             \
	{                                                                      \
		.open = true, .since = { (NOW_MS - 10) * INT64_C(1000000) },   \
		.rounds = 2, __VA_ARGS__                                       \
	}

static const struct start starts[] = {
	{ "init", ELECTION_INIT, .deadline_ms = NOW_MS },
	{ "init, after a stall", ELECTION_INIT, .settling = true,
	    .deadline_ms = NOW_MS },
	{ "backup", ELECTION_BACKUP, .deadline_ms = NOW_MS },
	{ "backup, after a stall", ELECTION_BACKUP, .settling = true,
	    .deadline_ms = NOW_MS },
	{ "backup, in doubt: nobody has answered", ELECTION_BACKUP,
	    .doubt = DOUBT(.last = SUSPECT_ASK), .deadline_ms = NOW_MS },
	{ "backup, in doubt: the peer's host answers for the address",
	    ELECTION_BACKUP, .doubt = DOUBT(.at_peer = true, .peer = true),
	    .deadline_ms = NOW_MS },
	{ "backup, in doubt: the peer's host answers for itself alone",
	    ELECTION_BACKUP, .doubt = DOUBT(.peer = true),
	    .deadline_ms = NOW_MS },
	{ "backup, in doubt: a third host answers", ELECTION_BACKUP,
	    .doubt = DOUBT(.elsewhere = true), .deadline_ms = NOW_MS },
	{ "backup, in doubt for 10 ms: of those it asked none has answered",
	    ELECTION_BACKUP, .askable = true,
	    .doubt = DOUBT(.last = SUSPECT_ASK), .deadline_ms = NOW_MS },
	{ "backup, in doubt, moves are paused", ELECTION_BACKUP, .paused = true,
	    .doubt = DOUBT(.somebody = true, .reached = true),
	    .deadline_ms = NOW_MS },
	{ "master", ELECTION_MASTER, .deadline_ms = 0 },
	{ "master, contested for 200 ms", ELECTION_MASTER, .contested = true },
	{ "master, handing over", ELECTION_MASTER, .handing = true },
	{ "master, with preempt", ELECTION_MASTER, .preempt = true },
	{ "master, the peer silent", ELECTION_MASTER, .askable = true,
	    .deadline_ms = NOW_MS },
	{ "fault, tracked", ELECTION_FAULT, .faulted = true },
	{ "fault, refused 1 s ago", ELECTION_FAULT, .deadline_ms = NOW_MS },
	{ "fault, isolated", ELECTION_FAULT, .isolated = true, .askable = true,
	    .deadline_ms = NOW_MS },
	{ "fault, stopped", ELECTION_FAULT, .stopped = true },
	{ "master, with a tracked fault", ELECTION_MASTER, .ill = true },
	{ "fault, for the peer has no tracked fault", ELECTION_FAULT,
	    .ill = true, .deadline_ms = NOW_MS },
};

struct row {
	const char *name;
	struct election_event ev;
};

#define HEARD(STATE, PRIORITY, TERM_, HEARS, RESIGNING)                        \
	{                                                                      \
		.type = ELECTION_HEARTBEAT, .heartbeat = {                     \
			.state = (STATE),                                      \
			.resigning = (RESIGNING),                              \
			.hears_us = (HEARS),                                   \
			.priority = (PRIORITY),                                \
			.term = (TERM_),                                       \
			.dead_ms = DEAD_MS                                     \
		}                                                              \
	}

static const struct row rows[] = {
	{ "tick, due", { .type = ELECTION_TICK } },
	{ "peer: init, ranks lower",
	    HEARD(ELECTION_INIT, 50, TERM, true, false) },
	{ "peer: init, ranks higher",
	    HEARD(ELECTION_INIT, 150, TERM, true, false) },
	{ "peer: backup, ranks lower",
	    HEARD(ELECTION_BACKUP, 50, TERM, true, false) },
	{ "peer: backup, ranks higher",
	    HEARD(ELECTION_BACKUP, 150, TERM, true, false) },
	{ "peer: backup, same rank, lower address",
	    HEARD(ELECTION_BACKUP, 100, TERM, true, false) },
	{ "peer: fault", HEARD(ELECTION_FAULT, 150, TERM, true, false) },
	{ "peer: resigning", HEARD(ELECTION_FAULT, 150, TERM, true, true) },
	{ "peer: master, lower term",
	    HEARD(ELECTION_MASTER, 150, TERM - 1, true, false) },
	{ "peer: master, lower term, deaf",
	    HEARD(ELECTION_MASTER, 150, TERM - 1, false, false) },
	{ "peer: master, same term, ranks lower",
	    HEARD(ELECTION_MASTER, 50, TERM, true, false) },
	{ "peer: master, same term, ranks higher",
	    HEARD(ELECTION_MASTER, 150, TERM, true, false) },
	{ "peer: master, higher term",
	    HEARD(ELECTION_MASTER, 50, TERM + 1, true, false) },
	{ "peer: master, hands over",
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_MASTER,
	            .hears_us = true,
	            .hands_over = true,
	            .priority = 150,
	            .term = TERM,
	            .dead_ms = DEAD_MS } } },
	{ "unproven", { .type = ELECTION_UNPROVEN } },
	{ "answer: address, at the peer",
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_ADDRESS_AT_PEER } },
	{ "answer: address, elsewhere",
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_ADDRESS_ELSEWHERE } },
	{ "answer: the peer's host",
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_PEER } },
	{ "answer: anybody",
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_SOMEBODY } },
	{ "answer: who answers for them lives",
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_LIVES } },
	{ "others can be asked",
	    { .type = ELECTION_ASKABLE, .askable = true } },
	{ "moves are paused", { .type = ELECTION_PAUSE, .paused = true } },
	{ "moves are resumed", { .type = ELECTION_PAUSE } },
	{ "contradicted", { .type = ELECTION_CONTRADICTED } },
	{ "peer ended", { .type = ELECTION_PEER_ENDED } },
	{ "priority lowered to 90",
	    { .type = ELECTION_PRIORITY, .priority = 90 } },
	{ "handover, begin", { .type = ELECTION_HANDOVER_BEGIN } },
	{ "handover, abort", { .type = ELECTION_HANDOVER_ABORT } },
	{ "track fault",
	    { .type = ELECTION_TRACK_FAULT,
	        .fault = ELECTION_INTERFACE_CARRIER } },
	{ "track ok", { .type = ELECTION_TRACK_OK } },
	{ "a tracked fault, the peer has none",
	    { .type = ELECTION_ILL,
	        .ill = { .faults = 1, .reason = ELECTION_TRACK_SCRIPT } } },
	{ "no tracked fault", { .type = ELECTION_ILL } },
	{ "peer: backup, with a tracked fault",
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_BACKUP,
	            .hears_us = true,
	            .faults = 1,
	            .priority = 150,
	            .term = TERM,
	            .dead_ms = DEAD_MS } } },
	{ "peer: backup, cannot hold an address",
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_BACKUP,
	            .hears_us = true,
	            .lacks = 1,
	            .priority = 150,
	            .term = TERM,
	            .dead_ms = DEAD_MS } } },
	{ "stalled, hardly",
	    { .type = ELECTION_STALLED, .stalled_ms = DEAD_MS } },
	{ "stalled",
	    { .type = ELECTION_STALLED,
	        .stalled_ms = DEAD_MS + SUSPECT_LEAST_MS } },
	{ "action failed", { .type = ELECTION_ACTION_FAILED } },
	{ "stop", { .type = ELECTION_STOP } },
	{ "restore, as master",
	    { .type = ELECTION_RESTORE,
	        .restore = { .master = true, .term = TERM } } },
	{ "restore, as another",
	    { .type = ELECTION_RESTORE, .restore = { .term = TERM } } },
};

static struct election
begin(const struct start *s)
{
	struct election e = election_init(&config, at_ms(NOW_MS - LISTEN_MS));

	e.state = s->state;
	e.settled = at_ms(s->settling ? NOW_MS + DEAD_MS : 0);
	e.faulted = s->faulted;
	e.stopped = s->stopped;
	e.handing = s->handing;
	e.isolated = s->isolated;
	e.faults = s->ill;
	e.fault_reason = s->ill ? ELECTION_TRACK_SCRIPT : ELECTION_UNCHANGED;
	e.stands_back = s->ill && s->state == ELECTION_FAULT;
	e.config.doubt.askable = s->askable;
	e.config.preempt = s->preempt;
	if (s->doubt.open)
		e.doubt = s->doubt;
	e.term = TERM;
	e.paused = e.peer_reigned = s->paused;
	/* What a pause holds up is silence, else it was heard. */
	e.heard = at_ms(NOW_MS - DEAD_MS + (s->paused ? 0 : 1));
	e.heard_dead_ms = DEAD_MS;
	e.contested = s->contested ? at_ms(NOW_MS - 200) : mono_never();
	e.deadline = s->deadline_ms != 0 ? at_ms(s->deadline_ms) : mono_never();
	return e;
}

static void
print_change(const struct election *before, const struct election *after,
    const struct election_out *out)
{
	const char *joint = "";

	if (before->state != after->state)
		printf("**%s**", election_state_name(after->state));
	else
		printf("stays");
	if (before->term != after->term)
		printf(", term %+d", (int)(after->term - before->term));
	if (out->n_actions > 0)
		printf(": ");
	for (unsigned i = 0; i < out->n_actions; i++) {
		printf("%s%s", joint, election_action_name(out->actions[i]));
		joint = ", ";
	}
	if (mono_is_never(out->wake))
		printf("; no deadline");
	else
		printf("; deadline in %d ms",
		    (int)mono_span_ms(at_ms(NOW_MS), out->wake));
}

static void
print_row(const struct start *s, const struct row *row)
{
	const struct election before = begin(s);
	struct election_out out;
	const struct election after =
	    election_step(&before, &row->ev, at_ms(NOW_MS), &out);

	printf("| %s | ", row->name);
	if (memcmp(&before, &after, sizeof(before)) == 0 && out.n_actions == 0)
		printf("ignored");
	else
		print_change(&before, &after, &out);
	printf(" |\n");
}

int
main(void)
{
	printf("# The election, state by state\n\n"
	       "Generated by `tests/sim/sim_matrix` from the code; do not edit."
	       "\nThis node has priority 100, the higher address and term %d; "
	       "the peer was\nlast heard %d ms ago and is dead after %d ms; "
	       "listening takes %d ms.\n",
	    TERM, DEAD_MS - 1, DEAD_MS, LISTEN_MS);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		printf("\n## %s\n\n| event | what it does |\n|---|---|\n",
		    starts[i].name);
		for (size_t j = 0; j < ARRAY_LEN(rows); j++)
			print_row(&starts[i], &rows[j]);
	}
	return 0;
}
