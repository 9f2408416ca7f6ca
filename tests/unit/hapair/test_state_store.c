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

/* Whoever has said what before, with whatever epoch. */
static void
a_word_is_above_the_highest_epoch(void **state)
{
	struct buf b;

	(void)state;
	begin();
	assert_int_equal(
	    say_of_peer(admin("m1", ACCORD_MAINT, ACCORD_EPOCH_MAX)), 0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	for (int i = 0; i < 2; i++) {
		order(i == 0 ? "server web/m1 ready" : "server web/m1 drain",
		    "nothing");
		b = hears(t.relay_end, MSG_ACCORDS);
		hears_accord(&b, "m1", i == 0 ? ACCORD_READY : ACCORD_DRAIN,
		    ACCORD_EPOCH_MAX / 2 + (unsigned)i);
		(void)hears(t.relay_end, MSG_REPLY);
		fd_close(&got.fd);
		/* What was said before is no news. */
		assert_int_equal(
		    say_of_peer(admin("m1", ACCORD_MAINT, ACCORD_EPOCH_MAX)),
		    0);
	}
	finish();
}

/* As many as there may be, of both kinds, as on a disk. */
static void
fill(const char *subject)
{
	struct accord a = admin("", ACCORD_DRAIN, 1);
	size_t index;

	(void)snprintf(a.subject, sizeof(a.subject), "%s", subject);
	for (unsigned i = 0; t.store.all.n < SHARED_STATE_MAX; i++) {
		(void)snprintf(a.server, sizeof(a.server), "m%04u", i / 2);
		a.kind = i % 2 == 0 ? ACCORD_ADMIN : ACCORD_WEIGHT;
		assert_int_equal(
		    shared_state_take(&t.store.all, &a, &index), 1);
	}
}

static void
what_cannot_be_kept_is_said(void **state)
{
	static struct config_server many[SHARED_STATE_MAX / 2];
	static char names[ARRAY_LEN(many)][8];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(many); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "m%04u", i);
		many[i].name = names[i];
	}
	services[3] = (struct config_service){
		.name = "many", .servers = many, .n_servers = ARRAY_LEN(many)
	};
	config.n_services = 4;
	begin();
	order("server web/m9 drain",
	    "{\"error\":\"no server 'm9' in service web; did you mean 'm1'?\"}");
	fill("many");
	order("server web/m1 drain",
	    "{\"error\":\"it cannot be kept: so many settings are kept already that there is no more room\"}");
	assert_int_equal(say_of_peer(admin("m1", ACCORD_MAINT, 1)), 0);
	assert_int_equal(say_of_peer(admin("m2", ACCORD_MAINT, 1)), 0);
	assert_int_equal(t.store.no_room.left_out, 1);
	assert_int_equal(t.store.all.n, SHARED_STATE_MAX);
	finish();
	config.n_services = 3;
}

