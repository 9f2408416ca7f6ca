#include "failover/election/handover.h"

#include "tests/lib/test.h"

#include <string.h>

static const char *const action_words[] = {
	[HANDOVER_HOLD] = "hold",
	[HANDOVER_FORWARD] = "forward",
	[HANDOVER_GIVE_BACK] = "give-back",
	[HANDOVER_LET_GO] = "let-go",
	[HANDOVER_MUTE] = "hush",
	[HANDOVER_RESET] = "drop",
	[HANDOVER_ANSWER] = "answer",
	[HANDOVER_ASK] = "ask",
	[HANDOVER_TAKE_BACK] = "take-back",
	[HANDOVER_DELETE] = "delete",
};

static const char *
words(const struct handover_out *out, char buf[static 128])
{
	buf[0] = '\0';
	for (unsigned i = 0; i < out->n_actions; i++) {
		if (i > 0)
			strcat(buf, " ");
		strcat(buf, action_words[out->actions[i]]);
	}
	return buf;
}

static const struct mono start = { .ns = 5000000000 };

/* As at `start`, in this state, with somebody waiting for the outcome. */
static struct handover
in(enum handover_state state)
{
	static const int64_t patience_ms[HANDOVER_STATES] = {
		[HANDOVER_MUTING] = HANDOVER_MUTE_MS,
		[HANDOVER_SETTLING] = HANDOVER_SETTLE_MS,
		[HANDOVER_ASKING] = HANDOVER_ASK_MS,
		[HANDOVER_RELEASING] = HANDOVER_RELEASE_MS,
		[HANDOVER_FORWARDING] = HANDOVER_FORWARD_MS,
		[HANDOVER_ANSWERING] = HANDOVER_MUTE_MS,
	};
	struct handover h = handover_idle();

	if (state == HANDOVER_IDLE)
		return h;
	h.state = state;
	h.wanted = state != HANDOVER_ANSWERING; /* told already */
	h.muted = state == HANDOVER_SETTLING || state == HANDOVER_ASKING ||
	    state == HANDOVER_RELEASING;
	h.deadline = mono_add_ms(start, patience_ms[state]);
	return h;
}

#define PEER(is_sound, has_them)                                               \
	{                                                                      \
		.type = HANDOVER_PEER, .peer = {                               \
			.sound = (is_sound),                                   \
			.serves = (has_them)                                   \
		}                                                              \
	}
#define RELEASE(how)                                                           \
	{                                                                      \
		.type = HANDOVER_RELEASE, .release.softly = (how)              \
	}

