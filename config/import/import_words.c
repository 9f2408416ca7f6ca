#include "config/import/import_words.h"

#include "config/yaml/nearest.h"

#include <string.h>

static bool
begins(const char *typed, const char *word)
{
	const size_t len = strcspn(word, "*");

	return word[len] == '*' && strncmp(typed, word, len) == 0;
}

/* The word itself before those that are alike. */
const struct import_words_row *
import_words_find(const struct import_words_table *t, const char *word)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].word, word) == 0)
			return &t->rows[i];
	for (size_t i = 0; i < t->n; i++)
		if (begins(word, t->rows[i].word))
			return &t->rows[i];
	return NULL;
}

static void
tell_unknown(struct import_notes *notes, struct import_notes_place at,
    const struct import_words_table *t, const char *word)
{
	struct nearest near = nearest_to(word);
	char text[NEAREST_TEXT];

	/* What is only counted need not be compared with all that there is. */
	for (size_t i = 0; i < t->n && notes->n < IMPORT_NOTES_KEPT; i++)
		if (strchr(t->rows[i].word, '*') == NULL)
			nearest_offer(&near, t->rows[i].word);
	import_notes_error(notes, at, "unknown %s '%.60s'%s", t->what, word,
	    near.word != NULL ? nearest_text(&near, text) : "; it is left out");
}

enum import_words_fate
import_words_look(struct import_notes *notes, struct import_notes_place at,
    const struct import_words_table *t, const char *word)
{
	const struct import_words_row *r = import_words_find(t, word);

	if (r == NULL) {
		tell_unknown(notes, at, t, word);
		return IMPORT_WORDS_UNKNOWN;
	}
	if (r->says == NULL)
		return IMPORT_WORDS_READ;
	if (r->says[0] == '\0')
		return IMPORT_WORDS_SILENT;
	if (r->says[0] == '!')
		import_notes_warning(notes, at,
		    "'%.60s' is not carried over: %s", word, r->says + 1);
	else
		import_notes_note(notes, at, "'%.60s' is not carried over: %s",
		    word, r->says);
	return IMPORT_WORDS_TOLD;
}
