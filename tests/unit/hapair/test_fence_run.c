#include "hapair/supervisor/fence_run.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/state_store.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For all that ends by itself: more than a busy machine takes for it. */
#define PATIENCE_MS 30000

static char fence[SCRATCH_PATH_MAX], promote[SCRATCH_PATH_MAX];
static char out[SCRATCH_PATH_MAX];

static struct config_server servers[] = { { .name = "m1" }, { .name = "m2" },
	{ .name = "m3" } };
static struct config_service services[] = {
	{ .name = "plain", .servers = servers, .n_servers = 2 },
	{ .name = "store",
	    .mode = CONFIG_MODE_STANDBY,
	    .servers = servers,
	    .n_servers = 3,
	    .fence = fence,
	    .promote = promote,
	    .fence_timeout_ms = PATIENCE_MS },
};
static struct config_group group = { .name = "main" };
static struct config config = { .services = services,
	.n_services = 2,
	.has_pair = true,
	.pair = { .groups = &group, .n_groups = 1 } };
static struct msg_group groups[1];
static struct child failover = { .channel = -1 }, relay = { .channel = -1 };
static struct state_store store;
static unsigned answers, passes;
static uint32_t answered;
static char fault[MSG_TEXT_MAX];

static void
on_answer(void *arg, const struct msg_fenced *m)
{
	(void)arg;
	answers++;
	passes += m->passed;
	answered = m->id;
	(void)snprintf(fault, sizeof(fault), "%s", m->fault);
	ev_break(ev_default_loop(0), EVBREAK_ALL);
}

/* It says what it was told, then does `body`. */
static void
write_program(const char *name, const char *body)
{
	char text[256], path[SCRATCH_PATH_MAX];

	(void)snprintf(text, sizeof(text), "echo \"$*\" >>out\n%s", body);
	(void)scratch_script(name, text, path);
}

static void
begin(struct fence_run *f, const char *body)
{
	(void)unlink(out);
	write_program("fence", body);
	write_program("promote", "exit 0");
	answers = passes = 0;
	assert_int_equal(
	    state_store_init(&store,
	        &(struct state_store_setup){ .loop = ev_default_loop(0),
	            .config = &config,
	            .node = 0,
	            .groups = groups,
	            .failover = &failover,
	            .relay = &relay }),
	    0);
	store.known = true;
	groups[0].state = MSG_GROUP_MASTER;
	assert_int_equal(
	    fence_run_init(f, &config, &store, on_answer, NULL), 0);
}

static void
finish(struct fence_run *f)
{
	fence_run_fini(f);
	state_store_fini(&store);
}

static int
want(struct fence_run *f, struct msg_fence m)
{
	struct channel_packet p = { .type = MSG_FENCE, .fd = -1 };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_fence(&b, &m);
	p.len = b.pos;
	return fence_run_take(f, &p);
}

static int
ask(struct fence_run *f, uint32_t id, uint16_t service, uint16_t to)
{
	return want(
	    f, (struct msg_fence){ .id = id, .service = service, .to = to });
}

static void
assert_ran_with(const char *expected)
{
	char *text = scratch_text("out");

	assert_text(text, expected);
	free(text);
}

static bool
has_run_with(const char *expected)
{
	char *text = access(out, F_OK) == 0 ? scratch_text("out") : NULL;
	const bool same = text != NULL && strcmp(text, expected) == 0;

	free(text);
	return same;
}

