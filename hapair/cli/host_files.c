#include "hapair/cli/host_files.h"

#include "config/schema/check_forms.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "hapair/cli/preflight.h"
#include "proxy/health/secret_files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* `fault` NULL: there is none. */
static void
tell_file(struct host_report *m, const char *what, const char *path,
    const char *fault)
{
	if (fault == NULL)
		host_report_tell(m, HOST_REPORT_OK, "%s %s", what, path);
	else
		host_report_tell(
		    m, HOST_REPORT_ERROR, "%s %s: %s", what, path, fault);
}

/* A program that root runs is as safe as the rights on its file. */
static void
check_program(struct host_report *m, const char *what, const char *path)
{
	char why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (path == NULL)
		return;
	e = trusted_path_look(path, TRUSTED_PATH_ROOTS, why);
	if (e < 0 && e != -EINVAL)
		tell_file(m, what, path, why);
	else if (e < 0 || access(path, X_OK) == -1)
		tell_file(m, what, path, "cannot be run; expected a program");
	else
		tell_file(m, what, path, NULL);
}

/* What a server is checked with. */
static void
check_check(struct host_report *m, const struct config_check *c)
{
	char line[SECRET_LINE_MAX], why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (c->type == CONFIG_CHECK_SCRIPT)
		check_program(m, "check script", c->script);
	if (check_forms_has_certificate(c) && c->ca != NULL &&
	    trusted_path_look(c->ca, TRUSTED_PATH_ROOTS, why) < 0)
		tell_file(m, "ca", c->ca, why);
	if (check_forms_has_user(c) && c->password_file != NULL) {
		e = secret_load_line(c->password_file, line, sizeof(line));
		secret_wipe(line, sizeof(line));
		tell_file(m, "password file", c->password_file,
		    e == 0 ? NULL
		           : secret_line_fault(c->password_file, e, why));
	}
	if (c->type != CONFIG_CHECK_HTTP)
		return;
	if (c->negotiate_keytab != NULL) {
		e = secret_files_try_keytab(c->negotiate_keytab);
		tell_file(m, "keytab", c->negotiate_keytab,
		    e == 0 ? NULL
		           : secret_files_keytab_fault(
		                 c->negotiate_keytab, e, why));
	}
}

/* Whether an earlier server of its service has the same files. */
static bool
is_seen(const struct config_service *s, size_t server)
{
	const struct config_check *c = &s->servers[server].check;

	for (size_t i = 0; i < server; i++) {
		const struct config_check *o = &s->servers[i].check;

		if (o->type == c->type && o->script == c->script &&
		    o->ca == c->ca && o->password_file == c->password_file &&
		    o->negotiate_keytab == c->negotiate_keytab)
			return true;
	}
	return false;
}

static void
check_checks(struct host_report *m, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (!is_seen(s, i))
			check_check(m, &s->servers[i].check);
}

static void
check_directory_of(struct host_report *m, const char *what, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (slash == NULL)
		return;
	(void)snprintf(dir, sizeof(dir), "%.*s",
	    slash == path ? 1 : (int)(slash - path), path);
	if (access(dir, W_OK | X_OK) == -1)
		host_report_tell(m, HOST_REPORT_ERROR, "%s %s: directory: %s",
		    what, path, strerror(errno));
}

/* What is written there, and who else could write it. */
static void
check_written(struct host_report *m)
{
	const struct config *c = m->config;
	char text[PREFLIGHT_TEXT];

	if (c->log.target == LOG_TARGET_FILE)
		check_directory_of(m, "log", c->log.path);
	check_directory_of(m, "pid file", c->pid_file);
	if (preflight_places(c, text) != COMMAND_DONE)
		host_report_tell(m, HOST_REPORT_ERROR, "%s", text);
}

void
host_files_check(struct host_report *m, const char *path)
{
	const struct config *c = m->config;
	char why[TRUSTED_PATH_WHY_MAX];

	if (path != NULL &&
	    trusted_path_look(path, TRUSTED_PATH_ROOTS, why) == -EPERM)
		tell_file(m, "configuration", path, why);
	check_written(m);
	for (size_t i = 0; i < c->n_services; i++) {
		check_checks(m, &c->services[i]);
		check_program(m, "fence", c->services[i].fence);
		check_program(m, "promote", c->services[i].promote);
	}
	if (!c->has_pair)
		return;
	check_program(m, "notify", c->pair.notify);
	for (size_t i = 0; i < c->pair.n_tracks; i++)
		check_program(m, "track script", c->pair.tracks[i].script);
}
