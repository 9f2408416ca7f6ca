#include "hapair/supervisor/file_say.h"

#include "core/channel.h"
#include "core/fd.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/peer_file.h"
#include "tests/lib/test.h"

#include <sys/socket.h>

static void
only_a_failover_that_knows_the_word_hears_it(void **state)
{
	static const struct {
		const char *name;
		bool ready, adopted, hears;
	} rows[] = {
		{ "begins", false, false, false },
		{ "runs", true, false, true },
		{ "is of before an upgrade", true, true, false },
	};
	const struct peer_file m = { .kind = PEER_FILE_TAKE, .id = 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct generation g = { 0 };
		int ends[2];
		char byte;

		test_row(rows[i].name);
		assert_int_equal(channel_pair(ends), 0);
		g.failover.channel = ends[0];
		g.failover.ready = rows[i].ready;
		g.failover.adopted = rows[i].adopted;
		file_say(&g, &m);
		assert_int_equal(
		    recv(ends[1], &byte, sizeof(byte), MSG_DONTWAIT) > 0,
		    rows[i].hears);
		fd_close(&ends[0]);
		fd_close(&ends[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_failover_that_knows_the_word_hears_it),
	};

	TEST_MAIN(tests);
}
