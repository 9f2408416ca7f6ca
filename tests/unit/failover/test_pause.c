#include "failover/election/pause.h"
#include "tests/lib/test.h"

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

/* A hello takes a while; each tells the other what it knows. */
static void
tell(const struct pause *from, struct pause *to, int64_t now_ms)
{
	struct pause said = *from;
	bool news;

	said.own = !from->own;
	news = pause_hear(
	    to, &said, pause_left_ms(from, at(now_ms)), at(now_ms + 3));
	assert_true(!news || to->epoch == from->epoch);
}

static void
the_later_word_holds_on_both(void **state)
{
	struct pause a = pause_none(), b = pause_none();

	(void)state;
	assert_int_equal(pause_left_ms(&a, at(0)), 0);
	pause_set(&a, 60000, at(0));
	tell(&b, &a, 0);
	tell(&a, &b, 0);
	assert_true(pause_left_ms(&b, at(10)) > 59000);
	assert_true(a.own && !b.own);
	pause_set(&b, 0, at(100));
	tell(&a, &b, 100); /* it does not know yet */
	assert_int_equal(pause_left_ms(&b, at(110)), 0);
	tell(&b, &a, 110);
	assert_int_equal(pause_left_ms(&a, at(120)), 0);
	assert_true(!a.own && b.own);
}

static void
telling_each_other_makes_it_no_longer(void **state)
{
	struct pause a = pause_none(), b = pause_none();

	(void)state;
	pause_set(&a, 5000, at(0));
	for (int64_t ms = 0; ms < 5010; ms += 20) {
		tell(&a, &b, ms);
		tell(&b, &a, ms);
	}
	assert_int_equal(pause_left_ms(&a, at(5010)), 0);
	assert_int_equal(pause_left_ms(&b, at(5010)), 0);
}

static void
of_two_at_once_the_longer_one_holds(void **state)
{
	struct pause a = pause_none(), b = pause_none();

	(void)state;
	pause_set(&a, 5000, at(0));
	pause_set(&b, 50000, at(0));
	tell(&a, &b, 10);
	tell(&b, &a, 10);
	assert_true(pause_left_ms(&a, at(20)) > 49000);
	assert_true(pause_left_ms(&b, at(20)) > 49000);
}

static void
it_never_lasts_longer_than_a_day(void **state)
{
	const struct pause said = { .epoch = UINT32_MAX };
	struct pause a = pause_none();

	(void)state;
	assert_true(pause_hear(&a, &said, UINT32_MAX, at(0)));
	assert_int_equal(pause_left_ms(&a, at(0)), PAUSE_MOST_MS);
	pause_set(&a, 0, at(10));
	assert_int_equal(pause_left_ms(&a, at(10)), 0);
}

/* Whatever the peer said before it went: the next word here holds on both. */
static void
no_epoch_is_the_last(void **state)
{
	static const uint32_t epochs[] = { 1, UINT32_MAX / 2, 1u << 31,
		UINT32_MAX - 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(epochs); i++) {
		const struct pause said = { .epoch = epochs[i] };
		struct pause a = pause_none(), b = pause_none();

		assert_true(pause_hear(&a, &said, 60000, at(0)));
		tell(&a, &b, 10);
		assert_true(pause_left_ms(&b, at(20)) > 0);
		pause_set(&a, 0, at(100));
		tell(&b, &a, 110);
		tell(&a, &b, 120);
		assert_int_equal(pause_left_ms(&a, at(130)), 0);
		assert_int_equal(pause_left_ms(&b, at(130)), 0);
		pause_set(&b, 5000, at(200));
		tell(&b, &a, 210);
		assert_true(pause_left_ms(&a, at(220)) > 0);
		/* Who has lost its memory learns it anew. */
		b = pause_none();
		tell(&b, &a, 230);
		tell(&a, &b, 240);
		assert_true(pause_left_ms(&b, at(250)) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_word_holds_on_both),
		cmocka_unit_test(telling_each_other_makes_it_no_longer),
		cmocka_unit_test(of_two_at_once_the_longer_one_holds),
		cmocka_unit_test(it_never_lasts_longer_than_a_day),
		cmocka_unit_test(no_epoch_is_the_last),
	};

	TEST_MAIN(tests);
}
