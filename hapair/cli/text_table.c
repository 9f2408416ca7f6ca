#include "hapair/cli/text_table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

/* Of a cell that was cut so much is left, or it says nothing. */
#define CELL_LEAST 6
#define PROSE_LEAST 12
#define ADDRESS_LEAST 24

struct cell {
	size_t at; /* in the table's text, with a NUL behind it */
	unsigned len, width;
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
	char *text;
	size_t len, text_room;
	bool headed; /* the headings were printed */
	size_t widest[TEXT_TABLE_COLUMNS];
};

void
text_table_free_at(struct text_table **at)
{
	struct text_table *t = *at;

	if (t == NULL)
		return;
	free(t->rows);
	free(t->text);
	free(t);
	*at = NULL;
}

/* Characters, not bytes: names may be UTF-8. */
static unsigned
width(const char *s, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* For so many bytes and a NUL. */
static bool
make_room(struct text_table *t, size_t len)
{
	const size_t room = 2 * (t->len + len) + 512;
	char *text = t->text;

	if (t->text_room - t->len > len)
		return true;
	text = realloc(text, room);
	if (text == NULL)
		return false;
	t->text = text;
	t->text_room = room;
	return true;
}

/* Of so many bytes behind the text. */
static void
add_cell(struct text_table *t, size_t len)
{
	const unsigned column = t->next.n++;
	const unsigned wide = width(t->text + t->len, len);

	t->next.cells[column] =
	    (struct cell){ .at = t->len, .len = (unsigned)len, .width = wide };
	if (wide > t->widest[column])
		t->widest[column] = wide;
	t->len += len + 1;
}

void
text_table_put(struct text_table *t, const char *text, size_t len)
{
	if (t == NULL || t->next.n == TEXT_TABLE_COLUMNS || !make_room(t, len))
		return;
	memcpy(t->text + t->len, text, len);
	t->text[t->len + len] = '\0';
	add_cell(t, len);
}

void
text_table_cell(struct text_table *t, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	text_table_put(t, text, (size_t)n);
	free(text);
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
			t->next.n = 0;
			return;
		}
		t->rows = rows;
		t->room = room;
	}
	t->rows[t->n++] = t->next;
	t->next.n = 0;
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

/*
 * The last column gives first, which is prose; then the widest one, until all
 * fit or none can. Or that of addresses, and then the widest but the first,
 * which is what the line is asked for by.
 */
static void
shrink(size_t widths[static TEXT_TABLE_COLUMNS], unsigned n,
    const struct text_table_form *form)
{
	const bool addresses = form->address > 1 && form->address <= n;
	const unsigned first = addresses ? form->address - 1 : n - 1;
	const size_t least = addresses ? ADDRESS_LEAST : PROSE_LEAST;

	while (n > 0) {
		size_t sum = GAP * (n - 1);
		unsigned widest = addresses;

		for (unsigned c = 0; c < n; c++) {
			sum += widths[c];
			if (c > 0 && widths[c] >= widths[widest])
				widest = c;
		}
		if (widths[first] > least)
			widest = first;
		if (sum <= form->width || widths[widest] <= CELL_LEAST)
			return;
		widths[widest]--;
	}
}

/* Where the n-th character begins. */
static const char *
nth(const char *s, size_t n)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s & 0xc0) != 0x80 && n-- == 0)
			break;
	return s;
}

/* At most so many characters of it; of an address both ends. */
static size_t
put_text(FILE *out, const char *s, const struct cell *cell, size_t most,
    bool is_address)
{
	const size_t tail = is_address ? most / 2 : 0;

	if (cell->width <= most) {
		(void)fwrite(s, 1, cell->len, out);
		return cell->width;
	}
	(void)fwrite(s, 1, (size_t)(nth(s, most - 1 - tail) - s), out);
	(void)fputs("…", out);
	(void)fputs(nth(s, cell->width - tail), out);
	return most;
}

static void
put_blanks(FILE *out, size_t n)
{
	static const char blanks[] = "                                ";

	for (; n >= sizeof(blanks); n -= sizeof(blanks) - 1)
		(void)fputs(blanks, out);
	(void)fwrite(blanks, 1, n, out);
}

static void
put_row(const struct text_table *t, const struct row *r, FILE *out,
    const size_t *widths, const struct text_table_form *form)
{
	unsigned n = r->n;

	while (n > 0 && r->cells[n - 1].len == 0)
		n--;
	for (unsigned c = 0; c < n; c++) {
		const struct cell *cell = &r->cells[c];
		size_t used;

		if (cell->tint != NULL)
			(void)fputs(cell->tint, out);
		used = put_text(out, t->text + cell->at, cell, widths[c],
		    c + 1 == form->address);
		if (cell->tint != NULL)
			(void)fputs(form->plain, out);
		if (c + 1 < n)
			put_blanks(out, widths[c] - used + GAP);
	}
}

void
text_table_print(
    const struct text_table *t, FILE *out, const struct text_table_form *form)
{
	size_t widths[TEXT_TABLE_COLUMNS];
	unsigned n = 0;

	if (t == NULL)
		return;
	for (unsigned c = 0; c < TEXT_TABLE_COLUMNS; c++) {
		widths[c] = t->widest[c];
		if (widths[c] > 0)
			n = c + 1;
	}
	if (form->width > 0)
		shrink(widths, n, form);
	for (size_t i = 0; i < t->n; i++) {
		const bool is_heading = i == 0 && !t->headed;

		(void)fputs(is_heading ? form->bold : "", out);
		put_row(t, &t->rows[i], out, widths, form);
		(void)fputs(is_heading ? form->plain : "", out);
		(void)fputc('\n', out);
	}
}

void
text_table_flush(
    struct text_table *t, FILE *out, const struct text_table_form *form)
{
	if (t == NULL)
		return;
	text_table_print(t, out, form);
	t->headed = t->headed || t->n > 0;
	t->n = t->len = 0;
}
