#include "core/liveness.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static void
who_reads_sees_what_another_process_counts(void **state)
{
	struct liveness *writer = NULL, *watcher = NULL;
	uint64_t counts[3];
	int fd = liveness_create();
	int reader;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	reader = liveness_reader(fd);
	assert_true(reader >= 0);
	assert_int_equal(liveness_map(reader, false, &watcher), 0);
	pid = fork();
	if (pid == 0) {
		if (liveness_map(fd, true, &writer) < 0)
			_exit(1);
		for (unsigned i = 0; i < 5; i++)
			liveness_beat(writer, LIVENESS_MAIN);
		liveness_beat(writer, 2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	liveness_read(watcher, counts, 3);
	assert_int_equal(counts[0], 5);
	assert_int_equal(counts[1], 0);
	assert_int_equal(counts[2], 1);
	liveness_unmap(&watcher);
	assert_null(watcher);
	fd_close(&reader);
	fd_close(&fd);
}

static void
who_may_only_read_cannot_write_or_cut(void **state)
{
	struct liveness *p = NULL;
	int fd = liveness_create();
	int reader = liveness_reader(fd);

	(void)state;
	assert_int_equal(liveness_map(reader, true, &p), -EACCES);
	assert_null(p);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	fd_close(&reader);
	fd_close(&fd);
}

static void
nobody_s_pulse_is_no_pulse(void **state)
{
	struct liveness *none = NULL;

	(void)state;
	liveness_beat(none, LIVENESS_LINES - 1);
	liveness_unmap(&none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reads_sees_what_another_process_counts),
		cmocka_unit_test(who_may_only_read_cannot_write_or_cut),
		cmocka_unit_test(nobody_s_pulse_is_no_pulse),
	};

	TEST_MAIN(tests);
}
