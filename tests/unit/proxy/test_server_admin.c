/*
 * What the supervisor says of servers, and what becomes of it in the pools and
 * in the standby services, with the test as the supervisor.
 */
#include "proxy/control/server_admin.h"

#include "config/config.h"
#include "core/accord.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/msg.h"
#include "proxy/control/standby_run.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICES 2

static struct config_server servers[] = {
	{ .name = "m1", .weight = 5 },
	{ .name = "m2", .weight = 1 },
};
static struct config_service services[SERVICES];
static struct config config = { .services = services, .n_services = SERVICES };
static struct msg_group groups[1];
static struct pool pools[SERVICES];
static struct services served;
static struct server_admin admin;
static int supervisor; /* its end of the channel */

static struct channel_packet got;

/* A balanced service and one of mode standby, all servers up. */
static void
begin_with(int node, const char *with_fence)
{
	struct standby_run_setup setup = { .loop = ev_default_loop(0),
		.config = &config,
		.services = &served,
		.groups = groups,
		.node = node };
	int ends[2];

	services[0] = (struct config_service){
		.name = "web", .servers = servers, .n_servers = 2
	};
	services[1] = services[0];
	services[1].name = "store";
	services[1].mode = CONFIG_MODE_STANDBY;
	services[1].fence = with_fence;
	for (unsigned i = 0; i < SERVICES; i++) {
		assert_int_equal(
		    pool_init(&pools[i], &services[i], i, 2 * i), 0);
		for (unsigned k = 0; k < 2; k++) {
			pools[i].servers[k].has_address = true;
			pool_set_state(&pools[i], &pools[i].servers[k],
			    SERVER_UP, mono_now());
		}
	}
	served = (struct services){ .shared = {
		                        .pools = pools, .n_pools = SERVICES } };
	assert_int_equal(channel_pair(ends), 0);
	setup.supervisor = ends[0];
	supervisor = ends[1];
	assert_int_equal(server_admin_init(&admin, &setup), 0);
	standby_run_look(admin.standby_run, 1);
}

static void
begin(int node)
{
	begin_with(node, NULL);
}

static void
finish(void)
{
	assert_int_equal(channel_recv(supervisor, &got), -EAGAIN);
	server_admin_fini(&admin);
	for (unsigned i = 0; i < SERVICES; i++)
		pool_fini(&pools[i]);
	fd_close(&admin.setup.supervisor);
	fd_close(&supervisor);
}

static int
say(enum msg_type type, const struct buf *b)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = -1 };

	p.len = b->pos;
	memcpy(p.body, b->data, p.len);
	return server_admin_take(&admin, &p);
}

static int
say_accord(enum accord_kind kind, const char *subject, const char *server,
    uint16_t value, uint64_t epoch)
{
	struct accord a = { .kind = kind, .value = value, .epoch = epoch };
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));

	(void)snprintf(a.subject, sizeof(a.subject), "%s", subject);
	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	accord_put(&b, &a);
	return say(MSG_ACCORDS, &b);
}

/* Turns the loop until the server has nobody any more, or patience ends. */
static bool
is_cut_soon(struct pool *p, int server, const struct pool_waiter *w)
{
	const struct mono end = mono_add_ms(mono_now(), 10000);

	while (!pool_is_cut(p, server, w) && mono_before(mono_now(), end))
		ev_run(ev_default_loop(0), EVRUN_ONCE);
	return pool_is_cut(p, server, w);
}

static int
say_chosen(uint16_t service, uint16_t server, uint64_t epoch)
{
	const struct msg_active m = {
		.service = service, .server = server, .epoch = epoch
	};
	uint8_t room[16];
	struct buf b = buf_writer(room, sizeof(room));

	msg_put_active(&b, &m);
	return say(MSG_CHOSEN, &b);
}

/* ACTIVATE or REPLY, and what the operator reads of it. */
static void
say_with_socket(
    enum msg_type type, const void *body, size_t len, const char *told)
{
	struct channel_packet p = { .type = (uint16_t)type, .len = len };
	char text[512] = "";
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	p.fd = ends[0];
	memcpy(p.body, body, len);
	assert_int_equal(server_admin_take(&admin, &p), 0);
	assert_int_equal(p.fd, -1);
	assert_true(read(ends[1], text, sizeof(text) - 1) > 0);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, told);
	fd_close(&ends[1]);
}

static void
ask(uint16_t service, uint16_t server, const char *told)
{
	const struct msg_active m = { .service = service, .server = server };
	uint8_t room[16];
	struct buf b = buf_writer(room, sizeof(room));

	msg_put_active(&b, &m);
	say_with_socket(MSG_ACTIVATE, room, b.pos, told);
}

