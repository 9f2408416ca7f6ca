#include "hapair/supervisor/child_setup.h"

#include "core/buf.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <string.h>

/* What a failover cannot read it refuses, and so does each after it. */
static void
the_longest_that_was_said_of_a_group_is_told_again(void **state)
{
	static struct channel_packet p;
	struct msg_group said = { .group = 1, .state = MSG_GROUP_FAULT }, got;
	const bool known[] = { true };
	struct child failover = { .name = "failover" };
	struct buf b;
	int ends[2];

	(void)state;
	memset(said.reason, 'r', sizeof(said.reason) - 1);
	memset(said.refused_reason, 'x', sizeof(said.refused_reason) - 1);
	assert_int_equal(channel_pair(ends), 0);
	failover.channel = ends[0];
	child_setup_groups(&failover, &said, known, 1);
	assert_int_equal(channel_recv(ends[1], &p), 1);
	b = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_group(&b, &got), 0);
	assert_string_equal(got.reason, said.reason);
	assert_string_equal(got.refused_reason, said.refused_reason);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_longest_that_was_said_of_a_group_is_told_again),
	};

	TEST_MAIN(tests);
}
