#include "proxy/health/secret_files.h"

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
#define KEYTAB_MAX ((size_t)1024 * 1024)

/* A version in two bytes, then entries that begin with their length in four. */
#define KEYTAB_HEAD_BYTES 6

enum kind {
	PASSWORD,
	KEYTAB,
};

struct item {
	const char *path; /* borrowed: the configuration's */
	enum kind kind;
	int fd;                     /* of a keytab's copy; -1: none */
	char text[SECRET_LINE_MAX]; /* the password, or libkrb5's name */
	SLIST_ENTRY(item) link;
};

struct secret_files {
	SLIST_HEAD(, item) items;
};

static bool
is_keytab(const char *bytes, size_t len)
{
	return len > KEYTAB_HEAD_BYTES && bytes[0] == 5 &&
	    (bytes[1] == 1 || bytes[1] == 2);
}

/* A descriptor of the copy, or -errno. */
static int
copy_keytab(const char *path)
{
	CLEANUP(fd_close) int fd = secret_open(path);
	char *bytes = NULL;
	size_t len = 0;
	int e;

	if (fd < 0)
		return fd_take(&fd);
	e = fd_read_all(fd, KEYTAB_MAX, &bytes, &len);
	if (e < 0)
		return e;
	e = is_keytab(bytes, len)
	    ? proc_sealed_file("hapair-keytab", bytes, len)
	    : -EINVAL;
	secret_wipe(bytes, len);
	free(bytes);
	return e;
}

int
secret_files_try_keytab(const char *path)
{
	int fd = copy_keytab(path);

	if (fd < 0)
		return fd;
	fd_close(&fd);
	return 0;
}

const char *
secret_files_keytab_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX])
{
	if (error == -EINVAL)
		return "it is no keytab, or there is no key in it";
	return trusted_path_fault(path, TRUSTED_PATH_SECRET, error, buf);
}

/* One that cannot be used has an empty text. */
static void
read_file(struct item *i)
{
	char why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (i->kind == PASSWORD) {
		e = secret_load_line(i->path, i->text, sizeof(i->text));
		if (e < 0)
			log_error("check", "[secret] password file '%s': %s",
			    i->path, secret_line_fault(i->path, e, why));
		return;
	}
	e = copy_keytab(i->path);
	if (e < 0) {
		log_error("check", "[secret] keytab '%s': %s", i->path,
		    secret_files_keytab_fault(i->path, e, why));
		return;
	}
	i->fd = e;
	/* A process may open what is its own, whoever it has become. */
	(void)snprintf(
	    i->text, sizeof(i->text), "FILE:/proc/self/fd/%d", i->fd);
}

static struct item *
find(const struct secret_files *f, enum kind kind, const char *path)
{
	struct item *i;

	SLIST_FOREACH (i, &f->items, link)
		if (i->kind == kind && strcmp(i->path, path) == 0)
			return i;
	return NULL;
}

static int
add(struct secret_files *f, enum kind kind, const char *path)
{
	struct item *i;

	if (path == NULL || find(f, kind, path) != NULL)
		return 0;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return -ENOMEM;
	i->path = path;
	i->kind = kind;
	i->fd = -1;
	read_file(i);
	SLIST_INSERT_HEAD(&f->items, i, link);
	return 0;
}

static int
add_all(struct secret_files *f, const struct config_service *s)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < s->n_servers; i++) {
		const struct config_check *c = &s->servers[i].check;

		e = add(f, PASSWORD, c->password_file);
		if (e == 0)
			e = add(f, KEYTAB, c->negotiate_keytab);
	}
	return e;
}

struct secret_files *
secret_files_load(const struct config *config)
{
	struct secret_files *f = calloc(1, sizeof(*f));
	int e = 0;

	if (f == NULL)
		return NULL;
	SLIST_INIT(&f->items);
	for (size_t i = 0; e == 0 && i < config->n_services; i++)
		e = add_all(f, &config->services[i]);
	if (e == 0)
		return f;
	secret_files_free(f);
	return NULL;
}

void
secret_files_free(struct secret_files *f)
{
	struct item *i;

	if (f == NULL)
		return;
	while ((i = SLIST_FIRST(&f->items)) != NULL) {
		SLIST_REMOVE_HEAD(&f->items, link);
		fd_close(&i->fd);
		secret_wipe(i->text, sizeof(i->text));
		free(i);
	}
	free(f);
}

static const char *
get(const struct secret_files *f, enum kind kind, const char *path)
{
	const struct item *i = find(f, kind, path);

	return i != NULL && i->text[0] != '\0' ? i->text : NULL;
}

const char *
secret_files_password(const struct secret_files *f, const char *path)
{
	return get(f, PASSWORD, path);
}

const char *
secret_files_keytab(const struct secret_files *f, const char *path)
{
	return get(f, KEYTAB, path);
}