static void
who_has_left_the_file_makes_room(void **state)
{
	struct buf b;

	(void)state;
	begin();
	assert_int_equal(say_of_peer(admin("m2", ACCORD_DRAIN, 1)), 0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	fill("gone");
	order("server web/m1 drain", "nothing");
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	hears_reply("{\"text\":\"server m1 of service web: ready -> drain\"}");
	assert_int_equal(t.store.all.n, 2);
	fill("gone");
	assert_int_equal(say_of_peer(admin("m3", ACCORD_MAINT, 1)), 0);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m3", ACCORD_MAINT, 1);
	assert_int_equal(t.store.all.n, 3);
	finish();
}

static void
reset_brings_back_what_the_file_says(void **state)
{
	struct accord weight = admin("m2", 7, 3);
	struct buf b;

	(void)state;
	begin();
	weight.kind = ACCORD_WEIGHT;
	assert_int_equal(say_of_peer(admin("m1", ACCORD_MAINT, 5)), 0);
	assert_int_equal(say_of_peer(admin("m3", ACCORD_READY, 5)), 0);
	assert_int_equal(say_of_peer(weight), 0);
	for (int i = 0; i < 3; i++)
		(void)hears(t.relay_end, MSG_ACCORDS);
	order("server web reset", "nothing");
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m1", ACCORD_READY, 6);
	hears_accord(&b, "m2", ACCORD_AS_CONFIGURED, 4);
	assert_true(buf_is_done(&b));
	hears_reply(
	    "{\"text\":\"service web: as in the file again, 2 settings taken back\"}");
	order("server web/m1 reset", "nothing");
	hears_reply(
	    "{\"text\":\"server m1 of service web: as in the file, as it was\"}");
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
		struct accord a = admin("", ACCORD_DRAIN, 1);
		size_t index;

		(void)snprintf(a.server, sizeof(a.server), "m%03u", i);
		assert_int_equal(
		    shared_state_take(&t.store.all, &a, &index), 1);
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

/* It has not begun, and ends over what comes before; a reload. */
static void
another_failover_has_wanted_nothing(void **state)
{
	struct accord a = admin("m1", ACCORD_DRAIN, 0);
	struct state_store_setup setup;
	struct state_places places;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	want(1);
	(void)hears_for_peer(1);
	want(1);
	setup = t.store.setup;
	assert_int_equal(state_places_init(&places, setup.config), 0);
	state_store_follow(&t.store, &setup, &places);
	assert_int_equal(state_store_make(&t.store, &a), 0);
	assert_int_equal(channel_recv(t.failover_end, &got), -EAGAIN);
	finish();
}

/* Not even once; but what our file had is kept as the peer has it. */
static void
of_strangers_nothing_is_kept(void **state)
{
	struct accord a = admin("m1", ACCORD_DRAIN, 1);
	size_t index;
	struct buf b;

	(void)state;
	begin();
	assert_int_equal(say_of_peer(admin("m9", ACCORD_MAINT, 1)), 0);
	strcpy(a.subject, "gone");
	assert_int_equal(say_of_peer(a), 0);
	a.kind = ACCORD_ACTIVE; /* "store" is of a group */
	strcpy(a.subject, "store");
	a.value = 0;
	assert_int_equal(say_of_peer(a), 0);
	assert_int_equal(t.store.all.n, 0);
	assert_int_equal(t.store.strangers.left_out, 2);
	a = admin("m9", ACCORD_DRAIN, 1);
	assert_int_equal(shared_state_take(&t.store.all, &a, &index), 1);
	assert_int_equal(say_of_peer(admin("m9", ACCORD_MAINT, 2)), 0);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m9", ACCORD_MAINT, 2);
	/* The active one may be a server of the peer's file. */
	a = (struct accord){ .kind = ACCORD_ACTIVE_GROUP,
		.subject = "masters",
		.server = "m9",
		.epoch = 1 };
	assert_int_equal(say_of_peer(a), 0);
	b = hears(t.relay_end, MSG_ACCORDS);
	hears_accord(&b, "m9", 0, 1);
	finish();
}

/* And it is told what holds. */
static void
a_lie_of_the_peer_changes_nothing(void **state)
{
	struct accord a;
	struct buf b;

	(void)state;
	begin();
	fd_close(&t.relay.channel);
	order("server web/m1 drain",
	    "{\"text\":\"server m1 of service web: ready -> drain\"}");
	want(1);
	(void)hears_for_peer(1);
	want(1);
	(void)hears_for_peer(1);
	want(1);
	assert_int_equal(
	    say_of_peer(admin("m1", ACCORD_MAINT, ACCORD_EPOCH_MAX)), 0);
	b = hears_for_peer(1);
	hears_accord(&b, "m1", ACCORD_DRAIN, 1);
	/* What was said here is said again, where an older word is taken for
	 * the newer one. */
	t.store.all.all[0].epoch = 2 * ACCORD_EPOCH_REACH;
	want(1);
	assert_int_equal(say_of_peer(admin("m1", ACCORD_READY, 7)), 0);
	b = hears_for_peer(1);
	hears_accord(&b, "m1", ACCORD_DRAIN, 8);
	/* Nobody says in our name that an operator was here. */
	a = admin("m2", ACCORD_MAINT, 1);
	a.node = 1;
	fd_close(&t.relay_end);
	connect_role(&t.relay, &t.relay_end);
	assert_int_equal(say_of_peer(a), 0);
	b = hears(t.relay_end, MSG_ACCORDS);
	assert_int_equal(accord_get(&b, &a), 0);
	assert_int_equal(a.node, 0);
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

/* The text of all of it is made once for many changes, and not for each. */
static void
many_changes_are_written_at_once(void **state)
{
	(void)state;
	begin();
	assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 1)), 0);
	assert_false(t.store.write_owed);
	assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 2)), 0);
	assert_true(t.store.write_owed);
	assert_true(ev_is_active(&t.store.write));
	ev_invoke(t.store.setup.loop, &t.store.write, EV_TIMER);
	assert_false(t.store.write_owed);
	/* Who is told that it is done does not lose it with the process. */
	assert_int_equal(say_of_peer(admin("m1", ACCORD_DRAIN, 3)), 0);
	order("server web/m1 ready", "nothing");
	assert_false(t.store.write_owed);
	while (channel_recv(t.relay_end, &got) == 1)
		fd_close(&got.fd);
	finish();
}

