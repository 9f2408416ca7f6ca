#include "director/kernel_conn.h"

#include "tests/lib/test.h"

#include <string.h>

static const char *const words[] = {
	[KERNEL_CONN_KEEP] = "keep",
	[KERNEL_CONN_CHOOSE] = "choose",
	[KERNEL_CONN_TELL] = "tell",
	[KERNEL_CONN_FORGET] = "forget",
	[KERNEL_CONN_LATE] = "late",
	[KERNEL_CONN_WRITE] = "write",
	[KERNEL_CONN_EMIT] = "emit",
	[KERNEL_CONN_PASS_ON] = "pass-on",
	[KERNEL_CONN_LET_PASS] = "let-pass",
	[KERNEL_CONN_GO_ON] = "go-on",
	[KERNEL_CONN_ANEW] = "anew",
	[KERNEL_CONN_TICKLE] = "tickle",
	[KERNEL_CONN_ASK_CLIENT] = "ask-client",
	[KERNEL_CONN_ACCUSE] = "accuse",
	[KERNEL_CONN_RESET_CLIENT] = "reset-client",
	[KERNEL_CONN_RESET_SERVER] = "reset-server",
	[KERNEL_CONN_RESET_BOTH] = "reset-both",
	[KERNEL_CONN_LEAVE] = "leave",
	[KERNEL_CONN_END] = "end",
	[KERNEL_CONN_DROP] = "drop",
	[KERNEL_CONN_AGAIN] = "again",
};

static const char *
told(const struct kernel_conn_out *out, char text[static 128])
{
	text[0] = '\0';
	for (unsigned i = 0; i < out->n_actions; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, words[out->actions[i]]);
	}
	return text;
}

static const struct mono start = { .ns = INT64_C(5000000000) };

static const struct kernel_conn_rules rules = {
	.connect_ms = 3000,
	.queue_ms = 30000,
	.half_closed_ms = 60000,
	.idle_ms = 600000,
	.keepalive_ms = 90000,
	.commit_ms = 200,
	.retries = 2,
};

static const struct kernel_conn_rules first_byte = {
	.connect_ms = 3000,
	.queue_ms = 30000,
	.first_byte_ms = 10000,
	.commit_ms = 200,
	.retries = 2,
};

/* As it came into this state at `start`, in its first attempt, at server 4. */
static struct kernel_conn
in(enum kernel_conn_state state)
{
	static const int64_t patience_ms[KERNEL_CONN_STATES] = {
		[KERNEL_CONN_HELD] = 30000,
		[KERNEL_CONN_COMMITTING] = 200,
		[KERNEL_CONN_CONNECTING] = KERNEL_CONN_LOOK_MS,
		[KERNEL_CONN_SILENT] = KERNEL_CONN_LOOK_MS,
		[KERNEL_CONN_OPEN] = KERNEL_CONN_SWEEP_MS,
		[KERNEL_CONN_DOUBTED] = KERNEL_CONN_ASK_MS,
	};
	struct kernel_conn c = kernel_conn_free();

	if (state == KERNEL_CONN_FREE)
		return c;
	c.state = state;
	c.since = start;
	c.deadline = mono_add_ms(start, patience_ms[state]);
	if (state == KERNEL_CONN_HELD) {
		c.waits_until = c.deadline;
		return c;
	}
	c.placed = true;
	c.written = state != KERNEL_CONN_COMMITTING;
	c.attempts = c.n_tried = 1;
	c.tried[0] = 4;
	return c;
}

#define SEEN(...) .ev.seen = { __VA_ARGS__ }
#define TYPE(x) .ev.type = (KERNEL_CONN_##x)
#define CONN(x) KERNEL_CONN_##x
#define MADE .syn_ack = true, .established = true, .spoken = true

