#include "director/bpf/director_segment.h"

#include "tests/lib/test.h"

enum {
	ISN = 1000,
	/* One past the client's FIN, and the server's. */
	CLIENT_END = 2000,
	SERVER_END = 9000,

	FIN = DIRECTOR_SEGMENT_FIN,
	SYN = DIRECTOR_SEGMENT_SYN,
	RST = DIRECTOR_SEGMENT_RST,
	ACK = DIRECTOR_SEGMENT_ACK,

	SENT = DIRECTOR_BPF_SYN_SENT,
	UP = DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_SYN_ACK,
	SHY = UP | DIRECTOR_BPF_FIRST_BYTE,
	INHERITED = DIRECTOR_BPF_INHERITED,
	ESTABLISHED = DIRECTOR_BPF_ESTABLISHED,
	DATA = DIRECTOR_BPF_CLIENT_DATA,
	SEEN_C = DIRECTOR_BPF_SEEN_CLIENT,
	SEEN_S = DIRECTOR_BPF_SEEN_SERVER,
	FIN_C = DIRECTOR_BPF_FIN_CLIENT,
	FIN_S = DIRECTOR_BPF_FIN_SERVER,
	ACKED_C = DIRECTOR_BPF_FIN_ACKED_CLIENT,
	ACKED_S = DIRECTOR_BPF_FIN_ACKED_SERVER,
	FIRST_S = DIRECTOR_BPF_SERVER_FIRST,
	RST_C = DIRECTOR_BPF_RST_CLIENT,
	RST_S = DIRECTOR_BPF_RST_SERVER,
	RSTS = DIRECTOR_BPF_RST_ANY,

	CLIENT = DIRECTOR_BPF_FROM_CLIENT,
	SERVER = DIRECTOR_BPF_FROM_SERVER,

	PASS = DIRECTOR_SEGMENT_PASS,
	HOLD = DIRECTOR_SEGMENT_HOLD,
	NEW = DIRECTOR_SEGMENT_REPORT_SYN,
	REFUSED = DIRECTOR_SEGMENT_REPORT_REFUSED,
};

