#include "config/import/import_plan.h"

#include "config/schema/scalar.h"
#include "config/yaml/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024
#define NAME_LEN (CONFIG_NAME_MAX - 1)

void *
import_plan_alloc(struct import_plan *p, size_t len)
{
	void *memory = arena_alloc(&p->memory, len);

	if (memory == NULL)
		p->failed = true;
	return memory;
}

static const char *
keep(struct import_plan *p, const char *text)
{
	const char *copy = arena_copy(&p->memory, text, strlen(text));

	if (copy == NULL)
		p->failed = true;
	return copy != NULL ? copy : "";
}

const char *
import_plan_text(struct import_plan *p, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return keep(p, text);
}

const char *
import_plan_where(struct import_plan *p, struct import_notes_place at)
{
	return import_plan_text(
	    p, "%.80s:%u", p->notes.names[at.file], at.line);
}

/* Whatever a file has in it, a comment is one line. */
static __attribute__((format(printf, 2, 0))) void
write_comment(char text[static TEXT_MAX], const char *format, va_list args)
{
	char raw[TEXT_MAX];

	(void)vsnprintf(raw, sizeof(raw), format, args);
	(void)diag_quote(
	    raw, strlen(raw), IMPORT_PLAN_COMMENT_LEN, text, TEXT_MAX);
}

static bool
has_text(const char *const *all, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i], text) == 0)
			return true;
	return false;
}

void
import_plan_comment(struct import_plan *p, struct import_plan_comments *c,
    const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	write_comment(text, format, args);
	va_end(args);
	if (c->n < IMPORT_PLAN_COMMENTS_MAX && !has_text(c->all, c->n, text))
		c->all[c->n++] = keep(p, text);
}

void
import_plan_line(struct import_plan *p, struct import_plan_list *list,
    const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	write_comment(text, format, args);
	va_end(args);
	if (list->n < IMPORT_PLAN_LINES_MAX &&
	    !has_text(list->all, list->n, text))
		import_plan_push(p, list, keep(p, text));
}

void
import_plan_push(
    struct import_plan *p, struct import_plan_list *list, const char *text)
{
	const size_t room = 2 * list->room + 8;
	const char **all;

	if (list->n == list->room) {
		all = import_plan_alloc(p, room * sizeof(*all));
		if (all == NULL)
			return;
		if (list->n > 0)
			memcpy(all, list->all, list->n * sizeof(*all));
		list->all = all;
		list->room = room;
	}
	list->all[list->n++] = text;
}

static const char *
made_up(struct import_plan *p, size_t i)
{
	return import_plan_text(p, "%s.%zu", p->made_up_network, i + 1);
}

const char *
import_plan_made_up(struct import_plan *p, const char *text)
{
	size_t i = 0;

	while (i < p->n_made_up && strcmp(p->made_up[i], text) != 0)
		i++;
	if (i == p->n_made_up && i < IMPORT_PLAN_MADE_UP_MAX)
		p->made_up[p->n_made_up++] = keep(p, text);
	if (i < IMPORT_PLAN_MADE_UP_MAX)
		p->was_made_up[i] = true;
	return made_up(p, i);
}

void
import_plan_tell_made_up(struct import_plan *p, struct import_plan_comments *c)
{
	for (size_t i = 0; i < p->n_made_up; i++) {
		if (p->was_made_up[i])
			import_plan_comment(p, c,
			    IMPORT_PLAN_FILL_IN ": %s stands for '%s'.",
			    made_up(p, i), p->made_up[i]);
		p->was_made_up[i] = false;
	}
}

const char *
import_plan_name(struct import_plan *p, const char *text, const char *extra,
    const char *fallback)
{
	char name[CONFIG_NAME_MAX];
	size_t n = 0;

	if (scalar_is_name(text, NAME_LEN, extra))
		return keep(p, text);
	for (; *text != '\0' && n < NAME_LEN; text++) {
		const char c[2] = { *text, '\0' };

		/* A name does not begin with these, but has them. */
		if (n > 0 && (*c == '-' || *c == '.'))
			name[n++] = *c;
		else if (scalar_is_name(c, 1, extra))
			name[n++] = *c;
		else if (n > 0 && name[n - 1] != '-')
			name[n++] = '-';
	}
	name[n] = '\0';
	while (n > 0 && name[n - 1] == '-')
		name[--n] = '\0';
	return keep(p, n > 0 ? name : fallback);
}

struct import_plan_service *
import_plan_add_service(struct import_plan *p)
{
	struct import_plan_service *s = import_plan_alloc(p, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (p->last_service == NULL)
		p->services = s;
	else
		p->last_service->next = s;
	p->last_service = s;
	p->n_services++;
	return s;
}

void
import_plan_fini(struct import_plan *p)
{
	arena_fini(&p->memory);
	import_notes_fini(&p->notes);
}
