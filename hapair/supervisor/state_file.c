#include "hapair/supervisor/state_file.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "core/shared_state.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VERSION_OF_FILE 1

/* Who is just ending may have it for a moment. */
#define CLAIM_TRIES 20
static const struct timespec CLAIM_PAUSE = { .tv_nsec = 5 * 1000 * 1000 };

#define DIRECTORY "/var/lib/hapair"
#define DAMAGED STATE_FILE_NAME ".damaged"
#define LOCK STATE_FILE_NAME ".lock"

const char *
state_file_directory(void)
{
	const char *own = getenv("STATE_DIRECTORY");

	return own != NULL && own[0] == '/' ? own : DIRECTORY;
}

/* Nobody else can write there, so names in it need no more questions. */
static int
open_directory(const char *directory, bool make)
{
	return trusted_path_directory(
	    directory, TRUSTED_PATH_ROOTS, make ? 0700 : 0, NULL);
}

int
state_file_claim(const char *directory)
{
	CLEANUP(fd_close) int dir = open_directory(directory, true);
	CLEANUP(fd_close) int fd = -1;

	if (dir < 0)
		return fd_take(&dir);
	/* Who can open it can lock it: so a file, as the directory may be
	 * readable. */
	fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	for (unsigned tries = 0; tries < CLAIM_TRIES; tries++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd_take(&fd);
		if (errno != EWOULDBLOCK)
			return -errno;
		(void)nanosleep(&CLAIM_PAUSE, NULL);
	}
	return -EEXIST;
}

static void
put(struct json_doc *list, const struct accord *a)
{
	struct json_doc *at = json_doc_put_object(list, NULL);

	json_doc_put_string(at, "kind", accord_kind_name(a->kind));
	json_doc_put_string(at, "service", a->subject);
	json_doc_put_string(at, "server", a->server);
	switch (a->kind) {
	case ACCORD_ADMIN:
		json_doc_put_string(at, "value",
		    accord_admin_name((enum accord_admin)a->value));
		break;
	case ACCORD_WEIGHT:
		if (a->value == ACCORD_AS_CONFIGURED)
			json_doc_put_null(at, "value");
		else
			json_doc_put_int(at, "value", a->value);
		break;
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		break;
	}
	json_doc_put_int(at, "epoch", (int64_t)a->epoch);
	json_doc_put_int(at, "node", a->node);
	json_doc_put_bool(at, "own", a->own);
	if (a->said.wall_ms != 0)
		json_doc_put_int(at, "said_at", a->said.wall_ms);
	if (a->said.reason[0] != '\0')
		json_doc_put_string(at, "reason", a->said.reason);
}

static void
put_pause(struct json_doc *doc, const struct msg_pause *pause)
{
	struct json_doc *at;

	if (pause->epoch == 0)
		return;
	at = json_doc_put_object(doc, "pause");
	json_doc_put_int(at, "epoch", pause->epoch);
	json_doc_put_bool(at, "own", pause->own);
	json_doc_put_int(at, "until", pause->until_wall_ms);
}

char *
state_file_text(const struct shared_state *all)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	struct json_doc *list;

	json_doc_put_int(doc, "version", VERSION_OF_FILE);
	put_pause(doc, &all->pause);
	list = json_doc_put_array(doc, "accords");
	for (size_t i = 0; i < all->n; i++)
		put(list, &all->all[i]);
	return json_doc_text(doc, true);
}

static bool
get_text(
    const struct json_doc *at, const char *key, char *ret_text, size_t room)
{
	const char *text = json_doc_string(at, key);

	if (strlen(text) >= room)
		return false;
	strcpy(ret_text, text);
	return true;
}

/* A whole number of at most `max`. */
static bool
get_number(
    const struct json_doc *at, const char *key, int64_t max, int64_t *ret)
{
	const int64_t n = json_doc_int(at, key);

	if (!json_doc_is_number(json_doc_get(at, key), (double)n) || n < 0 ||
	    n > max)
		return false;
	*ret = n;
	return true;
}

static bool
get_value(const struct json_doc *at, struct accord *a)
{
	const struct json_doc *value = json_doc_get(at, "value");
	enum accord_admin admin;
	int64_t n;

	switch (a->kind) {
	case ACCORD_ADMIN:
		if (!accord_parse_admin(json_doc_text_value(value), &admin))
			return false;
		a->value = (uint16_t)admin;
		return true;
	case ACCORD_WEIGHT:
		if (json_doc_is_null(value))
			n = ACCORD_AS_CONFIGURED;
		else if (!get_number(at, "value", ACCORD_WEIGHT_MAX, &n))
			return false;
		a->value = (uint16_t)n;
		return true;
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		return true;
	}
	return false;
}

