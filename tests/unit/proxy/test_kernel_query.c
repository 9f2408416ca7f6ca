#include "proxy/kernel/kernel_query.h"

#include "proxy/data/end_reason.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "tests/lib/kernel_lab.h"

/* Who asks. */
struct asker {
	struct session_tour_order order;
	struct kernel_query_tour tour;
	struct session_tour_ring ring;
	unsigned rows, ends, meant;
	struct session_tour_row last;
};

static void
on_end(void *arg, unsigned meant)
{
	struct asker *a = arg;

	a->ends++;
	a->meant = meant;
}

static bool
begin(struct kernel_lab *l, struct asker *a, bool kills)
{
	a->order.on_end = on_end;
	a->order.arg = a;
	a->tour = (struct kernel_query_tour){ .order = &a->order,
		.ring = kills ? NULL : &a->ring };
	return kernel_query_send(&l->link.query, &a->tour);
}

/* What is in the ring. */
static void
read_parts(struct asker *a)
{
	const struct session_tour_part *part;

	while ((part = session_tour_peek(&a->ring)) != NULL) {
		a->rows += part->n;
		a->last = part->rows[part->n - 1];
		session_tour_pop(&a->ring);
	}
}

static struct msg_kernel_list
hear_list(struct kernel_lab *l)
{
	struct msg_kernel_list m;
	struct buf b;

	assert_int_equal(kernel_lab_hear(l), MSG_KERNEL_LIST);
	b = kernel_lab_body(l);
	assert_int_equal(msg_kernel_get_list(&b, &m), 0);
	return m;
}

static void
say_conn(struct kernel_lab *l, uint32_t ask, uint64_t id, uint16_t server)
{
	const struct msg_kernel_conn m = { .ask = ask,
		.id = KERNEL_QUERY_ID | id,
		.service = KERNEL_LAB_SERVICE,
		.server = server,
		.client = { .ip = { [10] = 0xff, 0xff, 10, 0, 0, 9 },
		    .port = 7 },
		.age_ms = 12,
		.idle_ms = 15,
		.bytes_in = 5,
		.phase = MSG_KERNEL_OPEN,
		.why = MSG_KERNEL_WHY_LAGS };
	struct buf b = BUF_WRITER(256);

	msg_kernel_put_conn(&b, &m);
	kernel_lab_say(l, MSG_KERNEL_CONN, &b);
}

static void
say_end(struct kernel_lab *l, uint32_t ask, uint32_t next)
{
	const struct msg_kernel_list_end m = { .ask = ask, .next = next };
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_list_end(&b, &m);
	kernel_lab_say(l, MSG_KERNEL_LIST_END, &b);
}

/* The next page is asked for when there is room for it. */
static void
a_list_comes_in_pages(void **state)
{
	struct asker a = { .order = { .server = -1 } };
	struct msg_kernel_list m;
	char text[ADDR_TEXT_MAX];
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a, false));
	for (uint32_t i = 0; i < SESSION_TOUR_PARTS; i++) {
		m = hear_list(&l);
		assert_int_equal(m.service, MSG_KERNEL_ALL);
		assert_int_equal(m.from, i * 7);
		say_conn(&l, m.ask, 1, 0);
		say_conn(&l, m.ask, 2, 1);
		say_end(&l, m.ask, (i + 1) * 7);
	}
	/* It is full. */
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	read_parts(&a);
	assert_int_equal(a.rows, 2 * SESSION_TOUR_PARTS);
	assert_true(a.last.in_kernel);
	assert_text(a.last.why, "the peer does not keep up");
	assert_text(addr_format(&a.last.client, text), "10.0.0.9:7");
	assert_int_equal(a.last.phase, SESSION_MOVING);
	assert_int_equal(a.last.server, 1);
	assert_int_equal(a.last.age_ms, 12);
	assert_int_equal(a.last.idle_ms, 12);
	while (l.link.query.asked == NULL)
		(void)ev_run(l.loop, EVRUN_ONCE);
	m = hear_list(&l);
	assert_int_equal(m.from, 7 * SESSION_TOUR_PARTS);
	say_end(&l, m.ask, 0);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.meant, 2 * SESSION_TOUR_PARTS);
	assert_false(a.tour.lacks);
	kernel_lab_end(&l);
}

static void
a_list_is_of_what_was_asked_for(void **state)
{
	struct asker a = { .order = { .server = 1 } };
	struct msg_kernel_list m;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	a.order.service = &l.config->services[0];
	/* Of one that is relayed by now there may be some left. */
	assert_true(begin(&l, &a, false));
	m = hear_list(&l);
	assert_int_equal(m.service, 0);
	say_end(&l, m.ask, 0);
	a.order.service = &l.config->services[KERNEL_LAB_SERVICE];
	assert_true(begin(&l, &a, false));
	m = hear_list(&l);
	assert_int_equal(m.service, KERNEL_LAB_SERVICE);
	say_conn(&l, m.ask, 1, 0);
	say_conn(&l, m.ask, 2, 1);
	say_conn(&l, m.ask - 1, 3, 1); /* of a question before */
	say_end(&l, m.ask, 0);
	read_parts(&a);
	assert_int_equal(a.rows, 1);
	assert_int_equal(a.meant, 1);
	kernel_lab_end(&l);
}

