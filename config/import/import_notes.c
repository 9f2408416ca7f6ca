#include "config/import/import_notes.h"

#include "config/yaml/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 600 /* bytes: two quoted texts and the advice */

struct import_notes_item {
	struct import_notes_place at;
	enum import_notes_level level;
	size_t order; /* of arrival */
	char *text;
};

/* False: there is no room, or no memory. */
static bool
make_room(struct import_notes *n)
{
	const size_t room = n->room == 0 ? 64 : 2 * n->room;
	struct import_notes_item *all;

	if (n->n == IMPORT_NOTES_KEPT) {
		n->left_out++;
		return false;
	}
	if (n->n < n->room)
		return true;
	all = realloc(n->all, room * sizeof(*all));
	if (all == NULL) {
		n->failed = true;
		return false;
	}
	n->all = all;
	n->room = room;
	return true;
}

static bool
is_said(const struct import_notes *n, struct import_notes_place at,
    const char *text)
{
	for (size_t i = n->n; i > 0; i--) {
		const struct import_notes_item *have = &n->all[i - 1];

		if (have->at.file == at.file && have->at.line == at.line &&
		    strcmp(have->text, text) == 0)
			return true;
	}
	return false;
}

static __attribute__((format(printf, 4, 0))) void
add(struct import_notes *n, struct import_notes_place at,
    enum import_notes_level level, const char *format, va_list args)
{
	char raw[TEXT_MAX], text[TEXT_MAX];
	char *copy;

	(void)vsnprintf(raw, sizeof(raw), format, args);
	(void)diag_quote(raw, strlen(raw), TEXT_MAX, text, sizeof(text));
	if (n->n < IMPORT_NOTES_KEPT && is_said(n, at, text))
		return;
	n->counts[level]++;
	if (!make_room(n))
		return;
	copy = strdup(text);
	if (copy == NULL) {
		n->failed = true;
		return;
	}
	n->all[n->n] = (struct import_notes_item){
		.at = at, .level = level, .order = n->n, .text = copy
	};
	n->n++;
}

void
import_notes_error(struct import_notes *n, struct import_notes_place at,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(n, at, IMPORT_NOTES_ERROR, format, args);
	va_end(args);
}

void
import_notes_warning(struct import_notes *n, struct import_notes_place at,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(n, at, IMPORT_NOTES_WARNING, format, args);
	va_end(args);
}

void
import_notes_note(struct import_notes *n, struct import_notes_place at,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(n, at, IMPORT_NOTES_NOTE, format, args);
	va_end(args);
}

void
import_notes_forget(struct import_notes *n, size_t n_before)
{
	size_t kept = n_before;

	for (size_t i = n_before; i < n->n; i++) {
		if (n->all[i].level == IMPORT_NOTES_ERROR) {
			n->all[kept++] = n->all[i];
			continue;
		}
		n->counts[n->all[i].level]--;
		free(n->all[i].text);
	}
	n->n = kept;
}

static int
by_place(const void *left, const void *right)
{
	const struct import_notes_item *a = left, *b = right;

	if (a->at.file != b->at.file)
		return a->at.file < b->at.file ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void
import_notes_print(struct import_notes *n, FILE *out)
{
	static const char *const levels[] = { "error", "warning", "note" };

	if (n->n > 0) /* qsort() takes no NULL */
		qsort(n->all, n->n, sizeof(*n->all), by_place);
	for (size_t i = 0; i < n->n; i++) {
		const struct import_notes_item *item = &n->all[i];

		(void)fputs(n->names[item->at.file], out);
		if (item->at.line > 0)
			(void)fprintf(out, ":%u", item->at.line);
		(void)fprintf(
		    out, ": %s: %s\n", levels[item->level], item->text);
	}
	if (n->left_out > 0)
		(void)fprintf(out, "and %zu more\n", n->left_out);
}

void
import_notes_fini(struct import_notes *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->all[i].text);
	free(n->all);
	n->all = NULL;
	n->n = n->room = 0;
}
