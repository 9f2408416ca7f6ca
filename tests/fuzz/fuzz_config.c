/*
 * Any text: the configuration is refused with a reason, or printed in a form
 * that loads to the same configuration and prints to the same text.
 *
 * Built by clang with -fsanitize=fuzzer,address,undefined, together with all of
 * config/ and core/{addr,base,fd,secret}.c; the golden files are its corpus.
 */

#include "config/load.h"
#include "config/print.h"
#include "config/yaml/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "violated: %s\n", what);
	abort();
}

/* Messages are for terminals: no control characters of the file in them. */
static void
check_messages(const struct diag *diag)
{
	CLEANUP(free_str) char *said = NULL;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	expect(out != NULL, "memory");
	diag_print(diag, out);
	expect(fclose(out) == 0, "memory");
	expect(len > 0, "a refusal has a reason");
	for (size_t i = 0; i < len; i++)
		expect((unsigned char)said[i] >= ' ' || said[i] == '\n',
		    "messages are clean");
}

static void
check_printed(const struct config *c)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *again = NULL;
	CLEANUP(free_str) char *once = NULL;
	CLEANUP(free_str) char *twice = NULL;
	size_t len, again_len;
	int r;

	expect(print_text(c, &once, &len) == 0, "it can be printed");
	r = load_text("printed", once, len, diag, &again);
	if (r != 0) {
		diag_print(diag, stderr);
		(void)fputs(once, stderr);
	}
	expect(r == 0, "what was printed loads");
	expect(print_text(again, &twice, &again_len) == 0, "and prints");
	expect(len == again_len && memcmp(once, twice, len) == 0,
	    "printing what was printed changes nothing");
	expect(memcmp(c->hash, again->hash, sizeof(c->hash)) == 0,
	    "the hash is that of the meaning");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;
	int r = load_text("fuzz", (const char *)data, len, diag, &c);

	expect((r == 0) == (c != NULL), "a configuration, or a failure");
	expect((r == 0) == (diag_count(diag) == 0), "a failure has a reason");
	if (r == 0)
		check_printed(c);
	else
		check_messages(diag);
	return 0;
}
