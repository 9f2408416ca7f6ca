#include "config/schema/schema_type.h"

#include "config/schema/scalar.h"

#include <stdio.h>

/* "a, b or c", as far as there is room. */
static void
list_words(const char *const *words, char *buf, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; words[i] != NULL && used < room; i++) {
		const char *join = words[i + 1] == NULL ? " or " : ", ";

		used += (size_t)snprintf(buf + used, room - used, "%s%s",
		    i == 0 ? "" : join, words[i]);
	}
}

void
schema_type_text(const struct schema_key *k, char *buf, size_t room)
{
	char min[SCALAR_DURATION_TEXT], max[SCALAR_DURATION_TEXT];

	switch (k->type) {
	case SCHEMA_NAME:
		(void)snprintf(buf, room,
		    "at most %d letters, digits, '_', '-' and '.', not beginning with '-' or '.'",
		    (int)k->max);
		break;
	case SCHEMA_PATH:
		(void)snprintf(buf, room,
		    "an absolute path of at most %d characters", (int)k->max);
		break;
	case SCHEMA_NUMBER:
		(void)snprintf(buf, room, "%s%sa number from %d to %d",
		    k->zero == NULL ? "" : k->zero,
		    k->zero == NULL ? "" : " or ", (int)k->min, (int)k->max);
		break;
	case SCHEMA_BOOL:
		(void)snprintf(buf, room, "true or false");
		break;
	case SCHEMA_DURATION:
		(void)snprintf(buf, room, "a duration from %s to %s%s",
		    scalar_duration_text((uint64_t)k->min, min),
		    scalar_duration_text((uint64_t)k->max, max),
		    k->in_seconds ? " in whole seconds" : "");
		break;
	case SCHEMA_WORD:
		list_words(k->words, buf, room);
		break;
	case SCHEMA_MAP:
		if (k->name_at == NULL)
			(void)snprintf(buf, room, "a map of keys");
		else
			(void)snprintf(buf, room,
			    "a map of names to numbers from %d to %d",
			    (int)k->min, (int)k->max);
		break;
	case SCHEMA_LIST:
		(void)snprintf(buf, room, "a list");
		break;
	case SCHEMA_MATCHES:
		(void)snprintf(buf, room, "a map of at most %d %s", (int)k->max,
		    k->what != NULL ? k->what
		                    : "keys of JSON and their values: true, "
		                      "false, a number or a text");
		break;
	case SCHEMA_OTHER:
		(void)snprintf(buf, room, "%s", k->form->name);
		break;
	}
}

void
schema_type_choice(const struct schema_table *table, char *buf, size_t room)
{
	const char *words[SCHEMA_CHOICES_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < table->n_keys; i++)
		if (table->keys[i].choice && n < SCHEMA_CHOICES_MAX)
			words[n++] = table->keys[i].name;
	words[n] = NULL;
	buf[0] = '\0';
	list_words(words, buf, room);
}

struct schema_table
schema_type_named(const struct schema_key *k, const void *base,
    struct schema_key keys[static SCHEMA_NAMES_MAX])
{
	struct schema_table table = { .what = k->what, .keys = keys };

	for (size_t i = 0; i < k->size; i++) {
		const char *name = k->name_at(base, i);

		if (name == NULL)
			return (struct schema_table){ .what = k->what };
		keys[table.n_keys++] = (struct schema_key){ .name = name,
			.type = SCHEMA_NUMBER,
			.offset = i,
			.size = 1,
			.min = k->min,
			.max = k->max };
	}
	return table;
}