/* What each event does, so many milliseconds after the state began. */
static const struct row {
	const char *name;
	enum kernel_conn_state from;
	int64_t at_ms;
	enum kernel_conn_state to;
	const char *actions;
	enum end_reason reason;
	bool quarantine, first_byte, inherited;
	struct kernel_conn_event ev;
} rows[] = {
	{ "a SYN asks for a server", CONN(FREE), 0, CONN(HELD), "keep choose",
	    TYPE(SYN) },
	{ "left by a process before", CONN(FREE), 0, CONN(OPEN),
	    "let-pass go-on", TYPE(FOUND) },
	{ "a server and a port: the peer first", CONN(HELD), 0,
	    CONN(COMMITTING), "tell", TYPE(PLACED) },
	{ "full", CONN(HELD), 0, CONN(HELD), "", TYPE(UNPLACED),
	    .ev.wants = POOL_CHOICE_PLACE },
	{ "the same SYN while it waits", CONN(HELD), 0, CONN(HELD), "",
	    TYPE(SYN), .ev.same = true },
	{ "another SYN while it waits", CONN(HELD), 0, CONN(HELD), "keep",
	    TYPE(SYN) },
	{ "a place is free", CONN(HELD), 10, CONN(HELD), "choose", TYPE(ROOM) },
	{ "it waits still", CONN(HELD), 29999, CONN(HELD), "", TYPE(LOOK) },
	{ "it has waited for timeouts.queue", CONN(HELD), 30000, CONN(FREE),
	    "reset-client end drop", END_REASON_QUEUE_TIMEOUT, TYPE(LOOK) },
	{ "an operator ends what waits", CONN(HELD), 0, CONN(FREE),
	    "reset-client end drop", END_REASON_OPERATOR, TYPE(CUT),
	    .ev.reason = END_REASON_OPERATOR },
	{ "what has no server loses none", CONN(HELD), 0, CONN(HELD), "",
	    TYPE(CUT), .ev.reason = END_REASON_SERVER_DOWN },
	{ "the client finds the other node", CONN(HELD), 0, CONN(FREE), "drop",
	    TYPE(RELEASE) },

	{ "confirmed: entries before the SYN", CONN(COMMITTING), 1,
	    CONN(CONNECTING), "write emit", TYPE(CONFIRMED) },
	{ "a SYN that is repeated meanwhile", CONN(COMMITTING), 1,
	    CONN(COMMITTING), "", TYPE(SYN), .ev.same = true },
	{ "the peer is slow", CONN(COMMITTING), 200, CONN(COMMITTING), "late",
	    TYPE(LOOK) },
	{ "its server is put out of service", CONN(COMMITTING), 1, CONN(HELD),
	    "leave choose", TYPE(CUT), .ev.reason = END_REASON_SERVER_DOWN },
	{ "a release while the peer is asked", CONN(COMMITTING), 1, CONN(FREE),
	    "drop", .quarantine = true, TYPE(RELEASE) },
	{ "a refusal of the attempt before", CONN(COMMITTING), 1,
	    CONN(COMMITTING), "", TYPE(REFUSED) },

	{ "refused: the next one", CONN(CONNECTING), 1, CONN(HELD),
	    "accuse leave choose", TYPE(REFUSED), SEEN(.refused = true),
	    .ev.reason = END_REASON_SERVER_REFUSED },
	{ "a refusal of the server before, read late", CONN(CONNECTING), 1,
	    CONN(CONNECTING), "", TYPE(REFUSED),
	    .ev.reason = END_REASON_SERVER_REFUSED },
	{ "the next one is this node's, whosever the first was",
	    CONN(CONNECTING), 1, CONN(HELD), "accuse leave choose",
	    .inherited = true, TYPE(REFUSED), SEEN(.refused = true) },
	{ "not answered yet", CONN(CONNECTING), 2999, CONN(CONNECTING), "",
	    TYPE(LOOK) },
	{ "silent: the next one, and the port rests", CONN(CONNECTING), 3000,
	    CONN(HELD), "accuse leave choose", .quarantine = true, TYPE(LOOK) },
	{ "the same SYN: it or its answer was lost", CONN(CONNECTING), 1000,
	    CONN(CONNECTING), "emit", TYPE(SYN), .ev.same = true },
	{ "a SYN behind a RST that came since", CONN(CONNECTING), 9, CONN(OPEN),
	    "let-pass anew pass-on", TYPE(SYN), SEEN(MADE, .rst = true) },
	{ "a SYN behind both ends, not read yet", CONN(CONNECTING), 9,
	    CONN(FREE), "end drop again", END_REASON_NORMAL, TYPE(SYN),
	    SEEN(MADE, .fin_client = true, .fin_server = true) },
	{ "another SYN: its client has begun anew", CONN(CONNECTING), 1000,
	    CONN(FREE), "reset-server drop again", .quarantine = true,
	    TYPE(SYN) },
	{ "answered, and the client knows", CONN(CONNECTING), 250, CONN(OPEN),
	    "", TYPE(LOOK), SEEN(.syn_ack = true, .established = true) },
	{ "answered, the client is to speak", CONN(CONNECTING), 250,
	    CONN(SILENT), "", .first_byte = true, TYPE(LOOK),
	    SEEN(.syn_ack = true, .established = true) },
	{ "answered, and spoken", CONN(CONNECTING), 250, CONN(OPEN), "",
	    .first_byte = true, TYPE(LOOK), SEEN(MADE) },
	{ "half open for long enough", CONN(CONNECTING), 4999, CONN(CONNECTING),
	    "", TYPE(LOOK), SEEN(.syn_ack = true) },
	{ "half open: nobody sent that SYN", CONN(CONNECTING), 5000, CONN(FREE),
	    "reset-server end drop", END_REASON_CLIENT_CONNECT,
	    .quarantine = true, TYPE(LOOK), SEEN(.syn_ack = true) },
	{ "the client resets it", CONN(CONNECTING), 250, CONN(DOUBTED), "",
	    TYPE(LOOK), SEEN(.rst = true) },
	{ "its server is put out of service, unanswered", CONN(CONNECTING), 9,
	    CONN(HELD), "reset-server leave choose", .quarantine = true,
	    TYPE(CUT), .ev.reason = END_REASON_SERVER_DOWN },
	{ "its server is put out of service, answered", CONN(CONNECTING), 9,
	    CONN(FREE), "reset-both end drop", END_REASON_SERVER_DOWN,
	    .quarantine = true, TYPE(CUT), SEEN(.syn_ack = true),
	    .ev.reason = END_REASON_SERVER_DOWN },
	{ "killed, unanswered", CONN(CONNECTING), 9, CONN(FREE),
	    "reset-server reset-client end drop", END_REASON_OPERATOR,
	    .quarantine = true, TYPE(CUT), .ev.reason = END_REASON_OPERATOR },
	{ "a release: the peer hears the refusal", CONN(CONNECTING), 9,
	    CONN(OPEN), "let-pass", TYPE(RELEASE) },
	{ "no room in the maps", CONN(CONNECTING), 0, CONN(FREE),
	    "reset-client end drop", END_REASON_RESOURCES, .quarantine = true,
	    TYPE(FAILED) },
	{ "made and closed between two looks", CONN(CONNECTING), 9, CONN(FREE),
	    "end drop", END_REASON_NORMAL, TYPE(CLOSED),
	    SEEN(MADE, .fins_acked = true) },

	{ "its first byte", CONN(SILENT), 250, CONN(OPEN), "",
	    .first_byte = true, TYPE(LOOK), SEEN(MADE) },
	{ "silent, but not for long", CONN(SILENT), 9999, CONN(SILENT), "",
	    .first_byte = true, TYPE(LOOK), SEEN(.established = true) },
	{ "silent for timeouts.first_byte", CONN(SILENT), 10000, CONN(FREE),
	    "reset-both end drop", END_REASON_CLIENT_SILENT, .quarantine = true,
	    .first_byte = true, TYPE(LOOK), SEEN(.established = true) },
	{ "a release: what it says later is heard there", CONN(SILENT), 9,
	    CONN(OPEN), "let-pass", .first_byte = true, TYPE(RELEASE) },

	{ "closed, the client first", CONN(OPEN), 9, CONN(FREE), "end drop",
	    END_REASON_NORMAL, TYPE(CLOSED), SEEN(MADE, .fins_acked = true) },
	{ "closed, the server first: the port rests", CONN(OPEN), 9, CONN(FREE),
	    "end drop", END_REASON_NORMAL, .quarantine = true, TYPE(CLOSED),
	    SEEN(MADE, .fins_acked = true, .server_first = true) },
	{ "the word of its end was lost", CONN(OPEN), 10000, CONN(FREE),
	    "end drop", END_REASON_NORMAL, TYPE(LOOK),
	    SEEN(MADE, .fins_acked = true) },
	{ "a RST is doubted", CONN(OPEN), 9, CONN(DOUBTED), "", TYPE(CLOSED),
	    SEEN(MADE, .rst = true) },
	{ "idle, not for long", CONN(OPEN), 89999, CONN(OPEN), "", TYPE(LOOK),
	    SEEN(MADE) },
	{ "idle: are they there?", CONN(OPEN), 90000, CONN(OPEN), "tickle",
	    TYPE(LOOK), SEEN(MADE) },
	{ "idle for timeouts.idle", CONN(OPEN), 600000, CONN(FREE),
	    "reset-both end drop", END_REASON_IDLE, .quarantine = true,
	    TYPE(LOOK), SEEN(MADE) },
	{ "half closed by the client", CONN(OPEN), 60000, CONN(FREE),
	    "reset-both end drop", END_REASON_SERVER_HALF, .quarantine = true,
	    TYPE(LOOK), SEEN(MADE, .fin_client = true) },
	{ "half closed by the server", CONN(OPEN), 60000, CONN(FREE),
	    "reset-both end drop", END_REASON_CLIENT_HALF, .quarantine = true,
	    TYPE(LOOK), SEEN(MADE, .fin_server = true) },
	{ "half closed, and both alive", CONN(OPEN), 59999, CONN(OPEN), "",
	    TYPE(LOOK), SEEN(MADE, .fin_server = true) },
	{ "a FIN that nobody acknowledges may be forged: are they there?",
	    CONN(OPEN), 60000, CONN(OPEN), "tickle", TYPE(LOOK),
	    SEEN(MADE, .fin_client = true, .fin_unheard = true) },
	{ "it does not prolong what is idle", CONN(OPEN), 600000, CONN(FREE),
	    "reset-both end drop", END_REASON_IDLE, .quarantine = true,
	    TYPE(LOOK), SEEN(MADE, .fin_client = true, .fin_unheard = true) },
	{ "and two of them end nothing", CONN(OPEN), 60000, CONN(OPEN),
	    "tickle", TYPE(LOOK),
	    SEEN(MADE, .fin_client = true, .fin_server = true,
	        .fin_unheard = true) },
	{ "a SYN behind them is the server's to judge", CONN(OPEN), 9,
	    CONN(OPEN), "let-pass anew pass-on", TYPE(SYN),
	    SEEN(MADE, .fin_client = true, .fin_server = true,
	        .fin_unheard = true) },
	{ "a SYN for a living one is the server's to judge", CONN(OPEN), 9,
	    CONN(OPEN), "pass-on", TYPE(SYN), SEEN(MADE) },
	{ "a SYN for one that both have closed", CONN(OPEN), 9, CONN(FREE),
	    "end drop again", END_REASON_NORMAL, TYPE(SYN),
	    SEEN(MADE, .fin_server = true, .fin_client = true) },
	{ "the peer died while it connected", CONN(OPEN), 9, CONN(CONNECTING),
	    "anew keep emit", .inherited = true, TYPE(SYN), .ev.same = true },
	{ "and has answered our tickling, for it has no connection yet",
	    CONN(OPEN), 9, CONN(CONNECTING), "anew keep emit",
	    .inherited = true, TYPE(SYN), .ev.same = true, SEEN(.rst = true) },
	{ "which was doubted", CONN(DOUBTED), 9, CONN(CONNECTING),
	    "anew keep emit", .inherited = true, TYPE(SYN), .ev.same = true,
	    SEEN(.rst = true) },
	{ "a SYN of any number, for an inherited one", CONN(OPEN), 9,
	    CONN(OPEN), "pass-on", .inherited = true, TYPE(SYN) },
	{ "the same number, and the answer was seen", CONN(OPEN), 9, CONN(OPEN),
	    "pass-on", .inherited = true, TYPE(SYN), .ev.same = true,
	    SEEN(MADE) },
	{ "its server is given up", CONN(OPEN), 9, CONN(FREE),
	    "reset-both end drop", END_REASON_SERVER_DOWN, .quarantine = true,
	    TYPE(CUT), .ev.reason = END_REASON_SERVER_DOWN },
	{ "a late refusal", CONN(OPEN), 9, CONN(OPEN), "", TYPE(REFUSED) },
	{ "released", CONN(OPEN), 9, CONN(OPEN), "", TYPE(RELEASE) },
	{ "the peer says it is over", CONN(OPEN), 9, CONN(FREE), "drop",
	    .quarantine = true, TYPE(DELETED) },

	{ "doubted, not for long", CONN(DOUBTED), 499, CONN(DOUBTED), "",
	    TYPE(LOOK), SEEN(.rst = true) },
	{ "an idle client would not say so by itself", CONN(DOUBTED), 500,
	    CONN(DOUBTED), "ask-client", TYPE(LOOK), SEEN(.rst = true) },
	{ "the ends have believed it", CONN(DOUBTED), 1000, CONN(FREE),
	    "end drop", END_REASON_CLIENT_DATA, TYPE(LOOK), SEEN(.rst = true) },
	{ "it was a lie, and is told again", CONN(DOUBTED), 1000, CONN(OPEN),
	    "go-on", TYPE(LOOK), SEEN(MADE, .rst = true, .answered = true) },
	{ "what came before the question is no answer", CONN(DOUBTED), 500,
	    CONN(DOUBTED), "ask-client", TYPE(LOOK),
	    SEEN(.rst = true, .answered = true) },
	{ "they go on: it was a lie", CONN(DOUBTED), 1000, CONN(OPEN), "go-on",
	    TYPE(LOOK), SEEN(MADE) },
	{ "a SYN behind a RST that may be a lie", CONN(DOUBTED), 9, CONN(OPEN),
	    "let-pass anew pass-on", TYPE(SYN), SEEN(.rst = true) },
	{ "a SYN behind both ends and a RST", CONN(DOUBTED), 9, CONN(FREE),
	    "end drop again", END_REASON_CLIENT_DATA, TYPE(SYN),
	    SEEN(.rst = true, .fin_client = true, .fin_server = true) },

	{ "told by the peer", CONN(FREE), 0, CONN(OPEN), "write", TYPE(ADDED) },
};

