#include "proxy/web/event_lines.h"

#include "proxy/web/shared_text.h"

#include <stdlib.h>
#include <string.h>

static void
drop_first(struct event_lines *l)
{
	char **line = &l->all[l->first];

	l->bytes -= strlen(*line) + 1;
	free(*line);
	*line = NULL;
	l->first = (l->first + 1) % EVENT_LINES_MAX;
	l->n--;
}

void
event_lines_fini(struct event_lines *l)
{
	while (l->n > 0)
		drop_first(l);
	shared_text_let_go(&l->text);
	*l = (struct event_lines){ .n = 0 };
}

/* Where memory is out it is left out. */
static void
add(struct event_lines *l)
{
	char *line = strndup(l->part, l->n_part);

	if (line == NULL)
		return;
	if (l->n == EVENT_LINES_MAX)
		drop_first(l);
	l->all[(l->first + l->n) % EVENT_LINES_MAX] = line;
	l->n++;
	l->bytes += strlen(line) + 1;
	shared_text_let_go(&l->text);
}

void
event_lines_take(struct event_lines *l, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			l->too_long |= l->n_part == EVENT_LINES_LONGEST;
			if (!l->too_long)
				l->part[l->n_part++] = bytes[i];
			continue;
		}
		if (!l->too_long && l->n_part > 0)
			add(l);
		l->n_part = 0;
		l->too_long = false;
	}
}

struct shared_text *
event_lines_text(struct event_lines *l)
{
	char *to;

	if (l->text == NULL)
		l->text = shared_text_new(l->bytes);
	else
		return shared_text_hold(l->text);
	if (l->text == NULL)
		return NULL;
	to = l->text->text;
	for (size_t i = 0; i < l->n; i++) {
		const char *line = l->all[(l->first + i) % EVENT_LINES_MAX];
		const size_t n = strlen(line);

		memcpy(to, line, n);
		to[n] = '\n';
		to += n + 1;
	}
	return shared_text_hold(l->text);
}
