#include "director/replica.h"

#include "tests/lib/test.h"

#include <string.h>

static const char *const words[] = {
	[REPLICA_BEGIN] = "begin",
	[REPLICA_WANT] = "want",
	[REPLICA_COMMIT] = "commit",
	[REPLICA_REJECT] = "reject",
};

static const char *
told(const struct replica_out *out, char text[static 64])
{
	text[0] = '\0';
	for (unsigned i = 0; i < out->n_actions; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, words[out->actions[i]]);
	}
	return text;
}

/* An owner at term 5 whose dump began with number 10 and ended with 20. */
static struct replica
in(enum replica_state state, bool linked)
{
	struct replica r;

	replica_init(&r, true, 1);
	r.linked = linked;
	r.next_seq = 21;
	r.acked = 15;
	r.groups[0].state = state;
	r.groups[0].term = 5;
	r.groups[0].first_seq = 10;
	r.groups[0].finish_seq = 20;
	return r;
}

#define STATE(x) REPLICA_##x

static const struct row {
	const char *name;
	enum replica_state from;
	bool linked;
	struct replica_event ev;
	uint64_t acked;
	enum replica_state to;
	const char *actions;
} rows[] = {
	{ "a claim, and nobody there", STATE(IDLE), false,
	    { .type = REPLICA_CLAIM, .term = 6 }, 15, STATE(ALONE), "commit" },
	{ "a claim, and the peer is there", STATE(IDLE), true,
	    { .type = REPLICA_CLAIM, .term = 6 }, 15, STATE(DUMPING),
	    "commit begin" },
	{ "the owner will tell", STATE(IDLE), true, { .type = REPLICA_LINK_UP },
	    15, STATE(IDLE), "" },
	{ "the peer comes", STATE(ALONE), true, { .type = REPLICA_LINK_UP }, 15,
	    STATE(DUMPING), "commit begin" },
	{ "all is told", STATE(DUMPING), true,
	    { .type = REPLICA_DUMPED, .seq = 20 }, 15, STATE(PROVING), "" },
	{ "a part is confirmed", STATE(PROVING), true,
	    { .type = REPLICA_ACKED }, 19, STATE(PROVING), "" },
	{ "all is confirmed", STATE(PROVING), true, { .type = REPLICA_ACKED },
	    20, STATE(LIVE), "" },
	{ "confirmed before it ends", STATE(DUMPING), true,
	    { .type = REPLICA_ACKED }, 20, STATE(DUMPING), "" },
	{ "too slow", STATE(LIVE), true, { .type = REPLICA_LATE }, 15,
	    STATE(LAGGING), "commit" },
	{ "still behind", STATE(LAGGING), true, { .type = REPLICA_ACKED }, 19,
	    STATE(LAGGING), "" },
	{ "level again", STATE(LAGGING), true, { .type = REPLICA_ACKED }, 20,
	    STATE(LIVE), "" },
	{ "the stream ends: nobody waits", STATE(LIVE), false,
	    { .type = REPLICA_LINK_DOWN }, 15, STATE(ALONE), "commit" },
	{ "released: nobody waits here", STATE(LIVE), true,
	    { .type = REPLICA_RELEASE }, 15, STATE(IDLE), "reject" },
	{ "there is a later owner", STATE(LIVE), true,
	    { .type = REPLICA_REFUSED, .term = 6 }, 15, STATE(DISPUTED),
	    "reject" },
	{ "the peer owns it at an earlier term", STATE(LIVE), true,
	    { .type = REPLICA_REFUSED, .term = 4, .seq = 10 }, 15, STATE(ALONE),
	    "commit" },
	{ "a refusal of what was said before", STATE(LIVE), true,
	    { .type = REPLICA_REFUSED, .term = 4, .seq = 9 }, 15, STATE(LIVE),
	    "" },
	{ "nobody disputes it any more", STATE(DISPUTED), false,
	    { .type = REPLICA_LINK_DOWN }, 15, STATE(ALONE), "commit" },
	{ "the dispute is decided", STATE(DISPUTED), true,
	    { .type = REPLICA_CLAIM, .term = 7 }, 15, STATE(DUMPING),
	    "commit begin" },
	{ "the peer has let go and wants all", STATE(ALONE), true,
	    { .type = REPLICA_WANTED }, 15, STATE(DUMPING), "commit begin" },
	{ "what we do not own we do not tell", STATE(IDLE), true,
	    { .type = REPLICA_WANTED }, 15, STATE(IDLE), "" },
	{ "late, and not waited for", STATE(PROVING), true,
	    { .type = REPLICA_LATE }, 15, STATE(PROVING), "" },
};

