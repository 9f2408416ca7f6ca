#include "hapair/cli/text_table.h"

#include <stdarg.h>
#include <stdlib.h>

#define GAP 2

/* Of a cell that was cut so much is left, or it says nothing. */
#define CELL_LEAST 6
#define PROSE_LEAST 12

struct cell {
	char *text;
	const char *tint; /* NULL: none */
};

struct row {
	struct cell cells[TEXT_TABLE_COLUMNS];
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
		free(r->cells[i].text);
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
		t->next.cells[t->next.n++] = (struct cell){ .text = text };
}

void
text_table_tint(struct text_table *t, const char *tint)
{
	if (t != NULL && t->next.n > 0)
		t->next.cells[t->next.n - 1].tint = tint;
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
text_table_begin(void)
{
	return calloc(1, sizeof(struct text_table));
}

struct text_table *
text_table_new(const char *heading, ...)
{
	struct text_table *t = text_table_begin();
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
		    width(t->rows[i].cells[column].text) > widest)
			widest = width(t->rows[i].cells[column].text);
	return widest;
}

/*
 * The last column gives first, which is prose; then the widest one, until all
 * fit or none can.
 */
static void
shrink(size_t widths[static TEXT_TABLE_COLUMNS], unsigned n, size_t most)
{
	for (;;) {
		size_t sum = n == 0 ? 0 : GAP * (n - 1);
		unsigned widest = 0;

		for (unsigned c = 0; c < n; c++) {
			sum += widths[c];
			if (widths[c] >= widths[widest])
				widest = c;
		}
		if (n > 0 && widths[n - 1] > PROSE_LEAST)
			widest = n - 1;
		if (sum <= most || widths[widest] <= CELL_LEAST)
			return;
		widths[widest]--;
	}
}

/* At most so many characters of it. */
static size_t
put_text(FILE *out, const char *s, size_t most)
{
	const bool cut = width(s) > most;
	const size_t keep = cut ? most - 1 : most;
	size_t n = 0;

	for (; *s != '\0'; s++) {
		const bool begins = ((unsigned char)*s & 0xc0) != 0x80;

		if (begins && n == keep)
			break;
		n += begins;
		(void)fputc(*s, out);
	}
	if (cut)
		(void)fputs("…", out);
	return n + cut;
}

static void
put_row(const struct row *r, FILE *out, const size_t *widths,
    const struct text_table_form *form)
{
	unsigned n = r->n;

	while (n > 0 && r->cells[n - 1].text[0] == '\0')
		n--;
	for (unsigned c = 0; c < n; c++) {
		const struct cell *cell = &r->cells[c];
		size_t used;

		(void)fputs(cell->tint != NULL ? cell->tint : "", out);
		used = put_text(out, cell->text, widths[c]);
		(void)fputs(cell->tint != NULL ? form->plain : "", out);
		if (c + 1 < n)
			(void)fprintf(
			    out, "%*s", (int)(widths[c] - used) + GAP, "");
	}
}

void
text_table_print(
    const struct text_table *t, FILE *out, const struct text_table_form *form)
{
	size_t widths[TEXT_TABLE_COLUMNS];
	unsigned n = 0;

	if (t == NULL || t->n == 0)
		return;
	for (unsigned c = 0; c < TEXT_TABLE_COLUMNS; c++) {
		widths[c] = column_width(t, c);
		if (widths[c] > 0)
			n = c + 1;
	}
	if (form->width > 0)
		shrink(widths, n, form->width);
	for (size_t i = 0; i < t->n; i++) {
		(void)fputs(i == 0 ? form->bold : "", out);
		put_row(&t->rows[i], out, widths, form);
		(void)fputs(i == 0 ? form->plain : "", out);
		(void)fputc('\n', out);
	}
}
