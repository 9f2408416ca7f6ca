#include "proxy/passwords.h"

#include "config/config.h"
#include "core/log.h"
#include "core/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct one {
	const char *path; /* borrowed: the configuration's */
	bool good;
	char password[SECRET_LINE_MAX];
	SLIST_ENTRY(one) link;
};

struct passwords {
	SLIST_HEAD(, one) all;
};

static struct one *
find(const struct passwords *p, const char *path)
{
	struct one *o;

	SLIST_FOREACH (o, &p->all, link)
		if (strcmp(o->path, path) == 0)
			return o;
	return NULL;
}

static int
add(struct passwords *p, const char *path)
{
	struct one *o;
	int e;

	if (path == NULL || find(p, path) != NULL)
		return 0;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	o->path = path;
	e = secret_load_line(path, o->password, sizeof(o->password));
	o->good = e == 0;
	if (e < 0)
		log_error("check", "password file '%s': %s", path,
		    secret_line_fault(e));
	SLIST_INSERT_HEAD(&p->all, o, link);
	return 0;
}

struct passwords *
passwords_load(const struct config *config)
{
	struct passwords *p = calloc(1, sizeof(*p));
	int e = 0;

	if (p == NULL)
		return NULL;
	SLIST_INIT(&p->all);
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t k = 0; e == 0 && k < s->n_servers; k++)
			e = add(p, s->servers[k].check.password_file);
	}
	if (e == 0)
		return p;
	passwords_free(p);
	return NULL;
}

void
passwords_free(struct passwords *p)
{
	struct one *o;

	if (p == NULL)
		return;
	while ((o = SLIST_FIRST(&p->all)) != NULL) {
		SLIST_REMOVE_HEAD(&p->all, link);
		secret_wipe(o->password, sizeof(o->password));
		free(o);
	}
	free(p);
}

const char *
passwords_get(const struct passwords *p, const char *path)
{
	const struct one *o = find(p, path);

	return o != NULL && o->good ? o->password : NULL;
}
