#include "hapair/supervisor/notify.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <unistd.h>

/*
 * The program writes a line when it begins and one when it ends; what it does
 * in between is its last argument, the reason.
 */
static const char body[] = "echo \"$1 $2\" >>out\n"
                           "$3\n"
                           "status=$?\n"
                           "echo . >>out\n"
                           "exit $status";

static char program[SCRATCH_PATH_MAX], out[SCRATCH_PATH_MAX];

static struct config_group groups[] = { { .name = "one" }, { .name = "two" } };
static struct config config = { .has_pair = true,
	.pair = { .groups = groups, .n_groups = 2, .notify = program } };

static void
on_idle(void *arg)
{
	struct notify *n = arg;

	ev_break(n->program.loop, EVBREAK_ALL);
}

static void
tell(struct notify *n, uint16_t group, enum msg_group_state state,
    const char *reason)
{
	struct msg_group m = { .group = group, .state = state };

	(void)snprintf(m.reason, sizeof(m.reason), "%s", reason);
	notify_tell(n, &m);
}

static void
begin(struct notify *n)
{
	(void)unlink(out);
	notify_init(n, &config, on_idle, n);
}

/* Runs until all is said, and compares what was. */
static void
finish(struct notify *n, const char *expected)
{
	CLEANUP(free_str) char *text = NULL;

	if (!notify_is_idle(n))
		(void)ev_run(n->program.loop, 0);
	assert_true(notify_is_idle(n));
	text = scratch_text("out");
	assert_text(text != NULL ? text : "", expected);
	notify_fini(n);
}

static void
calls_are_made_in_order_and_one_at_a_time(void **state)
{
	struct notify n;

	(void)state;
	begin(&n);
	tell(&n, 0, MSG_GROUP_BACKUP, "sleep 0.1");
	tell(&n, 0, MSG_GROUP_MASTER, "true");
	tell(&n, 1, MSG_GROUP_FAULT, "sleep 0.05");
	tell(&n, 0, MSG_GROUP_BACKUP, "true");
	assert_false(notify_is_idle(&n));
	finish(
	    &n, "one backup\n.\none master\n.\ntwo fault\n.\none backup\n.\n");
}

static void
only_changes_of_state_are_told_and_not_the_first_one(void **state)
{
	struct notify n;

	(void)state;
	begin(&n);
	tell(&n, 0, MSG_GROUP_INIT, "true");
	assert_true(notify_is_idle(&n));
	tell(&n, 0, MSG_GROUP_MASTER, "true");
	tell(&n, 0, MSG_GROUP_MASTER, "true");
	tell(&n, 0, MSG_GROUP_INIT, "true"); /* it stood still: a loss */
	tell(&n, 0, MSG_GROUP_INIT, "true");
	finish(&n, "one master\n.\none init\n.\n");
}

static void
one_that_fails_or_hangs_holds_up_nothing(void **state)
{
	struct notify n;

	(void)state;
	begin(&n);
	n.timeout_ms = 200;
	tell(&n, 0, MSG_GROUP_BACKUP, "false");
	tell(&n, 0, MSG_GROUP_MASTER, "sleep 60");
	tell(&n, 0, MSG_GROUP_FAULT, "true");
	finish(&n, "one backup\n.\none master\none fault\n.\n");
}

static void
the_oldest_calls_are_left_out_when_there_are_too_many(void **state)
{
	char expected[16384];
	size_t used = 0;
	struct notify n;

	(void)state;
	begin(&n);
	/* The first one runs; of 70 that follow, 64 have room. */
	for (unsigned i = 0; i <= 70; i++)
		tell(&n, 0, i % 2 == 0 ? MSG_GROUP_BACKUP : MSG_GROUP_MASTER,
		    "true");
	assert_int_equal(n.dropped, 6);
	for (unsigned i = 0; i <= 70; i++)
		if (i == 0 || i > 6)
			used += (size_t)snprintf(expected + used,
			    sizeof(expected) - used, "one %s\n.\n",
			    i % 2 == 0 ? "backup" : "master");
	finish(&n, expected);
}

