#include "core/conn_record.h"
#include "core/secret.h"
#include "failover/connsync/conn_table.h"
#include "tests/lib/test.h"

#include <stdlib.h>

struct value {
	struct conn_record conn;
	uint32_t number; /* whose it is */
	unsigned char more[7];
};

static struct conn_record
conn(uint32_t number)
{
	struct conn_record c = { .change = CONN_RECORD_OPENED, .id = number };

	c.client.family = c.local.family = 2;
	c.client.port = (uint16_t)number;
	c.client.ip[0] = (uint8_t)(number >> 16);
	return c;
}

static struct value *
find(const struct conn_table *m, uint32_t number)
{
	const struct conn_record c = conn(number);

	return conn_table_find(m, &c);
}

static struct value *
add(struct conn_table *m, uint32_t number)
{
	const struct conn_record c = conn(number);
	struct value *v = conn_table_add(m, &c);

	if (v != NULL) {
		assert_int_equal(v->number, 0);
		assert_int_equal(v->more[6], 0);
		v->number = number;
		v->more[6] = 1;
	}
	return v;
}

static struct conn_table *
new_table(size_t max)
{
	struct conn_table *m;

	assert_int_equal(secret_init(), 0);
	m = conn_table_new(sizeof(struct value), max);
	assert_non_null(m);
	return m;
}

/* Comes and goes as the seed decides, against a plain list of who is there. */
static void
what_is_there_is_found_and_nothing_else(void **state)
{
	enum {
		NUMBERS = 3000,
		MAX = 2000
	};
	struct conn_table *m = new_table(MAX);
	bool there[NUMBERS] = { false };
	size_t n = 0;

	(void)state;
	srand(1);
	for (unsigned turn = 0; turn < 100000; turn++) {
		const uint32_t k = (uint32_t)(rand() % NUMBERS);
		struct value *v = find(m, k + 1);

		assert_int_equal(v != NULL, there[k]);
		if (v != NULL) {
			assert_int_equal(v->number, k + 1);
			conn_table_remove(m, v);
			there[k] = false;
			n--;
		} else if (add(m, k + 1) != NULL) {
			there[k] = true;
			n++;
		} else {
			assert_int_equal(n, MAX);
		}
		assert_int_equal(conn_table_count(m), n);
	}
	conn_table_free(m);
}

/* A pointer to a value holds as long as the value is there. */
static void
nothing_is_moved(void **state)
{
	enum {
		MANY = 100000
	};
	struct conn_table *m = new_table(MANY);
	struct value *first = add(m, 1);

	(void)state;
	for (uint32_t i = 2; i <= MANY; i++)
		assert_non_null(add(m, i));
	assert_null(add(m, MANY + 1));
	assert_ptr_equal(find(m, 1), first);
	assert_int_equal(first->number, 1);
	conn_table_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found_and_nothing_else),
		cmocka_unit_test(nothing_is_moved),
	};

	TEST_MAIN(tests);
}
