#include "hapair/supervisor/active_choice.h"

#include "tests/lib/store_ends.h"

static void
a_choice_of_the_one_who_decides_is_agreed_on(void **state)
{
	const struct accord *a;

	(void)state;
	begin();
	say_known();
	groups[0].state = MSG_GROUP_MASTER;
	assert_int_equal(choose(1, 1), 0);
	hears_chosen(1, 1, 1);
	assert_int_equal(choose(1, 0), 0);
	hears_chosen(1, 0, 2);
	a = shared_state_find(&t.store.all, ACCORD_ACTIVE_GROUP, "masters", "");
	assert_non_null(a);
	assert_string_equal(a->server, "m1");
	assert_int_equal(t.store.all.n, 1);
	finish();
}

/* The relay may know before we do who is master, and that all is known. */
static void
an_early_choice_waits(void **state)
{
	(void)state;
	begin();
	assert_false(active_choice_is_under_way(&t.store));
	assert_int_equal(choose(1, 1), 0);
	assert_true(active_choice_is_under_way(&t.store));
	say_known();
	assert_int_equal(channel_recv(t.relay_end, &got), -EAGAIN);
	groups[0].state = MSG_GROUP_MASTER;
	state_store_look(&t.store);
	hears_chosen(1, 1, 1);
	finish();
}

static void
a_choice_of_somebody_else_is_taken_back(void **state)
{
	(void)state;
	begin();
	say_known();
	assert_int_equal(choose(1, 1), 0);
	/* Two at once are two answers. */
	assert_int_equal(choose(1, 1), 0);
	hears_chosen(1, 0, 0);
	t.store.places.choices[1].until = mono_now();
	state_store_look(&t.store);
	hears_chosen(1, 0, 0);
	assert_int_equal(t.store.all.n, 0);
	/* With what is agreed on, where there is something. */
	assert_int_equal(
	    say_of_peer((struct accord){ .kind = ACCORD_ACTIVE_GROUP,
	        .subject = "masters",
	        .server = "m2",
	        .epoch = 5 }),
	    0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	assert_int_equal(choose(1, 0), 0);
	t.store.places.choices[1].until = mono_now();
	state_store_look(&t.store);
	hears_chosen(1, 1, 5);
	finish();
}

static void
without_a_pair_it_is_always_this_node(void **state)
{
	(void)state;
	begin_with(NULL, CONFIG_NO_NODE);
	assert_int_equal(choose(1, 1), 0);
	hears_chosen(1, 1, 1);
	assert_int_equal(t.store.all.all[0].node, 0);
	assert_int_equal(say_of_peer(admin("m1", ACCORD_MAINT, 1)), -EBADMSG);
	assert_int_equal(say(&t.failover, MSG_ACCORDS, NULL), -EBADMSG);
	finish();
}

/* Many changes at once wait; the relay is answered in the end. */
static void
a_relay_that_goes_to_and_fro_is_slowed_down(void **state)
{
	unsigned answers = 0;

	(void)state;
	begin_with(NULL, CONFIG_NO_NODE);
	for (uint16_t i = 1; i <= 1000; i++)
		assert_int_equal(choose(1, i % 2), 0);
	while (channel_recv(t.relay_end, &got) == 1)
		answers++;
	assert_int_equal(answers, 999);
	assert_true(t.store.places.choices[1].waits);
	assert_in_range(t.store.all.all[0].epoch, 10, 100);
	finish();
}

/* What the relay wants to be done, as the supervisor knows it. */
static enum standby_guard_answer
may_run(bool promote, uint16_t from, uint16_t to)
{
	const struct msg_fence m = {
		.service = 1, .promote = promote, .from = from, .to = to
	};
	const char *why;

	return active_choice_may_run(&t.store, &m, &why);
}

static void
a_fence_comes_before_the_choice_and_promote_after_it(void **state)
{
	(void)state;
	services[1].fence = services[1].promote = "/bin/true";
	begin();
	say_known();
	assert_int_equal(may_run(false, 0, 1), STANDBY_GUARD_LATER);
	groups[0].state = MSG_GROUP_MASTER;
	assert_int_equal(may_run(false, 1, 0), STANDBY_GUARD_NO);
	assert_int_equal(choose(1, 1), 0); /* no fence has passed */
	hears_chosen(1, 0, 0);
	assert_int_equal(may_run(true, 0, 1), STANDBY_GUARD_NO);
	assert_int_equal(may_run(false, 0, 1), STANDBY_GUARD_YES);
	active_choice_note_fence(
	    &t.store, &(struct msg_fence){ .service = 1, .from = 0, .to = 1 });
	assert_int_equal(choose(1, 1), 0);
	hears_chosen(1, 1, 1);
	/* The promote is due, and for a while only. */
	assert_true(active_choice_is_under_way(&t.store));
	t.store.places.guards[1].promotes_until = mono_now();
	assert_false(active_choice_is_under_way(&t.store));
	t.store.places.guards[1].promotes_until = mono_add_ms(mono_now(), 9999);
	assert_int_equal(may_run(true, 0, 1), STANDBY_GUARD_YES);
	assert_false(active_choice_is_under_way(&t.store));
	assert_int_equal(may_run(true, 0, 1), STANDBY_GUARD_NO);
	services[1].fence = services[1].promote = NULL;
	finish();
}

/* Between two relays nothing is agreed on, and nothing runs. */
static void
what_is_wished_during_a_reload_waits(void **state)
{
	const struct msg_fence m = { .service = 1, .from = 0, .to = 1 };
	const char *why;

	(void)state;
	begin();
	say_known();
	groups[0].state = MSG_GROUP_MASTER;
	active_choice_hold(&t.store, true);
	assert_int_equal(
	    active_choice_may_run(&t.store, &m, &why), STANDBY_GUARD_LATER);
	assert_int_equal(choose(1, 1), 0);
	t.store.places.choices[1].until = mono_now();
	state_store_look(&t.store);
	assert_int_equal(channel_recv(t.relay_end, &got), -EAGAIN);
	assert_int_equal(t.store.all.n, 0);
	/* The reload has failed: the same relay goes on. */
	active_choice_hold(&t.store, false);
	hears_chosen(1, 1, 1);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_choice_of_the_one_who_decides_is_agreed_on),
		cmocka_unit_test(an_early_choice_waits),
		cmocka_unit_test(a_choice_of_somebody_else_is_taken_back),
		cmocka_unit_test(without_a_pair_it_is_always_this_node),
		cmocka_unit_test(a_relay_that_goes_to_and_fro_is_slowed_down),
		cmocka_unit_test(
		    a_fence_comes_before_the_choice_and_promote_after_it),
		cmocka_unit_test(what_is_wished_during_a_reload_waits),
	};

	TEST_MAIN(tests);
}
