#include "proxy/keytabs.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/secret.h"
#include "proxy/drawer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A monitor's has a few keys of some 80 bytes each. */
#define SIZE_MAX_BYTES ((size_t)1024 * 1024)

/* A version in two bytes, then entries that begin with their length in four. */
#define HEAD_BYTES 6

struct kept {
	int fd;
	char name[48]; /* libkrb5's */
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

static const char *
path_of(const struct config_check *check)
{
	return check->negotiate_keytab;
}

static bool
read_keytab(const char *path, void *value)
{
	struct kept *k = value;

	k->fd = copy(path);
	if (k->fd < 0) {
		log_error(
		    "check", "keytab '%s': %s", path, keytabs_fault(k->fd));
		k->fd = -1;
		return false;
	}
	/* A process may open what is its own, whoever it has become. */
	(void)snprintf(
	    k->name, sizeof(k->name), "FILE:/proc/self/fd/%d", k->fd);
	return true;
}

static void
forget(void *value)
{
	struct kept *k = value;

	fd_close(&k->fd);
}

static const struct drawer_kind kind = {
	.path = path_of,
	.read = read_keytab,
	.forget = forget,
	.size = sizeof(struct kept),
};

struct drawer *
keytabs_load(const struct config *config)
{
	return drawer_fill(&kind, config);
}

const char *
keytabs_get(const struct drawer *d, const char *path)
{
	const struct kept *k = drawer_get(d, path);

	return k != NULL ? k->name : NULL;
}
