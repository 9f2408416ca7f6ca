#include "keytab/kerberos.h"

#include "core/buf.h"
#include "keytab/keyfile.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct keytab_entry entries[] = {
	{ .realm = { (const uint8_t *)"R", 1 },
	    .n_components = 2,
	    .components = { (const uint8_t *)"\0\1p\0\1h", 6 },
	    .name_type = 3,
	    .timestamp = 1700000000,
	    .kvno = 300,
	    .enctype = 17,
	    .key = { (const uint8_t *)"0123456789abcdef", 16 } },
	{ .realm = { (const uint8_t *)"R", 1 },
	    .n_components = 1,
	    .components = { (const uint8_t *)"\0\1u", 3 },
	    .name_type = 1,
	    .timestamp = 1,
	    .kvno = 1,
	    .enctype = 17,
	    .key = { (const uint8_t *)"fedcba9876543210", 16 } },
};

static void
write_entries(const char *path)
{
	uint8_t bytes[256];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	FILE *f = fopen(path, "w");

	keytab_put_head(&b);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		keytab_put_entry(&b, &entries[i]);
	assert_false(b.bad);
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, b.pos, f), b.pos);
	assert_int_equal(fclose(f), 0);
}

/* One thing at a time that libkrb5 reads otherwise than we say it is. */
static void
bend(struct keytab_entry *e, unsigned how)
{
	switch (how) {
	case 0:
		e->kvno = 44; /* the low 8 bits of 300 */
		break;
	case 1:
		e->timestamp++;
		break;
	case 2:
		e->name_type = 1;
		break;
	case 3:
		e->enctype = 18;
		break;
	case 4:
		e->key.at = (const uint8_t *)"0123456789abcdeF";
		break;
	case 5:
		e->components.at = (const uint8_t *)"\0\1p\0\1i";
		break;
	default: /* the last */
		e->realm.at = (const uint8_t *)"S";
		break;
	}
}

static void
libkrb5_reads_these_entries_and_no_others(void **state)
{
	char path[] = "/tmp/hapair-test-kerberos-XXXXXX";
	char why[KERBEROS_WHY_MAX];
	struct kerberos *k = kerberos_new(why);
	const size_t n = ARRAY_LEN(entries);
	int fd = mkstemp(path);

	(void)state;
	assert_non_null(k);
	assert_true(fd != -1);
	(void)close(fd);
	write_entries(path);
	assert_int_equal(kerberos_compare(k, path, entries, n, why), 0);
	assert_int_equal(kerberos_compare(k, path, entries, n - 1, why), -EIO);
	for (unsigned how = 0; how < 7; how++) {
		struct keytab_entry bent[ARRAY_LEN(entries)];

		memcpy(bent, entries, sizeof(bent));
		bend(&bent[0], how);
		assert_int_equal(kerberos_compare(k, path, bent, n, why), -EIO);
	}
	(void)unlink(path);
	assert_int_equal(kerberos_compare(k, path, entries, n, why), -EIO);
	assert_true(strlen(why) > 0);
	kerberos_free_at(&k);
}

/* A file of entries, holes, padding and an end, one byte or two changed. */
static size_t
make_odd_file(uint8_t *bytes, size_t room)
{
	struct buf b = buf_writer(bytes, room);
	size_t changes;

	keytab_put_head(&b);
	for (size_t i = 0; i < 4; i++) {
		size_t at = b.pos, padding = (size_t)rand() % 8;

		if (rand() % 3 == 0) {
			buf_put_u32(&b, (uint32_t)-8);
			buf_put_u64(&b, 0);
			at = b.pos;
		}
		keytab_put_entry(&b, &entries[i % ARRAY_LEN(entries)]);
		if (rand() % 3 == 0)
			b.pos -= 4; /* without the wide kvno */
		for (; padding > 0 && rand() % 2 == 0; padding--)
			buf_put_u8(&b, 0);
		struct buf length = buf_writer(bytes + at, 4);
		buf_put_u32(&length, (uint32_t)(b.pos - at - 4));
	}
	if (rand() % 8 == 0)
		buf_put_u32(&b, 0);
	changes = (size_t)rand() % 3;
	for (size_t i = 0; i < changes; i++)
		bytes[(size_t)rand() % b.pos] ^= (uint8_t)(1 << rand() % 8);
	assert_false(b.bad);
	return b.pos;
}

static void
what_we_accept_libkrb5_reads_the_same(void **state)
{
	char path[] = "/tmp/hapair-test-kerberos-XXXXXX";
	char why[KEYFILE_WHY_MAX];
	struct kerberos *k = kerberos_new(why);
	int fd = mkstemp(path);
	unsigned accepted = 0;

	(void)state;
	assert_non_null(k);
	assert_true(fd != -1);
	srand(1);
	for (unsigned i = 0; i < 4000; i++) {
		struct keyfile f = { .path = path };
		uint8_t bytes[1024];
		size_t len = make_odd_file(bytes, sizeof(bytes));

		if (keyfile_parse(&f, bytes, len, why) == 0) {
			accepted++;
			assert_int_equal(ftruncate(fd, 0), 0);
			assert_int_equal(
			    pwrite(fd, bytes, len, 0), (ssize_t)len);
			if (kerberos_compare(k, path, f.entries, f.n, why) < 0)
				fail_msg("file %u: %s", i, why);
		}
		keyfile_close(&f);
	}
	assert_in_range(accepted, 1000, 3000);
	(void)close(fd);
	(void)unlink(path);
	kerberos_free_at(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libkrb5_reads_these_entries_and_no_others),
		cmocka_unit_test(what_we_accept_libkrb5_reads_the_same),
	};

	TEST_MAIN(tests);
}
