#include "failover/inbox.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

/* What was carried out, in order, and what to do at which of it. */
static struct box {
	struct inbox inbox;
	int64_t now_ms;
	char log[1024];
	enum node_effect_type refused; /* START: none */
	enum node_effect_type raises;  /* puts NODE_LOST meanwhile */
	unsigned stop_at; /* this look at the clock comes late, 0: none does */
	unsigned stops;   /* and so many that follow it */
	struct mono wake;
} box;

static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	(void)arg;
	if (box.stop_at > 0 && --box.stop_at == 0) {
		box.now_ms += 2000;
		box.stop_at = box.stops > 0 && box.stops-- > 0;
	}
	ret_now->mono = mono_add_ms((struct mono){ 0 }, box.now_ms);
	ret_now->boot = ret_now->mono;
}

static void
note(const char *word)
{
	if (strlen(box.log) + strlen(word) + 2 > sizeof(box.log))
		return; /* the beginning tells */
	strcat(box.log, box.log[0] != '\0' ? " " : "");
	strcat(box.log, word);
}

static int
carry_out(void *arg, const struct node_effect *e, const struct node_now *now)
{
	static const char *const words[] = { "start", "say", "challenge",
		"expect", "probe", "question", "add", "renew", "delete",
		"announce", "end-announcing", "tickle", "tickle-late",
		"tickle-more", "end-tickling", "hold", "forward", "give-back",
		"let-go", "hush", "answer", "drop", "[state]", "[priority]",
		"[heard]", "[ended]", "[stall]", "[begun]", "[unwilling]",
		"[refused]", "[outcome]" };
	struct hello h;

	(void)arg;
	if (e->type == NODE_DO_SAY)
		node_speak(&box.inbox.node, HELLO_BEAT, now, &h);
	note(words[e->type]);
	if (e->type == box.raises && e->type != NODE_DO_START)
		inbox_put_type(&box.inbox, NODE_LOST);
	return e->type == box.refused && e->type != NODE_DO_START ? -EPERM : 0;
}

static void
note_failed(void *arg, const struct node_event *ev)
{
	(void)arg;
	assert_int_equal(ev->failed.error, -EPERM);
	note("<failed>");
}

static void
note_wake(void *arg, struct mono wake)
{
	(void)arg;
	box.wake = wake;
}

static const struct inbox_calls calls = { .clock = look_at_clock,
	.carry_out = carry_out,
	.failed = note_failed,
	.wake_at = note_wake };

/* Two groups, both about to claim: nobody was heard, the network is silent. */
static void
begin(void)
{
	const struct election_config election = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000 },
		.priority = 100 };
	const struct node_config config = { .interval_ms = 20, .misses = 3 };

	memset(&box, 0, sizeof(box));
	box.now_ms = 10000;
	inbox_init(&box.inbox, &calls, NULL);
	node_init(&box.inbox.node, &config, 1);
	for (unsigned i = 0; i < 2; i++)
		node_add_group(&box.inbox.node, 1 + i, true, &election,
		    mono_add_ms((struct mono){ 0 }, box.now_ms));
	inbox_put_type(&box.inbox, NODE_BEGIN);
	assert_string_equal(box.log, "start say");
	for (unsigned i = 0; i < 50; i++) {
		box.now_ms += 20;
		inbox_put_type(&box.inbox, NODE_BEAT);
	}
	for (unsigned i = 0; i < 2; i++) {
		inbox_put_type(&box.inbox, NODE_TICK);
		box.now_ms += 4;
	}
	box.log[0] = '\0';
}

static void
all_is_done_before_anything_is_told(void **state)
{
	(void)state;
	begin();
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_string_equal(box.log,
	    "say add announce tickle say add announce tickle [state] "
	    "[state]");
	assert_int_equal(box.wake.ns, (box.now_ms + 60) * INT64_C(1000000));
}

