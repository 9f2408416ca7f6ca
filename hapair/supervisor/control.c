#include "hapair/supervisor/control.h"

#include "core/closer.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg.h"
#include "core/reply.h"
#include "hapair/supervisor/user_name.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CALLERS_MAX 64
#define PATIENCE_S 1.

struct control_caller {
	struct control *control; /* borrowed */
	int fd;
	size_t len;
	char line[MSG_REQUEST_MAX];
	ev_io readable;
	ev_timer patience;
	TAILQ_ENTRY(control_caller) all;
};

/*
 * A daemon that was killed a moment ago may hold its lock still: the kernel
 * closes its packet sockets first, which takes up to 100 ms on a busy host.
 */
#define LOCK_TRIES 25
static const struct timespec LOCK_PAUSE = { .tv_nsec = 20000000 };

#define PATH_ROOM (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8)

static const char *
lock_path(const char *path, char buf[static PATH_ROOM])
{
	(void)snprintf(buf, PATH_ROOM, "%s.lock", path);
	return buf;
}

static int
open_lock(const char *path, int flags)
{
	char name[PATH_ROOM];

	return trusted_path_open(
	    lock_path(path, name), TRUSTED_PATH_ROOTS, flags, 0600, NULL);
}

/*
 * proc(5): "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF". Everybody may
 * read it, and a number that a dead process wrote into the file is not in it.
 */
static int
find_locker(const struct stat *lock)
{
	char line[128], wanted[64], place[64];
	FILE *f = fopen("/proc/locks", "re");
	int pid = 0, found = 0;

	if (f == NULL)
		return 0;
	(void)snprintf(wanted, sizeof(wanted), "%02x:%02x:%llu",
	    major(lock->st_dev), minor(lock->st_dev),
	    (unsigned long long)lock->st_ino);
	while (found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s FLOCK %*s %*s %d %63s", &pid, place) ==
		        2 &&
		    strcmp(place, wanted) == 0)
			found = pid;
	(void)fclose(f);
	return found;
}

/* Some file systems have other numbers there than stat() says. */
static int
read_locker(int lock)
{
	char text[16] = "";
	const ssize_t n = pread(lock, text, sizeof(text) - 1, 0);
	const int pid = n > 0 ? atoi(text) : 0;

	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM)
	    ? pid
	    : CONTROL_UNSEEN;
}

static int
locker_of(int lock)
{
	struct stat st;
	const int pid = fstat(lock, &st) == 0 ? find_locker(&st) : 0;

	return pid > 0 ? pid : read_locker(lock);
}

int
control_holder(const char *path)
{
	CLEANUP(fd_close) int lock = open_lock(path, O_RDONLY);
	char name[PATH_ROOM];
	struct stat st;

	/* Who may not open it may look. */
	if (lock < 0)
		return stat(lock_path(path, name), &st) == 0 ? find_locker(&st)
		                                             : 0;
	if (flock(lock, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	return locker_of(lock);
}

const char *
control_holder_text(int pid, char buf[static CONTROL_HOLDER_TEXT])
{
	if (pid == CONTROL_UNSEEN)
		return "a process of another container";
	(void)snprintf(buf, CONTROL_HOLDER_TEXT, "process %d", pid);
	return buf;
}

const char *
control_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX])
{
	char name[PATH_ROOM];

	return trusted_path_fault(
	    lock_path(path, name), TRUSTED_PATH_ROOTS, error, buf);
}

int
control_lock(const char *path, int *ret_pid)
{
	CLEANUP(fd_close) int lock = open_lock(path, O_RDWR | O_CREAT);

	if (lock < 0)
		return fd_take(&lock);
	/* An earlier version's may be open to all. */
	if (fchmod(lock, 0600) == -1)
		return -errno;
	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return fd_take(&lock);
		if (errno != EWOULDBLOCK)
			return -errno;
		(void)nanosleep(&LOCK_PAUSE, NULL);
	}
	*ret_pid = locker_of(lock);
	return -EEXIST;
}

/*
 * The directory of the socket, made where only it is missing (/run/hapair).
 * Nobody else can write there, so names in it are as good as descriptors.
 */
static int
make_directory(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	char dir[PATH_ROOM];
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return 0;
	slash[slash == dir] = '\0';
	fd = trusted_path_directory(dir, TRUSTED_PATH_ROOTS, 0755, NULL);
	return fd < 0 ? fd_take(&fd) : 0;
}

