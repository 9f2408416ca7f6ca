#include "hapair/cli/cmd_keytab.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".keytab"

struct job {
	char *in, *out;
	char *host; /* by the file's name */
	struct keyfile file;
	struct rewrite rewrite;
};

struct batch {
	struct job *jobs;
	size_t n;
};

static int
init_job(struct job *j, const struct cmd_keytab_merge *m, const char *file_name)
{
	size_t len = strlen(file_name);

	*j = (struct job){ .rewrite = rewrite_nothing() };
	if (len > strlen(SUFFIX) &&
	    strcmp(file_name + len - strlen(SUFFIX), SUFFIX) == 0)
		len -= strlen(SUFFIX);
	j->host = strndup(file_name, len);
	if (asprintf(&j->in, "%s/%s", m->hosts, file_name) < 0)
		j->in = NULL;
	if (asprintf(&j->out, "%s/%s", m->out_dir, file_name) < 0)
		j->out = NULL;
	return j->host == NULL || j->in == NULL || j->out == NULL ? -ENOMEM : 0;
}

static int
is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
find_hosts(struct batch *b, const struct cmd_keytab_merge *m)
{
	struct dirent **names;
	int n = scandir(m->hosts, &names, is_shown, alphasort);
	int e = n < 0 ? -errno : 0;

	b->jobs = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof(*b->jobs));
	if (b->jobs == NULL)
		e = -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (e == 0)
			e = init_job(&b->jobs[b->n++], m, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (e < 0)
		cmd_keytab_say(m->hosts, "%s", strerror(-e));
	else if (n == 0)
		cmd_keytab_say(m->hosts, "no keytabs there");
	return n == 0 ? -ENOENT : e;
}

/* A merged file in the place of a host's own would fail the next run. */
static int
check_places(const struct cmd_keytab_merge *m)
{
	struct stat in, out;

	if (stat(m->out_dir, &out) == -1) {
		cmd_keytab_say(m->out_dir, "%s", strerror(errno));
		return -ENOENT;
	}
	if (!S_ISDIR(out.st_mode)) {
		cmd_keytab_say(m->out_dir, "%s", strerror(ENOTDIR));
		return -ENOTDIR;
	}
	if (stat(m->hosts, &in) == 0 && in.st_dev == out.st_dev &&
	    in.st_ino == out.st_ino) {
		cmd_keytab_say(m->out_dir,
		    "the same directory as --hosts; the hosts' own keytabs are needed again");
		return -EEXIST;
	}
	return 0;
}

/* h1's file with h2's key, renamed or copied by mistake, locks h1 out. */
static int
check_host(const struct job *j)
{
	char name[KEYTAB_TEXT_MAX];

	for (size_t i = 0; i < j->file.n; i++) {
		const struct keytab_entry *e = &j->file.entries[i];

		if (e->n_components == 2 &&
		    keytab_span_is(keytab_component(e, 1), j->host))
			continue;
		cmd_keytab_say(j->in,
		    "holds %s, which is not a name of host '%s', after which the file is called",
		    keytab_principal_text(e, name), j->host);
		return -EINVAL;
	}
	if (j->file.n > 0)
		return 0;
	cmd_keytab_say(j->in, "no entries");
	return -ENODATA;
}

static int
prepare(struct job *j, const struct keyfile *proxy,
    const struct cmd_keytab_merge *m)
{
	int e = cmd_keytab_open(&j->file, j->in);
	const struct keyfile files[] = { *proxy, j->file }; /* both borrowed */

	if (e == 0)
		e = check_host(j);
	return e < 0 ? e
	             : rewrite_prepare(&j->rewrite, j->out, files,
	                   ARRAY_LEN(files), &m->rules, m->owner);
}

static void
end(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];

		rewrite_close(&j->rewrite);
		keyfile_close(&j->file);
		free(j->in);
		free(j->out);
		free(j->host);
	}
	free(b->jobs);
}

/* As many as there are are tried, so that all mistakes are told in one run. */
static int
run(struct batch *b, const struct cmd_keytab_merge *m,
    const struct keyfile *proxy)
{
	size_t bad = 0;

	for (size_t i = 0; i < b->n; i++)
		bad += prepare(&b->jobs[i], proxy, m) < 0;
	if (bad > 0) {
		cmd_keytab_say(m->out_dir,
		    "nothing changed: %zu of %zu host%s %s something wrong",
		    bad, b->n, b->n == 1 ? "" : "s", bad == 1 ? "has" : "have");
		return COMMAND_FAILED;
	}
	for (size_t i = 0; i < b->n; i++)
		bad += rewrite_commit(&b->jobs[i].rewrite) < 0;
	return bad > 0 ? COMMAND_FAILED : COMMAND_DONE;
}

int
cmd_keytab_batch(const struct cmd_keytab_merge *m)
{
	CLEANUP(keyfile_close) struct keyfile proxy = { .path = NULL };
	struct batch b = { .n = 0 };
	int status = COMMAND_FAILED;

	if (cmd_keytab_open(&proxy, m->proxy) < 0)
		return COMMAND_FAILED;
	if (check_places(m) == 0 && find_hosts(&b, m) == 0)
		status = run(&b, m, &proxy);
	end(&b);
	return status;
}
