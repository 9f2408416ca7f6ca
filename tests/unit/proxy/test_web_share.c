#include "proxy/web/web_share.h"

#include "tests/lib/test.h"

#include <stdio.h>

static const struct mono start = { .ns = INT64_C(1000000000) };

static union addr
client(unsigned number)
{
	char ip[32];
	union addr a;

	(void)snprintf(
	    ip, sizeof(ip), "10.0.%u.%u", number / 250, number % 250 + 1);
	assert_int_equal(addr_parse_ip(ip, &a), 0);
	return a;
}

/* How many questions `n` clients that ask all the time have answered in 10 s,
 * and what one gets that asks twice a second beside them. */
static void
what_hostile_clients_get(void **state)
{
	static const unsigned crowds[] = { 1, 20, WEB_SHARE_CLIENTS - 1, 200 };

	(void)state;
	for (size_t row = 0; row < ARRAY_LEN(crowds); row++) {
		struct web_share s;
		unsigned answered = 0, refused = 0;
		const union addr reader = client(1000);
		char name[32];

		(void)snprintf(name, sizeof(name), "%u", crowds[row]);
		test_row(name);
		web_share_init(&s);
		for (unsigned ms = 0; ms < 10000; ms++) {
			const struct mono now = mono_add_ms(start, ms);

			if (ms % 500 == 0) {
				refused += web_share_holds(&s, &reader, now);
				(void)web_share_charge(&s, &reader, 3, now);
			}
			for (unsigned i = 0; i < crowds[row]; i++) {
				const union addr a = client(i);

				if (web_share_holds(&s, &a, now))
					continue;
				(void)web_share_charge(&s, &a, 1, now);
				answered++;
			}
		}
		/* In all, and what each has at the beginning. */
		assert_true(answered <= 10 * WEB_SHARE_EACH_S +
		        (WEB_SHARE_CLIENTS + 2) * (WEB_SHARE_BURST + 1));
		if (crowds[row] < WEB_SHARE_CLIENTS) {
			assert_int_equal(refused, 0);
			assert_true(answered <= 10 * WEB_SHARE_EACH_S +
			        crowds[row] * (WEB_SHARE_BURST + 1));
			assert_true(answered >= 9 * WEB_SHARE_EACH_S);
		}
	}
}

static void
who_is_quiet_is_held_back_no_more(void **state)
{
	const union addr a = client(1);
	struct web_share s;

	(void)state;
	web_share_init(&s);
	assert_false(web_share_charge(&s, &a, WEB_SHARE_BURST, start));
	assert_false(web_share_holds(&s, &a, start));
	assert_true(web_share_charge(&s, &a, 1, start));
	assert_false(web_share_charge(&s, &a, 1, start)); /* told once */
	assert_true(web_share_holds(&s, &a, start));
	assert_int_equal(s.n_held, 1);
	web_share_pass(&s, mono_add_ms(start, 50));
	assert_true(web_share_holds(&s, &a, mono_add_ms(start, 50)));
	web_share_pass(&s, mono_add_ms(start, 1000));
	assert_false(web_share_holds(&s, &a, mono_add_ms(start, 1000)));
	assert_int_equal(s.n_held, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hostile_clients_get),
		cmocka_unit_test(who_is_quiet_is_held_back_no_more),
	};

	TEST_MAIN(tests);
}
