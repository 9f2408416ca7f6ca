#include "hapair/supervisor/state_store.h"

#include "hapair/supervisor/state_file.h"
#include "tests/lib/store_ends.h"

#include <stdlib.h>

/* -- operators ---------------------------------------------------------- */

static void
a_word_goes_to_the_relay_and_then_its_answer(void **state)
{
	struct buf b;

	(void)state;
	begin();
	order("server web/m1 drain", "nothing");
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	hears_reply("{\"text\":\"server m1 of service web: ready -> drain\"}");
	order("server web/m1 drain", "nothing");
	hears_reply(
	    "{\"text\":\"server m1 of service web: drain -> drain, as it was\"}");
	assert_int_equal(t.store.all.all[0].node, 1);
	finish();
}

static void
a_word_is_kept_while_no_relay_runs(void **state)
{
	struct buf b;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	order("server web/m1 drain",
	    "{\"text\":\"server m1 of service web: ready -> drain\"}");
	order("server store/m1 activate",
	    "{\"error\":\"the relay process does not run\"}");
	fd_close(&t.relay_end);
	connect_role(&t.relay, &t.relay_end);
	state_store_meet(&t.store, &t.relay);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	hears_known(false);
	finish();
}

static void
who_shall_be_active_is_the_relays_to_say(void **state)
{
	struct msg_active m;
	struct buf b;

	(void)state;
	begin();
	t.relay.ready = true;
	order("server store/m2 activate", "nothing");
	b = hears(t.relay_end, MSG_ACTIVATE);
	assert_int_not_equal(got.fd, -1);
	fd_close(&got.fd);
	assert_int_equal(msg_get_active(&b, &m), 0);
	assert_int_equal(m.service, 1);
	assert_int_equal(m.server, 1);
	assert_int_equal(t.store.all.n, 0);
	finish();
}

static void
what_cannot_be_kept_is_said(void **state)
{
	(void)state;
	begin();
	order("server web/m9 drain",
	    "{\"error\":\"no server 'm9' in service web\"}");
	assert_int_equal(
	    say_of_peer(admin("m1", ACCORD_MAINT, ACCORD_EPOCH_MAX)), 0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	order("server web/m1 ready",
	    "{\"error\":\"it cannot be kept: Value too large for defined data type\"}");
	assert_int_equal(t.store.all.all[0].value, ACCORD_MAINT);
	finish();
}

/* -- roles -------------------------------------------------------------- */

static void
news_of_the_peer_goes_to_the_relay_once(void **state)
{
	struct buf b;

	(void)state;
	begin();
	for (int i = 0; i < 2; i++)
		assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 4)), 0);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_DRAIN, 4);
	assert_true(buf_is_done(&b));
	assert_int_equal(say_of_peer(admin("m1", ACCORD_MAINT, 3)), 0);
	finish();
}

static void
a_relay_that_begins_is_told_all(void **state)
{
	struct buf b;

	(void)state;
	begin();
	say_known();
	assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 4)), 0);
	assert_int_equal(say_of_peer(admin("m2", ACCORD_MAINT, 1)), 0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	(void)hears(t.relay_end, MSG_ACCORDS);
	state_store_meet(&t.store, &t.relay);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_DRAIN, 4);
	hears_accord(&b, "m2", ACCORD_MAINT, 1);
	hears_known(true);
	finish();
}

/* It never has more than one packet under way, and its own is not told it. */
static void
the_peer_is_told_when_failover_wants_it(void **state)
{
	struct buf b;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	order("server web/m1 drain",
	    "{\"text\":\"server m1 of service web: ready -> drain\"}");
	want(1);
	b = hears_for_peer(1);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	want(1);
	b = hears_for_peer(1);
	assert_true(buf_is_done(&b)); /* these were all */
	want(1);
	/* Now it waits for news; the peer's own are none. */
	assert_int_equal(say_of_peer(admin("a", ACCORD_DRAIN, 1)), 0);
	assert_int_equal(say_of_peer(admin("m2", ACCORD_DRAIN, 1)), 0);
	assert_int_equal(channel_recv(t.failover_end, &got), -EAGAIN);
	order("server web/m2 maint",
	    "{\"text\":\"server m2 of service web: drain -> maint\"}");
	b = hears_for_peer(1);
	hears_accord(&b, "m2", ACCORD_MAINT, 2);
	assert_true(buf_is_done(&b));
	finish();
}

