#include "hapair/holding.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <unistd.h>

/* The other end of a pipe hears of the last close. */
static int
hold_one(struct holding *h)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_set_nonblock(ends[0]), 0);
	assert_int_equal(holding_take(h, &ends[1]), 0);
	assert_int_equal(ends[1], -1);
	return ends[0];
}

static bool
is_held(int fd)
{
	char byte;

	return read(fd, &byte, 1) == -1 && errno == EAGAIN;
}

static void
sockets_are_closed_when_the_successor_works(void **state)
{
	struct holding h = { .n_past = 0 };
	int first = hold_one(&h), second;

	(void)state;
	holding_let_go(&h);
	assert_true(is_held(first));
	holding_turn(&h);
	assert_true(is_held(first));
	second = hold_one(&h);
	assert_true(is_held(first));
	holding_let_go(&h);
	assert_false(is_held(first));
	assert_true(is_held(second));
	holding_fini(&h);
	assert_false(is_held(second));
	(void)close(first);
	(void)close(second);
}

/* A successor that dies at its start has none, and changes nothing. */
static void
the_past_stays_while_successors_fail(void **state)
{
	struct holding h = { .n_past = 0 };
	int first = hold_one(&h), second;

	(void)state;
	holding_turn(&h);
	holding_turn(&h);
	assert_true(is_held(first));
	second = hold_one(&h);
	holding_turn(&h);
	assert_false(is_held(first));
	assert_true(is_held(second));
	holding_fini(&h);
	assert_false(is_held(second));
	(void)close(first);
	(void)close(second);
}

static void
there_is_room_for_so_many(void **state)
{
	struct holding h = { .n_past = 0 };
	int fds[HOLDING_MAX], one_more = 0;

	(void)state;
	for (unsigned i = 0; i < HOLDING_MAX; i++)
		fds[i] = hold_one(&h);
	assert_int_equal(holding_take(&h, &one_more), -EBADMSG);
	assert_int_equal(one_more, 0);
	holding_fini(&h);
	for (unsigned i = 0; i < HOLDING_MAX; i++) {
		assert_false(is_held(fds[i]));
		(void)close(fds[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_closed_when_the_successor_works),
		cmocka_unit_test(the_past_stays_while_successors_fail),
		cmocka_unit_test(there_is_room_for_so_many),
	};

	TEST_MAIN(tests);
}
