#include "keytab/proof.h"

#include "tests/lib/test.h"

#include <string.h>

#define SPAN(text)                                                             \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}
#define ENTRY(letter, number, kind)                                            \
	{                                                                      \
		.realm = SPAN("R"), .n_components = 1,                         \
		.components = SPAN(letter), .kvno = number, .enctype = kind    \
	}

/* Of principal a: kvno 2 and 300 as aes256, 3 as aes128. Of b: 9. */
static const struct keytab_entry entries[] = {
	ENTRY("a", 2, 18),
	ENTRY("a", 300, 18),
	ENTRY("a", 3, 17),
	ENTRY("b", 9, 18),
};

static void
a_ticket_is_opened_by_its_kvno_or_what_8_bits_leave_of_it(void **state)
{
	const struct keytab_entry *e = entries;
	const size_t n = ARRAY_LEN(entries);

	(void)state;
	assert_ptr_equal(proof_pick(e, n, &e[0], 2, 18), &e[0]);
	assert_ptr_equal(proof_pick(e, n, &e[0], 300, 18), &e[1]);
	assert_ptr_equal(proof_pick(e, n, &e[0], 300 & 0xff, 18), &e[1]);
	assert_ptr_equal(proof_pick(e, n, &e[0], 3, 17), &e[2]);
	assert_null(proof_pick(e, n, &e[0], 3, 18));
	assert_null(proof_pick(e, n, &e[0], 9, 18));
	assert_ptr_equal(proof_pick(e, n, &e[3], 9, 18), &e[3]);
}

static const struct row {
	const char *name;
	enum proof_answer login, ticket;
	uint32_t kvno;
	uint16_t enctype;
	bool opened;
	const char *advice; /* how it begins; NULL: none */
} rows[] = {
	{ "good", PROOF_YES, PROOF_YES, 2, 18, true, NULL },
	{ "a service that is no client", PROOF_NOT_KNOWN, PROOF_YES, 2, 18,
	    true, NULL },
	{ "not tried as a client", PROOF_UNTRIED, PROOF_YES, 2, 18, true,
	    NULL },
	{ "login refused", PROOF_WRONG_KEY, PROOF_YES, 2, 18, true,
	    "opens tickets," },
	{ "enctype refused", PROOF_NO_ENCTYPE, PROOF_YES, 2, 18, true,
	    "opens tickets," },
	{ "expired or locked", PROOF_OTHER, PROOF_YES, 2, 18, true,
	    "opens tickets," },
	{ "no answer to the login", PROOF_UNREACHABLE, PROOF_YES, 2, 18, true,
	    "no KDC" },
	{ "clocks, of the login", PROOF_SKEW, PROOF_YES, 2, 18, true,
	    "clocks are" },
	{ "rotated", PROOF_WRONG_KEY, PROOF_YES, 301, 18, false,
	    "the KDC issues a newer" },
	{ "a replica behind", PROOF_YES, PROOF_YES, 1, 18, false,
	    "the KDC issues an" },
	{ "another enctype", PROOF_YES, PROOF_YES, 3, 18, false, "the kvno" },
	{ "another key", PROOF_WRONG_KEY, PROOF_YES, 2, 18, false, "kvno and" },
	{ "no such service", PROOF_NOT_KNOWN, PROOF_NOT_KNOWN, 0, 0, false,
	    "the KDC has" },
	{ "nobody is in", PROOF_WRONG_KEY, PROOF_UNTRIED, 0, 0, false,
	    "no key" },
	{ "no KDC", PROOF_UNREACHABLE, PROOF_UNTRIED, 0, 0, false, "no KDC" },
	{ "the KDC went away", PROOF_YES, PROOF_UNREACHABLE, 0, 0, false,
	    "no KDC" },
	{ "clocks", PROOF_SKEW, PROOF_UNTRIED, 0, 0, false, "clocks are" },
	{ "clocks, later", PROOF_YES, PROOF_SKEW, 0, 0, false, "clocks are" },
	{ "policy", PROOF_YES, PROOF_OTHER, 0, 0, false, "the KDC issues no" },
};

static void
a_key_that_opens_is_right_whatever_its_kvno(void **state)
{
	static const struct {
		uint32_t ticket, key;
		const char *warning; /* how it begins; NULL: none */
	} opened[] = {
		{ 2, 2, NULL },
		{ 300, 300 & 0xff, NULL }, /* all that the file has room for */
		{ 7, 0, "two keys of kvno 0" },
		{ 256, 0, NULL },
		{ 7, 1, "an acceptor that looks" },
		{ 7, 9, "a later key" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(opened); i++) {
		const struct proof p = { .login = PROOF_YES,
			.ticket = PROOF_YES,
			.kvno = opened[i].ticket,
			.enctype = 18,
			.opened = true,
			.key_kvno = opened[i].key };
		const char *warning = proof_warning(&p);

		assert_null(
		    proof_judge(&p, entries, ARRAY_LEN(entries), &entries[0]));
		if (opened[i].warning == NULL)
			assert_null(warning);
		else
			assert_ptr_equal(
			    strstr(warning, opened[i].warning), warning);
	}
}

static void
each_case_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct proof p = { .login = rows[i].login,
			.ticket = rows[i].ticket,
			.kvno = rows[i].kvno,
			.enctype = rows[i].enctype,
			.opened = rows[i].opened };
		const char *advice =
		    proof_judge(&p, entries, ARRAY_LEN(entries), &entries[0]);

		test_row(rows[i].name);
		if (rows[i].advice == NULL)
			assert_null(advice);
		else
			assert_ptr_equal(
			    strstr(advice, rows[i].advice), advice);
		assert_true(strlen(proof_answer_text(p.login)) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_ticket_is_opened_by_its_kvno_or_what_8_bits_leave_of_it),
		cmocka_unit_test(a_key_that_opens_is_right_whatever_its_kvno),
		cmocka_unit_test(each_case_has_its_verdict),
	};

	TEST_MAIN(tests);
}