static int
open_socket(struct control *c, const char *path, const char *group)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	gid_t gid;

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return -errno;
	/* We hold the lock: whoever left this file does not run any more. */
	if (unlink(path) == -1 && errno != ENOENT)
		return -errno;
	/* Nobody connects before listen(), and by then the mode is right. */
	if (bind(c->fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	c->path = path;
	if (chmod(path, 0660) == -1)
		return -errno;
	if (group != NULL && user_name_find_group(group, &gid) &&
	    chown(path, (uid_t)-1, gid) == -1)
		return -errno;
	return listen(c->fd, CALLERS_MAX) == -1 ? -errno : 0;
}

int
control_open(
    struct control *c, const char *path, const char *group, int *ret_pid)
{
	int e;

	*c = (struct control){ .lock = -1, .fd = -1 };
	e = make_directory(path);
	if (e == 0)
		e = control_lock(path, ret_pid);
	if (e >= 0) {
		c->lock = e;
		c->locker = (int)getpid();
		e = control_claim(c);
	}
	if (e == 0)
		e = open_socket(c, path, group);
	if (e < 0)
		control_close(c);
	return e;
}

int
control_claim(struct control *c)
{
	const int self = (int)getpid();
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", self);

	/*
	 * The kernel remembers who asked for a lock, and shows none of a
	 * process that has ended, though we have inherited it: once more.
	 */
	if (c->locker != self &&
	    (flock(c->lock, LOCK_UN) == -1 ||
	        flock(c->lock, LOCK_EX | LOCK_NB) == -1)) {
		c->path = NULL; /* the socket is theirs now */
		return errno == EWOULDBLOCK ? -EEXIST : -errno;
	}
	c->locker = self;
	if (ftruncate(c->lock, 0) == -1 ||
	    pwrite(c->lock, text, (size_t)n, 0) == -1)
		return -errno;
	return 0;
}

bool
control_is_request(const char *request, const char *verb)
{
	const size_t len = strlen(verb);

	return strncmp(request, verb, len) == 0 &&
	    (request[len] == '\0' || request[len] == ' ');
}

static void
forget(struct control_caller *q)
{
	struct control *c = q->control;

	ev_io_stop(c->loop, &q->readable);
	ev_timer_stop(c->loop, &q->patience);
	TAILQ_REMOVE(&c->callers, q, all);
	c->n_callers--;
	closer_close(c->closer, &q->fd);
	free(q);
}

/*
 * Nothing more can be written to it: whoever closes it later, here or in a
 * role, finds no descriptor in it whose close would wait.
 */
static void
seal(struct control *c, int fd)
{
	char rest[MSG_REQUEST_MAX];

	(void)shutdown(fd, SHUT_RD);
	while (closer_recv(c->closer, fd, rest, sizeof(rest)) > 0)
		;
}

/* Goes on with its line, and is done with it once that is whole. */
static void
hear(struct control_caller *q)
{
	struct control *c = q->control;
	ssize_t n = closer_recv(
	    c->closer, q->fd, q->line + q->len, sizeof(q->line) - q->len);
	char *end;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(q);
		return;
	}
	q->len += (size_t)n;
	end = memchr(q->line, '\n', q->len);
	if (end != NULL) {
		*end = '\0';
		seal(c, q->fd);
		c->on_request(c->arg, q->line, &q->fd);
		fd_close(&q->fd); /* a role has its own: the last ends it */
	} else if (q->len == sizeof(q->line)) {
		seal(c, q->fd);
		reply_error(c->loop, &q->fd, "the request is too long");
	} else {
		return;
	}
	forget(q);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	hear(CONTAINER_OF(io, struct control_caller, readable));
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	forget(CONTAINER_OF(t, struct control_caller, patience));
}

/*
 * All who are in the list have no whole line yet. Who came first had the most
 * time for it.
 */
static void
make_room(struct control *c)
{
	struct control_caller *oldest = TAILQ_FIRST(&c->callers);

	if (c->n_callers < CALLERS_MAX)
		return;
	seal(c, oldest->fd);
	reply_error(c->loop, &oldest->fd,
	    "no whole line has come, and others wait: ask once more");
	forget(oldest);
}

static void
on_caller(struct ev_loop *loop, ev_io *io, int revents)
{
	struct control *c = CONTAINER_OF(io, struct control, ready);
	struct control_caller *q;
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1)
		return;
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		seal(c, fd);
		reply_error(loop, &fd, "memory is out");
		return;
	}
	make_room(c);
	q->control = c;
	q->fd = fd;
	TAILQ_INSERT_TAIL(&c->callers, q, all);
	c->n_callers++;
	ev_io_init(&q->readable, on_readable, fd, EV_READ);
	ev_timer_init(&q->patience, on_patience, PATIENCE_S, 0.);
	ev_io_start(loop, &q->readable);
	ev_timer_start(loop, &q->patience);
	/* Whose line is there needs no place, however many come behind it. */
	hear(q);
}

void
control_start(struct control *c, struct ev_loop *loop,
    control_request_fn *on_request, void *arg)
{
	c->loop = loop;
	c->on_request = on_request;
	c->arg = arg;
	TAILQ_INIT(&c->callers);
	ev_io_init(&c->ready, on_caller, c->fd, EV_READ);
	ev_io_start(loop, &c->ready);
}

void
control_hold(struct control *c, bool held)
{
	if (held)
		ev_io_stop(c->loop, &c->ready);
	else
		ev_io_start(c->loop, &c->ready);
}

bool
control_is_roots(int socket)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}

void
control_close(struct control *c)
{
	struct control_caller *q;

	if (c->loop != NULL) {
		ev_io_stop(c->loop, &c->ready);
		while ((q = TAILQ_FIRST(&c->callers)) != NULL)
			forget(q);
	}
	if (c->path != NULL && unlink(c->path) == -1)
		log_debug("control", "%s: %s", c->path, strerror(errno));
	c->path = NULL;
	fd_close(&c->fd);
	fd_close(&c->lock);
}
