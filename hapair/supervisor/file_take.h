#pragma once

/*
 * What a node does with a file of its peer that was found fit, and back: once
 * nothing can refuse it any more it is put on disk (file_disk.h), and then a
 * reload begins. Where that fails the disk gets the file before again. Part of
 * file_receive.h, which answers the peer.
 */

#include "hapair/supervisor/file_disk.h"
#include "hapair/supervisor/reload_file.h"

struct reload;

/*
 * What came of it. `text`: of what was taken the path of the file before, or
 * nothing where it was the same; else why it was not.
 */
typedef void file_take_end_fn(void *arg, bool done, const char *text);

#define FILE_TAKE_TEXT_MAX (FILE_REPLACE_WHY_MAX + 256)

struct file_take {
	struct reload *reload; /* borrowed: what takes it here */
	file_take_end_fn *on_end;
	void *arg;
	struct reload_file file; /* the caller puts it here */
	bool same;               /* so that it means what runs already */
	struct file_disk disk;
	bool undoes;  /* what is under way, or was last */
	bool reloads; /* a reload waits for the disk */
	bool back;    /* the file before is on disk again, or is to be */
	char *fault;  /* why it was not taken; or NULL */
	char *before; /* the text that ran before; NULL: it was the same */
	size_t before_len;
	char said[FILE_TAKE_TEXT_MAX];
};

void file_take_init(struct file_take *t, struct reload *reload,
    file_take_end_fn *on_end, void *arg);
void file_take_fini(struct file_take *t); /* takes zeros */

/* Both may end before they return. */
void file_take_begin(struct file_take *t);
void file_take_undo(struct file_take *t);

/* What was not taken is on disk all the same, or is until that answers. */
bool file_take_stays(const struct file_take *t);

/* There is nothing to go back to any more. */
void file_take_drop(struct file_take *t);
