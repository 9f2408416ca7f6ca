/*
 * How: the canonical text of both is compared, key by key and from the top, and
 * what reads alike is not looked into. Items that have a name are matched by
 * it, others by what they are.
 */
#include "config/config_diff.h"

#include "config/config.h"
#include "config/keys.h"
#include "config/print.h"
#include "config/schema/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_LEN 128    /* of keys, with dots */
#define SUBJECT_MAX_LEN 256 /* two names and what they are of */

/* Where the walk is: in a struct of both, which `table` describes. */
struct place {
	struct config_diff *diff;
	const struct schema_table *table;
	const void *before, *after;
	const struct place *above; /* NULL: the file */
	char path[PATH_MAX_LEN];   /* "services.servers."; keys follow */
	/* Of a line: "service impala: ", then of the key: "check." */
	char subject[SUBJECT_MAX_LEN], prefix[PATH_MAX_LEN];
};

/* A list of both; its items as texts, or as their names. */
struct items {
	char **texts;
	bool *matched;
	size_t n;
};

static int walk(const struct place *p);

static int
add(const struct place *p, const struct change_class_row *class,
    const char *text)
{
	struct config_diff *d = p->diff;
	struct config_diff_change *c = arena_alloc(&d->memory, sizeof(*c));
	char *line = NULL;
	int len;

	len = asprintf(&line, "%s%s%s", p->subject, p->prefix, text);
	if (len < 0)
		return -ENOMEM;
	if (c != NULL) {
		c->class = class;
		c->text = arena_copy(&d->memory, line, (size_t)len);
	}
	free(line);
	if (c == NULL || c->text == NULL)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&d->all, c, all);
	d->n++;
	return 0;
}

static int add_line(const struct place *p, const struct schema_key *k,
    const char *format, ...) PRINTF_LIKE(3, 4);

static int
add_line(
    const struct place *p, const struct schema_key *k, const char *format, ...)
{
	CLEANUP(free_str) char *text = NULL;
	char path[PATH_MAX_LEN * 2];
	const struct change_class_row *class;
	va_list args;
	int len;

	(void)snprintf(path, sizeof(path), "%s%s", p->path, k->name);
	class = change_class_find(path);
	assert(class != NULL);
	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return add(p, class, text);
}

/* Of a key, as the file has it: "retries: 3\n", or several lines, or none. */
static int
print_one(const struct schema_key *k, const void *base, char **ret_text)
{
	const struct schema_table one = { .keys = k, .n_keys = 1 };
	size_t len;

	return print_keys(&one, base, ret_text, &len);
}

/* "a: 1\nb: 2\n" becomes "a: 1, b: 2". NULL where memory is out. */
static char *
join_lines(const char *text)
{
	char *joined = calloc(2, strlen(text) + 1), *to = joined;

	if (joined == NULL)
		return NULL;
	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\n') {
			*to++ = *from;
			continue;
		}
		while (from[1] == ' ')
			from++;
		if (from[1] == '\0')
			break;
		*to++ = ','; /* a value is in quotes where it has one */
		*to++ = ' ';
	}
	return joined;
}

/* What stands behind the key; nothing at all where the key is not there. */
static char *
value_of(const struct schema_key *k, const char *text)
{
	const char *value = text;

	if (*text != '\0') {
		value += strlen(k->name) + 1;
		value += strspn(value, " \n");
	}
	return join_lines(value);
}

static int
tell_value(const struct place *p, const struct schema_key *k,
    const char *before, const char *after)
{
	CLEANUP(free_str) char *was = value_of(k, before);
	CLEANUP(free_str) char *is = value_of(k, after);

	if (was == NULL || is == NULL)
		return -ENOMEM;
	if (k->hidden)
		return add_line(p, k, "%s %s", k->name,
		    *before == '\0'      ? "added"
		        : *after == '\0' ? "removed"
		                         : "changed");
	if (*before == '\0')
		return add_line(p, k, "%s %s added", k->name, is);
	if (*after == '\0')
		return add_line(p, k, "%s %s removed", k->name, was);
	return add_line(p, k, "%s %s -> %s", k->name, was, is);
}

static bool
has_names(const struct schema_list *list)
{
	return list->table != NULL &&
	    strcmp(list->table->keys[0].name, "name") == 0;
}

static const char *
name_of(const void *item, const struct schema_list *list)
{
	const char *name;

	memcpy(&name, (const char *)item + list->table->keys[0].offset,
	    sizeof(name));
	return name;
}

/* "a server" is told as a "server". */
static const char *
noun_of(const struct schema_key *k)
{
	const struct schema_list *list = k->list;

	if (list->item != NULL)
		return list->item;
	if (list->table == NULL)
		return k->name;
	return strchr(list->table->what, ' ') + 1;
}

static const char *
item_at(const struct schema_key *k, const void *base, size_t i, size_t *ret_n)
{
	const char *const value = (const char *)base + k->offset;
	const char *items = value;
	size_t n = (size_t)k->max;

	if (!k->list->in_place) {
		memcpy(&items, value, sizeof(items));
		memcpy(&n, (const char *)base + k->list->count_at, sizeof(n));
	}
	*ret_n = n;
	return items + i * k->list->item_size;
}

