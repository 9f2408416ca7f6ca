#include "proxy/transfer/transfer_wire.h"

#include "config/config.h"
#include "core/channel.h"
#include "core/fd.h"
#include "proxy/relay_bounds.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char said[] = "what is held";

/* What was stored is read as it was, and cannot be another one meanwhile. */
static void
what_is_stored_is_read_back(void **state)
{
	int fd = transfer_wire_store(said, sizeof(said));
	uint8_t *bytes;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(transfer_wire_load(fd, sizeof(said), &bytes), 0);
	assert_memory_equal(bytes, said, sizeof(said));
	free(bytes);
	assert_int_equal(pwrite(fd, "W", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	/* Of another length than was said. */
	assert_int_equal(
	    transfer_wire_load(fd, sizeof(said) - 1, &bytes), -EBADMSG);
	assert_int_equal(
	    transfer_wire_load(fd, TRANSFER_WIRE_FAR_MAX + 1, &bytes),
	    -EBADMSG);
	fd_close(&fd);
}

/* Any descriptor may come. */
static void
what_is_not_sealed_is_not_read(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *bytes;
	int ends[2];

	(void)state;
	assert_int_equal(write(fd, said, sizeof(said)), sizeof(said));
	assert_int_equal(
	    transfer_wire_load(fd, sizeof(said), &bytes), -EBADMSG);
	fd_close(&fd);
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(
	    transfer_wire_load(ends[0], sizeof(said), &bytes), -EBADMSG);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* A relay that does what it may not is killed, with all its connections. */
static void
a_relay_may_do_both(void **state)
{
	const struct config nothing = { 0 };
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		uint8_t *bytes;
		int fd;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
		    relay_bounds_enter(&nothing, -1) < 0)
			_exit(2);
		fd = transfer_wire_store(said, sizeof(said));
		_exit(fd < 0 ||
		    transfer_wire_load(fd, sizeof(said), &bytes) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_is_read_back),
		cmocka_unit_test(what_is_not_sealed_is_not_read),
		cmocka_unit_test(a_relay_may_do_both),
	};

	TEST_MAIN(tests);
}
