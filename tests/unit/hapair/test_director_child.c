/* When a director begins and with what; the test is its process. */
#include "hapair/supervisor/director_child.h"

#include "config/config.h"
#include "core/fd.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/status_request.h"
#include "hapair/supervisor/supervisor.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const char yaml[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 192.0.2.1}\n"
    "    - {name: p2, address: 192.0.2.2}\n"
    "  key_file: /etc/hapair/pair.key\n"
    "  port: 18401\n"
    "  groups: {name: main, interface: eth0, addresses: 192.0.2.100/24}\n"
    "services:\n"
    "  - {name: s, path: kernel, listen: '192.0.2.100:80', servers: '192.0.2.31:80'}\n";

static struct {
	struct config *config;
	struct secret_keys keys;
	struct key_keeper keeper;
	struct supervisor_setup own;
	struct generation_change change;
	struct generation before, now;
	struct status_request status;
	int director, failover, relay; /* their ends, of `now` */
	struct channel_packet got;
} t;

static void
set_up_generation(struct generation *g)
{
	memset(g, 0, sizeof(*g));
	g->setup.config = t.config;
	g->setup.node = 0;
	g->setup.own = &t.own;
	g->setup.change = &t.change;
	g->setup.status = &t.status;
	g->failover = (struct child){
		.name = "failover", .party = MSG_RIGHTS_FAILOVER, .channel = -1
	};
	g->relay = (struct child){
		.name = "relay", .party = MSG_RIGHTS_RELAY, .channel = -1
	};
	director_child_init(&g->director, g);
}

static void
connect_child(struct child *r, int *ret_end)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	r->channel = ends[0];
	*ret_end = ends[1];
}

static void
set_up(void)
{
	t.config = from_yaml(yaml);
	t.keys = (struct secret_keys){ .n = 1 };
	t.keeper.keys = &t.keys;
	t.own.keys = &t.keeper;
	set_up_generation(&t.before);
	set_up_generation(&t.now);
	t.change = generation_change_none();
	LIST_INIT(&t.change.replaced);
	t.change.now = &t.now;
	LIST_INSERT_HEAD(&t.change.replaced, &t.before, replaced);
	connect_child(&t.now.director.child, &t.director);
	connect_child(&t.now.failover, &t.failover);
	connect_child(&t.now.relay, &t.relay);
}

static void
tear_down(void)
{
	t.before.director.child.pid = 0;
	director_child_fini(&t.before.director);
	director_child_fini(&t.now.director);
	fd_close(&t.now.failover.channel);
	fd_close(&t.now.relay.channel);
	fd_close(&t.director);
	fd_close(&t.failover);
	fd_close(&t.relay);
	config_free_at(&t.config);
}

/* The type of what has come; 0: nothing. */
static uint16_t
next(int end)
{
	if (channel_recv(end, &t.got) != 1)
		return 0;
	fd_close(&t.got.fd);
	return t.got.type;
}

static int
say(enum msg_type type)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = -1 };
	struct child *c = &t.now.director.child;

	return c->calls->on_packet(c->arg, c, &p);
}

static void
it_begins_when_the_one_before_has_gone(void **state)
{
	(void)state;
	set_up();
	t.now.begun = true;
	t.before.director.child.pid = 1; /* it has it to the end */
	assert_int_equal(say(MSG_PREPARED), 0);
	assert_int_equal(next(t.director), 0);
	t.before.director.child.pid = 0;
	director_child_look(&t.change);
	assert_int_equal(next(t.director), MSG_KEYS);
	assert_int_equal(next(t.director), MSG_STREAM_LISTENER);
	assert_int_equal(next(t.director), MSG_DIRECTOR_BEGIN);
	assert_int_equal(next(t.director), MSG_FAILOVER_CHANNEL);
	assert_int_equal(next(t.director), MSG_RELAY_CHANNEL);
	assert_int_equal(next(t.director), 0);
	assert_int_equal(next(t.failover), MSG_DIRECTOR_CHANNEL);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	/* Once. */
	director_child_look(&t.change);
	assert_int_equal(next(t.director), 0);
	tear_down();
}

/* What is not prepared is not told, and neither is a next one. */
static void
it_does_not_begin_before_its_turn(void **state)
{
	(void)state;
	set_up();
	director_child_look(&t.change);
	assert_int_equal(next(t.director), 0);
	t.change.now = &t.before;
	assert_int_equal(say(MSG_PREPARED), 0);
	assert_int_equal(next(t.director), 0);
	tear_down();
}

/* A failover that has not begun gets its end when it does; a relay at once. */
static void
who_starts_later_is_introduced_then(void **state)
{
	(void)state;
	set_up();
	assert_int_equal(say(MSG_PREPARED), 0);
	assert_int_equal(next(t.failover), 0);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	t.now.begun = true;
	director_child_meet(&t.now.director, &t.now.failover);
	assert_int_equal(next(t.failover), MSG_DIRECTOR_CHANNEL);
	director_child_meet(&t.now.director, &t.now.relay);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	tear_down();
}

/* They would end over a message that they do not know. */
static void
roles_of_an_earlier_program_hear_nothing(void **state)
{
	(void)state;
	set_up();
	t.now.begun = true;
	t.now.failover.adopted = t.now.relay.adopted = true;
	assert_int_equal(say(MSG_PREPARED), 0);
	assert_int_equal(next(t.relay), 0);
	assert_int_equal(next(t.failover), 0);
	t.now.director.carried = true;
	director_child_meet(&t.now.director, &t.now.relay);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	tear_down();
}

/* It has connections of an earlier file, which the relay shows. */
static void
a_relay_without_such_a_service_is_introduced(void **state)
{
	(void)state;
	set_up();
	t.config->services[0].path = CONFIG_PATH_RELAY;
	t.now.begun = true;
	assert_int_equal(say(MSG_PREPARED), 0);
	assert_int_equal(next(t.failover), MSG_DIRECTOR_CHANNEL);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	director_child_meet(&t.now.director, &t.now.relay);
	assert_int_equal(next(t.relay), MSG_DIRECTOR_CHANNEL);
	/* When it has tidied up it is not started again. */
	assert_int_equal(say(MSG_STOPPED), 0);
	assert_true(t.now.director.child.stopping);
	tear_down();
}

static void
what_it_may_not_say_is_refused(void **state)
{
	(void)state;
	set_up();
	assert_int_equal(say(MSG_GROUP), -EBADMSG);
	assert_int_equal(say(MSG_READY), 0);
	assert_true(t.now.director.child.ready);
	tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_when_the_one_before_has_gone),
		cmocka_unit_test(it_does_not_begin_before_its_turn),
		cmocka_unit_test(who_starts_later_is_introduced_then),
		cmocka_unit_test(roles_of_an_earlier_program_hear_nothing),
		cmocka_unit_test(a_relay_without_such_a_service_is_introduced),
		cmocka_unit_test(what_it_may_not_say_is_refused),
	};

	TEST_MAIN(tests);
}
