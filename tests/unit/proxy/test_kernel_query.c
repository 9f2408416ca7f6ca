#include "proxy/kernel/kernel_query.h"

#include "proxy/data/end_reason.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "tests/lib/kernel_lab.h"

#include <stdlib.h>

/* Who asks. */
struct asker {
	struct session_tour_order order;
	unsigned rows, room; /* parts that it takes before it has enough */
	unsigned ends, meant, lacks;
	struct session_tour_row last;
};

static bool
on_part(void *arg, struct session_tour_part *part)
{
	struct asker *a = arg;

	assert_non_null(part);
	a->rows += part->n;
	a->last = part->rows[part->n - 1];
	free(part);
	return a->room == 0 || --a->room > 0;
}

static void
on_end(void *arg, unsigned meant)
{
	struct asker *a = arg;

	a->ends++;
	a->meant = meant;
}

static void
on_lack(void *arg)
{
	((struct asker *)arg)->lacks++;
}

static bool
begin(struct kernel_lab *l, struct asker *a)
{
	a->order.on_part = on_part;
	a->order.on_end = on_end;
	a->order.arg = a;
	return kernel_query_begin(&l->link.query, &a->order, on_lack);
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
	struct asker a = { .order = { .server = -1 }, .room = 1 };
	struct msg_kernel_list m;
	char text[ADDR_TEXT_MAX];
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a));
	m = hear_list(&l);
	assert_int_equal(m.service, MSG_KERNEL_ALL);
	assert_int_equal(m.from, 0);
	say_conn(&l, m.ask, 1, 0);
	say_conn(&l, m.ask, 2, 1);
	assert_int_equal(a.rows, 0);
	say_end(&l, m.ask, 77);
	assert_int_equal(a.rows, 2);
	assert_true(a.last.in_kernel);
	assert_text(a.last.why, "the peer does not keep up");
	assert_text(addr_format(&a.last.client, text), "10.0.0.9:7");
	assert_int_equal(a.last.phase, SESSION_MOVING);
	assert_int_equal(a.last.server, 1);
	/* It has enough for now. */
	assert_int_equal(kernel_lab_hear(&l), MSG_START);
	kernel_query_turn(&l.link.query);
	m = hear_list(&l);
	assert_int_equal(m.from, 77);
	say_end(&l, m.ask, 0);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.meant, 2);
	assert_int_equal(a.lacks, 0);
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
	assert_false(begin(&l, &a)); /* that is relayed */
	a.order.service = &l.config->services[KERNEL_LAB_SERVICE];
	assert_true(begin(&l, &a));
	m = hear_list(&l);
	assert_int_equal(m.service, KERNEL_LAB_SERVICE);
	say_conn(&l, m.ask, 1, 0);
	say_conn(&l, m.ask, 2, 1);
	say_conn(&l, m.ask - 1, 3, 1); /* of a question before */
	say_end(&l, m.ask, 0);
	assert_int_equal(a.rows, 1);
	assert_int_equal(a.meant, 1);
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
	assert_false(begin(&l, &a)); /* there is none */
	kernel_lab_bring(&l);
	assert_true(begin(&l, &a));
	while (a.ends == 0)
		(void)ev_run(l.loop, EVRUN_ONCE);
	assert_int_equal(a.lacks, 1);
	/* Its answer is late, and nobody's. */
	say_conn(&l, l.link.query.ask, 1, 0);
	say_end(&l, l.link.query.ask, 0);
	assert_int_equal(a.rows, 0);
	assert_true(begin(&l, &a));
	fd_close(&l.director);
	while (a.ends == 1)
		(void)ev_run(l.loop, EVRUN_ONCE);
	assert_int_equal(a.lacks, 2);
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
	assert_true(begin(&l, &a));
	m = hear_list(&l);
	say_end(&l, m.ask, 5);
	m = hear_list(&l);
	say_end(&l, m.ask, 5);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.lacks, 1);
	assert_false(kernel_link_is_up(&l.link));
	kernel_lab_end(&l);
}

static void
one_is_killed_by_its_id(void **state)
{
	struct asker a = { .order = { .kills = true, .server = -1, .id = 5 } };
	struct msg_kernel_kill kill;
	struct msg_kernel_killed done = { .found = true };
	struct buf b = BUF_WRITER(16);
	struct kernel_lab l;

	(void)state;
	kernel_lab_begin(&l);
	kernel_lab_bring(&l);
	assert_false(begin(&l, &a)); /* one of the relay's */
	a.order.id |= KERNEL_QUERY_ID;
	assert_true(begin(&l, &a));
	assert_int_equal(kernel_lab_hear(&l), MSG_KERNEL_KILL);
	{
		struct buf said = kernel_lab_body(&l);

		assert_int_equal(msg_kernel_get_kill(&said, &kill), 0);
	}
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
	struct asker a = { .order = { .kills = true, .server = 1 } };
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
	assert_true(begin(&l, &a));
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
		cmocka_unit_test(a_director_that_does_not_answer_is_left_out),
		cmocka_unit_test(a_list_that_goes_back_ends),
		cmocka_unit_test(one_is_killed_by_its_id),
		cmocka_unit_test(all_of_a_server_are_cut),
	};

	TEST_MAIN(tests);
}
