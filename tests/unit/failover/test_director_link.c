/*
 * What the director hears of a group, with the test as its director and as the
 * supervisor, and a node that is set by hand.
 */
#include "failover/director_link.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct role role;
static int supervisor, director; /* their ends of the channels */
static unsigned muted;           /* NODE_MUTED has come so often */
static struct channel_packet got;

static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	(void)arg;
	*ret_now = (struct node_now){ mono_now(), mono_boot_now() };
}

static int
carry_out(void *arg, const struct node_effect *e, const struct node_now *now)
{
	(void)arg;
	(void)e;
	(void)now;
	return 0;
}

static void
on_failed(void *arg, const struct node_event *ev)
{
	(void)arg;
	(void)ev;
}

static void
wake_at(void *arg, struct mono wake)
{
	struct node *n = &role.inbox.node;

	(void)arg;
	(void)wake;
	if (n->groups[0].handover.state != HANDOVER_SETTLING)
		return;
	muted++;
	n->groups[0].handover = handover_idle();
}

static struct election *
election(void)
{
	return &role.inbox.node.groups[0].election;
}

/* A channel from the supervisor, of which the test has the other end. */
static void
introduce(uint32_t id)
{
	static struct channel_packet p;
	struct buf b = buf_writer(p.body, sizeof(p.body));
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	fd_close(&director);
	director = ends[1];
	msg_put_ask(&b, &(struct msg_ask){ .id = id });
	p.len = b.pos;
	p.fd = ends[0];
	assert_int_equal(director_link_take(&role, &p), 0);
	assert_int_equal(p.fd, -1);
}

/* A backup whose peer was never heard. */
static void
begin(void)
{
	static const struct inbox_calls calls = { .clock = look_at_clock,
		.carry_out = carry_out,
		.failed = on_failed,
		.wake_at = wake_at };
	const struct node_config config = { .interval_ms = 20, .misses = 3 };
	const struct election_config c = { .dead_ms = 60 };
	int ends[2];

	memset(&role, 0, sizeof(role));
	muted = 0;
	director = -1;
	assert_int_equal(channel_pair(ends), 0);
	supervisor = ends[1];
	role.loop = ev_loop_new(EVFLAG_AUTO);
	ev_set_userdata(role.loop, &role);
	role.supervisor = ends[0];
	role.relay = -1;
	role.n_groups = 1;
	role.groups[0].role = &role;
	node_init(&role.inbox.node, &config, 1);
	node_add_group(&role.inbox.node, 1, true, &c, mono_now());
	inbox_init(&role.inbox, &calls, NULL);
	election()->state = ELECTION_BACKUP;
	assert_int_equal(director_link_new(&role), 0);
}

static void
finish(void)
{
	director_link_close(&role);
	fd_close(&director);
	fd_close(&supervisor);
	fd_close(&role.supervisor);
	ev_loop_destroy(role.loop);
}

static void
turn(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++, usleep(1000))
		(void)ev_run(role.loop, EVRUN_NOWAIT);
}

static struct buf
hears(enum msg_type type)
{
	assert_int_equal(channel_recv(director, &got), 1);
	assert_int_equal(got.type, type);
	return buf_reader(got.body, got.len);
}

static void
hears_no_more(void)
{
	assert_int_equal(channel_recv(director, &got), -EAGAIN);
}

static void
hears_life(bool dead)
{
	struct buf b = hears(MSG_PEER_LIFE);
	struct msg_kernel_life m;

	assert_int_equal(msg_kernel_get_life(&b, &m), 0);
	assert_int_equal(m.dead, dead);
}

static void
hears_claim(uint64_t term, bool peer_dead)
{
	struct buf b = hears(MSG_CLAIM);
	struct msg_kernel_claim m;

	assert_int_equal(msg_kernel_get_claim(&b, &m), 0);
	assert_int_equal(m.group, 0);
	assert_int_equal(m.term, term);
	assert_int_equal(m.peer_dead, peer_dead);
}

static void
hears_release(bool is_muted)
{
	struct buf b = hears(MSG_RELEASE);
	struct msg_kernel_release m;

	assert_int_equal(msg_kernel_get_release(&b, &m), 0);
	assert_int_equal(m.group, 0);
	assert_int_equal(m.muted, is_muted);
}