static void
hears_chosen(uint16_t service, uint16_t server)
{
	struct msg_active m;
	struct buf b;

	assert_int_equal(channel_recv(supervisor, &got), 1);
	assert_int_equal(got.type, MSG_CHOSEN);
	b = buf_reader(got.body, got.len);
	assert_int_equal(msg_get_active(&b, &m), 0);
	assert_int_equal(m.service, service);
	assert_int_equal(m.server, server);
}

static void
assert_server(unsigned i, enum accord_admin is, uint32_t weight)
{
	struct pool_view view;

	pool_look(&pools[0], &pools[0].servers[i], &view);
	assert_int_equal(view.admin, is);
	assert_int_equal(view.weight, weight);
}

static void
what_is_agreed_on_is_so(void **state)
{
	static const struct row {
		enum accord_kind kind;
		const char *service, *server;
		uint16_t value;
		enum accord_admin admin; /* of m1, then */
		uint32_t weight;
	} rows[] = {
		{ ACCORD_ADMIN, "web", "m1", ACCORD_DRAIN, ACCORD_DRAIN, 5 },
		{ ACCORD_WEIGHT, "web", "m1", 0, ACCORD_DRAIN, 0 },
		{ ACCORD_WEIGHT, "web", "m1", 256, ACCORD_DRAIN, 256 },
		{ ACCORD_ADMIN, "web", "m1", ACCORD_MAINT, ACCORD_MAINT, 256 },
		{ ACCORD_ADMIN, "web", "m1", ACCORD_MAINT, ACCORD_MAINT, 256 },
		{ ACCORD_ADMIN, "web", "m9", ACCORD_DRAIN, ACCORD_MAINT, 256 },
		{ ACCORD_ADMIN, "wep", "m1", ACCORD_DRAIN, ACCORD_MAINT, 256 },
		{ ACCORD_ADMIN, "store", "m1", ACCORD_DRAIN, ACCORD_MAINT,
		    256 },
		{ ACCORD_ACTIVE, "web", "m1", 0, ACCORD_MAINT, 256 },
		{ ACCORD_WEIGHT, "web", "m1", ACCORD_AS_CONFIGURED,
		    ACCORD_MAINT, 5 },
		{ ACCORD_ADMIN, "web", "m1", ACCORD_READY, ACCORD_READY, 5 },
	};

	(void)state;
	begin(-1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];

		test_row(r->server);
		assert_int_equal(
		    say_accord(r->kind, r->service, r->server, r->value, 1), 0);
		assert_server(0, r->admin, r->weight);
		assert_server(1, ACCORD_READY, 1);
	}
	finish();
}

static void
what_makes_no_sense_is_refused(void **state)
{
	uint8_t room[64] = { 0 };
	struct buf junk = buf_writer(room, sizeof(room));
	struct server_admin early = { .standby_run = NULL };

	(void)state;
	begin(-1);
	junk.pos = 9;
	assert_int_equal(say(MSG_ACCORDS, &junk), -EBADMSG);
	assert_int_equal(say(MSG_KNOWN, &junk), -EBADMSG);
	assert_int_equal(say(MSG_FENCED, &junk), -EBADMSG);
	assert_int_equal(say(MSG_CHOSEN, &junk), -EBADMSG);
	assert_int_equal(say(MSG_ACTIVATE, &junk), -EBADMSG);
	assert_int_equal(say(MSG_REPLY, &junk), -EBADMSG); /* to whom? */
	assert_int_equal(say(MSG_PEER, &junk), -EBADMSG);
	assert_int_equal(say_chosen(1, 1, 1), -EBADMSG); /* not asked */
	assert_int_equal(say_chosen(0, 0, 1), -EBADMSG);
	assert_int_equal(say_chosen(9, 0, 1), -EBADMSG);
	got = (struct channel_packet){ .type = MSG_ACCORDS, .fd = -1 };
	assert_int_equal(server_admin_take(&early, &got), -EBADMSG);
	finish();
}

static void
a_reply_is_passed_on_as_it_is(void **state)
{
	static const char text[] = "{\"text\":\"so it is\"}";

	(void)state;
	begin(-1);
	say_with_socket(MSG_REPLY, text, sizeof(text) - 1, text);
	finish();
}

/* Who is asked for is active at once; the supervisor's answer has the epoch. */
static void
an_operator_makes_one_active(void **state)
{
	(void)state;
	begin(-1);
	ask(0, 1,
	    "{\"error\":\"server m2 of service web: its service is not one of mode standby\"}");
	ask(1, 0,
	    "{\"error\":\"server m1 of service store: it is active already\"}");
	ask(1, 1, "{\"text\":\"server m2 of service store: active\"}");
	hears_chosen(1, 1);
	assert_int_equal(pools[1].active, 1);
	assert_int_equal(say_chosen(1, 1, 7), 0);
	assert_int_equal(pools[1].active, 1);
	assert_int_equal(standby_run_standby(admin.standby_run, 1)->epoch, 7);
	finish();
}

