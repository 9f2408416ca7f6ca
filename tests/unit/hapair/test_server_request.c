#include "hapair/supervisor/server_request.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <string.h>

static struct config_server servers[] = {
	{ .name = "s1", .weight = 1 },
	{ .name = "[::1]:80", .weight = 7 },
};
static struct config_service services[] = {
	{ .name = "w", .servers = servers, .n_servers = 1 },
	{ .name = "web", .servers = servers, .n_servers = 2 },
};
static const struct config config = { .services = services, .n_services = 2 };

static char text[SERVER_REQUEST_TEXT_MAX];

static void
what_makes_no_sense_is_refused_with_why(void **state)
{
	static const struct row {
		const char *line, *why;
	} rows[] = {
		{ "server web/s9 drain",
		    "no server 's9' in service web; did you mean 's1'?" },
		{ "server w/[::1]:80 drain",
		    "no server '[::1]:80' in service w; `hapair status` lists them" },
		{ "server web9/s1 drain",
		    "no service 'web9'; did you mean 'web'?" },
		{ "server we/s1 drain", "no service 'we'; did you mean 'w'?" },
		{ "server /s1 drain",
		    "no service ''; `hapair status` lists them" },
		{ "server web/ drain",
		    "no server '' in service web; `hapair status` lists them" },
		{ "server web/s1 gone",
		    "'gone' is not understood, expected " SERVER_REQUEST_WORDS },
		{ "server web/s1 weight=257",
		    "'weight=257' is not understood, expected " SERVER_REQUEST_WORDS },
		{ "server web/s1 ",
		    "'' is not understood, expected " SERVER_REQUEST_WORDS },
		{ "server web/s1",
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset" },
		{ "server web/s1 drain now",
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset" },
		{ "server web s1/drain",
		    "'s1/drain' is not understood, expected " SERVER_REQUEST_WORDS },
		{ "server web drain",
		    "expected a server of service web, as web/NAME: only reset is for all of them" },
		{ "server web9 reset",
		    "no service 'web9'; did you mean 'web'?" },
		{ "server web/s9 reset",
		    "no server 's9' in service web; did you mean 's1'?" },
		{ "server",
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset" },
		{ "",
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset" },
	};
	struct server_request q;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].line);
		assert_false(
		    server_request_parse(&config, rows[i].line, &q, text));
		assert_string_equal(text, rows[i].why);
	}
}

/* As long as a request may be: cut where it is shown, and nothing else. */
static void
a_long_name_is_shown_in_part(void **state)
{
	char line[1024] = "server ";
	struct server_request q;

	(void)state;
	memset(line + 7, 'x', 900);
	strcpy(line + 907, "/s1 drain");
	assert_false(server_request_parse(&config, line, &q, text));
	assert_int_equal(strlen(text),
	    strlen("no service ''; `hapair status` lists them") + 64);
	strcpy(line, "server web/");
	memset(line + 11, 'y', 900);
	strcpy(line + 911, " drain");
	assert_false(server_request_parse(&config, line, &q, text));
	assert_int_equal(strlen(text),
	    strlen("no server '' in service web; `hapair status` lists them") +
	        256);
}

#define NOTHING 0xfffe

/* What is agreed on about the kind, what is said, and what follows. */
static void
each_word_is_answered_by_how_it_was(void **state)
{
	static const struct row {
		const char *line;
		unsigned known; /* or NOTHING */
		bool differs;
		const char *answer;
		unsigned made;
	} rows[] = {
		{ "server web/s1 drain", NOTHING, true,
		    "server s1 of service web: ready -> drain", ACCORD_DRAIN },
		{ "server web/s1 maint", ACCORD_DRAIN, true,
		    "server s1 of service web: drain -> maint", ACCORD_MAINT },
		{ "server web/s1 ready", NOTHING, false,
		    "server s1 of service web: ready -> ready, as it was",
		    ACCORD_READY },
		{ "server web/s1 maint", ACCORD_MAINT, false,
		    "server s1 of service web: maint -> maint, as it was",
		    ACCORD_MAINT },
		{ "server web/[::1]:80 weight=3", NOTHING, true,
		    "server [::1]:80 of service web: weight 7 -> 3", 3 },
		{ "server web/[::1]:80 weight=7", 3, true,
		    "server [::1]:80 of service web: weight 3 -> 7",
		    ACCORD_AS_CONFIGURED },
		{ "server web/[::1]:80 weight=0", ACCORD_AS_CONFIGURED, true,
		    "server [::1]:80 of service web: weight 7 -> 0", 0 },
		{ "server web/s1 weight=1", NOTHING, false,
		    "server s1 of service web: weight 1 -> 1, as it was",
		    ACCORD_AS_CONFIGURED },
		/* The file says by now what an operator once said. */
		{ "server web/s1 weight=1", 1, false,
		    "server s1 of service web: weight 1 -> 1, as it was",
		    ACCORD_AS_CONFIGURED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct server_request q;
		struct accord known;

		test_row(row->line);
		assert_true(server_request_parse(&config, row->line, &q, text));
		assert_int_equal(q.service, 1);
		assert_false(q.activate);
		assert_string_equal(q.wanted.subject, "web");
		assert_int_equal(q.wanted.value, row->made);
		known = q.wanted;
		known.value = (uint16_t)row->known;
		assert_int_equal(
		    server_request_answer(
		        &q, row->known == NOTHING ? NULL : &known, text),
		    row->differs);
		assert_string_equal(text, row->answer);
	}
}

static void
a_reset_is_about_what_operators_said_of_it(void **state)
{
	static const struct row {
		const char *line, *subject, *server;
		enum accord_kind kind;
		uint16_t value;
		bool resets;
		uint16_t then;
	} rows[] = {
		{ "server web/s1 reset", "web", "s1", ACCORD_ADMIN,
		    ACCORD_MAINT, true, ACCORD_READY },
		{ "server web/s1 reset", "web", "s1", ACCORD_WEIGHT, 7, true,
		    ACCORD_AS_CONFIGURED },
		{ "server web/s1 reset", "web", "s2", ACCORD_WEIGHT, 7, false,
		    7 },
		{ "server web/s1 reset", "w", "s1", ACCORD_WEIGHT, 7, false,
		    7 },
		{ "server web reset", "web", "gone", ACCORD_ADMIN, ACCORD_DRAIN,
		    true, ACCORD_READY },
		{ "server web reset", "web", "s1", ACCORD_ADMIN, ACCORD_READY,
		    false, ACCORD_READY },
		{ "server web reset", "web", "s1", ACCORD_WEIGHT,
		    ACCORD_AS_CONFIGURED, false, ACCORD_AS_CONFIGURED },
		{ "server web reset", "w", "s1", ACCORD_ADMIN, ACCORD_MAINT,
		    false, ACCORD_MAINT },
		{ "server web reset", "web", "s1", ACCORD_ACTIVE, 0, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct accord a = { .kind = row->kind,
			.value = row->value,
			.said = { 5, "x" } };
		struct server_request q;

		test_row(row->line);
		strcpy(a.subject, row->subject);
		strcpy(a.server, row->server);
		assert_true(server_request_parse(&config, row->line, &q, text));
		assert_true(q.reset);
		assert_int_equal(server_request_resets(&q, &a), row->resets);
		assert_int_equal(a.value, row->then);
		assert_int_equal(a.said.reason[0], row->resets ? '\0' : 'x');
	}
}

static void
a_reset_says_what_it_did(void **state)
{
	struct server_request q;

	(void)state;
	assert_true(
	    server_request_parse(&config, "server web reset", &q, text));
	server_request_answer_reset(&q, 3, text);
	assert_string_equal(
	    text, "service web: as in the file again, 3 settings taken back");
	assert_true(
	    server_request_parse(&config, "server web/s1 reset", &q, text));
	server_request_answer_reset(&q, 1, text);
	assert_string_equal(text,
	    "server s1 of service web: as in the file again, 1 setting taken back");
	server_request_answer_reset(&q, 0, text);
	assert_string_equal(
	    text, "server s1 of service web: as in the file, as it was");
}

static void
to_be_active_is_no_accord_yet(void **state)
{
	struct server_request q;

	(void)state;
	assert_true(server_request_parse(
	    &config, "server web/[::1]:80 activate", &q, text));
	assert_true(q.activate);
	assert_int_equal(q.service, 1);
	assert_int_equal(q.server, 1);
}

static void
a_reason_goes_with_what_is_kept(void **state)
{
	static const struct row {
		const char *line, *why; /* NULL: it is taken */
	} rows[] = {
		{ "server web/s1 drain reason=a disk, 5\" wide", NULL },
		{ "server web/s1 weight=5 reason=\xc3\xa9t\xc3\xa9", NULL },
		{ "server web/s1 drain reason=",
		    "expected a reason of 1 to 80 bytes, found 0" },
		{ "server web/s1 drain reason=a\tb",
		    "expected a reason in printable UTF-8, in one line" },
		{ "server web/s1 drain reason=a\033[2J",
		    "expected a reason in printable UTF-8, in one line" },
		{ "server web/s1 drain reason=\xff",
		    "expected a reason in printable UTF-8, in one line" },
		{ "server web/s1 activate reason=a",
		    "a reason goes with ready, drain, maint and weight=N" },
		{ "server web reset reason=a",
		    "a reason goes with ready, drain, maint and weight=N" },
		{ "server web/s1 drain because=a",
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset" },
	};
	char line[200] = "server web/s1 drain reason=";
	const size_t head = strlen(line);
	struct server_request q;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].line);
		assert_int_equal(
		    server_request_parse(&config, rows[i].line, &q, text),
		    rows[i].why == NULL);
		if (rows[i].why != NULL)
			assert_string_equal(text, rows[i].why);
		else
			assert_string_equal(q.wanted.said.reason,
			    strstr(rows[i].line, "reason=") + 7);
	}
	memset(line + head, 'x', 80);
	assert_true(server_request_parse(&config, line, &q, text));
	assert_int_equal(strlen(q.wanted.said.reason), 80);
	line[head + 80] = 'x';
	assert_false(server_request_parse(&config, line, &q, text));
	assert_string_equal(
	    text, "expected a reason of 1 to 80 bytes, found 81");
}

/* It is so since it was: the time stays; but a word of its own gets one. */
static void
another_reason_is_kept_too(void **state)
{
	static const char line[] = "server web/s1 drain reason=disk";
	struct server_request q;
	struct accord known;

	(void)state;
	assert_true(server_request_parse(&config, line, &q, text));
	known = q.wanted;
	known.said = (struct accord_said){ 5, "fan" };
	q.wanted.said.wall_ms = 9;
	assert_true(server_request_answer(&q, &known, text));
	assert_string_equal(text,
	    "server s1 of service web: drain -> drain, as it was, reason: disk");
	assert_int_equal(q.wanted.said.wall_ms, 5);
	assert_false(server_request_answer(&q, &q.wanted, text));
	known.value = ACCORD_MAINT;
	q.wanted.said.wall_ms = 9;
	assert_true(server_request_answer(&q, &known, text));
	assert_int_equal(q.wanted.said.wall_ms, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_no_sense_is_refused_with_why),
		cmocka_unit_test(a_long_name_is_shown_in_part),
		cmocka_unit_test(each_word_is_answered_by_how_it_was),
		cmocka_unit_test(a_reset_is_about_what_operators_said_of_it),
		cmocka_unit_test(a_reset_says_what_it_did),
		cmocka_unit_test(a_reason_goes_with_what_is_kept),
		cmocka_unit_test(another_reason_is_kept_too),
		cmocka_unit_test(to_be_active_is_no_accord_yet),
	};

	TEST_MAIN(tests);
}
