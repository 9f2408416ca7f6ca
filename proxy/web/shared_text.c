#include "proxy/web/shared_text.h"

#include <stdlib.h>

struct shared_text *
shared_text_new(size_t len)
{
	struct shared_text *t = calloc(1, sizeof(*t) + len + 1);

	if (t == NULL)
		return NULL;
	atomic_init(&t->holders, 1);
	t->len = len;
	return t;
}

struct shared_text *
shared_text_hold(struct shared_text *t)
{
	if (t != NULL)
		(void)atomic_fetch_add(&t->holders, 1);
	return t;
}

void
shared_text_let_go(struct shared_text **t)
{
	if (*t != NULL && atomic_fetch_sub(&(*t)->holders, 1) == 1)
		free(*t);
	*t = NULL;
}
