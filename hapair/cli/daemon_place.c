#include "hapair/cli/daemon_place.h"

#include "core/fd.h"
#include "hapair/cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FILE_MOST (1024 * 1024)

/*
 * Of a line that says it: its value, without quotes and what is behind. No
 * other key of the file has this name.
 */
static bool
take_value(
    const char *line, size_t len, char ret_socket[static DAEMON_PLACE_MAX])
{
	static const char key[] = "control";
	char text[2 * DAEMON_PLACE_MAX];
	const char *at = text;
	size_t n;

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, line);
	at += strspn(at, " \t\"'");
	if (strncmp(at, key, sizeof(key) - 1) != 0)
		return false;
	at += sizeof(key) - 1;
	at += strspn(at, "\"'");
	if (*at != ':')
		return false;
	at += 1 + strspn(at + 1, " \t\"'");
	n = strcspn(at, " \t\r,\"'#");
	if (*at != '/' || n >= DAEMON_PLACE_MAX)
		return false;
	memcpy(ret_socket, at, n);
	ret_socket[n] = '\0';
	return true;
}

bool
daemon_place_scan(
    const char *text, size_t len, char ret_socket[static DAEMON_PLACE_MAX])
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (stop == NULL)
			stop = end;
		if (take_value(text, (size_t)(stop - text), ret_socket))
			return true;
		text = stop + 1;
	}
	return false;
}

static bool
scan_file(const char *path, char ret_socket[static DAEMON_PLACE_MAX])
{
	CLEANUP(fd_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(free_str) char *text = NULL;
	size_t len;

	return fd != -1 && fd_read_all(fd, FILE_MOST, &text, &len) == 0 &&
	    daemon_place_scan(text, len, ret_socket);
}

static bool
is_default(const char *path)
{
	return strcmp(path, COMMAND_CONFIG_PATH) == 0;
}

/* Where a file that cannot be used has, or had, its socket. */
static bool
guess(const char *path, char ret_socket[static DAEMON_PLACE_MAX])
{
	if (scan_file(path, ret_socket))
		return true;
	if (!is_default(path))
		return false;
	strcpy(ret_socket, DAEMON_PLACE_SOCKET);
	return true;
}

static bool
somebody_listens(const char *path)
{
	CLEANUP(fd_close)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return fd != -1 &&
	    (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 ||
	        errno == EAGAIN || errno == EACCES);
}

/* Why it cannot be used, in a few words. */
static const char *
why(const char *path)
{
	return access(path, R_OK) == -1
	    ? strerror(errno)
	    : "it has mistakes, which `hapair check` lists";
}

int
daemon_place_find(const char *command, const char *path, bool guesses,
    char ret_socket[static DAEMON_PLACE_MAX])
{
	CLEANUP(file_free) struct file f = { .path = path, .is_quiet = true };
	CLEANUP(file_free) struct file loud = { .path = path };

	if (file_load(&f) == 0) {
		(void)snprintf(
		    ret_socket, DAEMON_PLACE_MAX, "%s", f.config->control);
		return COMMAND_DONE;
	}
	if (guesses && guess(path, ret_socket) && somebody_listens(ret_socket))
		return command_refuse(command, COMMAND_DONE,
		    "%s: %s; asking the running daemon, at %s", path, why(path),
		    ret_socket);
	if (file_load(&loud) < 0)
		return COMMAND_WRONG;
	/* It has been mended in that very moment. */
	(void)snprintf(
	    ret_socket, DAEMON_PLACE_MAX, "%s", loud.config->control);
	return COMMAND_DONE;
}

int
daemon_place_load(
    const char *command, struct file *f, char running[static RUNNING_FILE_MAX])
{
	const char *path = f->path;
	char socket[DAEMON_PLACE_MAX];
	int e;

	f->is_quiet = true;
	e = file_load(f);
	if (e < 0 && guess(path, socket)) {
		file_free(f);
		running_file_path(socket, running);
		f->path = running;
		f->obeyed = true;
		e = file_load(f);
		if (e == 0) {
			(void)command_refuse(command, 0,
			    "%s: %s; taking what the daemon ran last, %s", path,
			    why(path), running);
			return 0;
		}
	}
	if (e == 0)
		return 0;
	file_free(f);
	f->path = path;
	f->is_quiet = f->obeyed = false;
	return file_load(f);
}
