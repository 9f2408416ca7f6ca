#include "tests/lib/scratch.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_MAX (1 << 24)

static char folder[] = "/tmp/hapair-test-XXXXXX";

int
scratch_make(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int
scratch_remove(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
scratch_folder(void)
{
	return folder;
}

const char *
scratch_path(const char *name, char ret_path[static SCRATCH_PATH_MAX])
{
	const int n =
	    snprintf(ret_path, SCRATCH_PATH_MAX, "%s/%s", folder, name);

	assert_true(n > 0 && n < SCRATCH_PATH_MAX);
	return ret_path;
}

const char *
scratch_write(const char *name, const char *text, mode_t mode,
    char ret_path[static SCRATCH_PATH_MAX])
{
	int fd;

	(void)unlink(scratch_path(name, ret_path));
	fd = open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	fd_close(&fd);
	return ret_path;
}

const char *
scratch_script(
    const char *name, const char *body, char ret_path[static SCRATCH_PATH_MAX])
{
	char *text;

	assert_true(
	    asprintf(&text, "#!/bin/sh\ncd %s\n%s\n", folder, body) > 0);
	(void)scratch_write(name, text, 0755, ret_path);
	free(text);
	return ret_path;
}

char *
scratch_text(const char *name)
{
	char path[SCRATCH_PATH_MAX], *text = NULL;
	size_t len;
	int fd = open(scratch_path(name, path), O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return NULL;
	assert_int_equal(fd_read_all(fd, TEXT_MAX, &text, &len), 0);
	fd_close(&fd);
	return text;
}

int
scratch_listen(
    const char *name, int backlog, char ret_path[static SCRATCH_PATH_MAX])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(scratch_path(name, ret_path));
	assert_true(fd >= 0);
	assert_true(strlen(ret_path) < sizeof(un.sun_path));
	strcpy(un.sun_path, ret_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}
