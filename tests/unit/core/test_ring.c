#include "core/ring.h"

#include "tests/lib/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCERS 4
#define LINES_EACH 20000

/* Where its alignment is kept: in production it is static. */
static struct ring *
new_ring(void)
{
	struct ring *r = aligned_alloc(_Alignof(struct ring), sizeof(*r));

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	return r;
}

static void
a_full_ring_says_so_and_goes_on_later(void **state)
{
	struct ring *r = new_ring();
	struct ring_line *line;

	(void)state;
	ring_init(r);
	assert_null(ring_peek(r));
	for (unsigned i = 0; i < RING_SLOTS; i++) {
		line = ring_claim(r);
		assert_non_null(line);
		line->len = i;
		ring_publish(line);
	}
	assert_null(ring_claim(r));
	line = ring_peek(r);
	assert_non_null(line);
	assert_int_equal(line->len, 0);
	ring_release(r);
	line = ring_claim(r);
	assert_non_null(line);
	assert_null(ring_claim(r));
	free(r);
}

static void
a_claimed_slot_holds_back_what_is_behind_it(void **state)
{
	struct ring *r = new_ring();
	struct ring_line *first, *second;

	(void)state;
	ring_init(r);
	first = ring_claim(r);
	second = ring_claim(r);
	ring_publish(second);
	assert_null(ring_peek(r));
	ring_publish(first);
	assert_ptr_equal(ring_peek(r), first);
	free(r);
}

static void *
produce(void *arg)
{
	struct ring *r = arg;

	for (int i = 0; i < LINES_EACH;) {
		struct ring_line *line = ring_claim(r);

		if (line == NULL)
			continue;
		line->level = i++;
		line->len = (unsigned)line->level * 7;
		ring_publish(line);
	}
	return NULL;
}

static void
threads_lose_and_mix_up_nothing(void **state)
{
	struct ring *r = new_ring();
	pthread_t threads[PRODUCERS];
	int *seen = calloc(LINES_EACH, sizeof(*seen));

	(void)state;
	ring_init(r);
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, produce, r), 0);
	for (int n = 0; n < PRODUCERS * LINES_EACH;) {
		struct ring_line *line = ring_peek(r);

		if (line == NULL)
			continue;
		assert_int_equal(line->len, line->level * 7);
		seen[line->level]++;
		ring_release(r);
		n++;
	}
	for (int i = 0; i < PRODUCERS; i++)
		(void)pthread_join(threads[i], NULL);
	for (int i = 0; i < LINES_EACH; i++)
		assert_int_equal(seen[i], PRODUCERS);
	assert_null(ring_peek(r));
	free(seen);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_says_so_and_goes_on_later),
		cmocka_unit_test(a_claimed_slot_holds_back_what_is_behind_it),
		cmocka_unit_test(threads_lose_and_mix_up_nothing),
	};

	TEST_MAIN(tests);
}
