/* The supervisor's store, with the test at the other ends of its channels. */
#include "hapair/supervisor/state_store.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/state_file.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config_server servers[] = {
	{ .name = "m1", .weight = 1 },
	{ .name = "m2", .weight = 1 },
};
static struct config_group group = { .name = "main" };
static struct config_service services[] = {
	{ .name = "web", .servers = servers, .n_servers = 2 },
	{ "store", .mode = CONFIG_MODE_STANDBY, .standby_group = "masters",
	    .servers = servers, .n_servers = 2 },
	{ "catalog", .mode = CONFIG_MODE_STANDBY, .standby_group = "masters",
	    .servers = servers, .n_servers = 2 },
};
static struct config config = { .services = services,
	.n_services = 3,
	.has_pair = true,
	.pair = { .groups = &group, .n_groups = 1 } };
static struct msg_group groups[1];

static struct {
	struct state_store store;
	struct child failover, relay;
	int failover_end, relay_end;
} t;

static struct channel_packet got;

static void
connect_role(struct child *role, int *ret_end)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	*role = (struct child){ .name = "role", .channel = ends[0] };
	*ret_end = ends[1];
}

static void
begin_with(const char *directory, int node)
{
	const struct state_store_setup setup = { ev_default_loop(0), &config,
		node, directory, groups, &t.failover, &t.relay };

	groups[0].state = MSG_GROUP_BACKUP;
	connect_role(&t.failover, &t.failover_end);
	connect_role(&t.relay, &t.relay_end);
	assert_int_equal(state_store_init(&t.store, &setup), 0);
}

static void
begin(void)
{
	begin_with(NULL, 1);
}

static void
finish(void)
{
	assert_true(channel_recv(t.failover_end, &got) <= 0); /* no more */
	assert_true(channel_recv(t.relay_end, &got) <= 0);
	state_store_fini(&t.store);
	fd_close(&t.failover.channel);
	fd_close(&t.relay.channel);
	fd_close(&t.failover_end);
	fd_close(&t.relay_end);
}

/* What a role says, of a body that is put. */
static int
say(struct child *role, enum msg_type type, const struct buf *b)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = -1 };

	p.len = b != NULL ? b->pos : 0;
	if (p.len > 0)
		memcpy(p.body, b->data, p.len);
	return state_store_take(&t.store, role, &p);
}

/* A message of these fields, by this role. */
#define SAY(role, type, kind, ...)                                             \
	({                                                                     \
		uint8_t room[64];                                              \
		struct buf b = buf_writer(room, sizeof(room));                 \
		msg_put_##kind(&b, &(struct msg_##kind){ __VA_ARGS__ });       \
		say(role, type, &b);                                           \
	})

static void
want(uint32_t wire)
{
	assert_int_equal(SAY(&t.failover, MSG_WANTED, ask, .id = wire), 0);
}

static int
choose(uint16_t service, uint16_t server)
{
	return SAY(
	    &t.relay, MSG_CHOSEN, active, .service = service, .server = server);
}

static struct accord
admin(const char *server, uint16_t value, uint64_t epoch)
{
	struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.value = value,
		.epoch = epoch };

	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	return a;
}

static int
say_of_peer(struct accord a)
{
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));

	accord_put(&b, &a);
	return say(&t.failover, MSG_ACCORDS, &b);
}

/* The next that this role hears is this; its body. */
static struct buf
hears(int end, enum msg_type type)
{
	assert_int_equal(channel_recv(end, &got), 1);
	assert_int_equal(got.type, type);
	return buf_reader(got.body, got.len);
}

static void
hears_accord(struct buf *b, const char *server, unsigned value, uint64_t epoch)
{
	struct accord a;

	assert_int_equal(accord_get(b, &a), 0);
	assert_string_equal(a.server, server);
	assert_int_equal(a.value, value);
	assert_int_equal(a.epoch, epoch);
}

static void
hears_known(bool known)
{
	struct buf b = hears(t.relay_end, MSG_KNOWN);
	struct msg_known m;

	assert_int_equal(msg_get_known(&b, &m), 0);
	assert_int_equal(m.known, known);
}

static void
say_known(void)
{
	assert_int_equal(say(&t.failover, MSG_ACCORDS, NULL), 0);
	hears_known(true);
}

static void
hears_chosen(uint16_t service, uint16_t server, uint64_t epoch)
{
	struct buf b = hears(t.relay_end, MSG_CHOSEN);
	struct msg_active m;

	assert_int_equal(msg_get_active(&b, &m), 0);
	assert_int_equal(m.service, service);
	assert_int_equal(m.server, server);
	assert_int_equal(m.epoch, epoch);
}

static struct buf
hears_for_peer(uint32_t wire)
{
	struct buf b = hears(t.failover_end, MSG_FOR_PEER);

	assert_int_equal(buf_get_u32(&b), wire);
	return b;
}

/* What an operator is told: by us, or by the relay if it is there. */
static void
order(const char *request, const char *told)
{
	char text[512] = "";
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	state_store_obey(&t.store, request, &ends[0]);
	if (read(ends[1], text, sizeof(text) - 1) <= 0)
		strcpy(text, "nothing");
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, told);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
hears_reply(const char *text)
{
	(void)hears(t.relay_end, MSG_REPLY);
	assert_int_not_equal(got.fd, -1);
	fd_close(&got.fd);
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.body, text, got.len);
}

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

/* -- the active server -------------------------------------------------- */

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
	assert_int_equal(choose(1, 1), 0);
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
	t.store.choices[1].until = mono_now();
	state_store_look(&t.store);
	hears_chosen(1, 0, 0);
	assert_int_equal(t.store.all.n, 0);
	/* With what is agreed on, where there is something. */
	assert_int_equal(say_of_peer((struct accord){
	                     ACCORD_ACTIVE_GROUP, "masters", "m2", 0, 5, 0 }),
	    0);
	(void)hears(t.relay_end, MSG_ACCORDS);
	assert_int_equal(choose(1, 0), 0);
	t.store.choices[1].until = mono_now();
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
		cmocka_unit_test(a_choice_of_the_one_who_decides_is_agreed_on),
		cmocka_unit_test(an_early_choice_waits),
		cmocka_unit_test(a_choice_of_somebody_else_is_taken_back),
		cmocka_unit_test(without_a_pair_it_is_always_this_node),
		cmocka_unit_test(it_is_there_after_the_end),
	};

	TEST_MAIN(tests);
}
