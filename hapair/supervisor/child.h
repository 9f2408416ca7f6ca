#pragma once

/*
 * A child is the process of a role. This starts it from our
 * own program file, holds its channel, notices its end and starts it again.
 * What is said over the channel is supervisor.c's; whoever sends what it may
 * not is killed here, and nothing of it is heard after that.
 */

#include "hapair/supervisor/restart.h"

#include "core/channel.h"
#include "core/msg.h"
#include "core/msg_intake.h"
#include "core/proc.h"

#include <ev.h>
#include <sys/types.h>

struct child;

struct child_calls {
	/* It runs: tell it what it needs. Returns 0 or -errno. */
	int (*on_spawn)(void *arg, struct child *role);
	/*
	 * A packet that it may send; its descriptor is closed afterwards.
	 * Returns 0 or -EBADMSG.
	 */
	int (*on_packet)(
	    void *arg, struct child *role, struct channel_packet *p);
	/* It has ended; while not `stopping` it will be started again. */
	void (*on_end)(void *arg, struct child *role);
};

struct child {
	const char *name; /* "failover", ...: the hidden command's word */
	enum msg_rights_party party;
	struct proc_user user; /* as whom it is to run */
	const struct child_calls *calls;
	void *arg;
	struct ev_loop *loop; /* the default loop: child watchers need it */
	pid_t pid;            /* 0: does not run */
	int channel;          /* -1: does not run */
	int report;           /* a pipe's end (core/syscall_filter.h), or -1 */
	bool ready;           /* it has said so */
	bool stopping;        /* its next end is the last */
	bool unwanted;        /* killed on purpose: no word of its end */
	bool condemned;       /* being killed for what it sent */
	bool adopted;  /* of the program before: it may be of another version */
	char end[128]; /* why it is killed, for `status`; or "" */
	int end_status; /* of its last end, as waitpid() has it */
	struct msg_intake intake;
	struct closer *closer; /* borrowed: the supervisor's; NULL: none */
	struct restart restart;
	uint32_t pause_ms; /* from its end to its next start */
	ev_io packets;
	ev_child ended;
	ev_timer again;
};

/* The descriptors on which a role finds its channel, and the pipe's end. */
#define CHILD_CHAN_FD 3
#define CHILD_REPORT_FD 4

void child_init(struct child *r, enum msg_rights_party party,
    const struct proc_user *user, const struct child_calls *calls, void *arg);

/* Starts it now; a failure to is tried again like an end. */
void child_start(struct child *r);

/*
 * It runs already, as the fields up to `unwanted`, `restart` and `pause_ms`
 * say, which the caller has filled in: it is heard and watched from now on.
 */
void child_adopt(struct child *r);

/* Sends a packet; on failure the role is broken and gets killed. */
void child_send(
    struct child *r, enum msg_type type, const void *body, size_t len, int fd);

/* SIGKILL; its end is reported as any other. */
void child_kill(struct child *r);

/* Forgets it; a process that is left is killed. */
void child_fini(struct child *r);
