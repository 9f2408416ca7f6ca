#include "proxy/web/letterbox.h"

#include "tests/lib/test.h"

#include <pthread.h>
#include <sched.h>

#define LETTERS 20000

struct numbered {
	struct letterbox_letter link;
	unsigned number;
};

static void
letters_come_in_the_order_they_were_put_in(void **state)
{
	struct letterbox b = { NULL };
	struct numbered all[3];
	unsigned n = 0;

	(void)state;
	assert_null(letterbox_take(&b));
	for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
		all[i].number = i;
		letterbox_put(&b, &all[i].link);
	}
	for (struct letterbox_letter *l = letterbox_take(&b); l != NULL;
	     l = l->next)
		assert_int_equal(
		    CONTAINER_OF(l, struct numbered, link)->number, n++);
	assert_int_equal(n, ARRAY_LEN(all));
	assert_null(letterbox_take(&b));
}

struct both {
	struct letterbox there, back;
	struct numbered all[LETTERS];
};

static void *
answer_all(void *arg)
{
	struct both *b = arg;
	unsigned n = 0;

	while (n < LETTERS) {
		struct letterbox_letter *l = letterbox_take(&b->there), *next;

		for (; l != NULL; l = next) {
			struct numbered *one =
			    CONTAINER_OF(l, struct numbered, link);

			next = l->next;
			/* Not assert_: the other thread would wait for ever. */
			one->number = one->number == n ? n + 1 : 0;
			n++;
			letterbox_put(&b->back, l);
		}
		(void)sched_yield();
	}
	return NULL;
}

static void
none_is_lost_between_two_threads(void **state)
{
	static struct both b;
	pthread_t other;
	unsigned n = 0;

	(void)state;
	assert_int_equal(pthread_create(&other, NULL, answer_all, &b), 0);
	for (unsigned i = 0; i < LETTERS; i++) {
		b.all[i].number = i;
		letterbox_put(&b.there, &b.all[i].link);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	for (struct letterbox_letter *l = letterbox_take(&b.back); l != NULL;
	     l = l->next) {
		n++;
		assert_int_equal(
		    CONTAINER_OF(l, struct numbered, link)->number, n);
	}
	assert_int_equal(n, LETTERS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_come_in_the_order_they_were_put_in),
		cmocka_unit_test(none_is_lost_between_two_threads),
	};

	TEST_MAIN(tests);
}
