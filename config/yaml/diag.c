/*
 * Mistakes are found in the order of the tables and rules, and wanted in the
 * order of the file: each is put into its place in a sorted array, and what
 * falls off its end was further down. Source lines are looked up when printing,
 * for the few that are kept.
 */
#include "config/yaml/diag.h"

#include "config/yaml/utf8.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 600  /* bytes of a message: two quoted texts and the advice */
#define SHOWN_MAX 100 /* characters of a source line */
#define LEAD 40       /* of them, before a mark that is far to the right */

struct message {
	struct diag_place at;
	char text[TEXT_MAX];
};

struct entry {
	struct message error, note;
	bool is_warning, has_note;
};

struct diag {
	char *name;
	char *text; /* NULL: not known */
	size_t len;
	struct entry *entries[DIAG_KEPT]; /* by place, then by arrival */
	size_t n_entries, n_errors, n_warnings;
	struct entry *last; /* that a note belongs to; NULL: it was dropped */
};

struct diag *
diag_new(void)
{
	return calloc(1, sizeof(struct diag));
}

static void
forget(struct diag *d)
{
	for (size_t i = 0; i < d->n_entries; i++)
		free(d->entries[i]);
	free_str(&d->name);
	free_str(&d->text);
	*d = (struct diag){ .name = NULL };
}

void
diag_free_at(struct diag **d)
{
	if (*d != NULL)
		forget(*d);
	free(*d);
	*d = NULL;
}

int
diag_start(struct diag *d, const char *name, const char *text, size_t len)
{
	if (d == NULL)
		return 0;
	forget(d);
	d->name = strdup(name);
	if (d->name == NULL)
		return -ENOMEM;
	if (text == NULL)
		return 0;
	d->text = malloc(len + 1);
	if (d->text == NULL)
		return -ENOMEM;
	memcpy(d->text, text, len);
	d->text[len] = '\0';
	d->len = len;
	return 0;
}

size_t
diag_quote(
    const char *text, size_t len, size_t max, char *ret_text, size_t room)
{
	size_t used = 0;

	for (size_t shown = 0; len > 0; shown++) {
		uint32_t point = 0;
		size_t n = utf8_decode(text, len, &point);
		bool clean = n > 0 && utf8_is_printable(point);
		size_t wants = clean ? n : 1;

		/* The cut takes three bytes, the end one. */
		if (shown == max || used + wants + 4 > room) {
			memcpy(ret_text + used, "…", 3);
			used += 3;
			break;
		}
		if (clean)
			memcpy(ret_text + used, text, n);
		else
			ret_text[used] = '?';
		used += wants;
		text += n > 0 ? n : 1;
		len -= n > 0 ? n : 1;
	}
	ret_text[used] = '\0';
	return used;
}

static __attribute__((format(printf, 3, 0))) void
fill(struct message *m, const struct diag_place *at, const char *format,
    va_list args)
{
	char raw[TEXT_MAX];

	m->at = *at;
	(void)vsnprintf(raw, sizeof(raw), format, args);
	(void)diag_quote(raw, strlen(raw), TEXT_MAX, m->text, sizeof(m->text));
}

static bool
is_before(const struct diag_place *a, const struct diag_place *b)
{
	if (a->line != b->line)
		return a->line < b->line;
	return a->column < b->column;
}

static bool
is_known(const struct diag *d, const struct message *m)
{
	for (size_t i = 0; i < d->n_entries; i++) {
		const struct message *have = &d->entries[i]->error;

		if (!is_before(&have->at, &m->at) &&
		    !is_before(&m->at, &have->at) &&
		    strcmp(have->text, m->text) == 0)
			return true;
	}
	return false;
}

/* Takes `e`. The last entry of a full array makes room, or is `e` itself. */
static void
insert(struct diag *d, struct entry *e)
{
	size_t i = d->n_entries;

	if (i == DIAG_KEPT)
		free(d->entries[--i]);
	else
		d->n_entries++;
	while (i > 0 && is_before(&e->error.at, &d->entries[i - 1]->error.at)) {
		d->entries[i] = d->entries[i - 1];
		i--;
	}
	d->entries[i] = e;
	d->last = e;
}

static __attribute__((format(printf, 4, 0))) void
add(struct diag *d, const struct diag_place *at, bool is_warning,
    const char *format, va_list args)
{
	size_t *count = is_warning ? &d->n_warnings : &d->n_errors;
	struct entry *e;

	d->last = NULL;
	++*count;
	if (d->n_entries == DIAG_KEPT &&
	    !is_before(at, &d->entries[DIAG_KEPT - 1]->error.at))
		return;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return; /* counted: with an error the load fails all the same */
	e->is_warning = is_warning;
	fill(&e->error, at, format, args);
	if (is_known(d, &e->error)) {
		--*count;
		free(e);
		return;
	}
	insert(d, e);
}

