#pragma once

/*
 * Puts a file of the peer on disk, and the one before back, by a thread of its
 * own (file_replace.h): a disk that stands still stops nobody here. One job at
 * a time, and each has an end: where the disk does not answer in time whoever
 * waits is told that, and a file that it is late with is taken away again as
 * soon as it answers. Until then it takes no other job. Owned by file_take.c.
 */

#include "hapair/supervisor/file_replace.h"

#include <ev.h>

enum file_disk_job {
	FILE_DISK_PUT,    /* the new one, marked as one that has not run */
	FILE_DISK_SETTLE, /* it runs */
	FILE_DISK_BACK,   /* the one before */
};

/* What came of it. `why` NULL: it is done. May begin the next one. */
typedef void file_disk_end_fn(
    void *arg, enum file_disk_job job, const char *why);

struct file_disk {
	struct ev_loop *loop;
	const char *path; /* borrowed: of the file */
	file_disk_end_fn *on_end;
	void *arg;
	struct file_replace replace; /* while no job is under way */
	struct file_disk_work *work; /* NULL: none is */
	bool late;                   /* nobody waits for it any more */
	bool closes;                 /* when it is through */
	double patience_s;           /* of a job */
	ev_async ended;
	ev_timer patience;
};

void file_disk_init(struct file_disk *d, struct ev_loop *loop, const char *path,
    file_disk_end_fn *on_end, void *arg);

/* Waits for nothing; takes zeros. */
void file_disk_fini(struct file_disk *d);

/* All may end before they return, and none is begun while it is busy. */
void file_disk_put(struct file_disk *d, const char *text, size_t len);
void file_disk_settle(struct file_disk *d);
void file_disk_back(struct file_disk *d);

/* Also with what it is late with. */
bool file_disk_is_busy(const struct file_disk *d);

/* There is another file in its place now. */
bool file_disk_has_replaced(const struct file_disk *d);

/* What was prepared goes, and there is nothing to go back to. */
void file_disk_close(struct file_disk *d);