/* G2: 9,000 resets take longer than 20 ms. */
static void
g02_many_connections_have_more_time(void **state)
{
	static const struct {
		uint32_t connections, ms;
	} waits[] = {
		{ 0, HANDOVER_RELEASE_MS },
		{ 16, HANDOVER_RELEASE_MS },
		{ 1000, HANDOVER_RELEASE_MS + 60 },
		{ 7000, HANDOVER_RELEASE_MS + 420 },
		{ 8900, HANDOVER_RELEASE_MOST_MS },
		{ UINT32_MAX, HANDOVER_RELEASE_MOST_MS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		const struct handover_event ev = { .type = HANDOVER_RELEASE,
			.release = { .softly = true,
			    .connections = waits[i].connections } };
		struct handover h = handover_idle();
		struct handover_out out;

		h = handover_step(&h, &ev, start, &out);
		assert_int_equal(h.state, HANDOVER_RELEASING);
		assert_int_equal(mono_span_ms(start, h.deadline), waits[i].ms);
	}
}

/* What each event does, `at_ms` after the state was entered. */
static const struct row {
	const char *name;
	enum handover_state from;
	int64_t at_ms;
	struct handover_event ev;
	enum handover_state to;
	const char *actions;
	enum handover_outcome outcome;
} rows[] = {
	{ "begins by holding, so that no SYN is between", HANDOVER_IDLE, 0,
	    { .type = HANDOVER_BEGIN }, HANDOVER_MUTING, "hold hush",
	    HANDOVER_UNDECIDED },
	{ "whatever makes us let go: hush, then reset", HANDOVER_IDLE, 0,
	    RELEASE(true), HANDOVER_RELEASING, "hold hush",
	    HANDOVER_UNDECIDED },
	{ "no relay, no time", HANDOVER_IDLE, 0, RELEASE(false), HANDOVER_IDLE,
	    "delete", HANDOVER_UNDECIDED },
	{ "the relay of an earlier one", HANDOVER_IDLE, 0,
	    { .type = HANDOVER_WAS_RESET }, HANDOVER_IDLE, "",
	    HANDOVER_UNDECIDED },

	{ "hushed", HANDOVER_MUTING, 1, { .type = HANDOVER_MUTED },
	    HANDOVER_SETTLING, "", HANDOVER_UNDECIDED },
	{ "woken early", HANDOVER_MUTING, HANDOVER_MUTE_MS - 1,
	    { .type = HANDOVER_TICK }, HANDOVER_MUTING, "",
	    HANDOVER_UNDECIDED },
	{ "nobody says", HANDOVER_MUTING, HANDOVER_MUTE_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_ANSWERING, "answer",
	    HANDOVER_MUTE_FAILED },
	{ "a listener refuses", HANDOVER_MUTING, 1,
	    { .type = HANDOVER_NOT_MUTED }, HANDOVER_ANSWERING, "answer",
	    HANDOVER_MUTE_FAILED },
	{ "the relay dies, hushing", HANDOVER_MUTING, 1,
	    { .type = HANDOVER_RELAY_GONE }, HANDOVER_ANSWERING, "answer",
	    HANDOVER_NO_RELAY },
	{ "a fault of ours, hushing", HANDOVER_MUTING, 1, RELEASE(true),
	    HANDOVER_RELEASING, "hold hush", HANDOVER_UNDECIDED },
	{ "the peer goes", HANDOVER_MUTING, 1, PEER(false, false),
	    HANDOVER_ANSWERING, "answer", HANDOVER_PEER_LOST },
	{ "the peer stays", HANDOVER_MUTING, 1, PEER(true, false),
	    HANDOVER_MUTING, "", HANDOVER_UNDECIDED },
	{ "asked for again", HANDOVER_MUTING, 1, { .type = HANDOVER_BEGIN },
	    HANDOVER_MUTING, "", HANDOVER_UNDECIDED },

	{ "still settling", HANDOVER_SETTLING, HANDOVER_SETTLE_MS - 1,
	    { .type = HANDOVER_TICK }, HANDOVER_SETTLING, "",
	    HANDOVER_UNDECIDED },
	{ "settled", HANDOVER_SETTLING, HANDOVER_SETTLE_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_ASKING, "ask",
	    HANDOVER_UNDECIDED },
	{ "the relay dies", HANDOVER_SETTLING, 1,
	    { .type = HANDOVER_RELAY_GONE }, HANDOVER_ANSWERING, "answer",
	    HANDOVER_NO_RELAY },
	{ "a fault of ours comes first", HANDOVER_SETTLING, 1, RELEASE(true),
	    HANDOVER_RELEASING, "hold drop", HANDOVER_UNDECIDED },

	{ "the peer thinks about it", HANDOVER_ASKING, HANDOVER_ASK_MS - 1,
	    { .type = HANDOVER_TICK }, HANDOVER_ASKING, "",
	    HANDOVER_UNDECIDED },
	{ "the peer does not claim", HANDOVER_ASKING, HANDOVER_ASK_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_ANSWERING, "take-back answer",
	    HANDOVER_PEER_MUTE },
	{ "the peer dies, asked", HANDOVER_ASKING, 9, PEER(false, false),
	    HANDOVER_ANSWERING, "take-back answer", HANDOVER_PEER_LOST },
	{ "the relay dies, the peer asked", HANDOVER_ASKING, 9,
	    { .type = HANDOVER_RELAY_GONE }, HANDOVER_ANSWERING,
	    "take-back answer", HANDOVER_NO_RELAY },
	{ "the peer has claimed", HANDOVER_ASKING, 1, RELEASE(true),
	    HANDOVER_RELEASING, "hold drop", HANDOVER_UNDECIDED },
	{ "we are late, and drop first", HANDOVER_ASKING, 1, RELEASE(false),
	    HANDOVER_IDLE, "delete answer let-go", HANDOVER_LOST },

	{ "all are reset", HANDOVER_RELEASING, 1,
	    { .type = HANDOVER_WAS_RESET }, HANDOVER_FORWARDING,
	    "delete answer", HANDOVER_UNDECIDED },
	{ "not in time", HANDOVER_RELEASING, HANDOVER_RELEASE_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_FORWARDING, "delete answer",
	    HANDOVER_UNDECIDED },
	{ "the relay died of it", HANDOVER_RELEASING, 1,
	    { .type = HANDOVER_RELAY_GONE }, HANDOVER_FORWARDING,
	    "delete answer", HANDOVER_UNDECIDED },
	{ "it serves before we have let go", HANDOVER_RELEASING, 1,
	    PEER(true, true), HANDOVER_RELEASING, "forward",
	    HANDOVER_UNDECIDED },
	{ "it has claimed, and does not serve yet", HANDOVER_RELEASING, 1,
	    PEER(true, false), HANDOVER_RELEASING, "", HANDOVER_UNDECIDED },
	{ "back at once", HANDOVER_RELEASING, 1, { .type = HANDOVER_CLAIM },
	    HANDOVER_ANSWERING, "answer", HANDOVER_TAKEN_BACK },
	{ "the process ends meanwhile", HANDOVER_RELEASING, 1, RELEASE(false),
	    HANDOVER_IDLE, "delete answer let-go", HANDOVER_LOST },

	{ "it serves", HANDOVER_FORWARDING, 1, PEER(true, true),
	    HANDOVER_FORWARDING, "forward", HANDOVER_DONE },
	{ "it never says so", HANDOVER_FORWARDING, HANDOVER_FORWARD_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_IDLE, "let-go",
	    HANDOVER_PEER_UNSURE },
	{ "master again, before the peer served", HANDOVER_FORWARDING, 1,
	    { .type = HANDOVER_CLAIM }, HANDOVER_ANSWERING, "answer",
	    HANDOVER_TAKEN_BACK },

	{ "as it was", HANDOVER_ANSWERING, 1, { .type = HANDOVER_ANSWERED },
	    HANDOVER_IDLE, "give-back", HANDOVER_UNDECIDED },
	{ "a hush that comes late", HANDOVER_ANSWERING, 1,
	    { .type = HANDOVER_MUTED }, HANDOVER_ANSWERING, "",
	    HANDOVER_UNDECIDED },
	{ "the supervisor says nothing yet", HANDOVER_ANSWERING,
	    HANDOVER_MUTE_MS - 1, { .type = HANDOVER_TICK }, HANDOVER_ANSWERING,
	    "", HANDOVER_UNDECIDED },
	{ "nor now", HANDOVER_ANSWERING, HANDOVER_MUTE_MS,
	    { .type = HANDOVER_TICK }, HANDOVER_IDLE, "let-go",
	    HANDOVER_UNDECIDED },
	{ "the peer claims all the same", HANDOVER_ANSWERING, 1, RELEASE(true),
	    HANDOVER_RELEASING, "hold hush", HANDOVER_UNDECIDED },
	{ "late, and given up", HANDOVER_ANSWERING, 1, RELEASE(false),
	    HANDOVER_IDLE, "delete answer let-go", HANDOVER_UNDECIDED },
	{ "the peer is lost twice", HANDOVER_ANSWERING, 1, PEER(false, false),
	    HANDOVER_ANSWERING, "", HANDOVER_UNDECIDED },
};

static void
each_event_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct handover h = in(r->from);
		struct handover_out out;
		char text[128];

		test_row(r->name);
		h = handover_step(
		    &h, &r->ev, mono_add_ms(start, r->at_ms), &out);
		assert_text(
		    handover_state_name(h.state), handover_state_name(r->to));
		assert_text(words(&out, text), r->actions);
		assert_int_equal(out.outcome, r->outcome);
	}
}

