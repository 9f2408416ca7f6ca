#include "hapair/cli/text_table.h"

#include <stdarg.h>
#include <stdlib.h>

struct row {
	char *cells[TEXT_TABLE_COLUMNS];
	unsigned n;
};

struct text_table {
	struct row *rows;
	size_t n, room;
	struct row next; /* being filled */
};

static void
free_row(struct row *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free(r->cells[i]);
	r->n = 0;
}

void
text_table_free_at(struct text_table **at)
{
	struct text_table *t = *at;

	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free_row(&t->rows[i]);
	free_row(&t->next);
	free(t->rows);
	free(t);
	*at = NULL;
}

void
text_table_cell(struct text_table *t, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	if (t == NULL || t->next.n == TEXT_TABLE_COLUMNS)
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n >= 0)
		t->next.cells[t->next.n++] = text;
}

void
text_table_end_row(struct text_table *t)
{
	if (t == NULL)
		return;
	if (t->n == t->room) {
		size_t room = t->room == 0 ? 16 : 2 * t->room;
		struct row *rows = realloc(t->rows, room * sizeof(*rows));

		if (rows == NULL) {
			free_row(&t->next);
			return;
		}
		t->rows = rows;
		t->room = room;
	}
	t->rows[t->n++] = t->next;
	t->next = (struct row){ .n = 0 };
}

struct text_table *
text_table_new(const char *heading, ...)
{
	struct text_table *t = calloc(1, sizeof(*t));
	va_list args;

	va_start(args, heading);
	for (; heading != NULL; heading = va_arg(args, const char *))
		text_table_cell(t, "%s", heading);
	va_end(args);
	text_table_end_row(t);
	return t;
}

/* Characters, not bytes: names may be UTF-8. */
static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t
column_width(const struct text_table *t, unsigned column)
{
	size_t widest = 0;

	for (size_t i = 0; i < t->n; i++)
		if (column < t->rows[i].n &&
		    width(t->rows[i].cells[column]) > widest)
			widest = width(t->rows[i].cells[column]);
	return widest;
}

void
text_table_print(
    const struct text_table *t, FILE *out, const char *bold, const char *plain)
{
	size_t widths[TEXT_TABLE_COLUMNS];

	if (t == NULL)
		return;
	for (unsigned c = 0; c < TEXT_TABLE_COLUMNS; c++)
		widths[c] = column_width(t, c);
	for (size_t i = 0; i < t->n; i++) {
		const struct row *r = &t->rows[i];

		(void)fputs(i == 0 ? bold : "", out);
		for (unsigned c = 0; c < r->n; c++) {
			int pad = (int)(widths[c] - width(r->cells[c])) + 2;

			(void)fputs(r->cells[c], out);
			if (c + 1 < r->n)
				(void)fprintf(out, "%*s", pad, "");
		}
		(void)fputs(i == 0 ? plain : "", out);
		(void)fputc('\n', out);
	}
}
