#include "config/listening.h"

#include <stdio.h>

const struct config_service *
listening_at(const struct config *c, size_t i)
{
	if (i < c->n_services)
		return &c->services[i];
	return i == c->n_services && c->has_web ? &c->web.front : NULL;
}

const char *
listening_text(const struct config_service *s, char buf[static LISTENING_TEXT])
{
	(void)snprintf(buf, LISTENING_TEXT, "%s%s",
	    s->name != NULL ? "service " : "web",
	    s->name != NULL ? s->name : "");
	return buf;
}