static char *
text_of(const struct schema_list *list, const void *item)
{
	char buf[SCHEMA_FORM_TEXT];
	const char *simple = NULL;
	CLEANUP(free_str) char *text = NULL;
	CLEANUP(free_str) char *joined = NULL;
	char *framed;
	size_t len;

	if (has_names(list))
		return strdup(name_of(item, list));
	if (list->form != NULL && list->form->print != NULL)
		simple = list->form->print(item, buf, sizeof(buf));
	if (simple != NULL)
		return strdup(simple);
	if (print_keys(list->table, item, &text, &len) < 0)
		return NULL;
	joined = join_lines(text);
	if (joined == NULL || asprintf(&framed, "{%s}", joined) < 0)
		return NULL;
	return framed;
}

static void
items_fini(struct items *items)
{
	for (size_t i = 0; items->texts != NULL && i < items->n; i++)
		free(items->texts[i]);
	free(items->texts);
	free(items->matched);
}

static int
items_init(struct items *items, const struct schema_key *k, const void *base)
{
	size_t n;

	(void)item_at(k, base, 0, &n);
	items->texts = calloc(n + 1, sizeof(*items->texts));
	items->matched = calloc(n + 1, sizeof(*items->matched));
	if (items->texts == NULL || items->matched == NULL)
		return -ENOMEM;
	for (; items->n < n; items->n++) {
		char *text = text_of(
		    k->list, item_at(k, base, items->n, &(size_t){ 0 }));

		if (text == NULL)
			return -ENOMEM;
		items->texts[items->n] = text;
	}
	return 0;
}

/* An item that is in both: what has a name may have changed. */
static int
walk_item(
    const struct place *p, const struct schema_key *k, size_t from, size_t to)
{
	struct place item = {
		.diff = p->diff, .table = k->list->table, .above = p
	};
	size_t n;

	if (!has_names(k->list))
		return 0;
	item.before = item_at(k, p->before, from, &n);
	item.after = item_at(k, p->after, to, &n);
	(void)snprintf(
	    item.path, sizeof(item.path), "%.60s%s.", p->path, k->name);
	/* "service impala: " and then "server big: ". */
	(void)snprintf(item.subject, sizeof(item.subject),
	    "%.120s%s %s: ", p->subject, noun_of(k),
	    name_of(item.after, k->list));
	return walk(&item);
}

/*
 * Matches what is in both, and tells where that is in another order. The search
 * begins behind the last match: mostly that is where the next one is.
 */
static int
match_items(const struct place *p, const struct schema_key *k,
    struct items *before, struct items *after)
{
	size_t last = 0;
	bool moved = false;
	int e = 0;

	for (size_t i = 0; e == 0 && i < before->n; i++)
		for (size_t step = 0; step < after->n; step++) {
			const size_t j = (last + step) % after->n;

			if (after->matched[j] ||
			    strcmp(before->texts[i], after->texts[j]) != 0)
				continue;
			before->matched[i] = after->matched[j] = true;
			moved = moved || j < last;
			last = j;
			e = walk_item(p, k, i, j);
			break;
		}
	if (e == 0 && moved)
		e = add_line(p, k, "%s in another order", k->name);
	return e;
}

static int
tell_unmatched(const struct place *p, const struct schema_key *k,
    const struct items *items, const char *what)
{
	struct place at = *p;
	int e = 0;

	if (has_names(k->list)) /* "group main", not "pair.group main" */
		at.prefix[0] = '\0';
	for (size_t i = 0; e == 0 && i < items->n; i++)
		if (!items->matched[i])
			e = add_line(&at, k, "%s %s %s", noun_of(k),
			    items->texts[i], what);
	return e;
}

static int
walk_list(const struct place *p, const struct schema_key *k)
{
	CLEANUP(items_fini) struct items before = { 0 };
	CLEANUP(items_fini) struct items after = { 0 };
	int e = items_init(&before, k, p->before);

	if (e == 0)
		e = items_init(&after, k, p->after);
	if (e == 0)
		e = match_items(p, k, &before, &after);
	if (e == 0)
		e = tell_unmatched(p, k, &before, "removed");
	if (e == 0)
		e = tell_unmatched(p, k, &after, "added");
	return e;
}

static int
walk_map(const struct place *p, const struct schema_key *k)
{
	struct place map = { .diff = p->diff,
		.table = k->table,
		.before = (const char *)p->before + k->offset,
		.after = (const char *)p->after + k->offset,
		.above = p };

	(void)snprintf(
	    map.path, sizeof(map.path), "%.60s%s.", p->path, k->name);
	(void)snprintf(map.subject, sizeof(map.subject), "%s", p->subject);
	(void)snprintf(
	    map.prefix, sizeof(map.prefix), "%.60s%s.", p->prefix, k->name);
	return walk(&map);
}

/* Of what a map inherits: the one that is above the list it is in. */
static const struct place *
inherited_from(const struct place *p)
{
	const struct schema_table *table = p->table;

	for (p = p->above != NULL ? p->above->above : NULL; p != NULL;
	     p = p->above)
		for (size_t i = 0; i < p->table->n_keys; i++)
			if (p->table->keys[i].table == table)
				return p;
	return NULL;
}

