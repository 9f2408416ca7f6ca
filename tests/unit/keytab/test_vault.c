#include "keytab/vault.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

/* The flags that the kernel shows of the mapping that begins there. */
static void
flags_of(const void *at, char *ret_flags, size_t room)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], begin[32];
	bool in = false;

	ret_flags[0] = '\0';
	assert_non_null(f);
	(void)snprintf(
	    begin, sizeof(begin), "%lx-", (unsigned long)(uintptr_t)at);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strchr(line, '-') != NULL && line[0] != 'V')
			in = strncmp(line, begin, strlen(begin)) == 0;
		if (in && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(ret_flags, room, "%s", line);
	}
	(void)fclose(f);
}

static void
its_pages_are_left_out_of_cores(void **state)
{
	struct vault v = { .bytes = NULL };
	char flags[512];

	(void)state;
	assert_int_equal(vault_open(&v, 100), 0);
	assert_int_equal(v.bytes[99], 0);
	v.bytes[99] = 1;
	flags_of(v.bytes, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	vault_close(&v);
	assert_null(v.bytes);
	vault_close(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_pages_are_left_out_of_cores),
	};

	TEST_MAIN(tests);
}