/* Who lets go without having been asked mutes first, and then resets. */
static void
a_reset_waits_for_the_mute(void **state)
{
	const enum handover_type answers[] = { HANDOVER_MUTED,
		HANDOVER_NOT_MUTED };
	const struct handover_event release = RELEASE(true);
	const struct handover_event dropped = { .type = HANDOVER_WAS_RESET };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct handover_event answer = { .type = answers[i] };
		struct handover h = handover_idle();
		struct handover_out out;
		char text[128];

		h = handover_step(&h, &release, start, &out);
		h = handover_step(&h, &dropped, start, &out);
		assert_text(words(&out, text), ""); /* of an earlier one */
		h = handover_step(&h, &answer, start, &out);
		assert_text(words(&out, text), "drop");
		h = handover_step(&h, &answer, start, &out);
		assert_text(words(&out, text), "");
		h = handover_step(&h, &dropped, start, &out);
		assert_text(words(&out, text), "delete answer");
	}
}

/* The peer that served before the reset was done is not asked again. */
static void
it_is_done_when_both_have_come(void **state)
{
	struct handover h = in(HANDOVER_RELEASING);
	struct handover_out out;
	char text[128];

	(void)state;
	h = handover_step(
	    &h, &(struct handover_event)PEER(true, true), start, &out);
	h = handover_step(&h,
	    &(struct handover_event){ .type = HANDOVER_WAS_RESET }, start,
	    &out);
	assert_text(words(&out, text), "delete answer");
	assert_int_equal(out.outcome, HANDOVER_DONE);
	h = handover_step(
	    &h, &(struct handover_event)PEER(true, true), start, &out);
	assert_text(words(&out, text), "");
	h = handover_step(&h, &(struct handover_event){ .type = HANDOVER_TICK },
	    h.deadline, &out);
	assert_text(words(&out, text), "let-go");
	assert_int_equal(out.outcome, HANDOVER_UNDECIDED);
	assert_int_equal(h.state, HANDOVER_IDLE);
}