static void
its_status_is_the_answer(void **state)
{
	static const struct row {
		const char *name, *body;
		uint32_t timeout_ms;
		unsigned passes;
		const char *fault;
	} rows[] = {
		{ "passes", "exit 0", PATIENCE_MS, 1, "" },
		{ "fails", "exit 3", PATIENCE_MS, 0, "status 3" },
		{ "fails with a word", "echo no route; exit 1", PATIENCE_MS, 0,
		    "status 1, its last words: 'no route'" },
		{ "is killed", "kill -9 $$", PATIENCE_MS, 0,
		    "killed by signal 9" },
		{ "takes too long", "echo asking; exec sleep 100", 1500, 0,
		    "took too long, killed, its last words: 'asking'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fence_run f;

		test_row(rows[i].name);
		services[1].fence_timeout_ms = rows[i].timeout_ms;
		begin(&f, rows[i].body);
		assert_int_equal(ask(&f, 77, 1, 1), 0);
		(void)ev_run(ev_default_loop(0), 0);
		assert_int_equal(answers, 1);
		assert_int_equal(answered, 77);
		assert_int_equal(passes, rows[i].passes);
		assert_text(fault, rows[i].fault);
		assert_ran_with("store m1 m2\n");
		finish(&f);
	}
	services[1].fence_timeout_ms = PATIENCE_MS;
}

static void
a_program_that_is_not_there_has_failed(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "exit 0");
	assert_int_equal(unlink(fence), 0);
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answers, 1);
	assert_int_equal(passes, 0);
	finish(&f);
}

/* As an event; once, however often it is tried. */
static void
a_failure_is_told_once(void **state)
{
	static struct event_sync events;
	const struct event_file_list *own = &events.log.lists[0];
	struct fence_run f;

	(void)state;
	begin(&f, "echo no route; exit 1");
	assert_int_equal(
	    event_sync_init(&events, ev_default_loop(0), NULL, &store), 0);
	store.setup.events = &events;
	for (uint32_t id = 1; id <= 2; id++) {
		assert_int_equal(ask(&f, id, 1, 1), 0);
		(void)ev_run(ev_default_loop(0), 0);
	}
	assert_int_equal(answers, 2);
	assert_int_equal(own->n, 1);
	assert_text(own->all[0].subject, "service store");
	assert_text(own->all[0].what, "fence of m1 failed");
	assert_text(own->all[0].reason, "status 1, its last words: 'no route'");
	write_program("fence", "exit 0");
	assert_int_equal(ask(&f, 3, 1, 1), 0);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(passes, 1);
	write_program("fence", "exit 1");
	assert_int_equal(ask(&f, 4, 1, 1), 0);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(own->n, 2);
	store.setup.events = NULL;
	event_sync_fini(&events);
	finish(&f);
}

/* Of a relay that has been started again. */
static void
the_same_one_at_once_is_answered_by_its_end(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "sleep 0.1");
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	assert_int_equal(ask(&f, 2, 1, 1), 0);
	assert_int_equal(answers, 0);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answers, 1);
	assert_int_equal(answered, 2);
	assert_int_equal(passes, 1);
	assert_ran_with("store m1 m2\n");
	finish(&f);
}

static void
another_one_at_once_has_failed(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "sleep 0.1");
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	assert_int_equal(ask(&f, 2, 1, 2), 0);
	assert_int_equal(answers, 1);
	assert_int_equal(answered, 2);
	assert_int_equal(passes, 0);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answers, 2);
	assert_int_equal(answered, 1);
	assert_int_equal(passes, 1);
	finish(&f);
}

static void
what_the_file_does_not_say_is_refused(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "exit 0");
	assert_int_equal(ask(&f, 1, 2, 1), -EBADMSG); /* no such service */
	assert_int_equal(ask(&f, 1, 1, 3), -EBADMSG); /* no such server */
	assert_int_equal(ask(&f, 1, 1, 0), -EBADMSG); /* by itself */
	assert_int_equal(ask(&f, 1, 0, 1), -EBADMSG); /* it has no fence */
	assert_int_equal(answers, 0);
	finish(&f);
}

/* A relay on the backup, of another server than the active one, or of a promote
 * that nobody waits for; and one that cannot get enough. */
