#include "proxy/web/web_request.h"

#include "tests/lib/test.h"

#include <string.h>

static void
a_path_is_what_it_says(void **state)
{
	static const struct {
		const char *path;
		enum web_request what;
	} rows[] = {
		{ "/", WEB_REQUEST_PAGE },
		{ "/page.css", WEB_REQUEST_STYLE },
		{ "/page.js", WEB_REQUEST_SCRIPT },
		{ "/page_draw.js", WEB_REQUEST_DRAW },
		{ "/page_services.js", WEB_REQUEST_ROWS },
		{ "/page.json", WEB_REQUEST_LIVE },
		{ "/history.json", WEB_REQUEST_HISTORY },
		{ "/status.json", WEB_REQUEST_STATUS },
		{ "/events.json", WEB_REQUEST_EVENTS },
		{ "/metrics", WEB_REQUEST_METRICS },
		{ "/health", WEB_REQUEST_HEALTH },
		{ "", WEB_REQUEST_UNKNOWN },
		{ "//", WEB_REQUEST_UNKNOWN },
		{ "/metrics/", WEB_REQUEST_UNKNOWN },
		{ "/METRICS", WEB_REQUEST_UNKNOWN },
		{ "/../page.js", WEB_REQUEST_UNKNOWN },
		{ "/page.html", WEB_REQUEST_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].path);
		assert_int_equal(
		    web_request_of(rows[i].path, NULL), rows[i].what);
		assert_non_null(web_request_type(rows[i].what));
	}
}

#define PROMETHEUS                                                             \
	"application/openmetrics-text;version=1.0.0,"                          \
	"application/openmetrics-text;version=0.0.1;q=0.75,"                   \
	"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

static void
the_form_of_the_figures_is_what_the_reader_likes_best(void **state)
{
	static const struct {
		const char *accept;
		bool openmetrics;
	} rows[] = {
		{ PROMETHEUS, true },
		{ "application/openmetrics-text", true },
		{ "text/plain;q=0.2, application/openmetrics-text;q=0.3",
		    true },
		{ "text/plain;q=0.3, application/openmetrics-text;q=0.2",
		    false },
		{ "text/plain, application/openmetrics-text", true },
		{ "application/openmetrics-text; version=1.0.0; q=0.9,"
		  "text/plain; q=0.95",
		    false },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;q=0.0", false },
		{ "application/openmetrics-textual", false },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", false },
		{ "*/*", false },
		{ "", false },
		{ ",,, ,", false },
		{ ";q=", false },
	};

	(void)state;
	assert_int_equal(web_request_of("/metrics", NULL), WEB_REQUEST_METRICS);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].accept);
		assert_int_equal(web_request_of("/metrics", rows[i].accept),
		    rows[i].openmetrics ? WEB_REQUEST_OPENMETRICS
		                        : WEB_REQUEST_METRICS);
	}
	/* Nobody else has two forms. */
	assert_int_equal(
	    web_request_of("/status.json", PROMETHEUS), WEB_REQUEST_STATUS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_what_it_says),
		cmocka_unit_test(
		    the_form_of_the_figures_is_what_the_reader_likes_best),
	};

	TEST_MAIN(tests);
}