/* The peer that has what was held must not get it, or us, a second time. */
static void
what_was_sent_on_is_not_given_back(void **state)
{
	const enum handover_state states[] = { HANDOVER_RELEASING,
		HANDOVER_FORWARDING };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct handover h = in(states[i]);
		struct handover_out out;
		char text[128];

		h = handover_step(
		    &h, &(struct handover_event)PEER(true, true), start, &out);
		h = handover_step(&h,
		    &(struct handover_event){ .type = HANDOVER_CLAIM }, start,
		    &out);
		assert_text(words(&out, text), "answer let-go");
		assert_int_equal(h.state, HANDOVER_IDLE);
	}
}

/* Wanted anew while all is put back: it begins when that is done. */
static void
a_second_try_waits_for_the_first_to_end(void **state)
{
	const struct handover_event answered = { .type = HANDOVER_ANSWERED };
	struct handover h = in(HANDOVER_ANSWERING);
	struct handover_out out;
	char text[128];

	(void)state;
	h = handover_step(&h,
	    &(struct handover_event){ .type = HANDOVER_BEGIN }, start, &out);
	assert_text(words(&out, text), "");
	assert_int_equal(out.outcome, HANDOVER_UNDECIDED);
	h = handover_step(&h, &answered, start, &out);
	assert_text(words(&out, text), "give-back hold hush");
	assert_int_equal(h.state, HANDOVER_MUTING);
	assert_true(h.wanted);
	/* And whose try ends otherwise is told, too. */
	h = in(HANDOVER_ANSWERING);
	h.wanted = true;
	h = handover_step(
	    &h, &(struct handover_event)RELEASE(false), start, &out);
	assert_int_equal(out.outcome, HANDOVER_LOST);
}

static void
objections_are_told_in_order(void **state)
{
	const struct handover_view good = { .master = true,
		.relay = true,
		.peer_heard = true,
		.peer_backup = true,
		.peer_same_addresses = true };
	struct handover_view v = good;

	(void)state;
	assert_int_equal(handover_objection(&v), HANDOVER_UNDECIDED);
	v.peer_worse = true;
	assert_int_equal(handover_objection(&v), HANDOVER_PEER_WORSE);
	v.peer_backup = false;
	assert_int_equal(handover_objection(&v), HANDOVER_PEER_UNFIT);
	v.peer_same_addresses = false;
	assert_int_equal(handover_objection(&v), HANDOVER_PEER_DIFFERS);
	v.peer_lacks_group = true;
	assert_int_equal(handover_objection(&v), HANDOVER_PEER_LACKS);
	v.peer_heard = false;
	assert_int_equal(handover_objection(&v), HANDOVER_PEER_UNHEARD);
	v.relay = false;
	assert_int_equal(handover_objection(&v), HANDOVER_NO_RELAY);
	v.master = false;
	assert_int_equal(handover_objection(&v), HANDOVER_NOT_MASTER);
}

/* What the actions have made of the world. */
struct world {
	bool muted, held, has_addresses, asked;
	struct mono wanted, releasing, muted_at;
};

static uint32_t
draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*seed >> 33);
}

static struct handover_event
any_event(uint64_t *seed, const struct world *w)
{
	struct handover_event ev = { .type = draw(seed) % HANDOVER_TYPES };

	if (ev.type == HANDOVER_PEER) {
		ev.peer.sound = draw(seed) % 8 != 0;
		ev.peer.serves = draw(seed) % 4 == 0;
	}
	if (ev.type == HANDOVER_RELEASE) {
		ev.release.softly = draw(seed) % 2 == 0;
		ev.release.connections = (uint32_t)(draw(seed) % 20000);
	}
	/* The election lets go of what it has, claims what it has not, and
	 * nobody begins without being master. */
	if (ev.type == HANDOVER_RELEASE || ev.type == HANDOVER_BEGIN) {
		if (!w->has_addresses || !mono_is_never(w->releasing))
			ev.type = HANDOVER_TICK;
	}
	return ev;
}

