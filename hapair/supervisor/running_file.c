#include "hapair/supervisor/running_file.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
running_file_path(const char *control, char buf[static RUNNING_FILE_MAX])
{
	(void)snprintf(buf, RUNNING_FILE_MAX, "%s.running", control);
	return buf;
}

static int
read_text(int fd, char **ret_text, size_t *ret_len)
{
	CLEANUP(free_str) char *text = NULL;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -errno;
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	*ret_len = (size_t)st.st_size;
	*ret_text = text;
	text = NULL;
	return 0;
}

/* It is there whole or not at all. */
static int
replace(const char *path, const char *text, size_t len)
{
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int fd = -1;
	char name[TRUSTED_PATH_NAME_MAX], fresh[TRUSTED_PATH_NAME_MAX + 8];
	int e;

	dir = trusted_path_parent(path, TRUSTED_PATH_ROOTS, name, NULL);
	if (dir < 0)
		return fd_take(&dir);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir, fresh,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	e = fd_write_all(fd, text, len);
	if (e == 0 && renameat(dir, fresh, dir, name) == -1)
		e = -errno;
	return e;
}

static int
write_text(const char *control, int text)
{
	CLEANUP(free_str) char *copy = NULL;
	char path[RUNNING_FILE_MAX];
	size_t len = 0;
	int e = read_text(text, &copy, &len);

	return e == 0 ? replace(running_file_path(control, path), copy, len)
	              : e;
}

void
running_file_keep(const char *control, int text)
{
	const int e = write_text(control, text);

	if (e < 0)
		log_warning("supervisor",
		    "[state] what runs cannot be kept beside %s: %s", control,
		    strerror(-e));
}

void
running_file_remove(const char *control)
{
	char path[RUNNING_FILE_MAX];

	if (unlink(running_file_path(control, path)) == -1 && errno != ENOENT)
		log_debug("supervisor", "%s: %s", path, strerror(errno));
}
