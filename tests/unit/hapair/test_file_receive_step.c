#include "hapair/supervisor/file_receive_step.h"

#include "tests/lib/test.h"

#include <stdio.h>

#define TOTAL 100
#define OWN_ID 7

static const char *const state_names[] = { "none", "filling", "fine", "taking",
	"taken", "undoing", "over" };
static const char *const action_names[] = { "", "store ", "check ", "take ",
	"undo ", "drop ", "late " };
static const char *const answer_names[] = { "", "", "", "", "", "have", "fine",
	"working", "taken", "undone", "refused", "kept", "strange" };

static const struct peer_file first = {
	.kind = PEER_FILE_PART, .id = OWN_ID, .total = TOTAL, .len = 50
};
static const struct peer_file last = { .kind = PEER_FILE_PART,
	.id = OWN_ID,
	.total = TOTAL,
	.at = 50,
	.len = 50 };
static const struct peer_file other = {
	.kind = PEER_FILE_PART, .id = OWN_ID + 1, .total = TOTAL, .len = 50
};
static const struct peer_file take = { .kind = PEER_FILE_TAKE, .id = OWN_ID };
static const struct peer_file take_other = { .kind = PEER_FILE_TAKE,
	.id = OWN_ID + 1 };
static const struct peer_file undo = { .kind = PEER_FILE_UNDO, .id = OWN_ID };
static const struct peer_file forget = { .kind = PEER_FILE_FORGET,
	.id = OWN_ID };
static const struct peer_file odd = { .kind = 99, .id = OWN_ID };

#define ASKED(question)                                                        \
	{                                                                      \
		.event = FILE_RECEIVE_STEP_ASKED, .asked = &(question),        \
		.may = true                                                    \
	}

/* Every event in every state, of which 50 bytes are here: "ACTION STATE
 * ANSWER".
 */
static const struct row {
	const char *name;
	struct file_receive_step_input in;
	const char *answers[7];
} rows[] = {
	{ "first part", ASKED(first),
	    { "store filling have", "filling have", "fine fine",
	        "taking working", "taken taken", "undoing working",
	        "over undone" } },
	{ "last part", ASKED(last),
	    { "filling have", "check filling ", "fine fine", "taking working",
	        "taken taken", "undoing working", "over undone" } },
	{ "another file", ASKED(other),
	    { "store filling have", "drop filling have", "drop filling have",
	        "taking refused", "drop filling have", "undoing refused",
	        "drop filling have" } },
	{ "another file, which may not be",
	    { .event = FILE_RECEIVE_STEP_ASKED, .asked = &other },
	    { "over refused", "drop over refused", "drop over refused",
	        "taking refused", "drop over refused", "undoing refused",
	        "drop over refused" } },
	{ "take", ASKED(take),
	    { "none strange", "filling have", "take taking working",
	        "taking working", "taken taken", "undoing working",
	        "over undone" } },
	{ "take another", ASKED(take_other),
	    { "none strange", "filling strange", "fine strange",
	        "taking strange", "taken strange", "undoing strange",
	        "over strange" } },
	{ "undo", ASKED(undo),
	    { "none strange", "filling have", "fine fine", "taking working",
	        "undo undoing working", "undoing working", "over undone" } },
	{ "take, which may not be",
	    { .event = FILE_RECEIVE_STEP_ASKED, .asked = &take },
	    { "none strange", "filling have", "drop over refused",
	        "taking working", "taken taken", "undoing working",
	        "over undone" } },
	{ "undo, which may not be",
	    { .event = FILE_RECEIVE_STEP_ASKED, .asked = &undo },
	    { "none strange", "filling have", "fine fine", "taking working",
	        "over kept", "undoing working", "over undone" } },
	{ "forget", ASKED(forget),
	    { "none ", "drop none ", "drop none ", "taking ", "taken ",
	        "undoing ", "over " } },
	{ "a question to come", ASKED(odd),
	    { "none ", "filling ", "fine ", "taking ", "taken ", "undoing ",
	        "over " } },
	{ "done", { .event = FILE_RECEIVE_STEP_DONE },
	    { "none strange", "fine fine", "fine fine", "taken taken",
	        "taken taken", "over undone", "over undone" } },
	{ "failed", { .event = FILE_RECEIVE_STEP_FAILED },
	    { "none ", "drop over refused", "fine ", "drop over refused",
	        "taken ", "over kept", "over " } },
	{ "failed, and the disk has it",
	    { .event = FILE_RECEIVE_STEP_FAILED, .stays = true },
	    { "none ", "drop over kept", "fine ", "drop over kept", "taken ",
	        "over kept", "over " } },
	{ "overdue", { .event = FILE_RECEIVE_STEP_OVERDUE },
	    { "drop none ", "drop none ", "drop none ", "late taking kept",
	        "drop none ", "late undoing kept", "drop none " } },
};

