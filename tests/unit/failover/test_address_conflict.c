#include "failover/vip/address_conflict.h"

#include "tests/lib/test.h"

static const uint8_t one[MSG_MAC_BYTES] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t other[MSG_MAC_BYTES] = { 2, 0, 0, 0, 0, 2 };

static struct mono
at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ .ns = 1 }, ms);
}

/* Neighbours show addresses all day: only what the election minds is one. */
static void
what_was_only_seen_is_no_conflict(void **state)
{
	struct address_conflict c = address_conflict_none();

	(void)state;
	address_conflict_see(&c, 1, one);
	assert_false(address_conflict_message(&c, at_ms(0)).there);
}

static void
o3_who_it_is_and_since_when(void **state)
{
	struct address_conflict c = address_conflict_none();
	struct msg_conflict m;

	(void)state;
	address_conflict_see(&c, 1, one);
	address_conflict_note(&c, false, at_ms(1000));
	address_conflict_note(&c, false, at_ms(11000));
	m = address_conflict_message(&c, at_ms(12000));
	assert_true(m.there);
	assert_false(m.peer);
	assert_int_equal(m.address, 1);
	assert_memory_equal(m.mac, one, sizeof(one));
	assert_int_equal(m.first_ms, 11000);
	assert_int_equal(m.last_ms, 1000);
	/* Another host is another conflict. */
	address_conflict_see(&c, 0, other);
	address_conflict_note(&c, true, at_ms(13000));
	m = address_conflict_message(&c, at_ms(13000));
	assert_true(m.peer);
	assert_int_equal(m.first_ms, 0);
	assert_memory_equal(m.mac, other, sizeof(other));
	/* Whom nobody has seen for minutes is gone. */
	assert_false(address_conflict_message(&c, at_ms(313000)).there);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_only_seen_is_no_conflict),
		cmocka_unit_test(o3_who_it_is_and_since_when),
	};

	TEST_MAIN(tests);
}
