#include "keytab/advice.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <string.h>

static const struct row {
	const char *name;
	const char *realm, *host; /* host NULL: a name of one component */
	uint32_t kvno;
	uint16_t enctype;
	const char *begins; /* of the only sentence; NULL: none */
} rows[] = {
	{ "as it should be", "EXAMPLE.ORG", "h1.example.org", 2, 18, NULL },
	{ "newer enctype", "EXAMPLE.ORG", "h1.example.org", 2, 20, NULL },
	{ "a user", "EXAMPLE.ORG", NULL, 1, 17, NULL },
	{ "rc4", "EXAMPLE.ORG", "h1.example.org", 2, 23, "an enctype" },
	{ "des", "EXAMPLE.ORG", "h1.example.org", 2, 3, "an enctype" },
	{ "kvno 0", "EXAMPLE.ORG", "h1.example.org", 0, 18, "kvno 0" },
	{ "small realm", "example.org", "h1.example.org", 2, 18, "a realm" },
	{ "capitals", "EXAMPLE.ORG", "H1.example.org", 2, 18,
	    "a host with capital" },
	{ "short name", "EXAMPLE.ORG", "h1", 2, 18, "a host without" },
	{ "a dot", "EXAMPLE.ORG", "h1.example.org.", 2, 18,
	    "a host with a dot" },
};

static void
each_oddity_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		uint8_t bytes[100];
		struct buf b = buf_writer(bytes, sizeof(bytes));
		struct keytab_entry e = { .kvno = r->kvno,
			.enctype = r->enctype };
		const char *words[ADVICE_MAX] = { "" };
		unsigned n;

		test_row(r->name);
		buf_put_str(&b, "impala");
		if (r->host != NULL)
			buf_put_str(&b, r->host);
		e.n_components = r->host != NULL ? 2 : 1;
		e.components =
		    (struct keytab_span){ .at = bytes, .len = b.pos };
		e.realm = (struct keytab_span){ .at = (const uint8_t *)r->realm,
			.len = strlen(r->realm) };
		n = advice_on(&e, words);
		assert_int_equal(n, r->begins != NULL);
		if (r->begins != NULL &&
		    strncmp(words[0], r->begins, strlen(r->begins)) != 0)
			assert_text(words[0], r->begins);
	}
}

static void
everything_odd_at_once_has_room(void **state)
{
	uint8_t bytes[100];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct keytab_entry e = { .kvno = 0, .enctype = 1, .n_components = 2 };
	const char *words[ADVICE_MAX];

	(void)state;
	buf_put_str(&b, "impala");
	buf_put_str(&b, "H1.");
	e.components = (struct keytab_span){ .at = bytes, .len = b.pos };
	e.realm = (struct keytab_span){ .at = (const uint8_t *)"x", .len = 1 };
	assert_int_equal(advice_on(&e, words), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_oddity_has_its_sentence),
		cmocka_unit_test(everything_odd_at_once_has_room),
	};

	TEST_MAIN(tests);
}