static void
what_is_not_agreed_on_is_taken_back(void **state)
{
	(void)state;
	begin(-1);
	ask(1, 1, "{\"text\":\"server m2 of service store: active\"}");
	hears_chosen(1, 1);
	/* What is told meanwhile is in the answer, too. */
	assert_int_equal(say_accord(ACCORD_ACTIVE, "store", "m1", 0, 3), 0);
	assert_int_equal(pools[1].active, 1);
	assert_int_equal(say_chosen(1, 0, 3), 0);
	assert_int_equal(pools[1].active, 0);
	assert_int_equal(standby_run_standby(admin.standby_run, 1)->epoch, 3);
	finish();
}

/* Of two choices in a row the first one's answer is old. */
static void
the_last_answer_holds(void **state)
{
	(void)state;
	begin(-1);
	ask(1, 1, "{\"text\":\"server m2 of service store: active\"}");
	ask(1, 0, "{\"text\":\"server m1 of service store: active\"}");
	hears_chosen(1, 1);
	hears_chosen(1, 0);
	assert_int_equal(say_chosen(1, 1, 1), 0);
	assert_int_equal(pools[1].active, 0);
	assert_int_equal(say_chosen(1, 0, 2), 0);
	assert_int_equal(pools[1].active, 0);
	assert_int_equal(standby_run_standby(admin.standby_run, 1)->epoch, 2);
	finish();
}

static void
the_other_node_decides(void **state)
{
	(void)state;
	begin(1);
	ask(1, 1,
	    "{\"error\":\"server m2 of service store: the other node decides, ask there\"}");
	assert_int_equal(say_accord(ACCORD_ACTIVE, "store", "m2", 0, 4), 0);
	assert_int_equal(pools[1].active, 1);
	assert_int_equal(say_accord(ACCORD_ACTIVE, "store", "m7", 0, 5), 0);
	assert_int_equal(pools[1].active, 1);
	finish();
}

/* What the operator reads when the fence has ended so. */
static void
activate_beside_a_fence(bool passed, const char *fault, const char *told)
{
	const struct msg_active m = { .service = 1, .server = 1 };
	struct msg_fenced fenced = { .id = 1, .passed = passed };
	struct channel_packet p = { .type = MSG_ACTIVATE };
	struct buf b = buf_writer(p.body, sizeof(p.body));
	uint8_t room[8 + MSG_TEXT_MAX];
	char text[512] = "";
	int ends[2];

	(void)snprintf(fenced.fault, sizeof(fenced.fault), "%s", fault);
	begin_with(-1, "/bin/true");
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	msg_put_active(&b, &m);
	p.len = b.pos;
	p.fd = ends[0];
	assert_int_equal(server_admin_take(&admin, &p), 0);
	assert_int_equal(channel_recv(supervisor, &got), 1);
	assert_int_equal(got.type, MSG_FENCE);
	assert_int_not_equal(pools[1].active, 1);
	ask(1, 1,
	    "{\"error\":\"server m2 of service store: a change is under way, and its fence has not ended\"}");
	(void)ev_run(ev_default_loop(0), EVRUN_ONCE);
	assert_int_equal(read(ends[1], text, sizeof(text)), -1);
	b = buf_writer(room, sizeof(room));
	msg_put_fenced(&b, &fenced);
	assert_int_equal(say(MSG_FENCED, &b), 0);
	while (read(ends[1], text, sizeof(text) - 1) == -1)
		(void)ev_run(ev_default_loop(0), EVRUN_ONCE);
	assert_string_equal(text, told);
	fd_close(&ends[1]);
}

static void
an_operator_waits_for_the_fence(void **state)
{
	(void)state;
	activate_beside_a_fence(
	    true, "", "{\"text\":\"server m2 of service store: active\"}");
	hears_chosen(1, 1);
	assert_int_equal(pools[1].active, 1);
	assert_int_equal(say_chosen(1, 1, 1), 0);
	finish();
}

