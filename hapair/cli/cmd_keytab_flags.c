#include "core/fd.h"
#include "hapair/cli/cmd_keytab.h"
#include "keytab/flags.h"
#include "keytab/lint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* HiveServer2's, by which all the clients named here come. */
#define PORT 21050
#define LINT_FILE_MAX (1024 * 1024)

struct request {
	const char *file; /* the keytab; NULL where only flags are looked at */
	const char *vip, *host, *lint;
	uint32_t port;
};

static int
parse(int argc, char **argv, struct request *r)
{
	const char *port = NULL;
	const struct command_option options[] = {
		{ 'v', "vip", .word = &r->vip },
		{ 'h', "host", .word = &r->host },
		{ 'p', "port", .word = &port },
		{ 'l', "lint", .word = &r->lint },
	};
	int status = cmd_keytab_options(
	    "flags", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (port != NULL &&
	    (!cmd_keytab_number(port, UINT16_MAX, &r->port) || r->port == 0))
		return cmd_keytab_misused("flags", "'%s' is no port", port);
	if (argc - optind > 1 || (argc == optind && r->lint == NULL))
		return cmd_keytab_misused("flags", "expected one keytab");
	r->file = argv[optind];
	if (r->lint == NULL && (r->vip == NULL || r->host == NULL))
		return cmd_keytab_misused(
		    "flags", "expected --vip and --host, by their full names");
	return COMMAND_DONE;
}

static void
tell_missing(const struct keyfile *f, const char *missing, bool of_vip)
{
	char name[KEYTAB_TEXT_MAX], last[KEYTAB_TEXT_MAX] = "";

	cmd_keytab_say(f->path,
	    "no key of %s/%s; it has:", of_vip ? "a service" : "impala",
	    missing);
	for (size_t i = 0; i < f->n; i++) {
		(void)keytab_principal_text(&f->entries[i], name);
		if (strcmp(name, last) != 0)
			(void)fprintf(stderr, "  %s\n", name);
		memcpy(last, name, sizeof(last));
	}
}

static int
print_flags(const struct keyfile *f, const struct request *r)
{
	char path[PATH_MAX], text[FLAGS_TEXT_MAX];
	struct flags flags;
	const char *missing;

	if (flags_choose(f->entries, f->n, r->vip, r->host, &flags, &missing) <
	    0) {
		tell_missing(f, missing, missing == r->vip);
		return COMMAND_FAILED;
	}
	if (realpath(f->path, path) == NULL)
		(void)snprintf(path, sizeof(path), "%s", f->path);
	(void)printf("# impalad on %s: a coordinator, which serves clients\n"
	             "--principal=%s/%s@%s\n"
	             "--be_principal=%s/%s@%s\n"
	             "--keytab_file=%s\n",
	    r->host, flags.vip.service, flags.vip.host, flags.vip.realm,
	    flags.host.service, flags.host.host, flags.host.realm, path);
	(void)printf("# impalad on %s: an executor, which serves none\n"
	             "--principal=%s/%s@%s\n"
	             "--keytab_file=%s\n"
	             "# clients\n",
	    r->host, flags.host.service, flags.host.host, flags.host.realm,
	    path);
	(void)fputs(flags_clients_text(&flags, r->port, text), stdout);
	return COMMAND_DONE;
}

static int
lint(const struct keyfile *f, const struct request *r)
{
	CLEANUP(fd_close) int fd = open(r->lint, O_RDONLY | O_CLOEXEC);
	CLEANUP(free_str) char *text = NULL;
	struct lint_finding found[LINT_MAX];
	struct lint_flags flags;
	char path[PATH_MAX], flagged[PATH_MAX];
	struct lint_world world = {
		.vip = r->vip,
		.host = r->host,
		.entries = f->entries,
		.n_entries = f->n,
		.keytab_path = f->path != NULL ? realpath(f->path, path) : NULL,
	};
	size_t len;
	unsigned n;
	int e = fd == -1 ? -errno : fd_read_all(fd, LINT_FILE_MAX, &text, &len);

	if (e < 0) {
		cmd_keytab_say(r->lint, "%s", strerror(-e));
		return COMMAND_FAILED;
	}
	lint_parse(text, len, &flags);
	/* By whatever way the two lead to one file. */
	if (world.keytab_path != NULL &&
	    realpath(flags.keytab_file.value, flagged) != NULL &&
	    strcmp(flagged, world.keytab_path) == 0)
		world.keytab_path = flags.keytab_file.value;
	n = lint_find(&flags, &world, found);
	for (unsigned i = 0; i < n; i++) {
		const struct lint_flag *flag = found[i].flag;

		if (flag->line == 0)
			(void)printf("%s: --%s: %s\n", r->lint, flag->name,
			    found[i].words);
		else
			(void)printf("%s:%u: --%s=%s: %s\n", r->lint,
			    flag->line, flag->name, flag->value,
			    found[i].words);
	}
	if (n == 0)
		(void)printf("%s: fine\n", r->lint);
	return n == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_keytab_flags(int argc, char **argv)
{
	CLEANUP(keyfile_close) struct keyfile f = { .path = NULL };
	struct request r = { .port = PORT };
	int status = parse(argc, argv, &r);

	if (status != COMMAND_DONE)
		return status;
	if (r.file != NULL && cmd_keytab_open(&f, r.file) < 0)
		return COMMAND_FAILED;
	status = r.lint != NULL ? lint(&f, &r) : print_flags(&f, &r);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}
