#include "config/import/haproxy_proxy.h"

#include "config/import/haproxy_global.h"
#include "config/import/haproxy_lines.h"
#include "config/import/haproxy_params.h"
#include "config/import/haproxy_words.h"
#include "config/import/import_plan.h"

#include <string.h>

/* So many are no accident. */
#define SECTIONS_MAX 4096

/* What a line belongs to, while they are read. */
struct section {
	enum {
		NOWHERE,
		GLOBAL,
		PEERS,
		PROXY,
		OTHER, /* one that says nothing here */
	} kind;
	struct haproxy_proxy *proxy;
	size_t notes_before;
};

const char *
haproxy_proxy_kind_name(enum haproxy_proxy_kind kind)
{
	switch (kind) {
	case HAPROXY_PROXY_DEFAULTS:
		return "defaults";
	case HAPROXY_PROXY_LISTEN:
		return "listen";
	case HAPROXY_PROXY_FRONTEND:
		return "frontend";
	case HAPROXY_PROXY_BACKEND:
		return "backend";
	}
	return NULL;
}

struct haproxy_proxy *
haproxy_proxy_find(
    const struct haproxy_proxy_file *f, const char *name, bool backend)
{
	for (struct haproxy_proxy *p = f->first; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0 &&
		    (p->kind == HAPROXY_PROXY_LISTEN ||
		        (p->kind == HAPROXY_PROXY_BACKEND) == backend))
			return p;
	return NULL;
}

/* What was said of a part that is left out would only be noise. */
static void
end_section(struct haproxy_proxy_file *f, struct section *s)
{
	const struct haproxy_proxy *p = s->proxy;

	if (s->kind == PROXY && p != NULL &&
	    p->kind != HAPROXY_PROXY_DEFAULTS &&
	    (p->mode != HAPROXY_PROXY_TCP || p->disabled))
		import_notes_forget(&f->plan->notes, s->notes_before);
}

static const struct haproxy_proxy *
find_defaults(struct haproxy_proxy_file *f, const struct haproxy_text_line *l,
    const char *name)
{
	for (const struct haproxy_proxy *d = f->defaults; d != NULL;
	     d = d->next)
		if (strcmp(d->name, name) == 0)
			return d;
	import_notes_error(&f->plan->notes, l->at,
	    "there is no 'defaults %.60s' before this line", name);
	return NULL;
}

/* `from NAME` behind the section's own, or what is in force. */
static const struct haproxy_proxy *
base_of(struct haproxy_proxy_file *f, const struct haproxy_text_line *l,
    bool is_defaults)
{
	for (size_t i = 1; i + 1 < l->n && i < 3; i++)
		if (strcmp(l->words[i], "from") == 0)
			return find_defaults(f, l, l->words[i + 1]);
	return is_defaults ? NULL : f->in_force;
}

static void
inherit(struct haproxy_proxy *p, const struct haproxy_proxy *base)
{
	if (base != NULL)
		*p = *base;
	p->http_checks.inherited = p->tcp_checks.inherited = true;
	p->rules.inherited = p->acls.inherited = p->uses.inherited = true;
	p->next = NULL;
	p->binds = p->last_bind = NULL;
	p->servers = p->last_server = NULL;
	p->n_servers = 0;
	p->stats = false; /* where it says so itself it is a page */
}

static void
begin_proxy(struct haproxy_proxy_file *f, struct section *s,
    const struct haproxy_text_line *l, enum haproxy_proxy_kind kind)
{
	const bool is_defaults = kind == HAPROXY_PROXY_DEFAULTS;
	const struct haproxy_proxy *base = base_of(f, l, is_defaults);
	struct haproxy_proxy *p = NULL;
	const bool named = l->n > 1 && strcmp(l->words[1], "from") != 0;

	if (f->n++ < SECTIONS_MAX)
		p = import_plan_alloc(f->plan, sizeof(*p));
	else
		import_notes_error(&f->plan->notes, l->at,
		    "there are more than %d sections; this one is left out",
		    SECTIONS_MAX);
	s->kind = p == NULL ? OTHER : PROXY;
	s->proxy = p;
	if (p == NULL)
		return;
	inherit(p, base);
	p->kind = kind;
	p->at = l->at;
	p->name = named ? l->words[1] : "";
	if (is_defaults) {
		p->next = f->defaults;
		f->defaults = p;
		f->in_force = p;
		return;
	}
	if (!named)
		import_notes_error(&f->plan->notes, l->at,
		    "a section without a name; expected '%s NAME'",
		    l->words[0]);
	if (f->last == NULL)
		f->first = p;
	else
		f->last->next = p;
	f->last = p;
	if (l->n > 2 && kind != HAPROXY_PROXY_BACKEND &&
	    strcmp(l->words[2], "from") != 0)
		haproxy_params_bind(f->plan, p, l, 2);
}

static void
begin_section(struct haproxy_proxy_file *f, struct section *s,
    const struct haproxy_text_line *l)
{
	static const struct kind {
		const char *word;
		enum haproxy_proxy_kind kind;
	} kinds[] = {
		{ "defaults", HAPROXY_PROXY_DEFAULTS },
		{ "listen", HAPROXY_PROXY_LISTEN },
		{ "frontend", HAPROXY_PROXY_FRONTEND },
		{ "backend", HAPROXY_PROXY_BACKEND },
	};
	const char *word = l->words[0];

	end_section(f, s);
	*s =
	    (struct section){ .kind = OTHER, .notes_before = f->plan->notes.n };
	if (haproxy_words_look(&f->plan->notes, l->at, HAPROXY_WORDS_SECTION,
	        word) != IMPORT_WORDS_READ)
		return;
	if (strcmp(word, "global") == 0)
		s->kind = GLOBAL;
	else if (strcmp(word, "peers") == 0)
		s->kind = PEERS;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(word, kinds[i].word) == 0)
			begin_proxy(f, s, l, kinds[i].kind);
}

void
haproxy_proxy_read(struct haproxy_proxy_file *f, const struct haproxy_text *t)
{
	struct section s = { .kind = NOWHERE };

	for (size_t i = 0; i < t->n; i++) {
		const struct haproxy_text_line *l = &t->lines[i];

		if (haproxy_words_is_section(l->words[0])) {
			begin_section(f, &s, l);
			continue;
		}
		switch (s.kind) {
		case NOWHERE:
			import_notes_error(&f->plan->notes, l->at,
			    "'%.60s' before the first section; left out",
			    l->words[0]);
			break;
		case GLOBAL:
			haproxy_global_line(f->plan, l);
			break;
		case PEERS:
			haproxy_global_peer(f->plan, l);
			break;
		case PROXY:
			haproxy_lines_take(f->plan, s.proxy, l);
			break;
		case OTHER:
			break;
		}
	}
	end_section(f, &s);
}