static void
says_released(void)
{
	struct buf b = BUF_WRITER(8);

	msg_kernel_put_group(&b, &(struct msg_kernel_group){ .group = 0 });
	assert_int_equal(
	    channel_send(director, MSG_RELEASED, b.data, b.pos, -1), 0);
}

static void
peer_is(bool alive, enum election_state state, uint64_t term)
{
	struct node *n = &role.inbox.node;

	n->peer.heard =
	    alive ? mono_add_ms(mono_now(), 60000) : (struct mono){ 0 };
	n->groups[0].peer_state = state;
	election()->heard_term = term;
}

static void
this_is(enum election_state state, uint64_t term)
{
	election()->state = state;
	election()->term = term;
	role.inbox.node.groups[0].given = state == ELECTION_MASTER;
}

static void
it_hears_all_at_first_and_then_what_changes(void **state)
{
	(void)state;
	begin();
	introduce(1);
	hears_no_more(); /* the groups have not begun */
	peer_is(true, ELECTION_MASTER, 7);
	director_link_begin(&role);
	hears_life(false);
	(void)hears(MSG_RELEASE);
	(void)hears(MSG_TERM);
	director_link_look(&role);
	hears_no_more();
	peer_is(false, ELECTION_MASTER, 7);
	this_is(ELECTION_MASTER, 8);
	director_link_claim(&role.groups[0]);
	hears_claim(8, true); /* before anything that is only news */
	director_link_look(&role);
	hears_life(true);
	hears_no_more();
	/* The same, to the next one. */
	introduce(2);
	hears_life(true);
	hears_claim(8, true);
	hears_no_more();
	finish();
}

static void
of_two_terms_the_owner_says_the_later_unless_it_is_an_owners(void **state)
{
	(void)state;
	begin();
	introduce(1);
	peer_is(true, ELECTION_MASTER, 6);
	this_is(ELECTION_MASTER, 5);
	director_link_claim(&role.groups[0]);
	director_link_begin(&role);
	hears_life(false);
	hears_claim(5, false);
	peer_is(true, ELECTION_BACKUP, 6);
	director_link_look(&role);
	hears_claim(6, false);
	hears_no_more();
	finish();
}

/* The listeners are muted, the supervisor says. */
static int
mute(void)
{
	static struct channel_packet p;
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_mute(&b, &(struct msg_mute){ .wanted = true, .muted = true });
	p.len = b.pos;
	p.fd = -1;
	role.inbox.node.groups[0].handover.state = HANDOVER_MUTING;
	role.inbox.node.groups[0].handover.deadline =
	    mono_add_ms(mono_now(), 60000);
	return director_link_take_mute(&role, &p);
}

static void
own_the_group(void)
{
	begin();
	introduce(1);
	peer_is(true, ELECTION_BACKUP, 1);
	this_is(ELECTION_MASTER, 2);
	director_link_claim(&role.groups[0]);
	director_link_begin(&role);
	hears_life(false);
	hears_claim(2, false);
}

static void
the_peer_is_asked_when_it_has_let_go(void **state)
{
	(void)state;
	own_the_group();
	assert_int_equal(mute(), 0);
	hears_release(true);
	/* It is the same one. */
	director_link_release(&role.groups[0]);
	hears_no_more();
	assert_int_equal(muted, 0);
	says_released();
	turn(1);
	assert_int_equal(muted, 1);
	/* Given up: it is claimed again. */
	director_link_claim(&role.groups[0]);
	hears_claim(2, false);
	turn(100);
	assert_int_equal(muted, 1);
	finish();
}

/* Given up before the supervisor has answered: it stays the director's. */
static void
a_word_that_comes_late_lets_nothing_go(void **state)
{
	static struct channel_packet p;
	struct buf b = buf_writer(p.body, sizeof(p.body));

	(void)state;
	own_the_group();
	msg_put_mute(&b, &(struct msg_mute){ .wanted = true, .muted = true });
	p.len = b.pos;
	p.fd = -1;
	role.inbox.node.groups[0].handover.state = HANDOVER_ANSWERING;
	role.inbox.node.groups[0].handover.deadline =
	    mono_add_ms(mono_now(), 60000);
	assert_int_equal(director_link_take_mute(&role, &p), 0);
	hears_no_more();
	role.inbox.node.groups[0].handover = handover_idle();
	finish();
}

static void
addresses_that_go_at_once_wait_for_nobody(void **state)
{
	(void)state;
	own_the_group();
	director_link_release(&role.groups[0]);
	hears_release(false);
	finish();
}