static void
each_event_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *w = &rows[i];
		struct replica r = in(w->from, w->linked);
		struct replica_out out;
		char text[64];

		test_row(w->name);
		r.acked = w->acked;
		replica_step(&r, 0, &w->ev, &out);
		assert_int_equal(r.groups[0].state, w->to);
		assert_text(told(&out, text), w->actions);
	}
}

static void
protected_is_what_was_confirmed_on_this_stream(void **state)
{
	struct replica r = in(REPLICA_LIVE, true);
	const struct replica_event down = { .type = REPLICA_LINK_DOWN };
	const struct replica_event up = { .type = REPLICA_LINK_UP };
	struct replica_out out;

	(void)state;
	assert_false(replica_is_protected(&r, 0, 0)); /* never told */
	assert_false(replica_is_protected(&r, 0, 9)); /* before the dump */
	assert_true(replica_is_protected(&r, 0, 10));
	assert_true(replica_is_protected(&r, 0, 15));
	assert_false(replica_is_protected(&r, 0, 16));
	assert_true(replica_ack(&r, 16));
	assert_true(replica_is_protected(&r, 0, 16));
	assert_true(replica_ack(&r, 3)); /* late, and nothing new */
	assert_int_equal(r.acked, 16);
	assert_false(replica_ack(&r, 21)); /* was never sent */
	r.linked = false;
	replica_step(&r, 0, &down, &out);
	assert_false(replica_is_protected(&r, 0, 15));
	r.linked = true;
	replica_step(&r, 0, &up, &out);
	assert_false(replica_is_protected(&r, 0, 15));
	assert_int_equal(r.groups[0].first_seq, 21);
	assert_false(replica_is_protected(&r, 0, 21)); /* BEGIN's own */
}

/* A release is late, and the other owner's word is heard before. */
static void
only_the_owner_is_believed(void **state)
{
	struct replica r = in(REPLICA_IDLE, true);
	const struct replica_event claim = { .type = REPLICA_CLAIM, .term = 8 };
	const struct replica_event release = { .type = REPLICA_RELEASE };
	struct replica_out out;
	char text[64];

	(void)state;
	assert_false(replica_believes(&r, 0));         /* has not said BEGIN */
	assert_false(replica_hear_begin(&r, 0, 4, 1)); /* of the past */
	assert_true(replica_hear_begin(&r, 0, 5, 2));
	assert_true(replica_believes(&r, 0));
	replica_know(&r, 0, 7);
	assert_false(replica_believes(&r, 0)); /* somebody else has claimed */
	assert_true(replica_hear_begin(&r, 0, 7, 3));
	replica_step(&r, 0, &claim, &out);
	assert_false(replica_believes(&r, 0)); /* we have */
	assert_false(replica_hear_begin(&r, 0, 9, 4));
	assert_true(replica_refuse(&r, 0));
	assert_false(replica_refuse(&r, 0)); /* once is enough */
	/* It told us all, and we did not listen: it is asked. */
	replica_step(&r, 0, &release, &out);
	assert_text(told(&out, text), "reject want");
	assert_true(replica_hear_begin(&r, 0, 9, 4));
}

static void
why_nothing_is_protected(void **state)
{
	struct replica r = in(REPLICA_ALONE, false);

	(void)state;
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_NO_LINK);
	r.linked = true;
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_SPLIT);
	r.paired = false;
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_SINGLE);
	r = in(REPLICA_PROVING, true);
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_DUMP);
	r = in(REPLICA_LAGGING, true);
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_LAGS);
	r = in(REPLICA_DISPUTED, true);
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_DISPUTED);
	r = in(REPLICA_LIVE, true);
	assert_int_equal(replica_why(&r, 0), REPLICA_WHY_NOT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_answer),
		cmocka_unit_test(
		    protected_is_what_was_confirmed_on_this_stream),
		cmocka_unit_test(only_the_owner_is_believed),
		cmocka_unit_test(why_nothing_is_protected),
	};

	TEST_MAIN(tests);
}