static void
each_event_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct kernel_conn c = in(r->from);
		struct kernel_conn_event ev = r->ev;
		struct kernel_conn_out out;
		char text[128];

		test_row(r->name);
		ev.mine = true;
		ev.claimed = start;
		ev.seen.last = start;
		c.inherited = r->inherited;
		c = kernel_conn_step(&c, &ev,
		    r->first_byte ? &first_byte : &rules,
		    mono_add_ms(start, r->at_ms), &out);
		assert_int_equal(c.state, r->to);
		assert_text(told(&out, text), r->actions);
		assert_int_equal(out.reason, r->reason);
		assert_int_equal(out.quarantine, r->quarantine);
	}
}

/* Whatever comes due or is heard of: it is the other node's to decide. */
static void
who_does_not_own_it_decides_nothing(void **state)
{
	static const enum kernel_conn_type types[] = { KERNEL_CONN_SYN,
		KERNEL_CONN_ROOM, KERNEL_CONN_CONFIRMED, KERNEL_CONN_REFUSED,
		KERNEL_CONN_CLOSED, KERNEL_CONN_LOOK, KERNEL_CONN_CUT };

	(void)state;
	for (unsigned s = 0; s < KERNEL_CONN_STATES; s++)
		for (size_t t = 0; t < ARRAY_LEN(types); t++) {
			const struct kernel_conn_event ev = { .type = types[t],
				.seen = { .rst = true, .fins_acked = true } };
			const struct kernel_conn before = in(s);
			struct kernel_conn_out out;
			const struct kernel_conn after =
			    kernel_conn_step(&before, &ev, &rules,
			        mono_add_ms(start, 3600000), &out);

			assert_int_equal(after.state, s);
			assert_int_equal(out.n_actions, 0);
		}
}

