#include "proxy/keytabs.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A monitor's has a few keys of some 80 bytes each. */
#define SIZE_MAX_BYTES ((size_t)1024 * 1024)

/* A version in two bytes, then entries that begin with their length in four. */
#define HEAD_BYTES 6

struct one {
	const char *path; /* borrowed: the configuration's */
	int fd;           /* -1: it cannot be used */
	char name[48];
	SLIST_ENTRY(one) link;
};

struct keytabs {
	SLIST_HEAD(, one) all;
};

static bool
is_keytab(const char *bytes, size_t len)
{
	return len > HEAD_BYTES && bytes[0] == 5 &&
	    (bytes[1] == 1 || bytes[1] == 2);
}

/* A descriptor of the copy, or -errno. */
static int
copy(const char *path)
{
	CLEANUP(fd_close) int fd = secret_open(path);
	char *bytes = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return fd_take(&fd);
	r = fd_read_all(fd, SIZE_MAX_BYTES, &bytes, &len);
	if (r < 0)
		return r;
	r = is_keytab(bytes, len)
	    ? proc_sealed_file("hapair-keytab", bytes, len)
	    : -EINVAL;
	secret_wipe(bytes, len);
	free(bytes);
	return r;
}

int
keytabs_try(const char *path)
{
	int fd = copy(path);

	if (fd < 0)
		return fd;
	fd_close(&fd);
	return 0;
}

const char *
keytabs_fault(int error)
{
	if (error == -EPERM)
		return "others can read it, or it is not root's; expected mode 0400";
	if (error == -EINVAL)
		return "it is no keytab, or there is no key in it";
	return strerror(-error);
}

static struct one *
find(const struct keytabs *p, const char *path)
{
	struct one *o;

	SLIST_FOREACH (o, &p->all, link)
		if (strcmp(o->path, path) == 0)
			return o;
	return NULL;
}

static int
add(struct keytabs *p, const char *path)
{
	struct one *o;

	if (path == NULL || find(p, path) != NULL)
		return 0;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	o->path = path;
	o->fd = copy(path);
	if (o->fd < 0) {
		log_error(
		    "check", "keytab '%s': %s", path, keytabs_fault(o->fd));
		o->fd = -1;
	}
	/* A process may open what is its own, whoever it has become. */
	(void)snprintf(
	    o->name, sizeof(o->name), "FILE:/proc/self/fd/%d", o->fd);
	SLIST_INSERT_HEAD(&p->all, o, link);
	return 0;
}

struct keytabs *
keytabs_load(const struct config *config)
{
	struct keytabs *p = calloc(1, sizeof(*p));
	int e = 0;

	if (p == NULL)
		return NULL;
	SLIST_INIT(&p->all);
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t k = 0; e == 0 && k < s->n_servers; k++)
			e = add(p, s->servers[k].check.negotiate_keytab);
	}
	if (e == 0)
		return p;
	keytabs_free(p);
	return NULL;
}

void
keytabs_free(struct keytabs *p)
{
	struct one *o;

	if (p == NULL)
		return;
	while ((o = SLIST_FIRST(&p->all)) != NULL) {
		SLIST_REMOVE_HEAD(&p->all, link);
		fd_close(&o->fd);
		free(o);
	}
	free(p);
}

const char *
keytabs_get(const struct keytabs *p, const char *path)
{
	const struct one *o = find(p, path);

	return o != NULL && o->fd != -1 ? o->name : NULL;
}
