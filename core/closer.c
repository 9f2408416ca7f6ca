#include "core/closer.h"

#include "core/channel.h"
#include "core/fd.h"
#include "core/proc.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

/*
 * A message has 253 descriptors at most, and who has sent one too many is
 * ended: with its channel that is what a sender can leave. Room for a few of
 * them.
 */
#define ROOM 2048
#define FULL 1024

#define STACK_BYTES ((size_t)64 * 1024)

struct closer {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	bool started; /* the main thread's alone */
	/* Under the lock: */
	bool ends;
	unsigned first, n;
	int fds[ROOM]; /* a ring */
};

static void
release(struct closer *c)
{
	(void)pthread_cond_destroy(&c->wanted);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *
closer_main(void *arg)
{
	struct closer *c = arg;

	proc_set_name("hapair-closer");
	(void)pthread_mutex_lock(&c->lock);
	while (c->n > 0 || !c->ends) {
		int fd;

		if (c->n == 0) {
			(void)pthread_cond_wait(&c->wanted, &c->lock);
			continue;
		}
		fd = c->fds[c->first];
		c->first = (c->first + 1) % ROOM;
		c->n--;
		(void)pthread_mutex_unlock(&c->lock);
		fd_close(&fd);
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	release(c);
	return NULL;
}

struct closer *
closer_new(void)
{
	struct closer *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->wanted, NULL);
	return c;
}

void
closer_free(struct closer *c)
{
	if (c == NULL)
		return;
	if (!c->started) {
		release(c);
		return;
	}
	(void)pthread_mutex_lock(&c->lock);
	c->ends = true;
	(void)pthread_cond_signal(&c->wanted);
	(void)pthread_mutex_unlock(&c->lock);
}

static bool
start(struct closer *c)
{
	pthread_t thread;

	if (c->started)
		return true;
	if (proc_start_thread(&thread, STACK_BYTES, closer_main, c) < 0)
		return false;
	(void)pthread_detach(thread);
	c->started = true;
	return true;
}

void
closer_close(struct closer *c, int *fd)
{
	bool taken = false;

	if (*fd == -1)
		return;
	fd_set_no_linger(*fd); /* it would hold up those behind it */
	if (c != NULL && start(c)) {
		(void)pthread_mutex_lock(&c->lock);
		if (c->n < ROOM) {
			c->fds[(c->first + c->n++) % ROOM] = fd_take(fd);
			(void)pthread_cond_signal(&c->wanted);
			taken = true;
		}
		(void)pthread_mutex_unlock(&c->lock);
	}
	if (!taken)
		fd_close(fd);
}

ssize_t
closer_recv(struct closer *c, int socket, void *bytes, size_t room)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = bytes, .iov_len = room };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	const ssize_t n =
	    recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *h = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (h == NULL || h->cmsg_level != SOL_SOCKET ||
	    h->cmsg_type != SCM_RIGHTS)
		return n;
	for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len;
	     at += sizeof(int)) {
		int fd;

		memcpy(&fd, (const char *)h + at, sizeof(fd));
		closer_close(c, &fd);
	}
	return n;
}

bool
closer_is_full(struct closer *c)
{
	bool full;

	if (c == NULL)
		return false;
	(void)pthread_mutex_lock(&c->lock);
	full = c->n >= FULL;
	(void)pthread_mutex_unlock(&c->lock);
	return full;
}
