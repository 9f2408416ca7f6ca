/*
 * Any text as a haproxy.cfg, a keepalived.conf, or several of them: a
 * configuration that loads, or a reason; and notes that a terminal can take.
 *
 * The first byte says what the parts are called, a line of "%%" parts them.
 */

#include "config/import/import.h"
#include "config/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "violated: %s\n", what);
	abort();
}

static const char *
env(const char *name)
{
	return name[0] == 'H' ? "10.0.0.1" : NULL;
}

/* The parts of the text; returns how many. */
static size_t
divide(const char *text, size_t len, uint8_t names, struct import_file *files)
{
	static const char *const called[] = { "haproxy.cfg",
		"keepalived.conf" };
	size_t n = 0;

	while (n < PARTS_MAX) {
		const char *end =
		    n + 1 < PARTS_MAX ? memmem(text, len, "\n%%\n", 4) : NULL;
		const size_t part = end != NULL ? (size_t)(end - text) : len;

		files[n] = (struct import_file){ .name = called[names >> n & 1],
			.text = text,
			.len = part };
		n++;
		if (end == NULL)
			break;
		text = end + 4;
		len -= part + 4;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(free_str) char *notes = NULL;
	CLEANUP(config_free_at) struct config *c = NULL;
	struct import_file files[PARTS_MAX];
	struct import_result r;
	size_t n, notes_len;
	FILE *out = open_memstream(&notes, &notes_len);
	int e;

	expect(out != NULL, "memory");
	if (len == 0)
		data = (const uint8_t *)"";
	n = divide((const char *)data + (len > 0), len > 0 ? len - 1 : 0,
	    data[0], files);
	e = import_files(files, n, env, out, &r);
	expect(fclose(out) == 0, "memory");
	expect(e == 0 || e == -EINVAL, "a result, or a reason");
	expect((e == 0) == (r.text != NULL), "a result, or none");
	expect(e == 0 || notes_len > 0, "none has a reason");
	for (size_t i = 0; i < notes_len; i++)
		expect((unsigned char)notes[i] >= ' ' || notes[i] == '\n',
		    "notes are clean");
	if (e == 0)
		expect(load_text("result", r.text, r.len, NULL, &c) == 0,
		    "the result loads");
	import_fini(&r);
	return 0;
}
