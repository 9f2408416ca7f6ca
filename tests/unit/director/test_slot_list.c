#include "director/slot_list.h"

#include "tests/lib/test.h"

static void
a_list_keeps_its_order_whoever_leaves(void **state)
{
	struct slot_list_link links[4];
	struct slot_list a = slot_list_empty(), b = slot_list_empty();

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		slot_list_append(&a, links, i);
	slot_list_remove(&a, links, 2);
	slot_list_append(&b, links, 2);
	slot_list_remove(&a, links, 0);
	slot_list_remove(&a, links, 3);
	slot_list_append(&a, links, 0);
	assert_int_equal(a.n, 2);
	assert_int_equal(slot_list_pop(&a, links), 1);
	assert_int_equal(slot_list_pop(&a, links), 0);
	assert_int_equal(slot_list_pop(&a, links), SLOT_LIST_NONE);
	assert_int_equal(slot_list_pop(&b, links), 2);
	assert_int_equal(a.last, SLOT_LIST_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_keeps_its_order_whoever_leaves),
	};

	TEST_MAIN(tests);
}
