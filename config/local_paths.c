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
	struct found *all;
	size_t n, room;
};

static int
compare_found(const void *a, const void *b)
{
	const struct found *const x = a, *const y = b;

	if (x->key != y->key)
		return (uintptr_t)x->key < (uintptr_t)y->key ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* A file may name thousands, which the peer has the supervisor compare. */
static void
sort(struct paths *p)
{
	if (p->n > 0)
		qsort(p->all, p->n, sizeof(*p->all), compare_found);
}

/* Of sorted ones. */
static bool
has(const struct paths *p, const struct found *f)
{
	return p->n > 0 &&
	    bsearch(f, p->all, p->n, sizeof(*p->all), compare_found) != NULL;
}

static int
add(struct paths *p, const struct found *f)
{
	struct found *more;

	if (f->path == NULL)
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

/*
 * All of it: a line that is not written, or elsewhere, may be the one of this
 * very file.
 */
static int
compare_log(const struct config_log *fresh, const struct config_log *running,
    char *ret_text)
{
	static const char *const targets[] = {
		[LOG_TARGET_STDERR] = "stderr",
		[LOG_TARGET_FILE] = "file",
		[LOG_TARGET_SYSLOG] = "syslog",
		[LOG_TARGET_UDP] = "udp",
	};

	if (fresh->target != running->target ||
	    !is_same(fresh->path, running->path) ||
	    (fresh->target == LOG_TARGET_UDP &&
	        !addr_is_same(&fresh->dest, &running->dest)))
		return refuse(ret_text, "log.target",
		    fresh->path != NULL ? fresh->path : targets[fresh->target]);
	if (fresh->facility != running->facility)
		return refuse(ret_text, "log.facility",
		    config_log_facility_words[fresh->facility]);
	if (fresh->level != running->level)
		return refuse(ret_text, "log.level",
		    config_log_level_words[fresh->level]);
	if (fresh->connections != running->connections)
		return refuse(ret_text, "log.connections",
		    fresh->connections ? "true" : "false");
	return 0;
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
	return compare_log(&fresh->log, &running->log, ret_text);
}

/* -- what programs are told --------------------------------------------- */

/* Of a service or a server, with the key that is about it. */
static int
refuse_of(char *ret_text, const char *key, const char *what, const char *name,
    const char *why)
{
	(void)snprintf(ret_text, LOCAL_PATHS_TEXT_MAX, "%s: %s %s %s", key,
	    what, name, why);
	return -EPERM;
}

static const struct config_service *
find_service(const struct config *c, const char *name)
{
	const int i = config_find_service(c, name);

	return i >= 0 ? &c->services[i] : NULL;
}

static const struct config_server *
find_server(const struct config_service *s, const char *name)
{
	for (size_t i = 0; s != NULL && i < s->n_servers; i++)
		if (strcmp(s->servers[i].name, name) == 0)
			return &s->servers[i];
	return NULL;
}

static bool
has_same_servers(
    const struct config_service *fresh, const struct config_service *running)
{
	if (fresh->n_servers != running->n_servers)
		return false;
	for (size_t i = 0; i < fresh->n_servers; i++)
		if (find_server(running, fresh->servers[i].name) == NULL)
			return false;
	return true;
}

/*
 * Root runs `fence` and `promote` with the names of the service and of two of
 * its servers. One that the file leaves out would not be fenced.
 */
static int
compare_standby(const struct config_service *fresh,
    const struct config_service *running, char *ret_text)
{
	const char *const key = fresh->fence != NULL ? "fence" : "promote";
	const char *why = NULL;

	if (fresh->fence == NULL && fresh->promote == NULL)
		return 0;
	if (running == NULL)
		why = "is not in the file here";
	else if (fresh->fence != NULL && !is_same(fresh->fence, running->fence))
		why = "has another fence here";
	else if (fresh->promote != NULL &&
	    !is_same(fresh->promote, running->promote))
		why = "has another promote here";
	else if (!is_same(fresh->standby_group, running->standby_group))
		why = "has another standby_group here";
	else if (!has_same_servers(fresh, running))
		why = "has other servers here";
	return why == NULL
	    ? 0
	    : refuse_of(ret_text, key, "service", fresh->name, why);
}

/* Root runs `notify` with the name of a group. */
static int
compare_groups(const struct config_pair *fresh,
    const struct config_pair *running, char *ret_text)
{
	for (size_t i = 0; fresh->notify != NULL && i < fresh->n_groups; i++) {
		const char *name = fresh->groups[i].name;
		size_t at = 0;

		while (at < running->n_groups &&
		    strcmp(running->groups[at].name, name) != 0)
			at++;
		if (at == running->n_groups)
			return refuse_of(ret_text, "notify", "group", name,
			    "is not in the file here");
	}
	return 0;
}

/* One that has a password, a ticket or a program of this host. */
static bool
is_held(const struct config_check *c)
{
	return c->type == CONFIG_CHECK_SCRIPT || c->password_file != NULL ||
	    c->negotiate;
}

static bool
has_same_headers(const struct config_matches *a, const struct config_matches *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is_same(a->all[i].key, b->all[i].key) ||
		    !is_same(a->all[i].value, b->all[i].value))
			return false;
	return true;
}

/* What a server hears, and whether it has to show that it is that server. */
static bool
asks_the_same(const struct config_check *a, const struct config_check *b)
{
	return a->type == b->type && a->port == b->port &&
	    is_same(a->script, b->script) && is_same(a->user, b->user) &&
	    is_same(a->password_file, b->password_file) &&
	    a->negotiate == b->negotiate &&
	    is_same(a->negotiate_keytab, b->negotiate_keytab) &&
	    a->tls == b->tls && a->verify == b->verify &&
	    is_same(a->ca, b->ca) && is_same(a->host, b->host) &&
	    is_same(a->path, b->path) && is_same(a->fallback, b->fallback) &&
	    is_same(a->role_path, b->role_path) && a->method == b->method &&
	    has_same_headers(&a->headers, &b->headers);
}

static bool
has_same_place(const struct config_server *a, const struct config_server *b)
{
	return addr_is_same(&a->address, &b->address) &&
	    is_same(a->host, b->host);
}

static int
compare_checks(const struct config_service *fresh,
    const struct config_service *running, char *ret_text)
{
	for (size_t i = 0; i < fresh->n_servers; i++) {
		const struct config_server *s = &fresh->servers[i], *here;
		const char *why = NULL;

		if (!is_held(&s->check))
			continue;
		here = find_server(running, s->name);
		if (here == NULL)
			why = "is not in this service here";
		else if (!has_same_place(s, here))
			why = "has another address here";
		else if (!asks_the_same(&s->check, &here->check))
			why = "has another check here";
		if (why != NULL)
			return refuse_of(
			    ret_text, "check", "server", s->name, why);
	}
	return 0;
}

static int
compare_told(
    const struct config *fresh, const struct config *running, char *ret_text)
{
	int e = compare_groups(&fresh->pair, &running->pair, ret_text);

	for (size_t i = 0; e == 0 && i < fresh->n_services; i++) {
		const struct config_service *s = &fresh->services[i];
		const struct config_service *here =
		    find_service(running, s->name);

		e = compare_standby(s, here, ret_text);
		if (e == 0)
			e = compare_checks(s, here, ret_text);
	}
	return e;
}

int
local_paths_compare(const struct config *fresh, const struct config *running,
    char ret_text[static LOCAL_PATHS_TEXT_MAX])
{
	struct paths known = { 0 }, wanted = { 0 };
	int e = collect(&known, &keys_file, running);

	sort(&known);
	if (e == 0)
		e = collect(&wanted, &keys_file, fresh);
	for (size_t i = 0; e == 0 && i < wanted.n; i++)
		if (!has(&known, &wanted.all[i]))
			e = refuse(ret_text, wanted.all[i].key->name,
			    wanted.all[i].path);
	if (e == 0)
		e = compare_others(fresh, running, ret_text);
	if (e == 0)
		e = compare_told(fresh, running, ret_text);
	free(known.all);
	free(wanted.all);
	return e;
}