static const struct row {
	const char *name;
	uint32_t flags;
	struct director_segment s;
	/* enum director_segment_action */
	unsigned action;
	uint32_t set, clear;
} rows[] = {
	/* clang-format off */
	{ "the same SYN again: the process sends its own again",
	    SENT, { CLIENT, ISN, 0, 0, SYN }, NEW, 0, 0 },
	{ "a SYN for an inherited entry whose server was not heard",
	    INHERITED, { CLIENT, ISN, 0, 0, SYN }, NEW, 0, 0 },
	{ "with ECN's bits it is a SYN as well",
	    SENT, { CLIENT, ISN, 0, 0, SYN | 0xc0 }, NEW, 0, 0 },
	{ "a SYN in a connection that lives: the server judges",
	    UP, { CLIENT, 5, 0, 0, SYN }, PASS, 0, 0 },
	{ "a SYN after a RST is a new connection",
	    UP | RST_S, { CLIENT, 5, 0, 0, SYN }, NEW, 0, 0 },
	{ "a SYN after both FINs, too",
	    UP | FIN_C | FIN_S, { CLIENT, 5, 0, 0, SYN }, NEW, 0, 0 },
	{ "after one FIN it is not",
	    UP | FIN_C, { CLIENT, 5, 0, 0, SYN }, PASS, 0, 0 },
	{ "SYN and FIN is no SYN",
	    SENT, { CLIENT, ISN, 0, 0, SYN | FIN }, PASS, 0, 0 },
	{ "a server's SYN means nothing",
	    SENT, { SERVER, 7, 0, 0, SYN }, PASS, 0, 0 },

	{ "the server answers",
	    SENT, { SERVER, 7, ISN + 1, 0, SYN | ACK },
	    PASS, DIRECTOR_BPF_SYN_ACK | SEEN_S, RSTS },
	{ "it answers somebody else",
	    SENT, { SERVER, 7, ISN + 2, 0, SYN | ACK }, PASS, 0, 0 },
	{ "the server refuses",
	    SENT, { SERVER, 0, ISN + 1, 0, RST | ACK }, REFUSED, 0, 0 },
	{ "a RST about something older",
	    SENT, { SERVER, 0, ISN, 0, RST | ACK }, PASS, RST_S, 0 },
	{ "a RST without ACK refuses nothing",
	    SENT, { SERVER, 0, ISN + 1, 0, RST }, PASS, RST_S, 0 },
	{ "after its answer a RST is the connection's end",
	    UP, { SERVER, 0, ISN + 1, 0, RST | ACK }, PASS, RST_S, 0 },
	{ "a refusal of the other node's SYN is nobody's",
	    INHERITED, { SERVER, 0, ISN + 1, 0, RST | ACK }, HOLD, 0, 0 },
	{ "a connection's end has a number",
	    INHERITED, { SERVER, 7, ISN + 1, 0, RST | ACK }, PASS, RST_S, 0 },
	{ "or was there before it",
	    INHERITED | SEEN_S, { SERVER, 0, ISN + 1, 0, RST | ACK },
	    PASS, RST_S, 0 },
	{ "a client's RST",
	    UP, { CLIENT, 0, ISN + 1, 0, RST | ACK }, PASS, RST_C, 0 },
	{ "RST and SYN is a RST",
	    SENT, { CLIENT, ISN, 0, 0, RST | SYN }, PASS, RST_C, 0 },

	{ "the handshake's last ACK",
	    UP, { CLIENT, ISN + 1, 8, 0, ACK }, PASS, SEEN_C | ESTABLISHED, RSTS },
	{ "an ACK before the server answered establishes nothing",
	    SENT, { CLIENT, ISN + 1, 8, 0, ACK }, PASS, SEEN_C, RSTS },
	{ "a first byte",
	    UP, { CLIENT, ISN + 1, 8, 1, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS },
	{ "a silent client is held back",
	    SHY, { CLIENT, ISN + 1, 8, 0, ACK },
	    HOLD, SEEN_C | ESTABLISHED, RSTS },
	{ "and its keepalive, which has one byte of nothing",
	    SHY, { CLIENT, ISN, 8, 1, ACK }, HOLD, SEEN_C | ESTABLISHED, RSTS },
	{ "not its first byte",
	    SHY, { CLIENT, ISN + 1, 8, 1, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS },
	{ "nor what follows that",
	    SHY | DATA, { CLIENT, ISN + 2, 8, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS },
	{ "nor its end",
	    SHY, { CLIENT, ISN + 1, 8, 0, ACK | FIN },
	    PASS, SEEN_C | ESTABLISHED | DATA | FIN_C, RSTS | ACKED_C },
	{ "nor the ACK after that end",
	    SHY | DATA | FIN_C, { CLIENT, CLIENT_END, 8, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS },
	{ "nor an inherited client's ACK",
	    INHERITED | DIRECTOR_BPF_FIRST_BYTE, { CLIENT, ISN + 1, 8, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED, RSTS },
	{ "the server's side is never held back",
	    SHY, { SERVER, 8, ISN + 1, 0, ACK }, PASS, SEEN_S, RSTS },
	{ "without ACK it is no segment",
	    UP, { CLIENT, ISN + 1, 8, 10, 0 }, PASS, 0, 0 },

	{ "the server ends first",
	    UP, { SERVER, SERVER_END - 1, ISN + 1, 0, ACK | FIN },
	    PASS, SEEN_S | FIN_S | FIRST_S, RSTS },
	{ "the server ends, having heard the client's end",
	    UP | FIN_C, { SERVER, SERVER_END - 1, CLIENT_END, 0, ACK | FIN },
	    PASS, SEEN_S | FIN_S | ACKED_C, RSTS },
	{ "both end at once: TIME_WAIT is at both",
	    UP | FIN_C, { SERVER, SERVER_END - 1, CLIENT_END - 1, 0, ACK | FIN },
	    PASS, SEEN_S | FIN_S | FIRST_S, RSTS },
	{ "the server's FIN once more",
	    UP | FIN_S, { SERVER, SERVER_END - 1, ISN + 1, 0, ACK | FIN },
	    PASS, SEEN_S | FIN_S, RSTS },
	{ "another FIN than the one that was acknowledged",
	    UP | FIN_S | ACKED_S, { SERVER, SERVER_END, ISN + 1, 0, ACK | FIN },
	    PASS, SEEN_S | FIN_S, RSTS | ACKED_S },
	{ "the client has the server's end",
	    UP | FIN_S, { CLIENT, ISN + 1, SERVER_END, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED | ACKED_S, RSTS },
	{ "the client has not got the last byte",
	    UP | FIN_S, { CLIENT, ISN + 1, SERVER_END - 1, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED, RSTS },
	{ "behind a FIN is nothing to acknowledge: it was forged",
	    UP | FIN_S, { CLIENT, ISN + 1, SERVER_END + 1, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED, RSTS },
	{ "a FIN of any number, and an honest ACK",
	    UP | FIN_S, { CLIENT, ISN + 1, SERVER_END + 0x7fffffffU, 0, ACK },
	    PASS, SEEN_C | ESTABLISHED, RSTS },
	{ "a byte behind the FIN: that one was forged",
	    UP | FIN_C | ACKED_C, { CLIENT, CLIENT_END, 8, 1, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS | FIN_C | ACKED_C },
	{ "a byte before it, sent again",
	    UP | FIN_C, { CLIENT, CLIENT_END - 2, 8, 1, ACK },
	    PASS, SEEN_C | ESTABLISHED | DATA, RSTS },
	{ "likewise at the server, whose TIME_WAIT was none",
	    UP | FIN_S | FIRST_S, { SERVER, SERVER_END, ISN + 1, 1, ACK },
	    PASS, SEEN_S, RSTS | FIN_S | ACKED_S | FIRST_S },
	/* clang-format on */
};

static void
each_segment_gets_its_verdict(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		bool client = row->s.from == CLIENT;
		struct director_segment_past past = {
			.flags = row->flags,
			.client_isn = ISN,
			.own_fin_end = client ? CLIENT_END : SERVER_END,
			.other_fin_end = client ? SERVER_END : CLIENT_END,
		};
		struct director_segment_verdict v;

		test_row(row->name);
		director_segment_judge(&row->s, &past, &v);
		assert_int_equal(v.action, row->action);
		assert_int_equal(v.set, row->set);
		assert_int_equal(v.clear, row->clear);
		assert_int_equal(v.fin, (row->set & (FIN_C | FIN_S)) != 0);
		assert_int_equal(v.set & v.clear, 0);
	}
}

static void
numbers_end_behind_syn_data_and_fin(void **state)
{
	const struct director_segment s = {
		.from = CLIENT,
		.seq = 0xfffffff0,
		.payload = 0x20,
		.bits = ACK | FIN,
	};
	const struct director_segment_past past = { .flags = UP };
	struct director_segment_verdict v;

	(void)state;
	director_segment_judge(&s, &past, &v);
	assert_true(v.numbered);
	assert_int_equal(v.seq_end, 0x11);
}

static void
a_connection_ends_by_rst_or_by_both_fins_acknowledged(void **state)
{
	(void)state;
	assert_false(director_segment_is_end(UP | FIN_C | FIN_S | ACKED_C));
	assert_true(director_segment_is_end(ACKED_C | ACKED_S));
	assert_true(director_segment_is_end(RST_C));
	assert_true(director_segment_is_end(RST_S));
}

static void
a_fin_is_heard_once_it_is_acknowledged(void **state)
{
	(void)state;
	assert_false(director_segment_has_unheard_fin(UP));
	assert_true(director_segment_has_unheard_fin(UP | FIN_C));
	assert_true(director_segment_has_unheard_fin(UP | FIN_S));
	assert_false(director_segment_has_unheard_fin(UP | FIN_C | ACKED_C));
	assert_true(
	    director_segment_has_unheard_fin(UP | FIN_C | FIN_S | ACKED_C));
	assert_true(
	    director_segment_has_unheard_fin(UP | FIN_C | FIN_S | ACKED_S));
	assert_false(director_segment_has_unheard_fin(
	    UP | FIN_C | FIN_S | ACKED_C | ACKED_S));
}

static void
unreachable_refuses_only_our_own_unanswered_syn(void **state)
{
	struct director_segment_past past = { .flags = SENT,
		.client_isn = ISN };

	(void)state;
	assert_true(director_segment_is_refusal(SERVER, &past, ISN));
	assert_false(director_segment_is_refusal(SERVER, &past, ISN + 1));
	assert_false(director_segment_is_refusal(CLIENT, &past, ISN));
	past.flags = UP;
	assert_false(director_segment_is_refusal(SERVER, &past, ISN));
	past.flags = INHERITED;
	assert_false(director_segment_is_refusal(SERVER, &past, ISN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_segment_gets_its_verdict),
		cmocka_unit_test(numbers_end_behind_syn_data_and_fin),
		cmocka_unit_test(
		    a_connection_ends_by_rst_or_by_both_fins_acknowledged),
		cmocka_unit_test(a_fin_is_heard_once_it_is_acknowledged),
		cmocka_unit_test(
		    unreachable_refuses_only_our_own_unanswered_syn),
	};

	TEST_MAIN(tests);
}
