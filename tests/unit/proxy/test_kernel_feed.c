#include "proxy/kernel/kernel_feed.h"

#include "proxy/data/end_reason.h"
#include "tests/lib/kernel_lab.h"

static struct msg_kernel_server
hear_server(struct kernel_lab *l)
{
	struct msg_kernel_server m;
	struct buf b;

	assert_int_equal(kernel_lab_hear(l), MSG_KERNEL_SERVER);
	b = kernel_lab_body(l);
	assert_int_equal(msg_kernel_get_server(&b, &m), 0);
	assert_int_equal(m.service, KERNEL_LAB_SERVICE);
	return m;
}

static void
hear_cut(struct kernel_lab *l, unsigned server, enum end_reason reason)
{
	struct msg_kernel_cut m;
	struct buf b;

	assert_int_equal(kernel_lab_hear(l), MSG_KERNEL_CUT);
	b = kernel_lab_body(l);
	assert_int_equal(msg_kernel_get_cut(&b, &m), 0);
	assert_int_equal(m.service, KERNEL_LAB_SERVICE);
	assert_int_equal(m.server, server);
	assert_int_equal(m.reason, reason);
}

/* A lab whose director has been told of both servers. */
static void
begin_told(struct kernel_lab *l)
{
	kernel_lab_begin(l);
	kernel_lab_open(l);
	kernel_lab_bring(l);
	(void)hear_server(l);
	(void)hear_server(l);
	assert_int_equal(kernel_lab_hear(l), MSG_KERNEL_SERVERS_END);
	assert_int_equal(kernel_lab_hear(l), MSG_START);
}

/* Before that nobody knows who serves, and clients can wait for it. */
static void
all_is_told_once_first_checks_have_ended(void **state)
{
	static const uint8_t d1[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
		10, 0, 0, 41 };
	struct msg_kernel_server m;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_lab_open(&l);
	kernel_link_look(&l.link, kernel_lab_pool(&l));
	m = hear_server(&l);
	assert_int_equal(m.server, 0);
	assert_memory_equal(m.at.ip, d1, sizeof(d1));
	assert_int_equal(m.at.port, 1);
	assert_true(m.usable);
	assert_int_equal(m.tier, 0);
	assert_int_equal(m.weight, 3);
	assert_int_equal(m.up_ms, -1);
	m = hear_server(&l);
	assert_int_equal(m.server, 1);
	assert_int_equal(m.tier, 1);
	assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_SERVERS_END);
	/* The relay's own service is none of the director's business. */
	kernel_link_look(&l.link, services_pool(&l.services, 0));
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_lab_end(&l);
}

static void
only_what_is_another_is_told_again(void **state)
{
	struct msg_kernel_server m;
	struct kernel_lab l;
	struct pool *p;

	(void)state;
	begin_told(&l);
	p = kernel_lab_pool(&l);
	kernel_link_look(&l.link, p);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	pool_set_weight(p, &p->servers[1], 7);
	kernel_link_look(&l.link, p);
	m = hear_server(&l);
	assert_int_equal(m.server, 1);
	assert_int_equal(m.weight, 7);
	pool_set_state(p, &p->servers[0], SERVER_DOWN, mono_now());
	kernel_link_look(&l.link, p);
	assert_false(hear_server(&l).usable);
	/* From down to up it has a slow start, which has an age. */
	pool_set_state(p, &p->servers[0], SERVER_UP, mono_now());
	kernel_link_look(&l.link, p);
	m = hear_server(&l);
	assert_true(m.usable);
	assert_true(m.up_ms >= 0 && m.up_ms < 10000);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_lab_end(&l);
}

/* What the kernel passes on is no news to the director. */
static void
the_relays_own_connections_are_elsewhere(void **state)
{
	struct pool_waiter w = { .n_tried = 0 };
	struct kernel_lab l;
	struct pool *p;

	(void)state;
	begin_told(&l);
	p = kernel_lab_pool(&l);
	pool_set_elsewhere(p, &p->servers[0], POOL_KERNEL, 5);
	kernel_link_look(&l.link, p);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	pool_enter(p, 0, &w);
	kernel_link_look(&l.link, p);
	assert_int_equal(hear_server(&l).elsewhere, 1);
	kernel_lab_end(&l);
}

/* First that nobody is sent there, then that those who are shall go. */
static void
who_is_taken_out_is_cut(void **state)
{
	struct kernel_lab l;
	struct pool *p;

	(void)state;
	begin_told(&l);
	p = kernel_lab_pool(&l);
	pool_set_admin(p, &p->servers[0], ACCORD_MAINT);
	kernel_link_look(&l.link, p);
	assert_false(hear_server(&l).usable);
	hear_cut(&l, 0, END_REASON_SERVER_DOWN);
	/* A drain is none, until its time is over. */
	pool_set_admin(p, &p->servers[1], ACCORD_DRAIN);
	kernel_link_look(&l.link, p);
	assert_false(hear_server(&l).usable);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	atomic_store(&p->servers[1].drain_is_over, true);
	pool_cut(p, &p->servers[1]);
	kernel_link_look(&l.link, p);
	hear_cut(&l, 1, END_REASON_DRAINED);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_lab_end(&l);
}

/* A cut that nobody heard is said on the next channel, and maintenance again.
 */
static void
another_channel_hears_all_of_it(void **state)
{
	struct kernel_lab l;
	struct pool *p;

	(void)state;
	begin_told(&l);
	p = kernel_lab_pool(&l);
	fd_close(&l.director);
	while (kernel_link_is_up(&l.link))
		(void)ev_run(l.loop, EVRUN_ONCE);
	pool_cut(p, &p->servers[1]);
	pool_set_admin(p, &p->servers[0], ACCORD_MAINT);
	kernel_link_look(&l.link, p);
	for (unsigned i = 0; i < 2; i++) {
		kernel_lab_bring(&l);
		assert_int_equal(hear_server(&l).server, 0);
		hear_cut(&l, 0, END_REASON_SERVER_DOWN);
		assert_int_equal(hear_server(&l).server, 1);
		if (i == 0)
			hear_cut(&l, 1, END_REASON_SERVER_DOWN);
		assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_SERVERS_END);
	}
	kernel_lab_end(&l);
}

/* The rest follows, in its last form, and the channel stays. */
static void
a_director_that_reads_late_is_told_late(void **state)
{
	struct kernel_lab l;
	struct pool *p;
	struct msg_kernel_server m = { .weight = 0 };

	(void)state;
	begin_told(&l);
	p = kernel_lab_pool(&l);
	for (unsigned i = 0; i < 20000; i++) {
		pool_set_weight(p, &p->servers[0], 1 + i % 200);
		kernel_link_look(&l.link, p);
	}
	pool_set_weight(p, &p->servers[0], 250);
	kernel_link_look(&l.link, p);
	assert_true(kernel_link_is_up(&l.link));
	while (m.weight != 250) {
		if (kernel_lab_hear(&l) == MSG_START) {
			(void)ev_run(l.loop, EVRUN_ONCE);
			continue;
		}
		struct buf b = kernel_lab_body(&l);

		assert_int_equal(msg_kernel_get_server(&b, &m), 0);
	}
	kernel_lab_end(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_told_once_first_checks_have_ended),
		cmocka_unit_test(only_what_is_another_is_told_again),
		cmocka_unit_test(the_relays_own_connections_are_elsewhere),
		cmocka_unit_test(who_is_taken_out_is_cut),
		cmocka_unit_test(another_channel_hears_all_of_it),
		cmocka_unit_test(a_director_that_reads_late_is_told_late),
	};

	TEST_MAIN(tests);
}