static void
every_event_has_its_answer_in_every_state(void **state)
{
	bool seen[FILE_RECEIVE_STEP_EVENTS] = { false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		seen[rows[i].in.event] = true;
		test_row(rows[i].name);
		for (unsigned s = 0; s < ARRAY_LEN(state_names); s++) {
			struct file_receive_step before = {
				.state = (enum file_receive_step_state)s,
				.id = OWN_ID,
				.total = TOTAL,
				.at = 50,
				.last = PEER_FILE_UNDONE
			};
			struct file_receive_step_out out;
			struct file_receive_step after;
			char text[64];

			if (s == FILE_RECEIVE_STEP_NONE)
				before = (struct file_receive_step){ 0 };
			after =
			    file_receive_step_do(&before, &rows[i].in, &out);
			(void)snprintf(text, sizeof(text), "%s%s %s",
			    action_names[out.action], state_names[after.state],
			    answer_names[out.answer]);
			assert_text(text, rows[i].answers[s]);
			assert_int_equal(file_receive_step_is_busy(&after),
			    after.state == FILE_RECEIVE_STEP_TAKING ||
			        after.state == FILE_RECEIVE_STEP_UNDOING);
		}
	}
	for (unsigned e = 0; e < FILE_RECEIVE_STEP_EVENTS; e++)
		assert_true(seen[e]);
}

/* Whatever it does there, the peer hears of it before it stops asking. */
static void
what_takes_too_long_is_told_and_undone(void **state)
{
	static const struct {
		enum file_receive_step_event event;
		const char *shown;
	} steps[] = {
		{ FILE_RECEIVE_STEP_OVERDUE, "late taking kept" },
		{ FILE_RECEIVE_STEP_ASKED, "taking kept" },
		{ FILE_RECEIVE_STEP_OVERDUE, "taking " },
		{ FILE_RECEIVE_STEP_DONE, "undo undoing kept" },
		{ FILE_RECEIVE_STEP_OVERDUE, "undoing " },
		{ FILE_RECEIVE_STEP_DONE, "over undone" },
	};
	const struct file_receive_step_input begin = ASKED(take);
	struct file_receive_step s = { .state = FILE_RECEIVE_STEP_FINE,
		.id = OWN_ID,
		.total = TOTAL,
		.at = TOTAL };
	struct file_receive_step_out out;
	char text[64];

	(void)state;
	s = file_receive_step_do(&s, &begin, &out);
	assert_int_equal(out.action, FILE_RECEIVE_STEP_TAKE);
	assert_in_range(out.patience_ms, 10000, 25000);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct file_receive_step_input in = {
			.event = steps[i].event, .asked = &take, .may = true
		};

		s = file_receive_step_do(&s, &in, &out);
		(void)snprintf(text, sizeof(text), "%s%s %s",
		    action_names[out.action], state_names[s.state],
		    answer_names[out.answer]);
		assert_text(text, steps[i].shown);
	}
}

/* A part that does not fit behind what is here is not stored. */
static void
nothing_is_stored_beyond_what_was_announced(void **state)
{
	static const struct part_row {
		uint32_t total, at;
		size_t len;
		bool stored;
	} parts[] = {
		{ TOTAL, 50, 50, true },
		{ TOTAL, 50, 51, false },
		{ TOTAL, 50, 0, false },
		{ TOTAL, 49, 10, false },
		{ TOTAL, 51, 10, false },
		{ TOTAL + 1, 50, 10, false },
		{ TOTAL - 60, 40, 10, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct file_receive_step before = {
			.state = FILE_RECEIVE_STEP_FILLING,
			.id = OWN_ID,
			.total = TOTAL,
			.at = 50
		};
		const struct peer_file m = { .kind = PEER_FILE_PART,
			.id = OWN_ID,
			.total = parts[i].total,
			.at = parts[i].at,
			.len = parts[i].len };
		const struct file_receive_step_input in = ASKED(m);
		struct file_receive_step_out out;
		const struct file_receive_step after =
		    file_receive_step_do(&before, &in, &out);

		assert_int_equal(
		    out.action != FILE_RECEIVE_STEP_NOTHING, parts[i].stored);
		assert_int_equal(
		    after.at, parts[i].stored ? 50 + parts[i].len : 50);
	}
}

/* One that brings a byte each second, or the same part for ever. */
static void
a_file_has_to_come_in_time(void **state)
{
	struct file_receive_step s = { 0 };
	uint32_t begun = 0;

	(void)state;
	for (uint32_t at = 0; at < TOTAL - 1; at++) {
		const struct peer_file m = { .kind = PEER_FILE_PART,
			.id = OWN_ID,
			.total = TOTAL,
			.at = at / 2,
			.len = 1 };
		const struct file_receive_step_input in = ASKED(m);
		struct file_receive_step_out out;

		s = file_receive_step_do(&s, &in, &out);
		assert_int_equal(s.state, FILE_RECEIVE_STEP_FILLING);
		begun += out.patience_ms > 0;
	}
	assert_int_equal(begun, 1);
}

static void
a_file_is_not_of_any_size(void **state)
{
	const struct peer_file m = { .kind = PEER_FILE_PART,
		.id = OWN_ID,
		.total = FILE_RECEIVE_STEP_TOTAL_MAX + 1,
		.len = 50 };
	const struct file_receive_step none = { 0 };
	const struct file_receive_step_input in = ASKED(m);
	struct file_receive_step_out out;

	(void)state;
	assert_int_equal(file_receive_step_do(&none, &in, &out).state,
	    FILE_RECEIVE_STEP_OVER);
	assert_int_equal(out.action, FILE_RECEIVE_STEP_NOTHING);
	assert_int_equal(out.answer, PEER_FILE_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_has_its_answer_in_every_state),
		cmocka_unit_test(what_takes_too_long_is_told_and_undone),
		cmocka_unit_test(nothing_is_stored_beyond_what_was_announced),
		cmocka_unit_test(a_file_has_to_come_in_time),
		cmocka_unit_test(a_file_is_not_of_any_size),
	};

	TEST_MAIN(tests);
}
