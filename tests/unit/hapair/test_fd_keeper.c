#include "hapair/supervisor/fd_keeper.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <unistd.h>

/* The other end of a pipe hears of the last close. */
static int
hold_one(struct fd_keeper *h)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fd_set_nonblock(ends[0]), 0);
	assert_int_equal(fd_keeper_take(h, ends[1]), 0);
	(void)close(ends[1]);
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
	struct fd_keeper h = fd_keeper_none();
	int first, second;

	(void)state;
	assert_int_equal(fd_keeper_init(&h), 0);
	first = hold_one(&h);
	fd_keeper_let_go(&h);
	assert_true(is_held(first));
	fd_keeper_turn(&h);
	assert_true(is_held(first));
	second = hold_one(&h);
	assert_true(is_held(first));
	fd_keeper_let_go(&h);
	assert_false(is_held(first));
	assert_true(is_held(second));
	fd_keeper_fini(&h);
	assert_false(is_held(second));
	(void)close(first);
	(void)close(second);
}

/* A successor that dies at its start has none, and changes nothing. */
static void
the_past_stays_while_successors_fail(void **state)
{
	struct fd_keeper h = fd_keeper_none();
	int first, second;

	(void)state;
	assert_int_equal(fd_keeper_init(&h), 0);
	first = hold_one(&h);
	fd_keeper_turn(&h);
	fd_keeper_turn(&h);
	assert_true(is_held(first));
	second = hold_one(&h);
	fd_keeper_turn(&h);
	assert_false(is_held(first));
	assert_true(is_held(second));
	fd_keeper_fini(&h);
	assert_false(is_held(second));
	(void)close(first);
	(void)close(second);
}

static void
there_is_room_for_so_many(void **state)
{
	struct fd_keeper h = fd_keeper_none();
	int fds[FD_KEEPER_MAX];

	(void)state;
	assert_int_equal(fd_keeper_init(&h), 0);
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		fds[i] = hold_one(&h);
	assert_int_equal(fd_keeper_take(&h, 0), -EBADMSG);
	fd_keeper_fini(&h);
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++) {
		assert_false(is_held(fds[i]));
		(void)close(fds[i]);
	}
}

/* Whatever is opened later is closed sooner by a dying process. */
static void
descriptors_are_those_taken_at_first(void **state)
{
	struct fd_keeper h = fd_keeper_none();
	int later, fds[20];

	(void)state;
	assert_int_equal(fd_keeper_init(&h), 0);
	later = dup(0);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 4; i++)
			fds[4 * round + i] = hold_one(&h);
		for (unsigned i = 0; i < 4; i++)
			assert_true(h.present.slots[i] < later);
		fd_keeper_let_go(&h);
		fd_keeper_turn(&h);
	}
	fd_keeper_fini(&h);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++) {
		assert_false(is_held(fds[i]));
		(void)close(fds[i]);
	}
	(void)close(later);
	/* The half-built, and what was never built. */
	h = fd_keeper_none();
	fd_keeper_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_closed_when_the_successor_works),
		cmocka_unit_test(the_past_stays_while_successors_fail),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(descriptors_are_those_taken_at_first),
	};

	TEST_MAIN(tests);
}
