#include "hapair/supervisor/reload_file.h"

#include "config/config.h"
#include "config/load.h"
#include "config/yaml/diag.h"
#include "hapair/supervisor/pins_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "PATH:LINE:COLUMN: error: ..."; lines of the file itself may be secret. */
static char *
mistakes(const struct diag *diag, const char *path)
{
	CLEANUP(free_str) char *all = NULL;
	char *kept = NULL, *save = NULL;
	size_t len;
	FILE *out = open_memstream(&all, &len);

	if (out == NULL)
		return NULL;
	diag_print(diag, out);
	if (fclose(out) == EOF || all == NULL)
		return NULL;
	kept = calloc(1, len + 1);
	for (char *line = strtok_r(all, "\n", &save);
	     kept != NULL && line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, path, strlen(path)) != 0)
			continue;
		if (*kept != '\0')
			strcat(kept, "\n");
		strcat(kept, line);
	}
	return kept;
}

static char *
text_of(const struct config_diff *d, bool refused)
{
	const struct config_diff_change *c;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	TAILQ_FOREACH (c, &d->all, all) {
		if (refused && c->class->class != CHANGE_CLASS_RESTART)
			continue;
		if (ftell(out) > 0)
			(void)fputc('\n', out);
		config_diff_print(c, out);
	}
	if (fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

static enum reload_file_verdict
compare(struct reload_file *f, const struct config *running)
{
	const size_t len = sizeof(running->hash);
	int e;

	if (memcmp(f->config->hash, running->hash, len) == 0)
		return RELOAD_FILE_SAME;
	e = config_diff_init(&f->diff, running, f->config);
	f->has_diff = true;
	if (e == 0 && !config_has_kernel(running) &&
	    !pins_directory_is_used(running->kernel.pins))
		config_diff_free_tables(&f->diff);
	if (e < 0) {
		f->fault = strdup(strerror(-e));
		return RELOAD_FILE_REFUSED;
	}
	if (config_diff_class(&f->diff) != CHANGE_CLASS_RESTART)
		return RELOAD_FILE_CHANGED;
	f->fault = text_of(&f->diff, true);
	return RELOAD_FILE_REFUSED;
}

/* Of what has been read, if `e` is 0. */
static enum reload_file_verdict
judge(struct reload_file *f, const char *path, const struct config *running,
    struct diag *diag, int e)
{
	if (e == 0)
		e = load_text(path, f->text, f->len, diag, &f->config);
	if (e == 0)
		return compare(f, running);
	if (diag_count(diag) > 0) {
		f->fault = mistakes(diag, path);
		return RELOAD_FILE_WRONG;
	}
	f->fault = strdup(strerror(-e));
	return RELOAD_FILE_REFUSED;
}

enum reload_file_verdict
reload_file_read(
    struct reload_file *f, const char *path, const struct config *running)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	const int e = diag != NULL
	    ? load_read(path, true, diag, &f->text, &f->len)
	    : -ENOMEM;

	return judge(f, path, running, diag, e);
}

enum reload_file_verdict
reload_file_check(struct reload_file *f, const char *path, char *text,
    size_t len, const struct config *running)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();

	f->text = text;
	f->len = len;
	return judge(f, path, running, diag, diag != NULL ? 0 : -ENOMEM);
}

char *
reload_file_lines(const struct reload_file *f)
{
	return text_of(&f->diff, false);
}

void
reload_file_fini(struct reload_file *f)
{
	free(f->text);
	config_free(f->config);
	if (f->has_diff)
		config_diff_fini(&f->diff);
	free(f->fault);
	*f = (struct reload_file){ 0 };
}
