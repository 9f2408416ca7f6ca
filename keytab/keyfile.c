#include "keytab/keyfile.h"

#include "core/fd.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
explain(int e, char ret_why[static KEYFILE_WHY_MAX], const char *words)
{
	(void)snprintf(ret_why, KEYFILE_WHY_MAX, "%s", words);
	return e;
}

int
keyfile_parse(struct keyfile *f, const void *bytes, size_t len,
    char ret_why[static KEYFILE_WHY_MAX])
{
	struct keytab_reader r;
	struct keytab_fault fault;
	int got = keytab_begin(&r, bytes, len, &fault);

	f->entries = calloc(len / KEYTAB_ENTRY_MIN + 1, sizeof(*f->entries));
	if (f->entries == NULL)
		return explain(-ENOMEM, ret_why, strerror(ENOMEM));
	while (got >= 0) {
		got = keytab_next(&r, &f->entries[f->n], &fault);
		if (got == 0)
			return 0;
		f->n += got == 1;
	}
	return explain(got, ret_why, fault.text);
}

/* One byte of room more than the file has, so that growing shows. */
static int
read_whole(struct keyfile *f, int fd, size_t expected,
    char ret_why[static KEYFILE_WHY_MAX])
{
	int e = vault_open(&f->vault, expected + 1);
	ssize_t n;

	if (e < 0)
		return explain(e, ret_why, strerror(-e));
	do {
		n = read(fd, f->vault.bytes + f->len, expected + 1 - f->len);
		if (n > 0)
			f->len += (size_t)n;
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1)
		return explain(-errno, ret_why, strerror(errno));
	if (f->len != expected)
		return explain(-EAGAIN, ret_why,
		    "another process is writing to it; try again when it is done");
	return 0;
}

static const char *
open_words(int e)
{
	return e == ELOOP ? "a symbolic link; name the file that it leads to"
	                  : strerror(e);
}

int
keyfile_open(
    struct keyfile *f, const char *path, char ret_why[static KEYFILE_WHY_MAX])
{
	char name[TRUSTED_PATH_NAME_MAX], why[TRUSTED_PATH_WHY_MAX];
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int fd = -1;
	struct stat st;
	int e;

	*f = (struct keyfile){ .path = path };
	dir = trusted_path_parent(path, TRUSTED_PATH_ANYBODYS, name, why);
	if (dir < 0)
		return explain(fd_take(&dir), ret_why, why);
	/* Not waiting for whoever should write into a pipe of that name. */
	fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return explain(-errno, ret_why, open_words(errno));
	if (fstat(fd, &st) == -1)
		return explain(-errno, ret_why, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return explain(-EISDIR, ret_why, strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return explain(-EINVAL, ret_why, "not a regular file");
	if (st.st_size > KEYFILE_BYTES_MAX)
		return explain(
		    -EFBIG, ret_why, "larger than 1 MiB, which is no keytab");
	f->mode = st.st_mode & 07777;
	e = read_whole(f, fd, (size_t)st.st_size, ret_why);
	if (e < 0)
		return e;
	return keyfile_parse(f, f->vault.bytes, f->len, ret_why);
}

void
keyfile_close(struct keyfile *f)
{
	free(f->entries);
	f->entries = NULL;
	f->n = 0;
	vault_close(&f->vault);
}
