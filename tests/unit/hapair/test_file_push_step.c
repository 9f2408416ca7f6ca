/*
 * What the node asks whose file it is, and both sides together, over a wire
 * that loses and doubles what it carries, with a peer that may be started anew.
 */
#include "hapair/supervisor/file_push_step.h"

#include "hapair/supervisor/file_receive_step.h"
#include "tests/lib/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOTAL 10000

static const char *const state_names[] = { "idle", "giving", "taking", "own",
	"undoing" };
static const char *const question_names[] = { "", "part", "take", "undo",
	"forget" };
static const char *const end_names[] = { "", "both", "no wire", "no version",
	"silent", "refused", "restarted", "half", "strayed", "unknown",
	"undone", "parted" };

#define A(k)                                                                   \
	{                                                                      \
		.event = FILE_PUSH_STEP_ANSWER, .kind = PEER_FILE_##k          \
	}

/* Every event in every state: "QUESTION STATE END". */
static const struct row {
	const char *name;
	struct file_push_step_input in;
	const char *answers[5]; /* idle, giving, taking, own, undoing */
} rows[] = {
	{ "begin", { .event = FILE_PUSH_STEP_BEGIN, .total = TOTAL },
	    { "part giving ", " giving ", " taking ", " own ", " undoing " } },
	{ "has some", A(HAVE),
	    { " idle ", "part giving ", " taking ", " own ", " undoing " } },
	{ "fine", A(FINE),
	    { " idle ", "take taking ", " taking ", " own ", " undoing " } },
	{ "working", A(WORKING),
	    { " idle ", " giving ", " taking ", " own ", " undoing " } },
	{ "taken", A(TAKEN),
	    { " idle ", " giving ", " own ", " own ", " undoing " } },
	{ "undone", A(UNDONE),
	    { " idle ", " giving ", " taking ", " own ", " idle undone" } },
	{ "refused", A(REFUSED),
	    { " idle ", " idle refused", " idle refused", " own ",
	        " undoing " } },
	{ "kept", A(KEPT),
	    { " idle ", " giving ", " idle half", " own ", " idle parted" } },
	{ "started anew, with another file", A(STRANGE),
	    { " idle ", " giving ", " idle strayed", " own ",
	        " idle strayed" } },
	{ "started anew, with what it had",
	    { .event = FILE_PUSH_STEP_ANSWER,
	        .kind = PEER_FILE_STRANGE,
	        .ran_it = true },
	    { " idle ", " giving ", " idle restarted", " own ",
	        " idle undone" } },
	{ "started anew, with the new file",
	    { .event = FILE_PUSH_STEP_ANSWER,
	        .kind = PEER_FILE_STRANGE,
	        .runs_it = true },
	    { " idle ", " giving ", " own ", " own ", " idle parted" } },
	{ "an answer to come", { .event = FILE_PUSH_STEP_ANSWER, .kind = 200 },
	    { " idle ", " giving ", " taking ", " own ", " undoing " } },
	{ "no wire", { .event = FILE_PUSH_STEP_UNREACHED },
	    { " idle ", " idle no wire", " taking ", " own ", " undoing " } },
	{ "no words", { .event = FILE_PUSH_STEP_UNSPOKEN },
	    { " idle ", " idle no version", " taking ", " own ",
	        " undoing " } },
	{ "own taken", { .event = FILE_PUSH_STEP_OWN_TAKEN },
	    { " idle ", " giving ", " taking ", " idle both", " undoing " } },
	{ "own refused", { .event = FILE_PUSH_STEP_OWN_REFUSED },
	    { " idle ", " giving ", " taking ", "undo undoing ",
	        " undoing " } },
	{ "overdue", { .event = FILE_PUSH_STEP_OVERDUE },
	    { " idle ", "forget idle silent", " idle unknown", " own ",
	        " idle parted" } },
};

