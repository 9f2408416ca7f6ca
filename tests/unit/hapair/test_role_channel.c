/* The supervisor's introductions, with the test at the roles' ends. */
#include "hapair/supervisor/role_channel.h"

#include "core/buf.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OF_FAILOVER 0x80000000u
#define OF_RELAY 0xc0000000u

static struct {
	struct ev_loop *loop;
	struct role_channel role_channel, of_failover, of_relay;
	struct child failover, relay, director;
	int failover_end, relay_end, director_end;
} t;

static void
connect_role(struct child *role, const char *name, enum msg_rights_party party,
    int *ret_end)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	*role =
	    (struct child){ .name = name, .party = party, .channel = ends[0] };
	*ret_end = ends[1];
}

static void
begin(void)
{
	t.loop = ev_default_loop(0);
	connect_role(
	    &t.failover, "failover", MSG_RIGHTS_FAILOVER, &t.failover_end);
	connect_role(&t.relay, "relay", MSG_RIGHTS_RELAY, &t.relay_end);
	connect_role(
	    &t.director, "director", MSG_RIGHTS_DIRECTOR, &t.director_end);
	role_channel_init(&t.role_channel, t.loop, &t.failover, &t.relay);
	role_channel_init(&t.of_failover, t.loop, &t.failover, &t.director);
	role_channel_init(&t.of_relay, t.loop, &t.relay, &t.director);
}

static void
finish(void)
{
	role_channel_stop(&t.role_channel);
	role_channel_stop(&t.of_failover);
	role_channel_stop(&t.of_relay);
	fd_close(&t.failover.channel);
	fd_close(&t.relay.channel);
	fd_close(&t.director.channel);
	fd_close(&t.failover_end);
	fd_close(&t.relay_end);
	fd_close(&t.director_end);
}

/* The number of the introduction that has arrived, 0: none. */
static uint32_t
introduced_by(int end, enum msg_type type)
{
	static struct channel_packet p;
	struct msg_ask m;
	struct buf b;

	if (channel_recv(end, &p) != 1)
		return 0;
	assert_int_equal(p.type, type);
	assert_int_not_equal(p.fd, -1);
	fd_close(&p.fd);
	b = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_ask(&b, &m), 0);
	return m.id;
}

static uint32_t
introduced(int end)
{
	return introduced_by(end, MSG_SIBLING);
}

static void
assert_introduced(uint32_t id)
{
	assert_int_equal(introduced(t.failover_end), id);
	assert_int_equal(introduced(t.relay_end), id);
}

/* Returns what the channel says of it. */
static int
say_lost_of(
    struct role_channel *c, const struct child *who, uint32_t id, bool refused)
{
	struct channel_packet p = { .type = MSG_SIBLING_LOST, .fd = -1 };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_lost(&b, &(struct msg_lost){ .id = id, .refused = refused });
	p.len = b.pos;
	return role_channel_take_lost(c, who, &p);
}

static void
say_lost(const struct child *who, uint32_t id, bool refused)
{
	assert_int_equal(say_lost_of(&t.role_channel, who, id, refused), 1);
}

/* Until nothing is due any more. */
static void
turn(void)
{
	while (ev_is_active(&t.role_channel.again) ||
	    ev_is_active(&t.of_failover.again) ||
	    ev_is_active(&t.of_relay.again))
		(void)ev_run(t.loop, EVRUN_ONCE);
}

static void
two_that_live_are_introduced(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	assert_introduced(1);
	fd_close(&t.relay.channel);
	role_channel_make(&t.role_channel);
	assert_introduced(0);
	finish();
}

static void
after_a_loss_they_are_introduced_anew(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	assert_introduced(1);
	/* Both say so, and an earlier word comes late. */
	say_lost(&t.relay, 1, true);
	say_lost(&t.failover, 1, false);
	turn();
	assert_introduced(2);
	say_lost(&t.failover, 1, false);
	turn();
	assert_introduced(0);
	finish();
}

