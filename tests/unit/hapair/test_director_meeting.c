/* The director's introductions, with the test at all ends. */
#include "hapair/supervisor/director_meeting.h"

#include "core/buf.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILOVER_ID 0x80000000u
#define RELAY_ID 0xc0000000u

static struct {
	struct ev_loop *loop;
	struct director_meeting failover, relay;
	struct child roles[3]; /* by enum msg_rights_party, less one */
	int ends[3];
} t;

static struct child *
role(enum msg_rights_party party)
{
	return &t.roles[party - 1];
}

static int
end_of(enum msg_rights_party party)
{
	return t.ends[party - 1];
}

static void
connect_role(enum msg_rights_party party, const char *name)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	*role(party) =
	    (struct child){ .name = name, .party = party, .channel = ends[0] };
	t.ends[party - 1] = ends[1];
}

static void
begin(void)
{
	t.loop = ev_default_loop(0);
	connect_role(MSG_RIGHTS_FAILOVER, "failover");
	connect_role(MSG_RIGHTS_RELAY, "relay");
	connect_role(MSG_RIGHTS_DIRECTOR, "director");
	director_meeting_init(&t.failover, t.loop, role(MSG_RIGHTS_DIRECTOR),
	    role(MSG_RIGHTS_FAILOVER));
	director_meeting_init(&t.relay, t.loop, role(MSG_RIGHTS_DIRECTOR),
	    role(MSG_RIGHTS_RELAY));
}

static void
finish(void)
{
	director_meeting_stop(&t.failover);
	director_meeting_stop(&t.relay);
	for (unsigned i = 0; i < ARRAY_LEN(t.roles); i++) {
		fd_close(&t.roles[i].channel);
		fd_close(&t.ends[i]);
	}
}

/* The number of the introduction that has arrived, 0: none. */
static uint32_t
introduced(enum msg_rights_party party, enum msg_type type)
{
	static struct channel_packet p;
	struct msg_ask m;
	struct buf b;

	if (channel_recv(end_of(party), &p) != 1)
		return 0;
	assert_int_equal(p.type, type);
	assert_int_not_equal(p.fd, -1);
	fd_close(&p.fd);
	b = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_ask(&b, &m), 0);
	return m.id;
}

/* Returns what the channel says of it. */
static int
say_lost(struct director_meeting *c, const struct child *who, uint32_t id,
    bool refused)
{
	struct channel_packet p = { .type = MSG_SIBLING_LOST, .fd = -1 };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_lost(&b, &(struct msg_lost){ .id = id, .refused = refused });
	p.len = b.pos;
	return director_meeting_take_lost(c, who, &p);
}

/* Until nothing is due any more. */
static void
turn(void)
{
	while (ev_is_active(&t.failover.again) || ev_is_active(&t.relay.again))
		(void)ev_run(t.loop, EVRUN_ONCE);
}

static void
both_others_are_introduced(void **state)
{
	(void)state;
	begin();
	director_meeting_make(&t.failover);
	director_meeting_make(&t.relay);
	assert_int_equal(introduced(MSG_RIGHTS_DIRECTOR, MSG_FAILOVER_CHANNEL),
	    FAILOVER_ID + 1);
	assert_int_equal(
	    introduced(MSG_RIGHTS_DIRECTOR, MSG_RELAY_CHANNEL), RELAY_ID + 1);
	assert_int_equal(introduced(MSG_RIGHTS_FAILOVER, MSG_DIRECTOR_CHANNEL),
	    FAILOVER_ID + 1);
	assert_int_equal(
	    introduced(MSG_RIGHTS_RELAY, MSG_DIRECTOR_CHANNEL), RELAY_ID + 1);
	fd_close(&role(MSG_RIGHTS_RELAY)->channel);
	director_meeting_make(&t.relay);
	assert_int_equal(introduced(MSG_RIGHTS_DIRECTOR, MSG_RELAY_CHANNEL), 0);
	finish();
}

static void
a_loss_is_known_by_its_number(void **state)
{
	const struct child *director = role(MSG_RIGHTS_DIRECTOR);

	(void)state;
	begin();
	director_meeting_make(&t.failover);
	director_meeting_make(&t.relay);
	/* Of failover and the relay, which is another's to mend. */
	assert_int_equal(say_lost(&t.failover, director, 1, false), 0);
	assert_int_equal(
	    say_lost(&t.failover, director, RELAY_ID + 1, false), 0);
	assert_int_equal(say_lost(&t.relay, director, RELAY_ID + 1, false), 1);
	/* The other end says so, too, and what is not about it may not. */
	assert_int_equal(
	    say_lost(&t.relay, role(MSG_RIGHTS_RELAY), RELAY_ID + 1, true), 1);
	assert_int_equal(
	    say_lost(&t.relay, role(MSG_RIGHTS_FAILOVER), RELAY_ID + 1, false),
	    -EBADMSG);
	turn();
	assert_int_equal(
	    introduced(MSG_RIGHTS_RELAY, MSG_DIRECTOR_CHANNEL), RELAY_ID + 1);
	assert_int_equal(
	    introduced(MSG_RIGHTS_RELAY, MSG_DIRECTOR_CHANNEL), RELAY_ID + 2);
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

/* Whoever it is that refuses: neither failover nor the relay is restarted. */
static void
a_director_that_is_refused_is_restarted(void **state)
{
	struct child *director = role(MSG_RIGHTS_DIRECTOR);

	(void)state;
	begin();
	director_meeting_make(&t.failover);
	director->pid = start_process();
	assert_int_equal(say_lost(&t.failover, role(MSG_RIGHTS_FAILOVER),
	                     FAILOVER_ID + 1, true),
	    1);
	assert_killed(director->pid);
	finish();
}

static void
it_is_not_introduced_for_ever(void **state)
{
	struct child *director = role(MSG_RIGHTS_DIRECTOR);

	(void)state;
	begin();
	director_meeting_make(&t.relay);
	director->pid = start_process();
	for (uint32_t n = 1; n <= 4; n++) {
		assert_int_equal(kill(director->pid, 0), 0);
		assert_int_equal(
		    say_lost(&t.relay, director, RELAY_ID + n, true), 1);
		turn();
	}
	assert_killed(director->pid);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_others_are_introduced),
		cmocka_unit_test(a_loss_is_known_by_its_number),
		cmocka_unit_test(a_director_that_is_refused_is_restarted),
		cmocka_unit_test(it_is_not_introduced_for_ever),
	};

	TEST_MAIN(tests);
}