static void
every_event_has_its_answer_in_every_state(void **state)
{
	bool seen[FILE_PUSH_STEP_EVENTS] = { false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		seen[rows[i].in.event] = true;
		test_row(rows[i].name);
		for (unsigned s = 0; s < ARRAY_LEN(state_names); s++) {
			const struct file_push_step before = {
				.state = (enum file_push_step_state)s,
				.total = s == 0 ? 0 : TOTAL
			};
			struct file_push_step_out out;
			const struct file_push_step after =
			    file_push_step_do(&before, &rows[i].in, &out);
			char text[64];

			(void)snprintf(text, sizeof(text), "%s %s %s",
			    question_names[out.ask], state_names[after.state],
			    end_names[out.end]);
			assert_text(text, rows[i].answers[s]);
			/* Whoever waits for the peer does not for ever. */
			if (after.state != before.state && out.ask != 0 &&
			    out.ask != PEER_FILE_FORGET)
				assert_true(out.patience_ms > 0);
			assert_int_equal(out.take,
			    after.state == FILE_PUSH_STEP_OWN &&
			        before.state != FILE_PUSH_STEP_OWN);
		}
	}
	for (unsigned e = 0; e < FILE_PUSH_STEP_EVENTS; e++)
		assert_true(seen[e]);
}

static void
a_peer_that_has_less_gets_it_from_there(void **state)
{
	struct file_push_step s = {
		.state = FILE_PUSH_STEP_GIVING, .total = TOTAL, .at = 8000
	};
	struct file_push_step_input in = A(HAVE);
	struct file_push_step_out out;

	(void)state;
	s = file_push_step_do(&s, &in, &out);
	assert_int_equal(s.at, 0);
	in.at = 4000;
	s = file_push_step_do(&s, &in, &out);
	assert_int_equal(s.at, 4000);
	in.at = TOTAL + 1; /* no honest one's */
	s = file_push_step_do(&s, &in, &out);
	assert_int_equal(s.at, 0);
}

/* A peer that says anything but something new holds an operator for a while. */
static void
only_progress_is_waited_for(void **state)
{
	static const struct {
		const char *name;
		enum file_push_step_state state;
		struct file_push_step_input in;
		bool waits; /* longer */
	} rows_of[] = {
		{ "more", FILE_PUSH_STEP_GIVING,
		    { .event = FILE_PUSH_STEP_ANSWER,
		        .kind = PEER_FILE_HAVE,
		        .at = 8000 },
		    true },
		{ "as much", FILE_PUSH_STEP_GIVING,
		    { .event = FILE_PUSH_STEP_ANSWER,
		        .kind = PEER_FILE_HAVE,
		        .at = 4000 },
		    false },
		{ "less", FILE_PUSH_STEP_GIVING, A(HAVE), false },
		{ "working", FILE_PUSH_STEP_GIVING, A(WORKING), false },
		{ "taking", FILE_PUSH_STEP_TAKING, A(WORKING), true },
		{ "fine again", FILE_PUSH_STEP_TAKING, A(FINE), false },
		{ "undoing", FILE_PUSH_STEP_UNDOING, A(WORKING), true },
		{ "taken again", FILE_PUSH_STEP_UNDOING, A(TAKEN), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows_of); i++) {
		struct file_push_step s = {
			.state = rows_of[i].state, .total = TOTAL, .at = 4000
		};
		struct file_push_step_out out;

		test_row(rows_of[i].name);
		s = file_push_step_do(&s, &rows_of[i].in, &out);
		assert_int_equal(out.patience_ms > 0, rows_of[i].waits);
		assert_int_equal(out.end_ms, 0); /* no answer moves the end */
	}
}

/* Each begins with its end, which is later than one answer's. */
static void
each_wait_has_an_end(void **state)
{
	static const struct {
		enum file_push_step_state from;
		struct file_push_step_input in;
	} rows_of[] = {
		{ FILE_PUSH_STEP_IDLE,
		    { .event = FILE_PUSH_STEP_BEGIN, .total = TOTAL } },
		{ FILE_PUSH_STEP_GIVING, A(FINE) },
		{ FILE_PUSH_STEP_OWN, { .event = FILE_PUSH_STEP_OWN_REFUSED } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows_of); i++) {
		struct file_push_step s = { .state = rows_of[i].from };
		struct file_push_step_out out;

		s = file_push_step_do(&s, &rows_of[i].in, &out);
		assert_true(out.end_ms > out.patience_ms);
		assert_true(out.patience_ms > 0);
	}
}

/* -- both sides --------------------------------------------------------- */

#define OWN_ID 77
#define QUEUE 8