static struct kernel_conn
feed(struct kernel_conn c, const struct kernel_conn_event *ev, int64_t at_ms,
    struct kernel_conn_out *out)
{
	struct kernel_conn_event mine = *ev;

	mine.mine = true;
	mine.claimed = start;
	return kernel_conn_step(
	    &c, &mine, &rules, mono_add_ms(start, at_ms), out);
}

/* Two retries: three servers, then the client is told. */
static void
after_the_last_retry_the_client_is_refused(void **state)
{
	const struct kernel_conn_event placed = { .type = KERNEL_CONN_PLACED };
	const struct kernel_conn_event go = { .type = KERNEL_CONN_CONFIRMED };
	const struct kernel_conn_event refused = { .type = KERNEL_CONN_REFUSED,
		.reason = END_REASON_SERVER_REFUSED,
		.seen.refused = true };
	struct kernel_conn c = in(KERNEL_CONN_HELD);
	struct kernel_conn_out out;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		c = feed(c, &placed, 0, &out);
		c = feed(c, &go, 0, &out);
		assert_int_equal(c.n_tried, i + 1);
		c = feed(c, &refused, 0, &out);
		assert_text(told(&out, text),
		    i < 2 ? "accuse leave choose"
		          : "accuse reset-client end drop");
	}
	assert_int_equal(out.reason, END_REASON_SERVER_REFUSED);
	assert_int_equal(c.state, KERNEL_CONN_FREE);
}

