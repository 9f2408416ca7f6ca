#include "proxy/data/pipes.h"

#include "tests/lib/test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static void
an_empty_pipe_is_used_again(void **state)
{
	struct pipes p;
	struct pipes_pipe *pipe;

	(void)state;
	pipes_init(&p, PIPES_MAX);
	pipe = pipes_take(&p);
	assert_non_null(pipe);
	assert_true(pipe->size >= 64 * 1024);
	pipes_give(&p, pipe);
	assert_ptr_equal(pipes_take(&p), pipe);
	pipes_give(&p, pipe);
	pipes_fini(&p);
	assert_int_equal(p.n, 0);
}

/* T13: its bytes would turn up in a stranger's connection. */
static void
t13_a_pipe_with_bytes_in_it_is_destroyed(void **state)
{
	struct pipes p;
	struct pipes_pipe *pipe;
	int fd;

	(void)state;
	pipes_init(&p, PIPES_MAX);
	pipe = pipes_take(&p);
	fd = pipe->in;
	assert_int_equal(write(pipe->in, "x", 1), 1);
	pipe->bytes = 1;
	pipes_give(&p, pipe);
	assert_int_equal(p.n, 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	pipes_fini(&p);
}

/* T15: bounded, so that the budget of descriptors holds. */
static void
t15_there_are_never_more_than_the_limit(void **state)
{
	struct pipes p;
	struct pipes_pipe *all[PIPES_MAX];
	unsigned n = 0;

	(void)state;
	pipes_init(&p, PIPES_MAX);
	while (n < PIPES_MAX && (all[n] = pipes_take(&p)) != NULL)
		n++;
	assert_true(n > 0);
	assert_null(pipes_take(&p));
	while (n > 0)
		pipes_give(&p, all[--n]);
	pipes_fini(&p);
	assert_int_equal(p.n, 0);
}

/* T14: no descriptors, no pipe, and no asking the kernel each time. */
static void
t14_a_refusal_is_no_error(void **state)
{
	struct rlimit before, none;
	struct pipes p;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	pipes_init(&p, PIPES_MAX);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 10; i++)
		assert_null(pipes_take(&p));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(p.refused > 0);
	pipes_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_pipe_is_used_again),
		cmocka_unit_test(t13_a_pipe_with_bytes_in_it_is_destroyed),
		cmocka_unit_test(t14_a_refusal_is_no_error),
		cmocka_unit_test(t15_there_are_never_more_than_the_limit),
	};

	TEST_MAIN(tests);
}
