#include "config/local_paths.h"

#include "config/config.h"
#include "config/keys.h"
#include "config/schema/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A server inherits the keys of its service's check, and so has the same row.
 */
struct found {
	const struct schema_key *key;
	const char *path; /* borrowed: the configuration's */
};

struct paths {
	struct found *all; /* each once */
	size_t n, room;
};

static bool
has(const struct paths *p, const struct found *f)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->all[i].key == f->key &&
		    strcmp(p->all[i].path, f->path) == 0)
			return true;
	return false;
}

static int
add(struct paths *p, const struct found *f)
{
	struct found *more;

	if (f->path == NULL || has(p, f))
		return 0;
	if (p->n == p->room) {
		p->room = p->room * 2 + 16;
		more = realloc(p->all, p->room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		p->all = more;
	}
	p->all[p->n++] = *f;
	return 0;
}

static int collect(
    struct paths *p, const struct schema_table *table, const void *base);

static int
collect_list(struct paths *p, const struct schema_key *k, const void *base)
{
	const struct schema_list *list = k->list;
	const char *const value = (const char *)base + k->offset;
	const char *items = value;
	size_t n = (size_t)k->max;
	int e = 0;

	if (list->table == NULL)
		return 0;
	if (!list->in_place) {
		memcpy(&items, value, sizeof(items));
		memcpy(&n, (const char *)base + list->count_at, sizeof(n));
	}
	for (size_t i = 0; e == 0 && i < n; i++)
		e = collect(p, list->table, items + i * list->item_size);
	return e;
}

static int
collect(struct paths *p, const struct schema_table *table, const void *base)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		const char *const value = (const char *)base + k->offset;
		struct found f = { .key = k };

		if (k->optional &&
		    !*(const bool *)((const char *)base + k->present_at))
			continue;
		if (k->type == SCHEMA_PATH) {
			memcpy(&f.path, value, sizeof(f.path));
			e = add(p, &f);
		} else if (k->type == SCHEMA_LIST) {
			e = collect_list(p, k, base);
		} else if (k->type == SCHEMA_MAP && k->table != NULL) {
			e = collect(p, k->table, value);
		}
	}
	return e;
}

static int
refuse(char *ret_text, const char *key, const char *value)
{
	(void)snprintf(ret_text, LOCAL_PATHS_TEXT_MAX, "%s: %s", key,
	    value != NULL ? value : "removed");
	return -EPERM;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What is no path by its key. */
static int
compare_others(
    const struct config *fresh, const struct config *running, char *ret_text)
{
	if (!is_same(fresh->user, running->user))
		return refuse(ret_text, "user", fresh->user);
	if (!is_same(fresh->group, running->group))
		return refuse(ret_text, "group", fresh->group);
	if (fresh->log.target == LOG_TARGET_FILE &&
	    (running->log.target != LOG_TARGET_FILE ||
	        !is_same(fresh->log.path, running->log.path)))
		return refuse(ret_text, "log.target", fresh->log.path);
	return 0;
}

int
local_paths_compare(const struct config *fresh, const struct config *running,
    char ret_text[static LOCAL_PATHS_TEXT_MAX])
{
	struct paths known = { 0 }, wanted = { 0 };
	int e = collect(&known, &keys_file, running);

	if (e == 0)
		e = collect(&wanted, &keys_file, fresh);
	for (size_t i = 0; e == 0 && i < wanted.n; i++)
		if (!has(&known, &wanted.all[i]))
			e = refuse(ret_text, wanted.all[i].key->name,
			    wanted.all[i].path);
	if (e == 0)
		e = compare_others(fresh, running, ret_text);
	free(known.all);
	free(wanted.all);
	return e;
}