/* Its own end is reported soon, and its successor is introduced. */
static void
one_that_has_ended_is_not_introduced(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	assert_introduced(1);
	fd_close(&t.relay_end);
	say_lost(&t.failover, 1, false);
	turn();
	assert_int_equal(introduced(t.failover_end), 0);
	fd_close(&t.relay.channel);
	connect_role(&t.relay, "relay", MSG_RIGHTS_RELAY, &t.relay_end);
	role_channel_make(&t.role_channel);
	assert_introduced(3);
	finish();
}

static pid_t
start_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

static void
assert_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
a_relay_that_failover_refuses_is_restarted(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	assert_introduced(1);
	t.relay.pid = start_process();
	say_lost(&t.failover, 1, true);
	assert_killed(t.relay.pid);
	turn();
	assert_introduced(0);
	finish();
}

static void
they_are_not_introduced_for_ever(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	assert_introduced(1);
	t.relay.pid = start_process();
	for (uint32_t id = 1; id <= 3; id++) {
		say_lost(&t.relay, id, true);
		turn();
		assert_introduced(id + 1);
	}
	assert_int_equal(kill(t.relay.pid, 0), 0);
	say_lost(&t.relay, 4, true);
	turn();
	assert_introduced(0);
	assert_killed(t.relay.pid);
	finish();
}

static void
the_director_is_introduced_to_both_others(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.of_failover);
	role_channel_make(&t.of_relay);
	assert_int_equal(introduced_by(t.director_end, MSG_FAILOVER_CHANNEL),
	    OF_FAILOVER + 1);
	assert_int_equal(
	    introduced_by(t.director_end, MSG_RELAY_CHANNEL), OF_RELAY + 1);
	assert_int_equal(introduced_by(t.failover_end, MSG_DIRECTOR_CHANNEL),
	    OF_FAILOVER + 1);
	assert_int_equal(
	    introduced_by(t.relay_end, MSG_DIRECTOR_CHANNEL), OF_RELAY + 1);
	finish();
}

static void
a_loss_is_known_by_its_number(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.role_channel);
	role_channel_make(&t.of_relay);
	assert_introduced(1);
	/* Which is another's to mend. */
	assert_int_equal(say_lost_of(&t.of_failover, &t.director, 1, false), 0);
	assert_int_equal(
	    say_lost_of(&t.role_channel, &t.director, OF_RELAY + 1, false), 0);
	assert_int_equal(
	    say_lost_of(&t.of_relay, &t.director, OF_RELAY + 1, false), 1);
	/* What it is not about it may not say. */
	assert_int_equal(
	    say_lost_of(&t.of_relay, &t.failover, OF_RELAY + 1, false),
	    -EBADMSG);
	turn();
	assert_int_equal(
	    introduced_by(t.relay_end, MSG_DIRECTOR_CHANNEL), OF_RELAY + 1);
	assert_int_equal(
	    introduced_by(t.relay_end, MSG_DIRECTOR_CHANNEL), OF_RELAY + 2);
	finish();
}

/* Its own word may come first: it has seen the end of the channel, too. */
static void
a_director_that_is_refused_is_restarted(void **state)
{
	(void)state;
	begin();
	role_channel_make(&t.of_failover);
	t.director.pid = start_process();
	(void)say_lost_of(&t.of_failover, &t.director, OF_FAILOVER + 1, false);
	(void)say_lost_of(&t.of_failover, &t.failover, OF_FAILOVER + 1, true);
	assert_killed(t.director.pid);
	finish();
}

static void
nonsense_is_refused(void **state)
{
	struct channel_packet p = { .len = 4 };

	(void)state;
	begin();
	assert_int_equal(
	    role_channel_take_lost(&t.role_channel, &t.relay, &p), -EBADMSG);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_live_are_introduced),
		cmocka_unit_test(after_a_loss_they_are_introduced_anew),
		cmocka_unit_test(one_that_has_ended_is_not_introduced),
		cmocka_unit_test(a_relay_that_failover_refuses_is_restarted),
		cmocka_unit_test(they_are_not_introduced_for_ever),
		cmocka_unit_test(the_director_is_introduced_to_both_others),
		cmocka_unit_test(a_loss_is_known_by_its_number),
		cmocka_unit_test(a_director_that_is_refused_is_restarted),
		cmocka_unit_test(nonsense_is_refused),
	};

	TEST_MAIN(tests);
}