static void
another_file_may_come_while_one_runs(void **state)
{
	struct config_group turned[] = { { .name = "two" }, { .name = "one" },
		{ .name = "new" } };
	struct config after = config, none = config;
	const struct msg_group stand[] = { { .state = MSG_GROUP_FAULT },
		{ .state = MSG_GROUP_MASTER }, { .state = MSG_GROUP_INIT } };
	const bool known[] = { true, true, false };
	struct notify n;

	(void)state;
	after.pair.groups = turned;
	after.pair.n_groups = 3;
	none.pair.notify = NULL;
	begin(&n);
	tell(&n, 0, MSG_GROUP_MASTER, "sleep 0.1");
	tell(&n, 1, MSG_GROUP_FAULT, "true"); /* waits */
	notify_follow(&n, &after, stand, known);
	tell(&n, 1, MSG_GROUP_MASTER, "true"); /* as they stood */
	tell(&n, 0, MSG_GROUP_FAULT, "true");
	tell(&n, 2, MSG_GROUP_BACKUP, "sleep 0.1; false");
	while (n.n > 0)
		(void)ev_run(n.program.loop, EVRUN_ONCE);
	notify_follow(&n, &none, stand, known);
	tell(&n, 1, MSG_GROUP_FAULT, "true");
	finish(&n, "one master\n.\ntwo fault\n.\nnew backup\n.\n");
}

/* The reason is what this program runs: so it sees its other words. */
static void
it_is_told_of_addresses_peer_and_stop(void **state)
{
	struct config_address addresses[2] = { { .prefix = 24 },
		{ .prefix = 64 } };
	struct config pair = config;
	struct config_group own[] = {
		{ .name = "one", .addresses = addresses, .n_addresses = 2 }
	};
	struct notify n;

	(void)state;
	assert_int_equal(addr_parse_ip("10.0.0.100", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd77::1", &addresses[1].addr), 0);
	pair.pair.groups = own;
	pair.pair.n_groups = 1;
	pair.pair.nodes[0].name = "p1";
	pair.pair.nodes[1].name = "p2";
	begin(&n);
	notify_init(&n, &pair, on_idle, &n);
	n.node = 0;
	tell(&n, 0, MSG_GROUP_MASTER, "eval echo $4 $5 $6 >>out");
	n.stops = true;
	tell(&n, 0, MSG_GROUP_FAULT, "eval echo $4 $5 $6 >>out");
	finish(&n,
	    "one master\n10.0.0.100/24,fd77::1/64 p2 run\n.\n"
	    "one fault\n10.0.0.100/24,fd77::1/64 p2 stop\n.\n");
}

static void
without_a_program_there_is_nothing_to_do(void **state)
{
	struct config none = config;
	struct notify n;

	(void)state;
	none.pair.notify = NULL;
	begin(&n);
	notify_init(&n, &none, on_idle, &n);
	tell(&n, 0, MSG_GROUP_MASTER, "true");
	finish(&n, "");
}

static int
make_program(void **state)
{
	const int r = scratch_make(state);

	if (r == 0) {
		(void)scratch_script("notify", body, program);
		(void)scratch_path("out", out);
	}
	return r;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_made_in_order_and_one_at_a_time),
		cmocka_unit_test(
		    only_changes_of_state_are_told_and_not_the_first_one),
		cmocka_unit_test(one_that_fails_or_hangs_holds_up_nothing),
		cmocka_unit_test(
		    the_oldest_calls_are_left_out_when_there_are_too_many),
		cmocka_unit_test(another_file_may_come_while_one_runs),
		cmocka_unit_test(it_is_told_of_addresses_peer_and_stop),
		cmocka_unit_test(without_a_program_there_is_nothing_to_do),
	};

	TEST_MAIN_WITH(tests, make_program, scratch_remove);
}
