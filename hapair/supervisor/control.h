#pragma once

/*
 * The control socket: accepts, reads one request line, and hands the line and
 * the socket on. Bounded: a line of MSG_REQUEST_MAX, 1 s to say it, 64 callers
 * at once who have not said it; one more ends the oldest of them.
 */

#include "core/trusted_path.h"

#include <ev.h>
#include <sys/queue.h>

struct closer;
struct control_caller;

/* Gets the line, and the socket to keep or close (fd_take it to keep it). */
typedef void control_request_fn(void *arg, const char *request, int *socket);

/* What is told where it is none that cli.md has. */
#define CONTROL_UNKNOWN                                                        \
	"unknown request; expected: status, handover, handover GROUP, dry-run handover, dry-run handover GROUP, pause MILLISECONDS, resume, reload, reload both, upgrade, upgrade PROGRAM, configuration, server SERVICE/NAME WORD, connections, connections SERVICE, kill ID|SERVICE/NAME, lingering, lingering N connections|kill, events, events last or events follow"

/* Of such a line: VERB alone, or with words behind it. */
bool control_is_request(const char *request, const char *verb);

struct control {
	struct ev_loop *loop; /* borrowed */
	control_request_fn *on_request;
	void *arg;
	struct closer *closer; /* borrowed; NULL: none */
	int lock;   /* held as long as we run: one daemon per socket */
	int locker; /* the process that took it */
	int fd;
	const char *path; /* borrowed: the configuration's */
	unsigned n_callers;
	TAILQ_HEAD(, control_caller) callers; /* the oldest first */
	ev_io ready;
};

/* A holder whom we cannot see: of another container, say. */
#define CONTROL_UNSEEN (-1)
#define CONTROL_HOLDER_TEXT 32

/*
 * The lock of a control socket (PATH.lock, for its owner alone: who can open a
 * file can lock it), which a daemon holds as long as it runs. Returns a
 * descriptor that holds it, or -errno: -EEXIST where another process does, in
 * *ret_pid its number or CONTROL_UNSEEN; -EPERM where others can write there.
 */
MUST_CHECK int control_lock(const char *path, int *ret_pid);

/* The process that holds the lock, likewise; 0: none. Changes no file. */
int control_holder(const char *path);

/* "process 17", or that it cannot be seen from here. */
const char *control_holder_text(int pid, char buf[static CONTROL_HOLDER_TEXT]);

/* Why it could not be locked or opened, in words. `buf`, or a constant. */
const char *control_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX]);

/*
 * Takes the lock and opens the socket, mode 0660, of `group`
 * where that is not NULL. Returns 0 or -errno, as control_lock() does.
 */
MUST_CHECK int control_open(
    struct control *c, const char *path, const char *group, int *ret_pid);

/*
 * After a fork into the background: the lock is this process's. -EEXIST:
 * another has taken it in that moment, and the socket.
 */
MUST_CHECK int control_claim(struct control *c);

void control_start(struct control *c, struct ev_loop *loop,
    control_request_fn *on_request, void *arg);

/* Whoever asks from now on waits; or is heard again. */
void control_hold(struct control *c, bool held);

/* Root asks there, or who we are. */
bool control_is_roots(int socket);

/* Removes the socket's file and lets the lock go. */
void control_close(struct control *c);