/* Two nodes; what each runs and what is under way between them. */
struct pair {
	uint64_t seed;
	struct file_push_step push;
	struct file_receive_step receive;
	bool here, there; /* who runs the new file */
	bool disk;        /* the peer's has it, and a start would take it */
	bool faulty_here, faulty_there;
	unsigned reload; /* turns that it has left, of the peer's */
	bool reload_undoes, restarted;
	bool is_slow, was_late; /* the peer, in what is under way */
	enum file_push_step_end end;
	struct peer_file to_there[QUEUE], to_here[QUEUE];
	unsigned n_there, n_here, silence;
};

static unsigned
chance(struct pair *p, unsigned of)
{
	p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(p->seed >> 33) % of;
}

static void
carry(struct pair *p, struct peer_file *queue, unsigned *n,
    const struct peer_file *m)
{
	/* Lost, or twice. */
	for (unsigned times = chance(p, 10) == 0 ? chance(p, 3) : 1; times > 0;
	     times--)
		if (*n < QUEUE)
			queue[(*n)++] = *m;
}

static void
ask(struct pair *p, uint8_t kind)
{
	struct peer_file m = { .kind = kind, .id = OWN_ID, .total = TOTAL };

	if (kind == PEER_FILE_PART) {
		m.at = p->push.at;
		m.len = TOTAL - m.at < PEER_FILE_PART_MAX ? TOTAL - m.at
		                                          : PEER_FILE_PART_MAX;
	}
	if (kind != 0)
		carry(p, p->to_there, &p->n_there, &m);
}

static void
push(struct pair *p, const struct file_push_step_input *in)
{
	struct file_push_step_out out;

	p->push = file_push_step_do(&p->push, in, &out);
	if (out.patience_ms > 0)
		p->silence = 0;
	ask(p, out.ask);
	if (out.end != FILE_PUSH_STEP_GOES_ON)
		p->end = out.end;
	if (out.take) {
		const struct file_push_step_input own = {
			.event = p->faulty_here ? FILE_PUSH_STEP_OWN_REFUSED
			                        : FILE_PUSH_STEP_OWN_TAKEN
		};

		p->here = !p->faulty_here;
		push(p, &own);
	}
}

static void
receive(struct pair *p, const struct file_receive_step_input *in)
{
	struct file_receive_step_out out;
	struct peer_file m = { .total = TOTAL };

	p->receive = file_receive_step_do(&p->receive, in, &out);
	m.id = in->asked != NULL ? in->asked->id : p->receive.id;
	m.kind = out.answer;
	m.at = p->receive.at;
	m.wrong = p->there; /* stands for the hash */
	if (m.kind != 0)
		carry(p, p->to_here, &p->n_here, &m);
	if (out.action == FILE_RECEIVE_STEP_CHECK) {
		const struct file_receive_step_input done = {
			.event = FILE_RECEIVE_STEP_DONE
		};

		receive(p, &done);
	}
	if (out.action != FILE_RECEIVE_STEP_TAKE &&
	    out.action != FILE_RECEIVE_STEP_UNDO)
		return;
	p->reload = 1 + chance(p, 5);
	p->reload_undoes = out.action == FILE_RECEIVE_STEP_UNDO;
	/* What has not run is no file that a start takes. */
	p->disk = false;
}

static void
end_reload(struct pair *p)
{
	const bool fails = p->faulty_there && !p->reload_undoes;
	const struct file_receive_step_input in = { .event = fails
		    ? FILE_RECEIVE_STEP_FAILED
		    : FILE_RECEIVE_STEP_DONE };

	p->there = !p->reload_undoes && !fails;
	p->disk = p->there;
	receive(p, &in);
}

/* kill -9, and it begins with what is on its disk. */
static void
restart(struct pair *p)
{
	p->receive = (struct file_receive_step){ 0 };
	p->n_there = p->n_here = p->reload = 0;
	p->there = p->disk;
	p->restarted = true;
}

