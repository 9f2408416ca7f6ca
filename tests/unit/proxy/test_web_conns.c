#include "proxy/web/web_conns.h"

#include "tests/lib/test.h"

#include <stdio.h>

static union addr
client(const char *ip)
{
	union addr a;

	assert_int_equal(addr_parse_ip(ip, &a), 0);
	return a;
}

static const struct mono start = { .ns = 1000000000 };

static void
one_client_does_not_get_all_places(void **state)
{
	struct web_conns_one *one;
	const union addr a = client("10.0.0.1"), b = client("10.0.0.2");
	struct web_conns c;

	(void)state;
	web_conns_init(&c);
	for (unsigned i = 0; i < WEB_CONNS_CLIENT_MAX; i++)
		assert_int_equal(
		    web_conns_enter(&c, &a, start, &one), WEB_CONNS_WELCOME);
	assert_int_equal(
	    web_conns_enter(&c, &a, start, &one), WEB_CONNS_CLIENT_FULL);
	assert_int_equal(
	    web_conns_enter(&c, &b, start, &one), WEB_CONNS_WELCOME);
	web_conns_leave(&c, &c.all[0]);
	assert_int_equal(
	    web_conns_enter(&c, &a, start, &one), WEB_CONNS_WELCOME);
	assert_int_equal(c.n, WEB_CONNS_CLIENT_MAX + 1);
}

static void
a_network_of_ipv6_is_one_client(void **state)
{
	struct web_conns_one *one;
	struct web_conns c;
	char ip[32];

	(void)state;
	web_conns_init(&c);
	for (unsigned i = 0; i < WEB_CONNS_CLIENT_MAX; i++) {
		union addr a;

		(void)snprintf(ip, sizeof(ip), "2001:db8::%x", i + 1);
		a = client(ip);
		assert_int_equal(
		    web_conns_enter(&c, &a, start, &one), WEB_CONNS_WELCOME);
	}
	{
		const union addr same = client("2001:db8::ffff");
		const union addr other = client("2001:db8:0:1::1");

		assert_int_equal(web_conns_enter(&c, &same, start, &one),
		    WEB_CONNS_CLIENT_FULL);
		assert_int_equal(web_conns_enter(&c, &other, start, &one),
		    WEB_CONNS_WELCOME);
	}
}

static void
there_are_so_many_places(void **state)
{
	struct web_conns_one *one;
	struct web_conns c;
	char ip[32];

	(void)state;
	web_conns_init(&c);
	for (unsigned i = 0; i <= WEB_CONNS_MAX; i++) {
		union addr a;

		(void)snprintf(ip, sizeof(ip), "10.0.0.%u", i + 1);
		a = client(ip);
		assert_int_equal(web_conns_enter(&c, &a, start, &one),
		    i < WEB_CONNS_MAX ? WEB_CONNS_WELCOME : WEB_CONNS_FULL);
	}
	assert_int_equal(c.n, WEB_CONNS_MAX);
}

static void
who_gets_no_answer_done_is_late(void **state)
{
	const union addr a = client("10.0.0.1");
	struct web_conns_one *one;
	struct web_conns c;

	(void)state;
	web_conns_init(&c);
	assert_false(web_conns_is_late(&c.all[0], start));
	assert_int_equal(
	    web_conns_enter(&c, &a, start, &one), WEB_CONNS_WELCOME);
	assert_false(
	    web_conns_is_late(one, mono_add_ms(start, WEB_CONNS_PATIENCE_MS)));
	assert_true(web_conns_is_late(
	    one, mono_add_ms(start, WEB_CONNS_PATIENCE_MS + 1)));
	web_conns_note_answered(one, mono_add_ms(start, 1000));
	assert_true(one->answered && !one->busy);
	assert_false(web_conns_is_late(
	    one, mono_add_ms(start, WEB_CONNS_PATIENCE_MS + 1)));
}

/* A browser may ask after 19 s, and has 20 s for that answer, too. */
static void
idle_time_is_not_the_next_questions(void **state)
{
	const union addr a = client("10.0.0.1");
	const struct mono asked =
	    mono_add_ms(start, 1000 + WEB_CONNS_PATIENCE_MS - 1);
	struct web_conns_one *one;
	struct web_conns c;

	(void)state;
	web_conns_init(&c);
	assert_int_equal(
	    web_conns_enter(&c, &a, start, &one), WEB_CONNS_WELCOME);
	web_conns_note_asked(one, mono_add_ms(start, 1000));
	assert_true(one->busy);
	assert_int_equal(one->since.ns, start.ns);
	web_conns_note_answered(one, mono_add_ms(start, 1000));
	web_conns_note_asked(one, asked);
	assert_false(
	    web_conns_is_late(one, mono_add_ms(asked, WEB_CONNS_PATIENCE_MS)));
	/* Once for each question. */
	web_conns_note_asked(one, mono_add_ms(asked, 1000));
	assert_true(web_conns_is_late(
	    one, mono_add_ms(asked, WEB_CONNS_PATIENCE_MS + 1)));
}

/* All places are taken, by four that have sixteen each. */
static void
who_has_most_yields(void **state)
{
	struct web_conns_one *one, *oldest = NULL;
	const union addr new = client("10.0.0.9");
	struct web_conns c;

	(void)state;
	web_conns_init(&c);
	for (unsigned i = 0; i < WEB_CONNS_MAX; i++) {
		char ip[32];
		union addr a;

		(void)snprintf(ip, sizeof(ip), "10.0.0.%u", i / 16 + 1);
		a = client(ip);
		assert_int_equal(
		    web_conns_enter(&c, &a, mono_add_ms(start, 100 - i), &one),
		    WEB_CONNS_WELCOME);
		one->started = true;
		oldest = one;
	}
	assert_int_equal(
	    web_conns_enter(&c, &new, start, &one), WEB_CONNS_FULL);
	assert_ptr_equal(web_conns_find_yielding(&c, &new), oldest);
	/* It is not gone yet, but its place is. */
	oldest->ended = true;
	assert_int_equal(
	    web_conns_enter(&c, &new, start, &one), WEB_CONNS_WELCOME);
	assert_int_equal(
	    web_conns_enter(&c, &new, start, &one), WEB_CONNS_FULL);
	/* Nobody yields to who has as many. */
	{
		const union addr same = client("10.0.0.1");

		assert_null(web_conns_find_yielding(&c, &same));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_client_does_not_get_all_places),
		cmocka_unit_test(a_network_of_ipv6_is_one_client),
		cmocka_unit_test(there_are_so_many_places),
		cmocka_unit_test(who_gets_no_answer_done_is_late),
		cmocka_unit_test(idle_time_is_not_the_next_questions),
		cmocka_unit_test(who_has_most_yields),
	};

	TEST_MAIN(tests);
}
