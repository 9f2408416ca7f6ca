#include "proxy/health/probe_judge.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static struct config_match coordinator[] = {
	{ "is_coordinator", CONFIG_MATCH_BOOL, "true" },
};
static struct config_match quiescing[] = {
	{ "is_quiescing", CONFIG_MATCH_BOOL, "true" },
};
static struct config_match several[] = {
	{ "load", CONFIG_MATCH_NUMBER, "1.50" },
	{ "state", CONFIG_MATCH_STRING, "true" },
};

#define STATUSES(list) .statuses = (list), .n_statuses = ARRAY_LEN(list)

static struct config_status ok[] = { { 200, 200 } };
static struct config_status no_content[] = { { 204, 204 } };
static struct config_status many[] = { { 200, 399 }, { 401, 401 } };

static const struct config_check impalad = {
	STATUSES(ok),
	.json = { coordinator, 1 },
	.drain = { quiescing, 1 },
	.fallback = "/healthz",
};
static const struct config_check typed = {
	STATUSES(ok),
	.json = { several, 2 },
};
static const struct config_check plain = { STATUSES(no_content) };
static const struct config_check ranges = { STATUSES(many) };
static const struct config_check wanted = { STATUSES(ok), .expect = "ready" };
static const struct config_check unwanted = { STATUSES(ok),
	.expect = "!broken" };

static const struct row {
	const char *name;
	const struct config_check *check;
	struct probe_judge_page page;
	enum health_result result;
	const char *detail;
} rows[] = {
	{ "status as expected", &plain, { .status = 204, .body = "" },
	    HEALTH_PASSED, "status 204" },
	{ "another status", &plain, { .status = 503, .body = "" },
	    HEALTH_FAILED, "status 503, expected 204" },
	{ "the first of a range", &ranges, { .status = 200, .body = "" },
	    HEALTH_PASSED, "status 200" },
	{ "the last of a range", &ranges, { .status = 399, .body = "" },
	    HEALTH_PASSED, "status 399" },
	{ "one beside a range", &ranges, { .status = 401, .body = "" },
	    HEALTH_PASSED, "status 401" },
	{ "between two", &ranges, { .status = 400, .body = "" }, HEALTH_FAILED,
	    "status 400, expected 200-399, 401" },
	{ "a long body does not matter for the status", &plain,
	    { .status = 204, .body = "", .cut = true }, HEALTH_PASSED,
	    "status 204" },
	{ "the text is there", &wanted, { .status = 200, .body = "is ready." },
	    HEALTH_PASSED, "status 200" },
	{ "the text is not there", &wanted,
	    { .status = 200, .body = "is read." }, HEALTH_FAILED,
	    "the body lacks 'ready'" },
	{ "there in what was read of a long one", &wanted,
	    { .status = 200, .body = "ready", .cut = true }, HEALTH_PASSED,
	    "status 200" },
	{ "not there in what was read of a long one", &wanted,
	    { .status = 200, .body = "r", .cut = true }, HEALTH_FAILED,
	    "the body is too long to be read" },
	{ "the unwanted text is there", &unwanted,
	    { .status = 200, .body = "is broken" }, HEALTH_FAILED,
	    "the body has 'broken'" },
	{ "the unwanted text is not there", &unwanted,
	    { .status = 200, .body = "fine" }, HEALTH_PASSED, "status 200" },
	{ "a long one may hide the unwanted text", &unwanted,
	    { .status = 200, .body = "fine", .cut = true }, HEALTH_FAILED,
	    "the body is too long to be read" },
	{ "not there in what came before it broke off", &wanted,
	    { .status = 200, .body = "r", .broken = true }, HEALTH_FAILED,
	    "the body broke off" },
	{ "R18: there before it broke off", &wanted,
	    { .status = 200, .body = "ready", .broken = true }, HEALTH_PASSED,
	    "status 200" },
	{ "status goes before text", &wanted,
	    { .status = 500, .body = "ready" }, HEALTH_FAILED,
	    "status 500, expected 200" },
	{ "a coordinator", &impalad,
	    { .status = 200,
	        .body = "{\"is_coordinator\": true, \"is_quiescing\": false}" },
	    HEALTH_PASSED, "status 200" },
	{ "a draining one", &impalad,
	    { .status = 200,
	        .body = "{\"is_coordinator\": true, \"is_quiescing\": true}" },
	    HEALTH_DRAINS, "is_quiescing is true" },
	{ "an executor, draining or not", &impalad,
	    { .status = 200,
	        .body = "{\"is_coordinator\": false, \"is_quiescing\": true}" },
	    HEALTH_FAILED, "is_coordinator is false, expected true" },
	{ "a boolean is no string", &impalad,
	    { .status = 200, .body = "{\"is_coordinator\": \"true\"}" },
	    HEALTH_FAILED, "is_coordinator is \"true\", expected true" },
	{ "one of the keys alone", &impalad,
	    { .status = 200, .body = "{\"is_quiescing\": false}" },
	    HEALTH_FAILED, "is_coordinator is missing, expected true" },
	{ "a key twice: the last counts", &impalad,
	    { .status = 200,
	        .body =
	            "{\"is_coordinator\": false, \"is_coordinator\":true}" },
	    HEALTH_PASSED, "status 200" },
	{ "numbers by value, strings as they are", &typed,
	    { .status = 200, .body = "{\"load\": 1.5, \"state\": \"true\"}" },
	    HEALTH_PASSED, "status 200" },
	{ "another number", &typed,
	    { .status = 200, .body = "{\"load\": 2, \"state\": \"true\"}" },
	    HEALTH_FAILED, "load is 2, expected 1.50" },
	{ "a string is no boolean", &typed,
	    { .status = 200, .body = "{\"load\": 1.5, \"state\": true}" },
	    HEALTH_FAILED, "state is true, expected true" },
	{ "no JSON, and no fallback", &typed,
	    { .status = 200, .body = "<html>" }, HEALTH_FAILED,
	    "the body is no JSON object" },
	{ "an array", &typed, { .status = 200, .body = "[1]" }, HEALTH_FAILED,
	    "the body is no JSON object" },
	{ "too long for JSON", &impalad,
	    { .status = 200, .body = "{", .cut = true }, HEALTH_FAILED,
	    "the body is too long to be read" },
};