static void
the_last_of_several_answers_counts(void **state)
{
	(void)state;
	own_the_group();
	director_link_release(&role.groups[0]);
	director_link_claim(&role.groups[0]);
	assert_int_equal(mute(), 0);
	says_released();
	turn(1);
	assert_int_equal(muted, 0);
	says_released();
	turn(1);
	assert_int_equal(muted, 1);
	finish();
}

static void
a_silent_one_is_not_waited_for_any_longer(void **state)
{
	(void)state;
	own_the_group();
	assert_int_equal(mute(), 0);
	for (unsigned i = 0; i < 2000 && muted == 0; i++)
		turn(1);
	assert_int_equal(muted, 1);
	finish();
}

static void
one_that_dies_is_not_waited_for_and_told_of(void **state)
{
	struct msg_lost m;
	struct buf b;

	(void)state;
	own_the_group();
	assert_int_equal(mute(), 0);
	fd_close(&director);
	turn(1);
	assert_int_equal(muted, 1);
	assert_int_equal(channel_recv(supervisor, &got), 1);
	assert_int_equal(got.type, MSG_SIBLING_LOST);
	b = buf_reader(got.body, got.len);
	assert_int_equal(msg_get_lost(&b, &m), 0);
	assert_int_equal(m.id, 1);
	assert_false(m.refused);
	/* Nobody is there, and nobody waits. */
	director_link_claim(&role.groups[0]);
	director_link_release(&role.groups[0]);
	assert_int_equal(mute(), 0);
	assert_int_equal(muted, 2);
	finish();
}

static void
one_that_answers_what_nobody_asked_is_refused(void **state)
{
	struct msg_lost m;
	struct buf b;

	(void)state;
	own_the_group();
	says_released();
	turn(1);
	assert_int_equal(channel_recv(supervisor, &got), 1);
	b = buf_reader(got.body, got.len);
	assert_int_equal(msg_get_lost(&b, &m), 0);
	assert_true(m.refused);
	finish();
}

static void
says_level(bool level)
{
	struct buf b = BUF_WRITER(8);

	msg_kernel_put_level(&b, &(struct msg_kernel_level){ .level = level });
	assert_int_equal(
	    channel_send(director, MSG_LEVEL, b.data, b.pos, -1), 0);
	turn(1);
}

static void
whether_the_peer_is_level_is_its_word_while_it_lives(void **state)
{
	const struct node_group *g = &role.inbox.node.groups[0];

	(void)state;
	own_the_group();
	assert_false(g->behind);
	says_level(false);
	assert_true(g->behind);
	says_level(true);
	assert_false(g->behind);
	says_level(false);
	introduce(2);
	assert_false(g->behind);
	finish();
}

static void
a_full_channel_is_told_later_what_counts_then(void **state)
{
	unsigned claims = 0;

	(void)state;
	own_the_group();
	for (unsigned n = 0; n < 20000; n++) {
		director_link_release(&role.groups[0]);
		director_link_claim(&role.groups[0]);
	}
	director_link_release(&role.groups[0]);
	/* It reads at last: what was left out is said, once. */
	for (unsigned n = 0; channel_recv(director, &got) == 1; n++)
		assert_true(n < 20000);
	director_link_look(&role);
	director_link_look(&role);
	while (channel_recv(director, &got) == 1)
		claims += got.type == MSG_CLAIM;
	assert_int_equal(claims, 0);
	director_link_claim(&role.groups[0]);
	hears_claim(2, false);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_hears_all_at_first_and_then_what_changes),
		cmocka_unit_test(
		    of_two_terms_the_owner_says_the_later_unless_it_is_an_owners),
		cmocka_unit_test(the_peer_is_asked_when_it_has_let_go),
		cmocka_unit_test(a_word_that_comes_late_lets_nothing_go),
		cmocka_unit_test(addresses_that_go_at_once_wait_for_nobody),
		cmocka_unit_test(the_last_of_several_answers_counts),
		cmocka_unit_test(a_silent_one_is_not_waited_for_any_longer),
		cmocka_unit_test(one_that_dies_is_not_waited_for_and_told_of),
		cmocka_unit_test(one_that_answers_what_nobody_asked_is_refused),
		cmocka_unit_test(
		    whether_the_peer_is_level_is_its_word_while_it_lives),
		cmocka_unit_test(a_full_channel_is_told_later_what_counts_then),
	};

	TEST_MAIN(tests);
}
