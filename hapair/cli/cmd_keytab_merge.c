#include "hapair/cli/cmd_keytab.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* USER, USER:GROUP or numbers. USER alone brings its own group along. */
static bool
read_owner(const char *text, struct replace_owner *ret_owner)
{
	CLEANUP(free_str) char *user = strdup(text);
	char *group = user != NULL ? strchr(user, ':') : NULL;
	const struct passwd *pw;
	const struct group *gr;
	uint32_t n;

	if (user == NULL)
		return false;
	if (group != NULL)
		*group++ = '\0';
	pw = getpwnam(user);
	if (pw != NULL)
		*ret_owner = (struct replace_owner){ .uid = pw->pw_uid,
			.gid = pw->pw_gid };
	else if (cmd_keytab_number(user, REPLACE_KEEP - 1, &n))
		*ret_owner =
		    (struct replace_owner){ .uid = n, .gid = REPLACE_KEEP };
	else
		return false;
	if (group == NULL)
		return true;
	gr = getgrnam(group);
	if (gr == NULL && !cmd_keytab_number(group, REPLACE_KEEP - 1, &n))
		return false;
	ret_owner->gid = gr != NULL ? gr->gr_gid : n;
	return true;
}

static int
check_words(const struct cmd_keytab_merge *m)
{
	bool batch = m->proxy != NULL || m->hosts != NULL || m->out_dir != NULL;

	if (batch && (m->out != NULL || m->n_files > 0))
		return cmd_keytab_misused("merge",
		    "either -o OUT IN... or --proxy, --hosts and --out");
	if (batch &&
	    (m->proxy == NULL || m->hosts == NULL || m->out_dir == NULL))
		return cmd_keytab_misused(
		    "merge", "--proxy, --hosts and --out belong together");
	if (!batch && m->out == NULL)
		return cmd_keytab_misused("merge", "expected -o OUT");
	if (!batch && m->n_files == 0)
		return cmd_keytab_misused("merge", "expected files to merge");
	return COMMAND_DONE;
}

static int
parse(int argc, char **argv, struct cmd_keytab_merge *m,
    struct command_words *patterns)
{
	const char *kvno = NULL, *owner = NULL;
	const struct command_option options[] = {
		{ 'o', .word = &m->out },
		{ 'p', "principal", .words = patterns },
		{ 'k', "drop-kvno-older-than", .word = &kvno },
		{ 'w', "owner", .word = &owner },
		{ 'x', "proxy", .word = &m->proxy },
		{ 'h', "hosts", .word = &m->hosts },
		{ 'd', "out", .word = &m->out_dir },
	};
	int status = cmd_keytab_options(
	    "merge", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (patterns->n > COMMAND_WORDS_MAX)
		return cmd_keytab_misused("merge", "too many --principal");
	if (kvno != NULL &&
	    !cmd_keytab_number(kvno, UINT32_MAX, &m->rules.oldest_kvno))
		return cmd_keytab_misused(
		    "merge", "'%s' is no key version number", kvno);
	if (owner != NULL && !read_owner(owner, &m->owner))
		return cmd_keytab_misused(
		    "merge", "there is no user or group '%s'", owner);
	m->rules.patterns = patterns->all;
	m->rules.n_patterns = patterns->n;
	m->files = argv + optind;
	m->n_files = (size_t)(argc - optind);
	return check_words(m);
}

/* Every file is looked at, so that all that is wrong is said in one run. */
static int
merge_one(const struct cmd_keytab_merge *m)
{
	struct keyfile *files = calloc(m->n_files, sizeof(*files));
	struct rewrite w = rewrite_nothing();
	int e = files == NULL ? -ENOMEM : 0;

	for (size_t i = 0; files != NULL && i < m->n_files; i++) {
		int opened = cmd_keytab_open(&files[i], m->files[i]);

		e = e < 0 ? e : opened;
	}
	if (e == 0)
		e = rewrite_prepare(
		    &w, m->out, files, m->n_files, &m->rules, m->owner);
	else
		cmd_keytab_say(m->out, "left as it was");
	if (e == 0)
		e = rewrite_commit(&w);
	rewrite_close(&w);
	for (size_t i = 0; files != NULL && i < m->n_files; i++)
		keyfile_close(&files[i]);
	free(files);
	return e < 0 ? COMMAND_FAILED : COMMAND_DONE;
}

/* Between the making of the new file and its renaming nobody ends us politely,
 * so that keys are not left lying about. It takes milliseconds. */
static void
hold_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* A reader of our output that went away is no reason either. */
	(void)signal(SIGPIPE, SIG_IGN);
}

int
cmd_keytab_merge(int argc, char **argv)
{
	struct command_words patterns = { .n = 0 };
	struct cmd_keytab_merge m = {
		.owner = { .uid = REPLACE_KEEP, .gid = REPLACE_KEEP },
	};
	int status = parse(argc, argv, &m, &patterns);

	if (status != COMMAND_DONE)
		return status;
	hold_signals();
	status = m.proxy != NULL ? cmd_keytab_batch(&m) : merge_one(&m);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}