static void
a_page_tells_how_its_server_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe_judge_page page = rows[i].page;
		struct probe_judge_answer a;

		test_row(rows[i].name);
		page.len = strlen(page.body);
		assert_true(probe_judge_page(rows[i].check, &page, &a));
		assert_int_equal(a.result, rows[i].result);
		assert_text(a.detail, rows[i].detail);
		assert_int_equal(a.role, SERVER_ROLE_UNSAID);
	}
}

static void
without_any_of_the_keys_the_fallback_decides(void **state)
{
	static const char *const bodies[] = { "", "{}", "<html>", "[]",
		"{\"version\": \"3.0\"}" };
	struct probe_judge_page page = { .status = 200 };
	struct probe_judge_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		test_row(bodies[i]);
		page.body = bodies[i];
		page.len = strlen(bodies[i]);
		assert_false(probe_judge_page(&impalad, &page, &a));
	}
	probe_judge_fallback(&impalad, &page, &a);
	assert_int_equal(a.result, HEALTH_PASSED);
	assert_text(a.detail, "status 200 of /healthz");
	page.status = 503;
	probe_judge_fallback(&impalad, &page, &a);
	assert_int_equal(a.result, HEALTH_FAILED);
	assert_text(a.detail, "status 503, expected 200");
}

static enum server_role
role_of(unsigned status, const char *body)
{
	const struct config_check c = { .role = "catalogd_active_status" };
	const struct probe_judge_page page = {
		.status = status, .body = body, .len = strlen(body)
	};

	return probe_judge_role(&c, &page);
}

static void
a_role_is_what_the_page_says_or_nothing(void **state)
{
	const char *const active = "{\"catalogd_active_status\": \"Active\"}";

	(void)state;
	assert_int_equal(role_of(200, active), SERVER_ROLE_ACTIVE);
	assert_int_equal(
	    role_of(200, "{\"catalogd_active_status\": \"Standby\"}"),
	    SERVER_ROLE_STANDBY);
	assert_int_equal(role_of(404, active), SERVER_ROLE_UNSAID);
	assert_int_equal(role_of(200, "{}"), SERVER_ROLE_UNSAID);
	assert_int_equal(role_of(200, "no JSON"), SERVER_ROLE_UNSAID);
	assert_int_equal(role_of(200, "{\"catalogd_active_status\": true}"),
	    SERVER_ROLE_UNSAID);
}

static void
foreign_text_is_one_clean_line(void **state)
{
	char detail[PROBE_JUDGE_DETAIL_MAX];
	char lots[200];

	(void)state;
	probe_judge_quote("all \x1b[31mwell\t\xff\nand more", 22, detail);
	assert_text(detail, "all ?[31mwell??");
	probe_judge_quote("", 0, detail);
	assert_text(detail, "");
	memset(lots, 'x', sizeof(lots));
	probe_judge_quote(lots, sizeof(lots), detail);
	assert_int_equal(strlen(detail), PROBE_JUDGE_DETAIL_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_tells_how_its_server_is),
		cmocka_unit_test(without_any_of_the_keys_the_fallback_decides),
		cmocka_unit_test(a_role_is_what_the_page_says_or_nothing),
		cmocka_unit_test(foreign_text_is_one_clean_line),
	};

	TEST_MAIN(tests);
}
