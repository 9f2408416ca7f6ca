#include "failover/reason.h"

#include <string.h>

#include "tests/lib/test.h"

static void
reasons_read_as_an_operator_says_them(void **state)
{
	static const struct {
		struct election_out out;
		const char *text;
	} rows[] = {
		{ { .reason = ELECTION_PEER_SILENT, .silent_ms = 61 },
		    "peer silent for 61 ms" },
		{ { .reason = ELECTION_PEER_RESIGNED }, "peer resigned" },
		{ { .reason = ELECTION_INTERFACE_CARRIER },
		    "interface eth0 lost its carrier" },
		{ { .reason = ELECTION_INTERFACE_MISSING },
		    "interface eth0 is missing" },
	};
	char buf[REASON_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_text(
		    reason_text(&rows[i].out, "eth0", buf), rows[i].text);
}

static void
every_reason_has_words_of_its_own(void **state)
{
	char texts[ELECTION_REASONS][REASON_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < ELECTION_REASONS; i++) {
		const struct election_out out = { .reason =
			                              (enum election_reason)i };

		reason_text(&out, "eth0", texts[i]);
		assert_string_not_equal(texts[i], "?");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(texts[i], texts[j]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_read_as_an_operator_says_them),
		cmocka_unit_test(every_reason_has_words_of_its_own),
	};

	TEST_MAIN(tests);
}
