#include "hapair/cli/file.h"

#include "config/load.h"
#include "config/yaml/diag.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who only looks at it may: it may be a colleague's, and still to be copied. */
static void
warn_of_others(const struct file *f, struct diag *diag)
{
	static const struct diag_place whole_file = { .line = 0 };
	char why[TRUSTED_PATH_WHY_MAX];

	if (trusted_path_look(f->path, TRUSTED_PATH_ROOTS, why) == -EPERM)
		diag_warning(
		    diag, &whole_file, "`hapair run` would refuse it: %s", why);
}

/* Of standard input nobody asks whose it is. */
static int
read_file(struct file *f, struct diag *diag)
{
	static const struct diag_place whole_file = { .line = 0 };
	int e;

	if (!f->is_stdin)
		return load_read(f->path, f->obeyed, diag, &f->text, &f->len);
	e = diag_start(diag, f->path, NULL, 0);
	if (e == 0)
		e = fd_read_all(STDIN_FILENO, LOAD_FILE_MAX, &f->text, &f->len);
	if (e < 0)
		diag_error(
		    diag, &whole_file, "cannot be read: %s", strerror(-e));
	return e;
}

/* The journal takes each line as one, at the level that it begins with. */
static void
print(const struct diag *diag, enum log_level level)
{
	const char *mark = log_mark(level);
	char *text = NULL;
	size_t len;
	FILE *out = *mark == '\0' ? NULL : open_memstream(&text, &len);

	if (out == NULL) {
		diag_print(diag, stderr);
		return;
	}
	diag_print(diag, out);
	if (fclose(out) == 0)
		for (char *at = text, *line;
		     (line = strsep(&at, "\n")) != NULL;)
			if (*line != '\0')
				(void)fprintf(stderr, "%s%s\n", mark, line);
	free(text);
}

int
file_load(struct file *f)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	int e = diag != NULL ? secret_init() : -ENOMEM;

	if (e == 0)
		e = read_file(f, diag);
	if (e == 0)
		e = load_text(f->path, f->text, f->len, diag, &f->config);
	if (e == 0 && f->warns && !f->obeyed && !f->is_stdin)
		warn_of_others(f, diag);
	if (f->is_quiet)
		return e;
	if ((e < 0 && diag_count(diag) > 0) || (e == 0 && f->warns))
		print(diag, e < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING);
	else if (e < 0)
		(void)fprintf(stderr, "%shapair: %s: %s\n",
		    log_mark(LOG_LEVEL_ERROR), f->path, strerror(-e));
	return e;
}

void
file_free(struct file *f)
{
	free(f->text);
	f->text = NULL;
	config_free(f->config);
	f->config = NULL;
}
