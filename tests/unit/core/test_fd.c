#include "core/fd.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES_MAX 200000

static void
all_is_read_up_to_the_limit(void **state)
{
	/* Around the steps in which memory grows, and the limit. */
	static const size_t lens[] = { 0, 1, 65534, 65535, 65536, 196606,
		196607, 196608, BYTES_MAX, BYTES_MAX + 1 };
	static char bytes[BYTES_MAX + 1];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		CLEANUP(fd_close) int fd = memfd_create("test", MFD_CLOEXEC);
		CLEANUP(free_str) char *text = NULL;
		size_t len = 0;
		int e;

		assert_true(fd >= 0);
		assert_int_equal(fd_write_all(fd, bytes, lens[i]), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		e = fd_read_all(fd, BYTES_MAX, &text, &len);
		if (lens[i] > BYTES_MAX) {
			assert_int_equal(e, -EFBIG);
			assert_null(text);
			continue;
		}
		assert_int_equal(e, 0);
		assert_int_equal(len, lens[i]);
		assert_memory_equal(text, bytes, len);
		assert_int_equal(text[len], '\0');
	}
}

static void
what_cannot_be_read_is_an_error(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;

	(void)state;
	assert_int_equal(fd_read_all(-1, 10, &text, &len), -EBADF);
	assert_null(text);
}

/* Who writes a byte now and then is not read for ever. */
static void
what_comes_too_slowly_is_an_error(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	int ends[2];
	size_t len;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "a", 1), 1);
	assert_int_equal(fd_read_all_until(ends[0], 10,
	                     mono_add_ms(mono_now(), -1), &text, &len),
	    -ETIMEDOUT);
	assert_null(text);
	(void)close(ends[1]);
	assert_int_equal(fd_read_all_until(ends[0], 10,
	                     mono_add_ms(mono_now(), -1), &text, &len),
	    0); /* its end has come */
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_read_up_to_the_limit),
		cmocka_unit_test(what_cannot_be_read_is_an_error),
		cmocka_unit_test(what_comes_too_slowly_is_an_error),
	};

	TEST_MAIN(tests);
}
