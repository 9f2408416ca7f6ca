#include "proxy/web/rate_record.h"

#include "config/config.h"
#include "core/fd.h"
#include "proxy/web/rate_history.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char before_yaml[] =
    "services:\n"
    "  - {name: a, listen: '*:1', servers: [{name: a1, address: '10.0.0.1:1'},"
    " {name: a2, address: '10.0.0.2:1'}]}\n"
    "  - {name: b, listen: '*:2', servers: [{name: b1, address: '10.0.0.3:1'}]}\n";

/* The next file: another order, one server less, one service more. */
static const char next_yaml[] =
    "services:\n"
    "  - {name: new, listen: '*:3', servers: [{name: b1, address: '10.0.0.3:9'}]}\n"
    "  - {name: b, listen: '*:2', servers: [{name: b1, address: '10.0.0.3:1'}]}\n"
    "  - {name: a, listen: '*:1', servers: [{name: a2, address: '10.0.0.2:1'}]}\n";

/* Points i of row r: r * 1000 + i active, and half of that a second. */
static void
fill(struct rate_history *h, const struct config *c, unsigned points)
{
	const size_t rows = rate_history_rows(c);
	struct rate_history_sum sums[16] = { { 0 } };

	assert_int_equal(rate_history_init(h, rows), 0);
	for (unsigned i = 0; i <= points; i++) {
		const struct mono now = { 1 +
			(int64_t)i * RATE_HISTORY_EACH_S * 1000000000 };

		for (size_t r = 0; r < rows; r++) {
			sums[r].active = r * 1000 + i;
			sums[r].total +=
			    (r * 1000 + i) * (RATE_HISTORY_EACH_S / 2.5);
		}
		rate_history_add(h, sums, now, 5000 * (int64_t)i);
	}
}

static void
assert_row(const struct rate_history *h, size_t row, unsigned was, size_t i,
    unsigned point)
{
	const struct rate_history_point *p = rate_history_get(h, row, i);

	assert_int_equal(p->active, was * 1000 + point);
	assert_true(p->opened > (was * 1000 + point) * 0.39F);
	assert_true(p->opened < (was * 1000 + point) * 0.41F + 0.01F);
}

static void
what_has_the_same_names_goes_on(void **state)
{
	struct config *before = from_yaml(before_yaml);
	struct config *next = from_yaml(next_yaml);
	struct rate_history old, new;
	size_t len = 0;
	CLEANUP(fd_close) int fd = -1;

	(void)state;
	fill(&old, before, 7);
	fill(&new, next, 2);
	fd = rate_record_store(&old, before, &len);
	assert_true(fd >= 0);
	assert_int_equal(rate_record_load(&new, next, fd, len + 1), -EBADMSG);
	assert_int_equal(rate_history_count(&new), 2);
	assert_int_equal(rate_record_load(&new, next, fd, len), 0);
	assert_int_equal(rate_history_count(&new), 9);
	assert_int_equal(new.number, 9);
	for (unsigned i = 0; i < 7; i++) {
		/* There it is new, and here it was the fourth, and so on. */
		assert_int_equal(rate_history_get(&new, 0, i)->active, 0);
		assert_int_equal(rate_history_get(&new, 1, i)->active, 0);
		assert_row(&new, 2, 3, i, i + 1);
		assert_row(&new, 3, 4, i, i + 1);
		assert_row(&new, 4, 0, i, i + 1);
		assert_row(&new, 5, 2, i, i + 1);
	}
	for (unsigned i = 0; i < 2; i++)
		for (unsigned row = 0; row < 6; row++)
			assert_row(&new, row, row, 7 + i, i + 1);
	rate_history_fini(&old);
	rate_history_fini(&new);
	config_free(before);
	config_free(next);
}

static void
ten_minutes_are_ten_minutes(void **state)
{
	struct config *c = from_yaml(before_yaml);
	struct rate_history old, new;
	uint8_t *bytes;
	size_t len = 0;

	(void)state;
	fill(&old, c, RATE_HISTORY_POINTS + 30);
	fill(&new, c, 5);
	bytes = rate_record_encode(&old, c, &len);
	assert_non_null(bytes);
	assert_int_equal(rate_record_decode(&new, c, bytes, len), 0);
	assert_int_equal(rate_history_count(&new), RATE_HISTORY_POINTS);
	assert_int_equal(new.number, RATE_HISTORY_POINTS + 35);
	assert_row(&new, 1, 1, 0, 36);
	assert_row(
	    &new, 1, 1, RATE_HISTORY_POINTS - 6, RATE_HISTORY_POINTS + 30);
	assert_row(&new, 1, 1, RATE_HISTORY_POINTS - 1, 5);
	free(bytes);
	/* And once more to the next. */
	bytes = rate_record_encode(&new, c, &len);
	rate_history_fini(&new);
	assert_int_equal(rate_history_init(&new, rate_history_rows(c)), 0);
	assert_int_equal(rate_record_decode(&new, c, bytes, len), 0);
	assert_row(&new, 2, 2, RATE_HISTORY_POINTS - 1, 5);
	assert_int_equal(new.wall_ms, 25000);
	free(bytes);
	rate_history_fini(&old);
	rate_history_fini(&new);
	config_free(c);
}

static void
nothing_is_nothing(void **state)
{
	struct config *c = from_yaml(before_yaml);
	struct rate_history h;
	size_t len;

	(void)state;
	fill(&h, c, 0);
	assert_int_equal(rate_record_store(&h, c, &len), -ENODATA);
	assert_int_equal(
	    rate_record_decode(&h, c, (const uint8_t *)"", 0), -EBADMSG);
	rate_history_fini(&h);
	config_free(c);
}

/* Cut anywhere, or with any byte changed: refused or taken, and no more. */
static void
what_is_damaged_does_no_harm(void **state)
{
	struct config *c = from_yaml(before_yaml);
	struct rate_history old;
	uint8_t *bytes;
	size_t len = 0;
	unsigned refused = 0;

	(void)state;
	fill(&old, c, 3);
	bytes = rate_record_encode(&old, c, &len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		uint8_t *copy = malloc(len);
		struct rate_history h;

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		copy[i] ^= 0xff;
		fill(&h, c, 1);
		refused += rate_record_decode(&h, c, copy, i) < 0;
		refused += rate_record_decode(&h, c, copy, len) < 0;
		for (size_t row = 0; row < h.rows; row++)
			for (size_t k = 0; k < rate_history_count(&h); k++)
				assert_true(
				    rate_history_get(&h, row, k)->in >= 0);
		rate_history_fini(&h);
		free(copy);
	}
	assert_true(refused > len / 2);
	free(bytes);
	rate_history_fini(&old);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_the_same_names_goes_on),
		cmocka_unit_test(ten_minutes_are_ten_minutes),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(what_is_damaged_does_no_harm),
	};

	TEST_MAIN(tests);
}