/* A page each in turn; a kill goes before them, and who left is asked no more.
 */
static void
nobody_waits_for_anothers_list(void **state)
{
	struct asker a = { .order = { .server = -1 } };
	struct asker b = { .order = { .server = -1 } };
	struct asker c = { .order = {
		               .server = -1, .id = KERNEL_QUERY_ID | 3 } };
	struct msg_kernel_killed killed = { .found = true };
	struct buf body = BUF_WRITER(16);
	struct msg_kernel_list m;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a, false));
	assert_true(begin(&l, &b, false));
	assert_true(begin(&l, &c, true));
	m = hear_list(&l);
	say_conn(&l, m.ask, 1, 0);
	say_end(&l, m.ask, 9);
	assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_KILL);
	killed.ask = l.link.query.ask;
	msg_kernel_put_killed(&body, &killed);
	kernel_lab_say(&l, MSG_KERNEL_KILLED, &body);
	assert_int_equal(c.ends, 1);
	m = hear_list(&l);
	assert_int_equal(m.from, 0);
	atomic_store(&a.order.cancelled, true);
	say_end(&l, m.ask, 0);
	assert_int_equal(b.ends, 1);
	assert_int_equal(a.ends, 1);
	assert_false(a.tour.lacks);
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_lab_end(&l);
}

/* Whoever waits is told that some are left out, and does not wait for ever. */
static void
a_director_that_does_not_answer_is_left_out(void **state)
{
	struct asker a = { .order = { .server = -1 } };
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	assert_false(begin(&l, &a, false)); /* there is none */
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a, false));
	while (a.ends == 0)
		(void)ev_run(l.loop, EVRUN_ONCE);
	assert_true(a.tour.lacks);
	/* Its answer is late, and nobody's. */
	say_conn(&l, l.link.query.ask, 1, 0);
	say_end(&l, l.link.query.ask, 0);
	assert_null(session_tour_peek(&a.ring));
	assert_true(begin(&l, &a, false));
	fd_close(&l.director);
	while (a.ends == 1)
		(void)ev_run(l.loop, EVRUN_ONCE);
	assert_true(a.tour.lacks);
	assert_false(kernel_link_is_up(&l.link));
	kernel_lab_end(&l);
}

static void
a_list_that_goes_back_ends(void **state)
{
	struct asker a = { .order = { .server = -1 } };
	struct msg_kernel_list m;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a, false));
	m = hear_list(&l);
	say_end(&l, m.ask, 5);
	m = hear_list(&l);
	say_end(&l, m.ask, 5);
	assert_int_equal(a.ends, 1);
	assert_true(a.tour.lacks);
	assert_false(kernel_link_is_up(&l.link));
	kernel_lab_end(&l);
}

static void
one_is_killed_by_its_id(void **state)
{
	struct asker a = { .order = { .server = -1, .id = 5 } };
	struct msg_kernel_killed done = { .found = true };
	struct msg_kernel_kill kill;
	struct buf b = BUF_WRITER(16), said;
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_false(begin(&l, &a, true)); /* one of the relay's */
	a.order.id |= KERNEL_QUERY_ID;
	assert_true(begin(&l, &a, true));
	assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_KILL);
	said = kernel_lab_body(&l);
	assert_int_equal(msg_kernel_get_kill(&said, &kill), 0);
	assert_true(kill.id == a.order.id);
	done.ask = kill.ask;
	msg_kernel_put_killed(&b, &done);
	kernel_lab_say(&l, MSG_KERNEL_KILLED, &b);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.meant, 1);
	kernel_lab_end(&l);
}

static void
all_of_a_server_are_cut(void **state)
{
	struct asker a = { .order = { .server = 1 } };
	struct msg_kernel_cut cut;
	struct kernel_lab l;
	struct pool *p;
	struct buf b;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	p = kernel_lab_pool(&l);
	pool_set_elsewhere(p, &p->servers[1], POOL_KERNEL, 6);
	a.order.service = &l.config->services[KERNEL_LAB_SERVICE];
	assert_true(begin(&l, &a, true));
	assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_CUT);
	b = kernel_lab_body(&l);
	assert_int_equal(msg_kernel_get_cut(&b, &cut), 0);
	assert_int_equal(cut.server, 1);
	assert_int_equal(cut.reason, END_REASON_OPERATOR);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.meant, 6);
	kernel_lab_end(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_comes_in_pages),
		cmocka_unit_test(a_list_is_of_what_was_asked_for),
		cmocka_unit_test(nobody_waits_for_anothers_list),
		cmocka_unit_test(a_director_that_does_not_answer_is_left_out),
		cmocka_unit_test(a_list_that_goes_back_ends),
		cmocka_unit_test(one_is_killed_by_its_id),
		cmocka_unit_test(all_of_a_server_are_cut),
	};

	TEST_MAIN(tests);
}
