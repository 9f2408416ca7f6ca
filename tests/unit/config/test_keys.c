/*
 * The tables are data: what schema.c and print.c take for granted about them is
 * checked here, for every row, so that a new key cannot break it unseen.
 */
#include "config/config.h"
#include "config/keys.h"
#include "config/keys_document.h"
#include "config/schema/schema.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
check_number(const struct schema_key *k)
{
	assert_true(k->min >= 0 && k->min <= k->max);
	assert_true(k->max <= UINT32_MAX);
	assert_true(k->size == 1 || k->size == 2 || k->size == 4);
	assert_true(k->size == 4 || k->max < (int64_t)1 << (8 * k->size));
	/* The word for 0 must not have a number's meaning too. */
	assert_true(k->zero == NULL || k->min > 0);
}

static void
check_list(const struct schema_key *k)
{
	const struct schema_list *l = k->list;

	assert_non_null(l);
	assert_true(l->item_size > 0);
	assert_true(l->table != NULL || l->form != NULL);
	/* Printed: by keys, or by its form. */
	assert_true(l->table != NULL || l->form->print != NULL);
	assert_true(k->min >= 0 && k->max > 0);
	if (l->in_place)
		assert_int_equal(k->size, (size_t)k->max * l->item_size);
}

static void
check_map(const struct schema_key *k)
{
	/* Keys of ours, or names of the file's. */
	assert_true((k->table == NULL) == (k->name_at != NULL));
	if (k->name_at == NULL)
		return;
	assert_true(k->size <= SCHEMA_NAMES_MAX);
	assert_true(k->min > 0 && k->max <= UINT8_MAX);
	assert_true(k->optional);
	assert_non_null(k->what);
}

/* Printed only where it was given: what it belongs to is there, 0 is not. */
static void
check_with(const struct schema_table *t, const struct schema_key *k)
{
	bool found = false;

	for (size_t i = 0; i < t->n_keys; i++)
		found |= strcmp(t->keys[i].name, k->with) == 0;
	assert_true(found);
	assert_false(k->required);
	/* A text that is not there is none. */
	if (k->type == SCHEMA_NAME || k->type == SCHEMA_PATH)
		return;
	assert_true(k->type == SCHEMA_NUMBER || k->type == SCHEMA_DURATION);
	assert_true(k->min > 0);
}

static void
check_key(const struct schema_key *k)
{
	test_row(k->name);
	assert_non_null(k->help);
	assert_true(strlen(k->help) > 0);
	assert_int_equal(k->help[strlen(k->help) - 1], '.');
	assert_false(k->required && k->fallback != NULL);
	/* Where it has no meaning it cannot be asked for. */
	assert_true((k->applies == NULL) == (k->applies_to == NULL));
	assert_false(k->applies != NULL && k->required);
	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
		assert_int_equal(k->size, sizeof(const char *));
		assert_true(k->max > 0);
		break;
	case SCHEMA_NUMBER:
	case SCHEMA_DURATION:
		check_number(k);
		break;
	case SCHEMA_BOOL:
		assert_int_equal(k->size, sizeof(bool));
		break;
	case SCHEMA_WORD:
		assert_int_equal(k->size, sizeof(unsigned));
		assert_non_null(k->words);
		break;
	case SCHEMA_MAP:
		check_map(k);
		break;
	case SCHEMA_LIST:
		check_list(k);
		break;
	case SCHEMA_MATCHES:
		assert_int_equal(k->size, sizeof(struct config_matches));
		assert_true(k->max > 0);
		break;
	case SCHEMA_OTHER:
		assert_non_null(k->form);
		assert_non_null(k->form->print);
		break;
	}
}

static size_t
check_table(const struct schema_table *t)
{
	size_t n = t->n_keys, choices = 0;

	for (size_t i = 0; i < t->n_keys; i++) {
		const struct schema_key *k = &t->keys[i];

		check_key(k);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(k->name, t->keys[j].name);
		choices += k->choice;
		if (k->with != NULL)
			check_with(t, k);
		if (k->table != NULL)
			n += check_table(k->table);
		if (k->list == NULL || k->list->table == NULL)
			continue;
		/* Something must follow the dash of a list. */
		if (strcmp(k->name, "dialog") != 0) /* a rule sees to it */
			assert_true(
			    k->list->table->keys[0].type == SCHEMA_NAME ||
			    k->list->table->keys[0].required);
		n += check_table(k->list->table);
	}
	assert_true(choices != 1 && choices <= SCHEMA_CHOICES_MAX);
	return n;
}

static void
every_row_is_sound(void **state)
{
	(void)state;
	assert_true(check_table(&keys_file) > 40);
}

static void
the_manual_lists_a_key_once_and_in_full(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	keys_document(out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text,
	    "`pair.interval`: a duration from 5ms to 10s, default `20ms`\n"
	    ":   Heartbeat period.\n"));
	assert_non_null(strstr(text, "`services[].check.fall`: "));
	assert_non_null(strstr(text, "`services[].servers[].check`: "));
	assert_null(strstr(text, "servers[].check.fall"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_sound),
		cmocka_unit_test(the_manual_lists_a_key_once_and_in_full),
	};

	TEST_MAIN(tests);
}