/* What a server has from its service was told there. */
static int
is_told_above(const struct place *p, const struct schema_key *k,
    const char *before, const char *after, bool *ret_told)
{
	CLEANUP(free_str) char *was = NULL;
	CLEANUP(free_str) char *is = NULL;
	const struct place *from = inherited_from(p);
	size_t at = 0;
	int e;

	*ret_told = false;
	if (from == NULL)
		return 0;
	while (from->table->keys[at].table != p->table)
		at++;
	at = from->table->keys[at].offset;
	e = print_one(k, (const char *)from->before + at, &was);
	if (e == 0)
		e = print_one(k, (const char *)from->after + at, &is);
	if (e == 0)
		*ret_told = strcmp(was, before) == 0 && strcmp(is, after) == 0;
	return e;
}

static bool
is_present(const struct schema_key *k, const void *base)
{
	return !k->optional ||
	    *(const bool *)((const char *)base + k->present_at);
}

static int
look_at_key(const struct place *p, const struct schema_key *k)
{
	CLEANUP(free_str) char *before = NULL;
	CLEANUP(free_str) char *after = NULL;
	bool told = false;
	int e = print_one(k, p->before, &before);

	if (e == 0)
		e = print_one(k, p->after, &after);
	if (e < 0 || strcmp(before, after) == 0)
		return e;
	e = is_told_above(p, k, before, after, &told);
	if (e < 0 || told)
		return e;
	if (k->type == SCHEMA_LIST && !k->hidden)
		return walk_list(p, k);
	if (k->type != SCHEMA_MAP || k->table == NULL)
		return tell_value(p, k, before, after);
	if (is_present(k, p->before) && is_present(k, p->after))
		return walk_map(p, k);
	return add_line(p, k, "%s %s", k->name,
	    is_present(k, p->after) ? "added" : "removed");
}

static int
walk(const struct place *p)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < p->table->n_keys; i++)
		e = look_at_key(p, &p->table->keys[i]);
	return e;
}

/* NULL: none is in the way. */
static const union addr *
find_other_kind(const struct config *c, const union addr *a)
{
	for (size_t i = 0; i < c->n_services; i++)
		for (size_t k = 0; k < c->services[i].n_listens; k++) {
			const union addr *b =
			    &c->services[i].listens[k].address;

			if (a->sa.sa_family == b->sa.sa_family &&
			    addr_port(a) == addr_port(b) &&
			    addr_is_any(a) != addr_is_any(b))
				return b;
		}
	return NULL;
}

/*
 * One address of a port is not to be had while every address of it is held, nor
 * the other way round; and what runs holds on until the next one has all.
 */
static int
tell_other_kinds(struct config_diff *d, const struct config *before,
    const struct config *after)
{
	static const struct change_class_row held = { "services.listen",
		CHANGE_CLASS_RESTART,
		"the port is held by what runs, of every address or of one" };
	char is[ADDR_TEXT_MAX], was[ADDR_TEXT_MAX];
	char text[2 * ADDR_TEXT_MAX + 32];
	struct place p = { .diff = d };
	int e = 0;

	for (size_t i = 0; i < after->n_services; i++) {
		const struct config_service *s = &after->services[i];

		(void)snprintf(
		    p.subject, sizeof(p.subject), "service %.120s: ", s->name);
		for (size_t k = 0; e == 0 && k < s->n_listens; k++) {
			const union addr *a = &s->listens[k].address;
			const union addr *b = find_other_kind(before, a);

			if (b == NULL)
				continue;
			(void)snprintf(text, sizeof(text),
			    "listen %s in place of %s", addr_format(a, is),
			    addr_format(b, was));
			e = add(&p, &held, text);
		}
	}
	return e;
}

void
config_diff_free_tables(struct config_diff *d)
{
	struct config_diff_change *c;

	TAILQ_FOREACH (c, &d->all, all)
		if (strncmp(c->class->path, "kernel.", strlen("kernel.")) == 0)
			c->class = change_class_find("kernel");
}

int
config_diff_init(struct config_diff *d, const struct config *before,
    const struct config *after)
{
	const struct place file = {
		.diff = d, .table = &keys_file, .before = before, .after = after
	};

	int e;

	*d = (struct config_diff){ 0 };
	TAILQ_INIT(&d->all);
	e = walk(&file);
	return e < 0 ? e : tell_other_kinds(d, before, after);
}

void
config_diff_fini(struct config_diff *d)
{
	arena_fini(&d->memory);
}

void
config_diff_print(const struct config_diff_change *c, FILE *out)
{
	(void)fputs(c->text, out);
	if (c->class->why != NULL)
		(void)fprintf(out, " (needs a restart: %s)", c->class->why);
}

enum change_class
config_diff_class(const struct config_diff *d)
{
	const struct config_diff_change *c;
	enum change_class worst = CHANGE_CLASS_RELAY;

	TAILQ_FOREACH (c, &d->all, all)
		if (c->class->class > worst)
			worst = c->class->class;
	return worst;
}