static void
what_is_refused_comes_back_and_what_depends_on_it_is_left(void **state)
{
	(void)state;
	begin();
	box.refused = NODE_DO_ADD;
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_string_equal(box.log,
	    "say add tickle say add tickle [state] [state] "
	    "<failed> end-announcing delete say end-tickling [state] "
	    "<failed> end-announcing delete say end-tickling [state]");
	assert_int_equal(box.wake.ns, (box.now_ms + 1000) * INT64_C(1000000));
}

static void
other_refusals_keep_nobody_from_announcing(void **state)
{
	(void)state;
	begin();
	box.refused = NODE_DO_SAY;
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_non_null(strstr(box.log, "say add announce tickle"));
}

static void
what_an_effect_raises_is_settled_after_its_step(void **state)
{
	(void)state;
	begin();
	box.raises = NODE_DO_TICKLE;
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_string_equal(box.log,
	    "say add announce tickle say add announce tickle [state] "
	    "[state] renew announce renew announce");
}

/* The claim that was decided before is told, and neither said nor made. */
static void
stopped_between_two_effects_it_drops_first(void **state)
{
	(void)state;
	begin();
	box.stop_at = 2; /* the first is before the step */
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_string_equal(box.log,
	    "[state] [state] end-announcing delete say end-tickling "
	    "end-announcing delete say end-tickling say [state] [state] "
	    "[stall] say say");
	assert_int_equal(
	    box.inbox.node.groups[0].election.state, ELECTION_INIT);
}

/* Found by fuzz_node: each stop was a level deeper, and the stack's end near.
 */
static void
stopped_again_and_again_it_goes_no_deeper(void **state)
{
	static const char log[] =
	    "[state] [state] end-announcing delete end-tickling "
	    "end-announcing delete end-tickling [state] [state] [stall] "
	    "[stall] [stall]";

	(void)state;
	begin();
	box.stop_at = 2;
	box.stops = 20000;
	inbox_put_type(&box.inbox, NODE_TICK);
	assert_int_equal(box.stops, 0);
	assert_memory_equal(box.log, log, sizeof(log) - 1);
	assert_false(node_is_late(&box.inbox.node,
	    &(struct node_now){ mono_add_ms((struct mono){ 0 }, box.now_ms),
	        mono_add_ms((struct mono){ 0 }, box.now_ms) }));
	assert_int_equal(
	    box.inbox.node.groups[0].election.state, ELECTION_INIT);
}

/* A hello that is late would hide that it is. */
static void
stopped_before_a_heartbeat_it_knows(void **state)
{
	(void)state;
	begin();
	inbox_put_type(&box.inbox, NODE_TICK);
	box.log[0] = '\0';
	box.now_ms += 2000;
	inbox_put_type(&box.inbox, NODE_BEAT);
	assert_string_equal(box.log,
	    "end-announcing delete say end-tickling end-announcing delete say "
	    "end-tickling say [state] [state] [stall] say");
}

static void
a_look_is_nothing_where_no_time_was_lost(void **state)
{
	(void)state;
	begin();
	inbox_look(&box.inbox);
	assert_string_equal(box.log, "");
	box.now_ms += 60;
	inbox_look(&box.inbox);
	assert_string_equal(box.log, "say [stall]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_done_before_anything_is_told),
		cmocka_unit_test(
		    what_is_refused_comes_back_and_what_depends_on_it_is_left),
		cmocka_unit_test(other_refusals_keep_nobody_from_announcing),
		cmocka_unit_test(
		    what_an_effect_raises_is_settled_after_its_step),
		cmocka_unit_test(stopped_between_two_effects_it_drops_first),
		cmocka_unit_test(stopped_again_and_again_it_goes_no_deeper),
		cmocka_unit_test(stopped_before_a_heartbeat_it_knows),
		cmocka_unit_test(a_look_is_nothing_where_no_time_was_lost),
	};

	TEST_MAIN(tests);
}
