#include "config/import/import.h"
#include "config/load.h"
#include "config/yaml/diag.h"
#include "core/fd.h"
#include "hapair/cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <getopt.h>

struct job {
	struct import_file files[IMPORT_FILES_MAX];
	size_t n;
	const char *out; /* NULL: standard output */
};

static const char *
env_of(const char *name)
{
	return getenv(name);
}

static int
parse(int argc, char **argv, struct job *j)
{
	const struct command_option options[] = {
		{ 'o', .word = &j->out },
	};
	bool twice;
	const char *odd =
	    command_options(argc, argv, options, ARRAY_LEN(options), &twice);
	char text[256];

	if (odd != NULL) {
		if (twice)
			command_twice_text(odd, text, sizeof(text));
		else
			command_odd_text(odd, options, ARRAY_LEN(options), text,
			    sizeof(text));
		return command_misused("import", "%s", text);
	}
	if (optind >= argc)
		return command_misused("import",
		    "expected a haproxy.cfg, a keepalived.conf, or both");
	if (argc - optind > IMPORT_FILES_MAX)
		return command_misused(
		    "import", "more than %d files", IMPORT_FILES_MAX);
	for (int i = optind; i < argc; i++)
		j->files[j->n++].name = argv[i];
	return COMMAND_DONE;
}

/* Returns 0, or -errno with everything said. */
static int
read_one(struct import_file *f)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	char *text = NULL;
	int e = diag == NULL ? -ENOMEM : 0;

	if (e == 0 && strcmp(f->name, "-") == 0) {
		f->name = "stdin";
		e = fd_read_all(STDIN_FILENO, LOAD_FILE_MAX, &text, &f->len);
		if (e < 0)
			(void)command_refuse("import", COMMAND_WRONG,
			    "standard input: %s", strerror(-e));
	} else if (e == 0) {
		e = load_read(f->name, false, diag, &text, &f->len);
		if (e < 0)
			diag_print(diag, stderr);
	}
	f->text = text;
	return e;
}

/* Never over a file that is there: somebody may have worked on it. */
static int
write_file(const char *path, const char *text, size_t len)
{
	CLEANUP(fd_close) int fd = -1;
	int e;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd == -1 && errno == EEXIST)
		return command_refuse("import", COMMAND_FAILED,
		    "%s exists, and is left as it is; expected another name",
		    path);
	e = fd == -1 ? -errno : fd_write_all(fd, text, len);
	if (e == 0 && fsync(fd) == -1)
		e = -errno;
	if (e == 0)
		return COMMAND_DONE;
	if (fd != -1)
		(void)unlink(path);
	return command_refuse(
	    "import", COMMAND_FAILED, "%s: %s", path, strerror(-e));
}

static int
write_result(const struct job *j, const struct import_result *r)
{
	if (j->out != NULL)
		return write_file(j->out, r->text, r->len);
	if (fwrite(r->text, 1, r->len, stdout) != r->len || fflush(stdout) != 0)
		return COMMAND_FAILED;
	return COMMAND_DONE;
}

static void
sum_up(const struct import_result *r)
{
	(void)fprintf(stderr,
	    "hapair import: %zu service%s, %zu group%s; %zu error%s, %zu "
	    "warning%s, %zu note%s%s\n",
	    r->n_services, r->n_services == 1 ? "" : "s", r->n_groups,
	    r->n_groups == 1 ? "" : "s", r->counts[IMPORT_NOTES_ERROR],
	    r->counts[IMPORT_NOTES_ERROR] == 1 ? "" : "s",
	    r->counts[IMPORT_NOTES_WARNING],
	    r->counts[IMPORT_NOTES_WARNING] == 1 ? "" : "s",
	    r->counts[IMPORT_NOTES_NOTE],
	    r->counts[IMPORT_NOTES_NOTE] == 1 ? "" : "s",
	    r->has_fill_in ? "; look for FILL IN in the result" : "");
}

static int
run(struct job *j)
{
	struct import_result r = { .text = NULL };
	int status = COMMAND_DONE, e;

	for (size_t i = 0; i < j->n; i++)
		if (read_one(&j->files[i]) < 0)
			status = COMMAND_WRONG;
	if (status != COMMAND_DONE)
		return status;
	e = import_files(j->files, j->n, env_of, stderr, &r);
	if (e == 0) {
		sum_up(&r);
		status = write_result(j, &r);
	} else {
		status = COMMAND_FAILED; /* the notes have said why */
		if (e != -EINVAL)
			status = command_refuse(
			    "import", COMMAND_FAILED, "%s", strerror(-e));
	}
	import_fini(&r);
	return status;
}

int
cmd_import(int argc, char **argv)
{
	struct job j = { .n = 0 };
	int status = parse(argc, argv, &j);

	if (status == COMMAND_DONE)
		status = run(&j);
	for (size_t i = 0; i < j.n; i++)
		free((char *)(uintptr_t)j.files[i].text);
	return status;
}