/* Servers that have refused it are asked again after a second, as by the relay.
 */
static void
a_second_round_comes_after_a_second(void **state)
{
	const struct kernel_conn_event refused = { .type = KERNEL_CONN_REFUSED,
		.reason = END_REASON_SERVER_REFUSED,
		.seen.refused = true };
	const struct kernel_conn_event none = { .type = KERNEL_CONN_UNPLACED,
		.wants = POOL_CHOICE_ROUND };
	const struct kernel_conn_event look = { .type = KERNEL_CONN_LOOK };
	struct kernel_conn c = in(KERNEL_CONN_CONNECTING);
	struct kernel_conn_out out;
	char text[128];

	(void)state;
	c = feed(c, &refused, 0, &out);
	c = feed(c, &none, 0, &out);
	assert_text(told(&out, text), "forget");
	assert_int_equal(mono_span_ms(start, c.deadline), 1000);
	c = feed(c, &look, 1000, &out);
	assert_text(told(&out, text), "choose");
	assert_int_equal(c.n_tried, 0);
	/* Until timeouts.queue, of which the reason is the last refusal. */
	c = feed(c, &none, 29500, &out);
	assert_int_equal(mono_span_ms(start, c.deadline), 30000);
	c = feed(c, &look, 30000, &out);
	assert_text(told(&out, text), "reset-client end drop");
	assert_int_equal(out.reason, END_REASON_SERVER_REFUSED);
}

