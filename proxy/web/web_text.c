#include "proxy/web/web_text.h"

#include "proxy/web/web_content.h"

#include <stdlib.h>

/* All answers that somebody still reads, of this snapshot and earlier ones. */
#define ALL_MAX ((size_t)64 * 1024 * 1024)

struct web_text *
web_text_new(struct web_text_all *all, struct web_content *content,
    enum web_request what)
{
	struct web_text *t;

	if (all->bytes >= ALL_MAX)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->all = all;
	t->bytes = web_content_make(content, what, &t->len);
	if (t->bytes == NULL) {
		free(t);
		return NULL;
	}
	all->bytes += t->len;
	return t;
}

void
web_text_free(void *text)
{
	struct web_text *t = text;

	t->all->bytes -= t->len;
	free(t->bytes);
	free(t);
}