static void
turn(struct pair *p)
{
	const struct file_push_step_input overdue = {
		.event = FILE_PUSH_STEP_OVERDUE
	};
	const struct file_receive_step_input late = {
		.event = FILE_RECEIVE_STEP_OVERDUE
	};

	if (p->reload == 1 && p->is_slow) {
		p->is_slow = false;
		p->was_late = true;
		receive(p, &late);
	} else if (p->reload > 0 && --p->reload == 0) {
		end_reload(p);
	}
	if (p->n_there > 0) {
		const struct peer_file m = p->to_there[0];
		const struct file_receive_step_input in = {
			.event = FILE_RECEIVE_STEP_ASKED,
			.asked = &m,
			.may = true
		};

		memmove(p->to_there, p->to_there + 1, --p->n_there * sizeof(m));
		receive(p, &in);
	}
	if (p->n_here > 0) {
		const struct peer_file m = p->to_here[0];
		const struct file_push_step_input in = {
			.event = FILE_PUSH_STEP_ANSWER,
			.kind = m.kind,
			.at = m.at,
			.runs_it = m.wrong,
			.ran_it = !m.wrong
		};

		memmove(p->to_here, p->to_here + 1, --p->n_here * sizeof(m));
		push(p, &in);
	}
	ask(p, file_push_step_question(&p->push));
	if (p->silence++ > 100)
		push(p, &overdue);
}

/* Both, or neither; else the end says that nobody knows. */
static void
judge(const struct pair *p)
{
	switch (p->end) {
	case FILE_PUSH_STEP_BOTH:
		assert_true(p->here && p->there && p->disk);
		break;
	case FILE_PUSH_STEP_REFUSED:
	case FILE_PUSH_STEP_RESTARTED:
	case FILE_PUSH_STEP_SILENT:
	case FILE_PUSH_STEP_UNDONE:
		assert_false(p->here || p->there || p->disk);
		break;
	case FILE_PUSH_STEP_UNKNOWN:
		assert_true(p->restarted && !p->here);
		break;
	case FILE_PUSH_STEP_PARTED:
		assert_true((p->restarted || p->was_late) && !p->here);
		break;
	case FILE_PUSH_STEP_HALF: /* it is back by now */
		assert_true(p->was_late);
		assert_false(p->here || p->there || p->disk);
		break;
	case FILE_PUSH_STEP_GOES_ON:
	case FILE_PUSH_STEP_STRAYED: /* nobody else wrote there */
	case FILE_PUSH_STEP_NO_WIRE:
	case FILE_PUSH_STEP_NO_VERSION:
		fail();
	}
}

static void
both_nodes_run_it_or_neither(void **state)
{
	unsigned ends[ARRAY_LEN(end_names)] = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct pair p = { .seed = seed };
		const struct file_push_step_input begin = {
			.event = FILE_PUSH_STEP_BEGIN, .total = TOTAL
		};
		unsigned when;
		char name[32];

		(void)snprintf(name, sizeof(name), "seed %" PRIu64, seed);
		test_row(name);
		p.faulty_here = chance(&p, 4) == 0;
		p.faulty_there = chance(&p, 4) == 0;
		p.is_slow = chance(&p, 4) == 0;
		when = chance(&p, 4) == 0 ? chance(&p, 40) : 10000;
		push(&p, &begin);
		for (unsigned i = 0;
		     i < 5000 && p.end == FILE_PUSH_STEP_GOES_ON; i++) {
			if (i == when)
				restart(&p);
			turn(&p);
		}
		while (p.reload > 0)
			turn(&p);
		judge(&p);
		ends[p.end]++;
	}
	/* Each way has been gone. */
	assert_true(ends[FILE_PUSH_STEP_BOTH] > 0);
	assert_true(ends[FILE_PUSH_STEP_REFUSED] > 0);
	assert_true(ends[FILE_PUSH_STEP_RESTARTED] > 0);
	assert_true(ends[FILE_PUSH_STEP_UNDONE] > 0);
	assert_true(ends[FILE_PUSH_STEP_HALF] > 0);
	assert_true(ends[FILE_PUSH_STEP_PARTED] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_has_its_answer_in_every_state),
		cmocka_unit_test(a_peer_that_has_less_gets_it_from_there),
		cmocka_unit_test(only_progress_is_waited_for),
		cmocka_unit_test(each_wait_has_an_end),
		cmocka_unit_test(both_nodes_run_it_or_neither),
	};

	TEST_MAIN(tests);
}