/* Its connections end then, and those of no other. */
static void
who_drains_for_longer_than_he_may_is_cut(void **state)
{
	struct pool_waiter waiters[2] = { 0 };

	(void)state;
	config.drain_ms = 20;
	begin(0);
	for (int i = 0; i < 2; i++)
		pool_enter(&pools[0], i, &waiters[i]);
	assert_int_equal(
	    say_accord(ACCORD_ADMIN, "web", "m1", ACCORD_DRAIN, 1), 0);
	assert_false(pool_is_cut(&pools[0], 0, &waiters[0]));
	assert_true(is_cut_soon(&pools[0], 0, &waiters[0]));
	assert_false(pool_is_cut(&pools[0], 1, &waiters[1]));
	assert_true(pools[0].servers[0].drain_is_over);
	assert_false(ev_is_active(&admin.drain.look));
	/* Once: who comes back later has a place like any other. */
	pool_enter(&pools[0], 0, &waiters[0]);
	drain_limit_look(&admin.drain, &pools[0], &pools[0].servers[0]);
	assert_false(pool_is_cut(&pools[0], 0, &waiters[0]));
	assert_int_equal(
	    say_accord(ACCORD_ADMIN, "web", "m1", ACCORD_READY, 2), 0);
	assert_false(pools[0].servers[0].drain_is_over);
	assert_true(mono_is_never(pools[0].servers[0].drained_since));
	finish();
	config.drain_ms = 0;
}

/* A word taken back in time, and a server that is not drained but told so by
 * the relay before: nothing ends. */
static void
who_is_ready_again_keeps_his_clients(void **state)
{
	struct pool_waiter waiter = { 0 };

	(void)state;
	config.drain_ms = 60000;
	begin(0);
	pool_enter(&pools[0], 0, &waiter);
	assert_int_equal(
	    say_accord(ACCORD_ADMIN, "web", "m1", ACCORD_DRAIN, 1), 0);
	assert_true(ev_is_active(&admin.drain.look));
	assert_int_equal(
	    say_accord(ACCORD_ADMIN, "web", "m1", ACCORD_READY, 2), 0);
	/* It looks once more, and finds none. */
	while (ev_is_active(&admin.drain.look))
		(void)ev_run(ev_default_loop(0), EVRUN_ONCE);
	assert_false(pool_is_cut(&pools[0], 0, &waiter));
	/* From when it was drained, which may be long ago. */
	assert_int_equal(
	    say_accord(ACCORD_ADMIN, "web", "m1", ACCORD_DRAIN, 3), 0);
	pools[0].servers[0].drained_since = mono_add_ms(mono_now(), -60001);
	assert_true(is_cut_soon(&pools[0], 0, &waiter));
	finish();
	config.drain_ms = 0;
}

static void
an_operator_hears_that_the_fence_failed(void **state)
{
	(void)state;
	activate_beside_a_fence(false, "",
	    "{\"error\":\"server m2 of service store: its fence failed, and m1 stays active; the log tells how\"}");
	assert_int_not_equal(pools[1].active, 1);
	finish();
	activate_beside_a_fence(false, "status 1, its last words: 'no route'",
	    "{\"error\":\"server m2 of service store: its fence failed, and m1 stays active: status 1, its last words: 'no route'\"}");
	assert_text(standby_run_fault(admin.standby_run, 1),
	    "status 1, its last words: 'no route'");
	finish();
}

/* Each about its own: a weight is no reason to be in maintenance. */
static void
who_said_it_when_and_why_is_known(void **state)
{
	const struct pool_server *s;
	struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.server = "m1",
		.value = ACCORD_MAINT,
		.epoch = 1,
		.node = 1,
		.said = { 5, "a disk" } };
	uint8_t room[2 * ACCORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));

	(void)state;
	begin(-1);
	s = &pools[0].servers[0];
	assert_int_equal(s->admin_word.by, 0);
	accord_put(&b, &a);
	a.kind = ACCORD_WEIGHT;
	a.node = 0;
	a.said = (struct accord_said){ 6, "too slow" };
	accord_put(&b, &a);
	assert_int_equal(say(MSG_ACCORDS, &b), 0);
	assert_int_equal(s->admin_word.by, 2);
	assert_int_equal(s->admin_word.said.wall_ms, 5);
	assert_string_equal(s->admin_word.said.reason, "a disk");
	assert_int_equal(s->weight_word.by, 1);
	assert_string_equal(s->weight_word.said.reason, "too slow");
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_drains_for_longer_than_he_may_is_cut),
		cmocka_unit_test(who_is_ready_again_keeps_his_clients),
		cmocka_unit_test(what_is_agreed_on_is_so),
		cmocka_unit_test(who_said_it_when_and_why_is_known),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_reply_is_passed_on_as_it_is),
		cmocka_unit_test(an_operator_makes_one_active),
		cmocka_unit_test(what_is_not_agreed_on_is_taken_back),
		cmocka_unit_test(the_last_answer_holds),
		cmocka_unit_test(the_other_node_decides),
		cmocka_unit_test(an_operator_waits_for_the_fence),
		cmocka_unit_test(an_operator_hears_that_the_fence_failed),
	};

	TEST_MAIN(tests);
}
