#include "proxy/drawer.h"

#include "config/config.h"

#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct item {
	const char *path; /* borrowed: the configuration's */
	bool good;
	SLIST_ENTRY(item) link;
	alignas(max_align_t) unsigned char value[];
};

struct drawer {
	const struct drawer_kind *kind;
	SLIST_HEAD(, item) items;
};

static struct item *
find(const struct drawer *d, const char *path)
{
	struct item *i;

	SLIST_FOREACH (i, &d->items, link)
		if (strcmp(i->path, path) == 0)
			return i;
	return NULL;
}

static int
add(struct drawer *d, const char *path)
{
	struct item *i;

	if (path == NULL || find(d, path) != NULL)
		return 0;
	i = calloc(1, sizeof(*i) + d->kind->size);
	if (i == NULL)
		return -ENOMEM;
	i->path = path;
	i->good = d->kind->read(path, i->value);
	SLIST_INSERT_HEAD(&d->items, i, link);
	return 0;
}

struct drawer *
drawer_fill(const struct drawer_kind *kind, const struct config *config)
{
	struct drawer *d = calloc(1, sizeof(*d));
	int r = 0;

	if (d == NULL)
		return NULL;
	d->kind = kind;
	SLIST_INIT(&d->items);
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t k = 0; r == 0 && k < s->n_servers; k++)
			r = add(d, kind->path(&s->servers[k].check));
	}
	if (r == 0)
		return d;
	drawer_free(d);
	return NULL;
}

void
drawer_free(struct drawer *d)
{
	struct item *i;

	if (d == NULL)
		return;
	while ((i = SLIST_FIRST(&d->items)) != NULL) {
		SLIST_REMOVE_HEAD(&d->items, link);
		d->kind->forget(i->value);
		free(i);
	}
	free(d);
}

const void *
drawer_get(const struct drawer *d, const char *path)
{
	const struct item *i = find(d, path);

	return i != NULL && i->good ? i->value : NULL;
}
