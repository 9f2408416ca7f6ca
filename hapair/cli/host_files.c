#include "hapair/cli/host_files.h"

#include "config/schema/check_forms.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "hapair/cli/preflight.h"
#include "hapair/supervisor/state_file.h"
#include "proxy/health/secret_files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* LogsDirectory= of hapair.service. */
#define UNITS_LOGS "/var/log/hapair"

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

static void
check_password(struct host_report *m, const char *path)
{
	char line[SECRET_LINE_MAX], why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (path == NULL)
		return;
	e = secret_load_line(path, line, sizeof(line));
	secret_wipe(line, sizeof(line));
	tell_file(m, "password file", path,
	    e == 0 ? NULL : secret_line_fault(path, e, why));
}

/* What a server is checked with. */
static void
check_check(struct host_report *m, const struct config_check *c)
{
	char why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (c->type == CONFIG_CHECK_SCRIPT)
		check_program(m, "check script", c->script);
	if (check_forms_has_certificate(c) && c->ca != NULL &&
	    trusted_path_look(c->ca, TRUSTED_PATH_ROOTS, why) < 0)
		tell_file(m, "ca", c->ca, why);
	if (check_forms_has_user(c))
		check_password(m, c->password_file);
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

/* The directory that a file is in; "": of a name alone. */
static void
directory_of(const char *path, char ret_dir[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const int len = slash == NULL ? 0
	    : slash == path           ? 1
	                              : (int)(slash - path);

	(void)snprintf(ret_dir, PATH_MAX, "%.*s", len, path);
}

/* `run` makes the last step of some: then it need not be there. */
static bool
can_be_made(const char *dir)
{
	char above[PATH_MAX];

	directory_of(dir, above);
	return errno == ENOENT && access(above, W_OK | X_OK) == 0;
}

static void
check_directory(struct host_report *m, const char *what, const char *path,
    const char *dir, bool is_made)
{
	if (*dir == '\0' || access(dir, W_OK | X_OK) == 0 ||
	    (is_made && can_be_made(dir)))
		return;
	if (errno == ENOENT && strcmp(dir, UNITS_LOGS) == 0)
		host_report_tell(m, HOST_REPORT_WARNING,
		    "%s %s: there is no directory %s; hapair.service makes it, who starts otherwise has to",
		    what, path, dir);
	else
		host_report_tell(m, HOST_REPORT_ERROR, "%s %s: directory: %s",
		    what, path, strerror(errno));
}

/* That of the control socket is made, so what is in the same one is fine. */
static void
check_directories(struct host_report *m)
{
	const struct config *c = m->config;
	char made[PATH_MAX], dir[PATH_MAX];

	directory_of(c->control, made);
	check_directory(m, "control socket", c->control, made, true);
	if (c->log.target == LOG_TARGET_FILE) {
		directory_of(c->log.path, dir);
		check_directory(
		    m, "log", c->log.path, dir, strcmp(dir, made) == 0);
	}
	if (c->pid_file != NULL) {
		directory_of(c->pid_file, dir);
		check_directory(
		    m, "pid file", c->pid_file, dir, strcmp(dir, made) == 0);
	}
	if (c->has_pair || c->n_services > 0)
		check_directory(m, "state", state_file_directory(),
		    state_file_directory(), true);
}

/* What is written there, and who else could write it. */
static void
check_written(struct host_report *m)
{
	const struct config *c = m->config;
	char text[PREFLIGHT_TEXT];

	check_directories(m);
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
	if (c->has_web)
		check_password(m, c->web.password_file);
	if (!c->has_pair)
		return;
	check_program(m, "notify", c->pair.notify);
	for (size_t i = 0; i < c->pair.n_tracks; i++)
		check_program(m, "track script", c->pair.tracks[i].script);
}
