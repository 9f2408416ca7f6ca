#include "hapair/cli/show.h"

#include "core/json_doc.h"
#include "hapair/cli/disarm.h"
#include "proxy/control/trouble.h"
#include "tests/lib/golden.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/*
 * Golden files: tests/golden/status/NAME.json is what the daemon said, .txt and
 * .short what people and scripts see.
 */

static struct json_doc *
read_status(const char *name)
{
	char path[128], *json;
	struct json_doc *d;
	size_t len;

	(void)snprintf(path, sizeof(path), "tests/golden/status/%s.json", name);
	json = golden_read(path, &len);
	assert_non_null(json);
	d = json_doc_parse(json, len);
	if (d == NULL)
		fail_msg("%s is no JSON", path);
	free(json);
	return d;
}

/* The daemon's part: facts become troubles; and the client's. */
static void
complete(struct json_doc *d)
{
	struct json_doc *troubles;

	if (json_doc_get(d, "problems") == NULL) {
		troubles = json_doc_put_array(d, "troubles");
		trouble_find(d, troubles);
		json_doc_put_bool(d, "healthy", json_doc_count(troubles) == 0);
		for (size_t i = 0; i < json_doc_count(troubles); i++)
			assert_string_not_equal(
			    json_doc_string(json_doc_at(troubles, i), "advice"),
			    "");
	}
	assert_int_equal(disarm_answer(d, false), 0);
}

static size_t
count_chars(const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

/* What is typed is never broken into lines, whatever its length. */
static void
assert_fits(const char *text, unsigned width)
{
	for (size_t len; *text != '\0'; text += len + 1) {
		len = strcspn(text, "\n");
		if (count_chars(text, len) > width)
			fail_msg("too wide: %.*s", (int)len, text);
		assert_true(len == 0 || text[len - 1] != ' ');
	}
}

static void
show(const struct json_doc *d, const struct show_view *view, const char *name,
    const char *suffix)
{
	char path[128], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	show_status(d, view, f);
	(void)fclose(f);
	(void)snprintf(
	    path, sizeof(path), "tests/golden/status/%s.%s", name, suffix);
	golden_compare(path, text);
	if (view->width > 0)
		assert_fits(text, view->width);
	free(text);
}

static void
status_reads_as_its_golden_files(void **state)
{
	static const char *const names[] = { "healthy", "degraded", "single",
		"standby", "keys", "keys_alone" };
	const struct show_view no_terminal = { .width = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct json_doc *d = read_status(names[i]);
		char path[128], *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		show(d, &no_terminal, names[i], "txt");
		show_short(d, f);
		(void)fclose(f);
		(void)snprintf(path, sizeof(path),
		    "tests/golden/status/%s.short", names[i]);
		golden_compare(path, text);
		free(text);
		json_doc_free_at(&d);
	}
}

/*
 * Each trouble of a pair alone, as who is called at three in the morning reads
 * it: who serves, what is wrong, since when, what to do now.
 */
static void
each_state_of_a_pair_reads_in_eighty_columns(void **state)
{
	static const char *const names[] = { "pair_master", "pair_backup",
		"peer_dead", "peer_hangs", "peer_key", "peer_version",
		"config_differs", "config_differs_both", "third_host",
		"two_masters", "no_master", "wire_down", "link_down",
		"interface_down", "own_address_gone", "relay_hangs",
		"relay_restarting", "relay_crashed", "failover_hangs",
		"server_down", "host_down", "service_down", "set_by_hand",
		"paused", "hold", "fence_runs", "fence_failed", "nobody_fit",
		"queue_full", "address_refused", "tracked", "hostile", "kernel",
		"kernel_backup", "kernel_off", "director_silent",
		"stream_mismatch", "stream_down", "unprotected", "valve_open" };
	static const char *const well[] = { "pair_master", "pair_backup",
		"set_by_hand", "kernel", "kernel_backup" };
	const struct show_view terminal = { .width = 80 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct json_doc *d = read_status(names[i]);
		bool is_well = false;

		complete(d);
		for (size_t k = 0; k < ARRAY_LEN(well); k++)
			is_well = is_well || strcmp(names[i], well[k]) == 0;
		test_row(names[i]);
		assert_int_equal(json_doc_bool(d, "healthy"), is_well);
		show(d, &terminal, names[i], "txt");
		json_doc_free_at(&d);
	}
}

static void
a_wide_terminal_shows_more(void **state)
{
	struct json_doc *d = read_status("queue_full");

	(void)state;
	complete(d);
	show(d, &(struct show_view){ .width = 140 }, "queue_full", "wide");
	json_doc_free_at(&d);
}

/* --watch: what has come since the look before, a second. */
static void
rates_are_of_what_was_seen_before(void **state)
{
	struct json_doc *d = read_status("watched");
	struct json_doc *before = read_status("pair_master");
	const struct show_view view = { .width = 80, .before = before };
	const struct show_view restarted = { .width = 80, .before = d };

	(void)state;
	complete(d);
	complete(before);
	show(d, &view, "watched", "txt");
	/* Counters that have begun anew are no rate. */
	show(before, &restarted, "watched", "restarted");
	json_doc_free_at(&d);
	json_doc_free_at(&before);
}

static void
colour_is_where_it_means_something(void **state)
{
	struct json_doc *d = read_status("server_down");
	const struct show_view view = { .width = 80, .colour = true };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	complete(d);
	show_status(d, &view, f);
	(void)fclose(f);
	assert_non_null(strstr(text, "\033[31mdegraded\033[0m"));
	assert_non_null(strstr(text, "\033[31mdown\033[0m"));
	assert_non_null(strstr(text, "\033[32mup\033[0m"));
	free(text);
	json_doc_free_at(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_reads_as_its_golden_files),
		cmocka_unit_test(each_state_of_a_pair_reads_in_eighty_columns),
		cmocka_unit_test(a_wide_terminal_shows_more),
		cmocka_unit_test(rates_are_of_what_was_seen_before),
		cmocka_unit_test(colour_is_where_it_means_something),
	};

	TEST_MAIN(tests);
}
