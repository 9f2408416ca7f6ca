#include "config/config.h"
#include "failover/election/reason.h"
#include "tests/lib/test.h"

#include <string.h>

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
		{ { .reason = ELECTION_NO_PEER }, "no peer was heard" },
		{ { .reason = ELECTION_INTERFACE_CARRIER },
		    "interface eth0 lost its carrier" },
		{ { .reason = ELECTION_INTERFACE_MISSING },
		    "interface eth0 is missing" },
		{ { .reason = ELECTION_TRACK_INTERFACE, .which = 0 },
		    "tracked interface eth1 is down" },
		{ { .reason = ELECTION_TRACK_SERVICE, .which = 1 },
		    "tracked service web has too few servers up" },
		{ { .reason = ELECTION_TRACK_SCRIPT, .which = 2 },
		    "tracked script healthy failed" },
		{ { .reason = ELECTION_RELAY_STALLED, .which = 0 },
		    "relay main thread stands still" },
		{ { .reason = ELECTION_INTERFACE_CARRIER, .which = 1 },
		    "interface eth2 lost its carrier" },
		{ { .reason = ELECTION_CUT_OFF, .which = 1 },
		    "cut off on interface eth2, and the peer is not" },
		{ { .reason = ELECTION_RELAY_STALLED, .which = 1 },
		    "relay worker 0 stands still" },
		{ { .reason = ELECTION_RELAY_STALLED, .which = 64 },
		    "relay worker 63 stands still" },
	};
	struct config_track tracks[] = { { .interface = "eth1" },
		{ .service = "web" }, { .script = "/etc/hapair/healthy" } };
	const struct config_pair pair = { .tracks = tracks, .n_tracks = 3 };
	const struct config_group group = { .interfaces = { "eth0", "eth2" },
		.n_interfaces = 2 };
	char subject[REASON_SUBJECT_MAX], buf[REASON_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		reason_subject(&rows[i].out, &pair, &group, subject);
		assert_text(
		    reason_text(&rows[i].out, subject, buf), rows[i].text);
	}
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

/* O12: what nobody wanted is a warning, and a stop of the peer is none. */
static void
what_nobody_wanted_is_news(void **state)
{
	static const struct {
		enum election_reason reason;
		enum election_state was, is;
		enum reason_news news;
	} rows[] = {
		{ ELECTION_PEER_SILENT, ELECTION_BACKUP, ELECTION_MASTER,
		    REASON_TAKEOVER },
		{ ELECTION_PEER_DIED, ELECTION_BACKUP, ELECTION_MASTER,
		    REASON_TAKEOVER },
		{ ELECTION_LAST_RESORT, ELECTION_FAULT, ELECTION_MASTER,
		    REASON_TAKEOVER },
		{ ELECTION_PEER_RESIGNED, ELECTION_BACKUP, ELECTION_MASTER,
		    REASON_STOPPED },
		{ ELECTION_HANDED_OVER, ELECTION_BACKUP, ELECTION_MASTER,
		    REASON_ROUTINE },
		{ ELECTION_NO_PEER, ELECTION_INIT, ELECTION_MASTER,
		    REASON_ROUTINE },
		{ ELECTION_RESTORED, ELECTION_INIT, ELECTION_MASTER,
		    REASON_ROUTINE },
		{ ELECTION_GAVE_OVER, ELECTION_MASTER, ELECTION_BACKUP,
		    REASON_ROUTINE },
		{ ELECTION_RELAY_STARTING, ELECTION_INIT, ELECTION_FAULT,
		    REASON_ROUTINE },
		{ ELECTION_RELAY_GONE, ELECTION_BACKUP, ELECTION_FAULT,
		    REASON_FAULT },
		{ ELECTION_ISOLATED, ELECTION_MASTER, ELECTION_BACKUP,
		    REASON_FAULT },
		{ ELECTION_OUTSERVED, ELECTION_MASTER, ELECTION_BACKUP,
		    REASON_CONFLICT },
		{ ELECTION_CONFLICT, ELECTION_MASTER, ELECTION_MASTER,
		    REASON_CONFLICT },
		{ ELECTION_PEER_HANGS, ELECTION_BACKUP, ELECTION_BACKUP,
		    REASON_DOUBT },
		{ ELECTION_UNCONTESTED, ELECTION_MASTER, ELECTION_MASTER,
		    REASON_ROUTINE },
		{ ELECTION_PAUSED, ELECTION_BACKUP, ELECTION_BACKUP,
		    REASON_HELD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
		    reason_news(rows[i].reason, rows[i].was, rows[i].is),
		    rows[i].news);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_read_as_an_operator_says_them),
		cmocka_unit_test(every_reason_has_words_of_its_own),
		cmocka_unit_test(what_nobody_wanted_is_news),
	};

	TEST_MAIN(tests);
}
