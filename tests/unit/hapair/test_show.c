#include "hapair/cli/show.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/*
 * Golden files: tests/golden/status/NAME.json is what the daemon said, .txt and
 * .short what people and scripts see. UPDATE_GOLDEN=1 writes them anew; read
 * the difference before you commit it.
 */

static char *
read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *text = NULL;
	size_t len;

	if (fd == -1)
		fail_msg("%s cannot be opened", path);
	assert_int_equal(fd_read_all(fd, 1 << 20, &text, &len), 0);
	fd_close(&fd);
	return text;
}

static void
compare(const char *path, const char *text)
{
	char *expected;

	if (getenv("UPDATE_GOLDEN") != NULL) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		(void)fputs(text, f);
		(void)fclose(f);
	}
	expected = read_file(path);
	test_row(path);
	assert_text(text, expected);
	free(expected);
}

static void
status_reads_as_its_golden_files(void **state)
{
	static const char *const names[] = { "healthy", "degraded", "single",
		"standby", "keys", "keys_alone" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[128], *json, *text = NULL;
		size_t len;
		struct json_doc *d;
		FILE *f;

		(void)snprintf(path, sizeof(path),
		    "tests/golden/status/%s.json", names[i]);
		json = read_file(path);
		d = json_doc_parse(json, strlen(json));
		assert_non_null(d);
		f = open_memstream(&text, &len);
		show_status(d, f, false);
		(void)fclose(f);
		(void)snprintf(
		    path, sizeof(path), "tests/golden/status/%s.txt", names[i]);
		compare(path, text);
		free(text);
		f = open_memstream(&text, &len);
		show_short(d, f);
		(void)fclose(f);
		(void)snprintf(path, sizeof(path),
		    "tests/golden/status/%s.short", names[i]);
		compare(path, text);
		free(text);
		free(json);
		json_doc_free_at(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_reads_as_its_golden_files),
	};

	TEST_MAIN(tests);
}