static void
another_wire_or_failover_is_told_all_again(void **state)
{
	struct buf b;

	(void)state;
	begin();
	assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 4)), 0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t wire = i == 0 ? 1 : 2;

		if (i == 2) { /* which counts its wires anew */
			state_store_meet(&t.store, &t.failover);
			hears_known(false);
		}
		want(wire);
		hears_known(false); /* but as long as it says nothing: */
		ev_invoke(t.store.setup.loop, &t.store.peer_patience, EV_TIMER);
		hears_known(true);
		b = hears_for_peer(wire);
		hears_accord(&b, "m1", ACCORD_DRAIN, 4);
		want(wire);
		b = hears_for_peer(wire);
		assert_true(buf_is_done(&b));
		want(wire);
	}
	finish();
}

/* What the peer says before it is told anything hides nothing from it. */
static void
the_peer_may_speak_first(void **state)
{
	struct buf b;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	order("server web/m1 drain",
	    "{\"text\":\"server m1 of service web: ready -> drain\"}");
	state_store_meet(&t.store, &t.failover);
	assert_int_equal(say_of_peer(admin("m2", ACCORD_DRAIN, 1)), 0);
	assert_int_equal(say_of_peer(admin("m3", ACCORD_DRAIN, 1)), 0);
	want(1);
	b = hears_for_peer(1);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	finish();
}

static void
more_than_fits_is_told_in_turn(void **state)
{
	unsigned n = 0, packets = 0;
	struct buf b;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	for (unsigned i = 0; i < 500; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "m%03u", i);
		assert_int_equal(say_of_peer(admin(name, ACCORD_DRAIN, 1)), 0);
	}
	do {
		struct accord a;

		want(1);
		b = hears_for_peer(1);
		packets++;
		for (; b.pos < b.len; n++)
			assert_int_equal(accord_get(&b, &a), 0);
	} while (got.len > 4);
	assert_int_equal(n, 500);
	assert_in_range(packets, 2, 20);
	finish();
}

static void
what_nobody_may_say_is_refused(void **state)
{
	uint8_t room[64] = { 0 };
	struct buf junk = buf_writer(room, sizeof(room));

	(void)state;
	begin();
	junk.pos = 20;
	assert_int_equal(say(&t.failover, MSG_ACCORDS, &junk), -EBADMSG);
	assert_int_equal(say(&t.failover, MSG_WANTED, &junk), -EBADMSG);
	assert_int_equal(say(&t.failover, MSG_CHOSEN, &junk), -EBADMSG);
	assert_int_equal(say(&t.relay, MSG_CHOSEN, &junk), -EBADMSG);
	assert_int_equal(say(&t.relay, MSG_ACCORDS, NULL), -EBADMSG);
	assert_int_equal(say(&t.relay, MSG_KNOWN, NULL), -EBADMSG);
	assert_int_equal(say(&t.relay, MSG_WANTED, NULL), -EBADMSG);
	assert_int_equal(choose(0, 0), -EBADMSG); /* not of mode standby */
	assert_int_equal(choose(2, 0), -EBADMSG); /* not the first of its */
	assert_int_equal(choose(1, 2), -EBADMSG);
	assert_int_equal(choose(3, 0), -EBADMSG);
	finish();
}

/* -- the disk ----------------------------------------------------------- */

static void
it_is_there_after_the_end(void **state)
{
	char directory[] = "/tmp/test_state_store.XXXXXX", path[64];
	struct buf b;

	(void)state;
	assert_non_null(mkdtemp(directory));
	begin_with(directory, 0);
	fd_close(&t.relay.channel);
	order("server web/m1 drain",
	    "{\"text\":\"server m1 of service web: ready -> drain\"}");
	order("server web/m1 maint",
	    "{\"text\":\"server m1 of service web: drain -> maint\"}");
	finish();
	begin_with(directory, 0);
	state_store_meet(&t.store, &t.relay);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_MAINT, 2);
	hears_known(false);
	finish();
	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(strcat(path, ".lock")), 0);
	assert_int_equal(rmdir(directory), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_goes_to_the_relay_and_then_its_answer),
		cmocka_unit_test(a_word_is_kept_while_no_relay_runs),
		cmocka_unit_test(who_shall_be_active_is_the_relays_to_say),
		cmocka_unit_test(what_cannot_be_kept_is_said),
		cmocka_unit_test(news_of_the_peer_goes_to_the_relay_once),
		cmocka_unit_test(a_relay_that_begins_is_told_all),
		cmocka_unit_test(the_peer_is_told_when_failover_wants_it),
		cmocka_unit_test(another_wire_or_failover_is_told_all_again),
		cmocka_unit_test(the_peer_may_speak_first),
		cmocka_unit_test(more_than_fits_is_told_in_turn),
		cmocka_unit_test(what_nobody_may_say_is_refused),
		cmocka_unit_test(it_is_there_after_the_end),
	};

	TEST_MAIN(tests);
}