static void
three_probes_without_an_answer_end_it(void **state)
{
	struct kernel_conn_event look = { .type = KERNEL_CONN_LOOK };
	struct kernel_conn c = in(KERNEL_CONN_OPEN);
	struct kernel_conn_out out;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < KERNEL_CONN_PROBES; i++) {
		c = feed(c, &look, 90000 + i * KERNEL_CONN_SWEEP_MS, &out);
		assert_text(told(&out, text), "tickle");
	}
	look.seen.last = mono_add_ms(start, 115000); /* somebody lives */
	c = feed(c, &look, 120000, &out);
	assert_text(told(&out, text), "");
	assert_int_equal(c.probes, 0);
	assert_int_equal(mono_span_ms(start, c.deadline), 130000);
	look.seen.last = mono_add_ms(start, 119000);
	c.deadline = start;
	c = feed(c, &look, 205000, &out); /* 86 s: 4 s are left */
	assert_int_equal(mono_span_ms(start, c.deadline), 209000);
	for (unsigned i = 0; i < KERNEL_CONN_PROBES; i++)
		c = feed(c, &look, 210000 + i * KERNEL_CONN_SWEEP_MS, &out);
	c = feed(c, &look, 240000, &out);
	assert_text(told(&out, text), "reset-both end drop");
	assert_int_equal(out.reason, END_REASON_CLIENT_GONE);
}

