#include "proxy/kernel/kernel_view.h"

#include "proxy/data/end_reason.h"
#include "tests/lib/kernel_lab.h"

static void
say_service(struct kernel_lab *l, const struct msg_kernel_service *m)
{
	struct buf b = BUF_WRITER(1024);

	msg_kernel_put_service(&b, m);
	kernel_lab_say(l, MSG_KERNEL_SERVICE, &b);
}

static void
say_count(struct kernel_lab *l, const struct msg_kernel_count *m)
{
	struct buf b = BUF_WRITER(128);

	msg_kernel_put_count(&b, m);
	kernel_lab_say(l, MSG_KERNEL_COUNT, &b);
}

/* A process that counts from 0; the first one has 0. */
static void
say_life(struct kernel_lab *l, uint64_t life)
{
	const struct msg_kernel_state m = { .life = life };
	struct buf b = BUF_WRITER(1024);

	msg_kernel_put_state(&b, &m);
	kernel_lab_say(l, MSG_KERNEL_STATE, &b);
}

/* In the pool they have places, and in the sums they are as any other. */
static void
its_connections_count_as_any_other(void **state)
{
	struct counters_service_sum service;
	struct counters_sum server;
	struct pool_view view;
	struct kernel_lab l;
	struct pool *p;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	p = kernel_lab_pool(&l);
	say_count(&l,
	    &(struct msg_kernel_count){ .service = KERNEL_LAB_SERVICE,
	        .server = 1,
	        .open = 4,
	        .total = 9,
	        .failed = 2,
	        .bytes_in = 100 });
	pool_look(p, &p->servers[1], &view);
	assert_int_equal(view.load, 4);
	assert_int_equal(view.kernel, 4);
	server = services_sum_server(&l.services, p->servers[1].slot);
	assert_int_equal(server.active, 4);
	assert_int_equal(server.total, 9);
	assert_int_equal(server.bytes_in, 100);
	say_service(&l,
	    &(struct msg_kernel_service){ .service = KERNEL_LAB_SERVICE,
	        .open = 4,
	        .protected = 3,
	        .accepted = 9,
	        .retries = 1,
	        .ended = { [END_REASON_IDLE] = 5 } });
	service = services_sum_service(&l.services, KERNEL_LAB_SERVICE);
	assert_int_equal(service.sum.active, 4);
	assert_int_equal(service.sum.total, 9);
	assert_int_equal(service.retries, 1);
	assert_int_equal(service.endings[END_REASON_IDLE], 5);
	assert_int_equal(l.link.view.of[KERNEL_LAB_SERVICE].protected, 3);
	/* Of a moment ago, when there were more. */
	say_service(&l,
	    &(struct msg_kernel_service){ .service = KERNEL_LAB_SERVICE,
	        .open = 1,
	        .protected = 3,
	        .accepted = 9 });
	assert_int_equal(l.link.view.of[KERNEL_LAB_SERVICE].protected, 1);
	kernel_lab_end(&l);
}

static void
another_director_goes_on_counting(void **state)
{
	struct msg_kernel_service m = { .service = KERNEL_LAB_SERVICE,
		.open = 2,
		.accepted = 9,
		.bytes_out = 50 };
	struct msg_kernel_count server = {
		.service = KERNEL_LAB_SERVICE, .server = 1, .total = 9
	};
	struct counters_service_sum sum;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	say_life(&l, 1);
	say_service(&l, &m);
	say_count(&l, &server);
	/* Another channel is none. */
	kernel_lab_bring(&l);
	say_life(&l, 1);
	m.accepted = server.total = 10;
	say_service(&l, &m);
	say_count(&l, &server);
	kernel_lab_bring(&l);
	say_life(&l, 2);
	/* It has been faster than its word. */
	m.accepted = server.total = 12;
	m.bytes_out = 5;
	say_service(&l, &m);
	say_count(&l, &server);
	sum = services_sum_service(&l.services, KERNEL_LAB_SERVICE);
	assert_int_equal(sum.sum.active, 2);
	assert_int_equal(sum.sum.total, 22);
	assert_int_equal(sum.sum.bytes_out, 55);
	assert_int_equal(services_sum_server(
	                     &l.services, kernel_lab_pool(&l)->servers[1].slot)
	                     .total,
	    22);
	kernel_lab_end(&l);
}

/* Its check comes at once, as after a connect of our own that failed. */
static void
an_accused_server_is_noted(void **state)
{
	const struct msg_kernel_accused m = { .service = KERNEL_LAB_SERVICE,
		.server = 1 };
	struct buf b = BUF_WRITER(16);
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	msg_kernel_put_accused(&b, &m);
	kernel_lab_say(&l, MSG_KERNEL_ACCUSED, &b);
	assert_true(atomic_load(&kernel_lab_pool(&l)->servers[1].accused));
	assert_false(atomic_load(&kernel_lab_pool(&l)->servers[0].accused));
	kernel_lab_end(&l);
}

static void
since_when_it_works_is_known(void **state)
{
	struct msg_kernel_state m = { .work = MSG_KERNEL_STARTING,
		.peer = MSG_KERNEL_PEER_DOWN };
	struct buf b = BUF_WRITER(1024);
	struct kernel_lab l;
	int64_t since;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_false(l.link.view.is_said);
	msg_kernel_put_state(&b, &m);
	kernel_lab_say(&l, MSG_KERNEL_STATE, &b);
	assert_true(l.link.view.is_said);
	l.link.view.work_wall_ms = l.link.view.peer_wall_ms = since = 1;
	m.work = MSG_KERNEL_WORKS;
	b.pos = 0;
	msg_kernel_put_state(&b, &m);
	kernel_lab_say(&l, MSG_KERNEL_STATE, &b);
	assert_int_not_equal(l.link.view.work_wall_ms, since);
	assert_int_equal(l.link.view.peer_wall_ms, since);
	kernel_lab_end(&l);
}

/* Whoever says such a thing is given another channel. */
static void
what_cannot_be_loses_the_channel(void **state)
{
	static const struct msg_kernel_count counts[] = {
		{ .service = 2 },
		{ .service = KERNEL_LAB_SERVICE, .server = 2 },
	};
	static const struct msg_kernel_service services[] = {
		{ .service = 2 },
		{ .service = MSG_KERNEL_ALL },
	};
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		kernel_lab_bring(&l);
		say_count(&l, &counts[i]);
		assert_false(kernel_link_is_up(&l.link));
		kernel_lab_bring(&l);
		say_service(&l, &services[i]);
		assert_false(kernel_link_is_up(&l.link));
	}
	kernel_lab_end(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_connections_count_as_any_other),
		cmocka_unit_test(another_director_goes_on_counting),
		cmocka_unit_test(an_accused_server_is_noted),
		cmocka_unit_test(since_when_it_works_is_known),
		cmocka_unit_test(what_cannot_be_loses_the_channel),
	};

	TEST_MAIN(tests);
}
