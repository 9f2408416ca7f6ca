/*
 * Any bytes as a keytab: a fault within the file, or entries that can be shown,
 * and that are read again the same once they were written.
 */

#include "core/base.h"
#include "core/buf.h"
#include "keytab/advice.h"
#include "keytab/keytab.h"
#include "keytab/merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const struct keytab_entry *e, const uint8_t *data, size_t size)
{
	char name[KEYTAB_TEXT_MAX];
	const char *words[ADVICE_MAX];

	assert(e->offset < size);
	assert(e->key.len > 0 && e->key.at >= data &&
	    e->key.at + e->key.len <= data + size);
	assert(keytab_component(e, e->n_components - 1).len > 0);
	assert(advice_on(e, words) <= ADVICE_MAX);
	(void)keytab_principal_text(e, name);
	assert(strlen(name) < KEYTAB_TEXT_MAX);
	for (const char *c = name; *c != '\0'; c++)
		assert(*c >= 0x20 && *c <= 0x7e);
}

static void
write_and_read(const struct keytab_entry *e)
{
	const size_t len = KEYTAB_HEAD_BYTES + keytab_entry_bytes(e);
	uint8_t *bytes = malloc(len);
	struct buf out = buf_writer(bytes, len);
	struct keytab_reader r;
	struct keytab_fault fault;
	struct keytab_entry again;

	assert(bytes != NULL);
	keytab_put_head(&out);
	keytab_put_entry(&out, e);
	assert(buf_is_done(&out));
	assert(keytab_begin(&r, bytes, len, &fault) == 0);
	assert(keytab_next(&r, &again, &fault) == 1);
	assert(merge_is_same_key(e, &again));
	assert(
	    e->name_type == again.name_type && e->timestamp == again.timestamp);
	assert(keytab_next(&r, &again, &fault) == 0);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keytab_reader r;
	struct keytab_fault fault;
	struct keytab_entry e;
	int got = keytab_begin(&r, data, size, &fault);

	if (got == 0)
		while ((got = keytab_next(&r, &e, &fault)) == 1) {
			look_at(&e, data, size);
			write_and_read(&e);
		}
	if (got == 0)
		return 0;
	assert(fault.offset == 0 || fault.offset < size);
	assert(strlen(fault.text) < KEYTAB_FAULT_MAX - 1);
	return 0;
}