/* What passed on the other node is not seen here: time counts from the claim.
 */
static void
idleness_counts_from_the_claim(void **state)
{
	const struct kernel_conn before = in(KERNEL_CONN_OPEN);
	const struct kernel_conn_event ev = { .type = KERNEL_CONN_LOOK,
		.mine = true,
		.claimed = mono_add_ms(start, 3600000) };
	struct kernel_conn_out out;
	const struct kernel_conn after = kernel_conn_step(
	    &before, &ev, &rules, mono_add_ms(start, 3600000 + 80000), &out);

	(void)state;
	assert_int_equal(after.state, KERNEL_CONN_OPEN);
	assert_int_equal(out.n_actions, 0);
}

/* Where it moved away and back the mark is old: it may have been a lie. */
static void
a_reset_before_the_claim_is_none(void **state)
{
	static const enum kernel_conn_state states[] = { KERNEL_CONN_OPEN,
		KERNEL_CONN_DOUBTED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		const struct kernel_conn before = in(states[i]);
		const struct kernel_conn_event ev = { .type = KERNEL_CONN_LOOK,
			.mine = true,
			.claimed = mono_add_ms(start, 5000),
			.seen = { MADE, .rst = true, .last = start } };
		struct kernel_conn_out out;
		const struct kernel_conn after = kernel_conn_step(
		    &before, &ev, &rules, mono_add_ms(start, 10000), &out);

		assert_int_equal(after.state, KERNEL_CONN_OPEN);
	}
}

/* No event, in whatever state, at whatever time, breaks what must hold. */
static void
every_pair_has_an_answer(void **state)
{
	(void)state;
	for (unsigned s = 0; s < KERNEL_CONN_STATES; s++)
		for (unsigned n = 0; n < KERNEL_CONN_TYPES * 256 * 2; n++) {
			const unsigned bits = n / KERNEL_CONN_TYPES;
			const struct kernel_conn_event ev = {
				.type = n % KERNEL_CONN_TYPES,
				.mine = bits & 1,
				.same = bits & 2,
				.seen = { .syn_ack = bits & 4,
				    .established = bits & 8,
				    .spoken = bits & 16,
				    .fin_client = bits & 32,
				    .fin_server = bits & 64,
				    .fins_acked = (bits & 96) == 96,
				    .rst = bits & 128 },
				.reason = bits & 256 ? END_REASON_OPERATOR
				                     : END_REASON_SERVER_DOWN,
			};
			const struct kernel_conn before = in(s);
			struct kernel_conn_out out;
			const struct kernel_conn after =
			    kernel_conn_step(&before, &ev, &first_byte,
			        mono_add_ms(start, 6000), &out);

			assert_true(out.n_actions <= KERNEL_CONN_ACTIONS_MAX);
			if (after.state == KERNEL_CONN_FREE)
				assert_true(
				    s == KERNEL_CONN_FREE || out.n_actions > 0);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_answer),
		cmocka_unit_test(who_does_not_own_it_decides_nothing),
		cmocka_unit_test(after_the_last_retry_the_client_is_refused),
		cmocka_unit_test(a_second_round_comes_after_a_second),
		cmocka_unit_test(three_probes_without_an_answer_end_it),
		cmocka_unit_test(idleness_counts_from_the_claim),
		cmocka_unit_test(a_reset_before_the_claim_is_none),
		cmocka_unit_test(every_pair_has_an_answer),
	};

	TEST_MAIN(tests);
}
