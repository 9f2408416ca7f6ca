#include "proxy/data/dead_peer.h"

#include "tests/lib/test.h"

#include <linux/tcp.h>

#define PATIENCE_MS 90000
#define LOOK_MS 2000
#define HOUR_MS 3600000

static struct mono
at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

/* A look every 2 s at the same peer, whose silence grows; when it is dead. */
static int64_t
dies_at(struct dead_peer *d, struct dead_peer_facts f, int64_t from_ms,
    int64_t to_ms)
{
	for (int64_t t = from_ms; t <= to_ms; t += LOOK_MS) {
		if (dead_peer_look(d, &f, PATIENCE_MS, at_ms(t)))
			return t;
		f.silent_ms += LOOK_MS;
	}
	return -1;
}

/* One look, after `open_ms` with the same question open. */
static const struct row {
	const char *name;
	struct dead_peer_facts facts;
	int64_t open_ms;
	bool dead;
} rows[] = {
	{ "idle for an hour", { .silent_ms = HOUR_MS }, HOUR_MS, false },
	{ "data under way, acknowledged soon",
	    { .waiting = 1000, .silent_ms = HOUR_MS }, HOUR_MS, false },
	{ "repeated, for less than its patience",
	    { .waiting = 1000, .silent_ms = HOUR_MS, .repeats = 8 },
	    PATIENCE_MS - 1, false },
	{ "repeated, in vain",
	    { .waiting = 1000, .silent_ms = HOUR_MS, .repeats = 8 },
	    PATIENCE_MS, true },
	{ "two questions may be lost",
	    { .waiting = 1000, .silent_ms = HOUR_MS, .repeats = 2 }, HOUR_MS,
	    false },
	{ "window closed, the last probe was answered",
	    { .waiting = 1000, .silent_ms = 119000 }, HOUR_MS, false },
	{ "window closed, the next probe is lost",
	    { .waiting = 1000, .silent_ms = 239000, .probes = 1 }, HOUR_MS,
	    false },
	{ "window closed, probes in vain",
	    { .waiting = 1000, .silent_ms = PATIENCE_MS, .probes = 3 }, HOUR_MS,
	    true },
	{ "repeated, and answered in between",
	    { .waiting = 1000, .silent_ms = 5000, .repeats = 12 }, HOUR_MS,
	    false },
};

static void
each_look_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dead_peer d = dead_peer_init(at_ms(0));
		bool dead = dead_peer_look(
		    &d, &rows[i].facts, PATIENCE_MS, at_ms(rows[i].open_ms));

		if (dead != rows[i].dead)
			fail_msg("%s", rows[i].name);
		/* And without patience nobody is. */
		d = dead_peer_init(at_ms(0));
		assert_false(dead_peer_look(
		    &d, &rows[i].facts, 0, at_ms(rows[i].open_ms)));
	}
}

/* R3, R4: a probe every 2 minutes, answered each time: alive after a day. */
static void
r03_r04_a_pause_may_last(void **state)
{
	struct dead_peer d = dead_peer_init(at_ms(0));

	(void)state;
	for (int64_t t = 0; t < 24 * (int64_t)HOUR_MS; t += LOOK_MS) {
		const struct dead_peer_facts f = {
			.waiting = 70000,
			.silent_ms = (uint32_t)(t % 120000),
			/* Looked at before the answer is here. */
			.probes = t % 120000 == 0,
		};

		assert_false(dead_peer_look(&d, &f, PATIENCE_MS, at_ms(t)));
	}
}

static void
who_dies_is_found_in_time(void **state)
{
	const struct dead_peer_facts quiet = { 0 };
	const struct dead_peer_facts open = {
		.waiting = 1, .silent_ms = 40000, .repeats = 5
	};
	struct dead_peer d = dead_peer_init(at_ms(0));
	int64_t at;

	(void)state;
	/* Long silent, as idle ones are: the time counts from the question. */
	assert_false(dead_peer_look(&d, &quiet, PATIENCE_MS, at_ms(500000)));
	at = dies_at(&d, open, 502000, 700000);
	assert_int_equal(at, 590000);
}

static void
an_answer_begins_the_time_anew(void **state)
{
	struct dead_peer_facts f = { .waiting = 1, .probes = 4 };
	struct dead_peer d = dead_peer_init(at_ms(0));

	(void)state;
	f.silent_ms = 10000;
	assert_int_equal(dies_at(&d, f, 10000, 80000), -1);
	f.silent_ms = 1000; /* it has answered at 81 s */
	assert_int_equal(dies_at(&d, f, 82000, 170000), -1);
	assert_int_equal(
	    dies_at(&d,
	        (struct dead_peer_facts){
	            .waiting = 1, .probes = 4, .silent_ms = 91000 },
	        172000, 180000),
	    172000);
}

static void
the_kernel_knows_these(void **state)
{
	const struct tcp_info info = { .tcpi_last_ack_recv = 77,
		.tcpi_retransmits = 3,
		.tcpi_probes = 2 };
	struct tcp_info under_way = info;
	struct dead_peer_facts f = dead_peer_facts_of(&info, 5);

	(void)state;
	assert_int_equal(f.waiting, 5);
	assert_int_equal(f.silent_ms, 77);
	assert_int_equal(f.probes, 2);
	assert_int_equal(f.repeats, 0); /* nothing is under way */
	under_way.tcpi_unacked = 1;
	assert_int_equal(dead_peer_facts_of(&under_way, 5).repeats, 3);
}

/* Several questions within the patience, and within what the kernel takes. */
static void
questions_come_often_enough(void **state)
{
	(void)state;
	assert_int_equal(dead_peer_apart_ms(90000), 11250);
	assert_int_equal(dead_peer_apart_ms(31000), 3875);
	assert_int_equal(dead_peer_apart_ms(100), 1000);
	assert_int_equal(dead_peer_apart_ms(7230000), 120000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_look_has_its_answer),
		cmocka_unit_test(r03_r04_a_pause_may_last),
		cmocka_unit_test(who_dies_is_found_in_time),
		cmocka_unit_test(an_answer_begins_the_time_anew),
		cmocka_unit_test(the_kernel_knows_these),
		cmocka_unit_test(questions_come_often_enough),
	};

	TEST_MAIN(tests);
}