int
diag_error(struct diag *d, const struct diag_place *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (d != NULL)
		add(d, at, false, format, args);
	va_end(args);
	return -EINVAL;
}

void
diag_warning(
    struct diag *d, const struct diag_place *at, const char *format, ...)
{
	va_list args;

	if (d == NULL)
		return;
	va_start(args, format);
	add(d, at, true, format, args);
	va_end(args);
}

void
diag_note(struct diag *d, const struct diag_place *at, const char *format, ...)
{
	va_list args;

	if (d == NULL || d->last == NULL)
		return;
	va_start(args, format);
	fill(&d->last->note, at, format, args);
	va_end(args);
	d->last->has_note = true;
}

size_t
diag_count(const struct diag *d)
{
	return d == NULL ? 0 : d->n_errors;
}

/* A source line without its break: \n, \r\n or \r, as libyaml counts them. */
struct line {
	const char *at;
	size_t len;
};

static struct line
find_line(const struct diag *d, unsigned number)
{
	const char *p = d->text, *end = d->text + d->len, *stop;

	for (unsigned i = 1; i < number && p < end; i++) {
		while (p < end && *p != '\n' && *p != '\r')
			p++;
		if (p + 1 < end && p[0] == '\r' && p[1] == '\n')
			p++;
		if (p < end)
			p++;
	}
	for (stop = p; stop < end && *stop != '\n' && *stop != '\r'; stop++)
		;
	return (struct line){ .at = p, .len = (size_t)(stop - p) };
}

/* Takes one character off the line; 0 where it cannot be shown as it is. */
static uint32_t
next(struct line *l)
{
	uint32_t point = 0;
	size_t n = utf8_decode(l->at, l->len, &point);

	if (n == 0 || !utf8_is_printable(point))
		point = n > 0 && *l->at == '\t' ? ' ' : 0;
	n = n == 0 ? 1 : n;
	l->at += n;
	l->len -= n;
	return point;
}

/* One column wide, whatever stood there: a tab is a space. */
static void
print_source(struct line l, unsigned first, FILE *out)
{
	unsigned column = 1;

	for (; l.len > 0 && column < first + SHOWN_MAX; column++) {
		struct line before = l;
		uint32_t point = next(&l);
		size_t n = before.len - l.len;

		if (column < first)
			continue;
		if (point == 0 || *before.at == '\t')
			(void)fputc(point == 0 ? '?' : ' ', out);
		else
			(void)fwrite(before.at, 1, n, out);
	}
	(void)fputs(l.len > 0 ? "…\n" : "\n", out);
}

static void
print_marks(
    struct line l, unsigned first, const struct diag_place *at, FILE *out)
{
	bool one_line = at->end_line == at->line;
	unsigned end = one_line ? at->end_column : UINT_MAX;
	unsigned last = first + SHOWN_MAX;

	for (unsigned column = 1; column < last; column++) {
		bool at_end = l.len == 0;
		uint32_t point = at_end ? ' ' : next(&l);
		unsigned width = point == 0 ? 1 : utf8_width(point);

		if (column > at->column && (column >= end || at_end))
			break;
		if (column < first)
			continue;
		if (column == at->column)
			(void)fputc('^', out);
		for (unsigned i = column == at->column; i < width; i++)
			(void)fputc(column < at->column ? ' ' : '~', out);
	}
	(void)fputc('\n', out);
}

static void
print_message(
    const struct diag *d, const struct message *m, const char *kind, FILE *out)
{
	unsigned first = 1;
	struct line l;

	(void)fputs(d->name == NULL ? "-" : d->name, out);
	if (m->at.line > 0)
		(void)fprintf(out, ":%u:%u", m->at.line, m->at.column);
	(void)fprintf(out, ": %s: %s\n", kind, m->text);
	if (m->at.line == 0 || d->text == NULL)
		return;
	if (m->at.column > SHOWN_MAX - LEAD / 2)
		first = m->at.column - LEAD;
	l = find_line(d, m->at.line);
	(void)fprintf(out, "%5u | %s", m->at.line, first > 1 ? "…" : "");
	print_source(l, first, out);
	(void)fprintf(out, "      | %s", first > 1 ? " " : "");
	print_marks(l, first, &m->at, out);
}

void
diag_print(const struct diag *d, FILE *out)
{
	size_t found;

	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n_entries; i++) {
		const struct entry *e = d->entries[i];

		print_message(
		    d, &e->error, e->is_warning ? "warning" : "error", out);
		if (e->has_note)
			print_message(d, &e->note, "note", out);
	}
	found = d->n_errors + d->n_warnings;
	if (found > d->n_entries)
		(void)fprintf(out, "%s: %s: and %zu more\n",
		    d->name == NULL ? "-" : d->name,
		    d->n_errors > 0 ? "error" : "warning",
		    found - d->n_entries);
}
