#include "config/schema/unknown_key.h"

#include "config/schema/foreign_words.h"
#include "config/schema/schema.h"
#include "config/yaml/diag.h"
#include "config/yaml/nearest.h"
#include "config/yaml/tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* As many keys can be read in a line; of more, the manual has the list. */
#define LISTED_MAX 10
/* What two keys have in common by chance is shorter. */
#define PART_MIN 4
#define ALIKE_MAX 3
#define TEXT_MAX 320

bool
unknown_key_is_there(const struct schema_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return true;
	return false;
}

static uint64_t
bit_of(const struct schema_table *table, const char *name)
{
	assert(table->n_keys <= 64);
	for (size_t i = 0; name != NULL && i < table->n_keys; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return (uint64_t)1 << i;
	return 0;
}

/* The key of the table below which there is one of that name, or NULL. */
static const struct schema_key *
find_below(const struct schema_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		const struct schema_table *below =
		    k->list != NULL ? k->list->table : k->table;

		if (below != NULL && unknown_key_is_there(below, name))
			return k;
	}
	return NULL;
}

/* Whether a word of the key that was typed is in this one, too. */
static bool
shares_part(const char *typed, const char *name)
{
	char part[32];

	while (*typed != '\0') {
		const size_t len = strcspn(typed, "_- .");

		if (len >= PART_MIN && len < sizeof(part)) {
			memcpy(part, typed, len);
			part[len] = '\0';
			if (strstr(name, part) != NULL)
				return true;
		}
		typed += len + (typed[len] != '\0');
	}
	return false;
}

/* "a, b and c": all of them, or those that are alike. Returns how many. */
static size_t
list_keys(
    const struct schema_table *table, const char *typed, char *buf, size_t room)
{
	const char *names[LISTED_MAX];
	const size_t most = typed != NULL ? ALIKE_MAX : LISTED_MAX;
	size_t n = 0, used = 0;

	for (size_t i = 0; i < table->n_keys && n < most; i++)
		if (typed == NULL || shares_part(typed, table->keys[i].name))
			names[n++] = table->keys[i].name;
	for (size_t i = 0; i < n && used < room; i++) {
		const char *join = i + 1 == n ? " and " : ", ";

		used += (size_t)snprintf(buf + used, room - used, "%s%s",
		    i == 0 ? "" : join, names[i]);
	}
	return n;
}

/* The key that was meant, or that is the only one that is alike. */
static const char *
find_meant(const struct schema_table *table, const char *typed)
{
	struct nearest near = nearest_to(typed);
	const char *alike = NULL;
	size_t n = 0;

	for (size_t i = 0; i < table->n_keys; i++) {
		const char *name = table->keys[i].name;

		nearest_offer(&near, name);
		if (shares_part(typed, name)) {
			alike = name;
			n++;
		}
	}
	if (near.word != NULL)
		return near.word;
	return n == 1 && find_below(table, typed) == NULL ? alike : NULL;
}

/* Where there is none that was meant. */
static void
tell_others(struct diag *diag, const struct schema_table *table,
    const struct tree_node *key)
{
	const struct schema_key *above = find_below(table, key->text);
	char text[TEXT_MAX];

	if (above != NULL)
		diag_error(diag, &key->at,
		    "unknown key '%s' in %s; it belongs below '%s'", key->shown,
		    table->what, above->name);
	else if (list_keys(table, key->text, text, sizeof(text)) > 0)
		diag_error(diag, &key->at,
		    "unknown key '%s'; %s has %s; `hapair help keys` lists all",
		    key->shown, table->what, text);
	else if (table->n_keys > LISTED_MAX)
		diag_error(diag, &key->at,
		    "unknown key '%s'; %s has none like it; `hapair help keys` lists all",
		    key->shown, table->what);
	else if (list_keys(table, NULL, text, sizeof(text)) > 0)
		diag_error(diag, &key->at,
		    "unknown key '%s'; %s has the keys %s", key->shown,
		    table->what, text);
}

uint64_t
unknown_key_refuse(struct diag *diag, const struct schema_table *table,
    const struct tree_node *key)
{
	char foreign[FOREIGN_WORDS_TEXT];
	const char *meant = NULL;

	if (foreign_words_key(table->what, key->text, foreign, &meant) !=
	    NULL) {
		diag_error(diag, &key->at, "unknown key '%s'; %s", key->shown,
		    foreign);
		return bit_of(table, meant);
	}
	meant = find_meant(table, key->text);
	if (meant != NULL)
		diag_error(diag, &key->at,
		    "unknown key '%s'; did you mean '%s'?", key->shown, meant);
	else
		tell_others(diag, table, key);
	return bit_of(table, meant);
}