static void
carry_out(struct world *w, const struct handover_out *out, struct mono now)
{
	for (unsigned i = 0; i < out->n_actions; i++)
		switch (out->actions[i]) {
		case HANDOVER_HOLD:
		case HANDOVER_FORWARD:
			w->held = true;
			break;
		case HANDOVER_GIVE_BACK:
			assert_false(w->muted); /* or nobody hears them */
			assert_true(w->has_addresses);
			w->held = false;
			break;
		case HANDOVER_LET_GO:
			w->held = false;
			break;
		case HANDOVER_RESET:
			assert_true(w->muted); /* or some come after it */
			break;
		case HANDOVER_MUTE:
			assert_true(w->held); /* or SYNs were lost */
			w->muted = true;
			w->muted_at = now;
			break;
		case HANDOVER_ANSWER:
			w->muted = false;
			break;
		case HANDOVER_ASK:
			assert_true(w->muted);
			w->asked = true;
			break;
		case HANDOVER_TAKE_BACK:
			assert_true(w->asked);
			w->asked = false;
			break;
		case HANDOVER_DELETE:
			w->has_addresses = false;
			w->releasing = mono_never();
			break;
		}
}

/*
 * Any order of events, with the world as the election would have it: nothing
 * stays muted, held or wanted for ever, and addresses that the election let go
 * are deleted in time, unless it claims them again.
 */
static void
any_order_ends_well(void **state)
{
	struct handover h = handover_idle();
	struct world w = { .has_addresses = true,
		.wanted = mono_never(),
		.releasing = mono_never() };
	struct mono now = start;
	uint64_t seed = 1;

	(void)state;
	for (int turn = 0; turn < 1000000; turn++) {
		const struct handover_event ev = any_event(&seed, &w);
		struct handover_out out;

		/* Timers are kept, give or take a millisecond. */
		now = mono_add_us(now, draw(&seed) % 40000);
		if (mono_before(mono_add_ms(h.deadline, 1), now))
			now = mono_add_ms(h.deadline, 1);
		if (ev.type == HANDOVER_CLAIM) {
			w.has_addresses = true;
			w.releasing = mono_never();
		}
		if (ev.type == HANDOVER_RELEASE) {
			w.releasing = now;
			w.asked = false; /* who is not master does not ask */
		}
		if (ev.type == HANDOVER_BEGIN && !h.wanted &&
		    (h.state == HANDOVER_IDLE || h.state == HANDOVER_ANSWERING))
			w.wanted = now;
		h = handover_step(&h, &ev, now, &out);
		carry_out(&w, &out, now);
		if (out.outcome != HANDOVER_UNDECIDED)
			w.wanted = mono_never();
		if (!mono_before(now, h.deadline)) {
			h = handover_step(&h,
			    &(struct handover_event){ .type = HANDOVER_TICK },
			    now, &out);
			carry_out(&w, &out, now);
			if (out.outcome != HANDOVER_UNDECIDED)
				w.wanted = mono_never();
		}
		assert_int_equal(!mono_is_never(w.wanted), h.wanted);
		assert_true(w.held || !w.muted);
		if (h.state == HANDOVER_IDLE)
			assert_false(w.held || w.muted || w.asked);
		if (!mono_is_never(w.wanted))
			assert_true(mono_span_ms(w.wanted, now) < 2200);
		if (!mono_is_never(w.releasing))
			assert_true(mono_span_ms(w.releasing, now) <=
			    HANDOVER_RELEASE_MOST_MS);
		if (w.muted)
			assert_true(mono_span_ms(w.muted_at, now) <= 1120);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_answer),
		cmocka_unit_test(a_reset_waits_for_the_mute),
		cmocka_unit_test(g02_many_connections_have_more_time),
		cmocka_unit_test(it_is_done_when_both_have_come),
		cmocka_unit_test(what_was_sent_on_is_not_given_back),
		cmocka_unit_test(a_second_try_waits_for_the_first_to_end),
		cmocka_unit_test(objections_are_told_in_order),
		cmocka_unit_test(any_order_ends_well),
	};

	TEST_MAIN(tests);
}