static void
a_reason_is_kept_and_told(void **state)
{
	struct accord a;
	struct buf b;

	(void)state;
	begin();
	order("server web/m1 drain reason=a disk", "nothing");
	b = hears(t.relay_end, MSG_ACCORDS);
	assert_int_equal(accord_get(&b, &a), 0);
	assert_string_equal(a.said.reason, "a disk");
	assert_true(a.said.wall_ms > 0);
	hears_reply(
	    "{\"text\":\"server m1 of service web: ready -> drain, reason: a disk\"}");
	want(1);
	hears_known(false);
	b = hears_for_peer(1);
	assert_int_equal(accord_get(&b, &a), 0);
	assert_string_equal(a.said.reason, "a disk");
	finish();
}

/* An earlier version says no time and no reason, and fits more into a packet.
 */
static void
what_becomes_longer_on_its_way_goes_in_turn(void **state)
{
	struct buf w = BUF_WRITER(CHANNEL_BODY_MAX);
	unsigned n = 0, packets = 0;
	struct accord a;
	size_t index;

	(void)state;
	begin();
	for (unsigned i = 0; w.len - w.pos > 40; i++) {
		const size_t at = w.pos;

		a = admin("", ACCORD_DRAIN, 1);
		(void)snprintf(a.server, sizeof(a.server), "m%03u", i);
		assert_int_equal(
		    shared_state_take(&t.store.all, &a, &index), 1);
		a.epoch = 2;
		accord_put(&w, &a);
		w.pos -= 8 + 2;
		w.data[at] = (uint8_t)(w.data[at] - (8 + 2));
		n++;
	}
	assert_int_equal(say(&t.failover, MSG_ACCORDS, &w), 0);
	while (channel_recv(t.relay_end, &got) == 1) {
		struct buf b = buf_reader(got.body, got.len);

		packets++;
		for (; b.pos < b.len; n--)
			assert_int_equal(accord_get(&b, &a), 0);
	}
	assert_int_equal(n, 0);
	assert_int_equal(packets, 2);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_goes_to_the_relay_and_then_its_answer),
		cmocka_unit_test(a_word_is_kept_while_no_relay_runs),
		cmocka_unit_test(who_shall_be_active_is_the_relays_to_say),
		cmocka_unit_test(a_word_is_above_the_highest_epoch),
		cmocka_unit_test(what_cannot_be_kept_is_said),
		cmocka_unit_test(who_has_left_the_file_makes_room),
		cmocka_unit_test(reset_brings_back_what_the_file_says),
		cmocka_unit_test(news_of_the_peer_goes_to_the_relay_once),
		cmocka_unit_test(a_relay_that_begins_is_told_all),
		cmocka_unit_test(the_peer_is_told_when_failover_wants_it),
		cmocka_unit_test(another_wire_or_failover_is_told_all_again),
		cmocka_unit_test(the_peer_may_speak_first),
		cmocka_unit_test(more_than_fits_is_told_in_turn),
		cmocka_unit_test(a_reason_is_kept_and_told),
		cmocka_unit_test(what_becomes_longer_on_its_way_goes_in_turn),
		cmocka_unit_test(another_failover_has_wanted_nothing),
		cmocka_unit_test(of_strangers_nothing_is_kept),
		cmocka_unit_test(a_lie_of_the_peer_changes_nothing),
		cmocka_unit_test(what_nobody_may_say_is_refused),
		cmocka_unit_test(it_is_there_after_the_end),
		cmocka_unit_test(many_changes_are_written_at_once),
	};

	TEST_MAIN(tests);
}