static void
what_the_supervisor_knows_better_is_refused(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "exit 0");
	groups[0].state = MSG_GROUP_BACKUP;
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	assert_int_equal(answers, 0); /* it may be master in a moment */
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answered, 1);
	groups[0].state = MSG_GROUP_MASTER;
	assert_int_equal(
	    want(&f, (struct msg_fence){ .id = 2, .service = 1, .from = 1 }),
	    0);
	assert_int_equal(answered, 2);
	assert_int_equal(
	    want(&f,
	        (struct msg_fence){
	            .id = 3, .service = 1, .promote = true, .to = 1 }),
	    0);
	assert_int_equal(answers, 2); /* nobody waits for that */
	assert_int_equal(passes, 0);
	assert_int_not_equal(access(out, F_OK), 0);
	for (uint32_t id = 10; id < 30; id++) {
		assert_int_equal(ask(&f, id, 1, 1), 0);
		if (answered != id)
			(void)ev_run(ev_default_loop(0), 0);
		assert_int_equal(answered, id);
	}
	assert_int_equal(answers, 22);
	assert_in_range(passes, 10, 12);
	finish(&f);
}

/* The relay hears of a mastership before the supervisor does. */
static void
who_is_about_to_be_master_waits_for_it(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "exit 0");
	groups[0].state = MSG_GROUP_BACKUP;
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	/* The next one takes its place. */
	assert_int_equal(ask(&f, 2, 1, 1), 0);
	assert_true(fence_run_is_busy(&f));
	groups[0].state = MSG_GROUP_MASTER;
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answers, 1);
	assert_int_equal(answered, 2);
	assert_int_equal(passes, 1);
	assert_false(fence_run_is_busy(&f));
	assert_ran_with("store m1 m2\n");
	finish(&f);
}

/* Its configuration has been replaced: it runs on, and its end is nobody's. */
static void
one_that_runs_may_be_forgotten(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "sleep 0.1; echo end >>out");
	assert_false(fence_run_is_busy(&f));
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	assert_true(fence_run_is_busy(&f));
	fence_run_fini(&f);
	while (!has_run_with("store m1 m2\nend\n"))
		(void)usleep(10000);
	(void)ev_run(ev_default_loop(0), EVRUN_NOWAIT);
	assert_int_equal(answers, 0);
	assert_false(store.places.guards[1].fenced);
	finish(&f);
}

/* For longer than the usual patience: who wants it does not go away. */
static void
one_that_is_wanted_during_a_reload_waits(void **state)
{
	struct fence_run f;

	(void)state;
	begin(&f, "exit 0");
	active_choice_hold(&store, true);
	assert_int_equal(ask(&f, 1, 1, 1), 0);
	(void)usleep(1000 * (ACTIVE_CHOICE_PATIENCE_MS + 100));
	(void)ev_run(ev_default_loop(0), EVRUN_NOWAIT);
	assert_int_equal(answers, 0);
	assert_true(fence_run_is_busy(&f));
	assert_int_not_equal(access(out, F_OK), 0);
	active_choice_hold(&store, false);
	(void)ev_run(ev_default_loop(0), 0);
	assert_int_equal(answers, 1);
	assert_int_equal(passes, 1);
	assert_ran_with("store m1 m2\n");
	finish(&f);
}

static int
make_paths(void **state)
{
	const int r = scratch_make(state);

	if (r == 0) {
		(void)scratch_path("fence", fence);
		(void)scratch_path("promote", promote);
		(void)scratch_path("out", out);
	}
	return r;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_status_is_the_answer),
		cmocka_unit_test(a_failure_is_told_once),
		cmocka_unit_test(a_program_that_is_not_there_has_failed),
		cmocka_unit_test(the_same_one_at_once_is_answered_by_its_end),
		cmocka_unit_test(another_one_at_once_has_failed),
		cmocka_unit_test(what_the_file_does_not_say_is_refused),
		cmocka_unit_test(what_the_supervisor_knows_better_is_refused),
		cmocka_unit_test(who_is_about_to_be_master_waits_for_it),
		cmocka_unit_test(one_that_runs_may_be_forgotten),
		cmocka_unit_test(one_that_is_wanted_during_a_reload_waits),
	};

	TEST_MAIN_WITH(tests, make_paths, scratch_remove);
}