/* For people alone: what is odd in it is no damage. */
static void
get_said(const struct json_doc *at, struct accord_said *said)
{
	said->wall_ms = json_doc_int(at, "said_at");
	if (!get_text(at, "reason", said->reason, sizeof(said->reason)))
		said->reason[0] = '\0';
	accord_said_clean(said);
}

static bool
get(const struct json_doc *at, struct accord *ret)
{
	int64_t epoch, node;

	memset(ret, 0, sizeof(*ret));
	if (!accord_parse_kind(json_doc_string(at, "kind"), &ret->kind) ||
	    !get_text(at, "service", ret->subject, sizeof(ret->subject)) ||
	    !get_text(at, "server", ret->server, sizeof(ret->server)) ||
	    !get_value(at, ret) ||
	    !get_number(at, "epoch", INT64_MAX, &epoch) ||
	    !get_number(at, "node", UINT8_MAX, &node))
		return false;
	ret->epoch = (uint64_t)epoch;
	ret->node = (uint8_t)node;
	ret->own = json_doc_bool(at, "own");
	get_said(at, &ret->said);
	return accord_is_sane(ret);
}

/* None is no damage: before the first there is none. */
static bool
get_pause(const struct json_doc *doc, struct msg_pause *ret_pause)
{
	const struct json_doc *at = json_doc_get(doc, "pause");
	int64_t epoch, until;

	if (at == NULL)
		return true;
	if (!get_number(at, "epoch", UINT32_MAX, &epoch) ||
	    !get_number(at, "until", ACCORD_EPOCH_MAX, &until))
		return false;
	*ret_pause = (struct msg_pause){ .epoch = (uint32_t)epoch,
		.own = json_doc_bool(at, "own"),
		.until_wall_ms = until };
	return true;
}

int
state_file_parse(const char *text, size_t len, struct shared_state *ret_all)
{
	CLEANUP(json_doc_free_at)
	struct json_doc *doc = json_doc_parse(text, len);
	CLEANUP(shared_state_fini) struct shared_state all = { .n = 0 };
	const struct json_doc *list = json_doc_get(doc, "accords");

	if (json_doc_int(doc, "version") != VERSION_OF_FILE || list == NULL ||
	    !get_pause(doc, &all.pause))
		return -EBADMSG;
	for (size_t i = 0; i < json_doc_count(list); i++) {
		struct accord a;
		size_t index;
		int e;

		if (!get(json_doc_at(list, i), &a))
			return -EBADMSG;
		e = shared_state_take(&all, &a, &index);
		if (e < 0)
			return e == -ENOSPC ? -EBADMSG : e;
	}
	*ret_all = all;
	all = (struct shared_state){ .n = 0 };
	return 0;
}

static int
path_of(const char *directory, const char *name, char path[static PATH_MAX])
{
	const int n = snprintf(path, PATH_MAX, "%s/%s", directory, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int
state_file_load(const char *directory, struct shared_state *ret_all)
{
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(free_str) char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int e = path_of(directory, STATE_FILE_NAME, path);

	if (e < 0)
		return e;
	fd = trusted_path_open(path, TRUSTED_PATH_ROOTS, O_RDONLY, 0, NULL);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd_take(&fd);
	e = fd_read_all(fd, STATE_FILE_MAX, &text, &len);
	if (e < 0)
		return e == -EFBIG ? -EBADMSG : e;
	return state_file_parse(text, len, ret_all);
}

int
state_file_set_aside(const char *directory)
{
	CLEANUP(fd_close) int dir = open_directory(directory, false);

	if (dir < 0)
		return fd_take(&dir);
	return renameat(dir, STATE_FILE_NAME, dir, DAMAGED) == -1 ? -errno : 0;
}

static int
write_new(int dir, const char *name, const char *text, size_t len)
{
	CLEANUP(fd_close)
	int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int e;

	if (fd == -1)
		return -errno;
	e = fd_write_all(fd, text, len);
	if (e < 0)
		return e;
	return fsync(fd) == -1 ? -errno : 0;
}

int
state_file_write(
    const char *directory, const char *name, const char *text, size_t len)
{
	CLEANUP(fd_close) int dir = open_directory(directory, true);
	char temporary[NAME_MAX + 1];
	int e;

	if (dir < 0)
		return fd_take(&dir);
	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	e = write_new(dir, temporary, text, len);
	if (e < 0)
		return e;
	if (renameat(dir, temporary, dir, name) == -1)
		return -errno;
	/* Else the name may still be the old file's after a power cut. */
	return fsync(dir) == -1 ? -errno : 0;
}
