#include "proxy/relay_bounds.h"

#include "config/config.h"
#include "core/log.h"
#include "core/path_rules.h"
#include "core/syscall_filter.h"
#include "proxy/health/curl_library.h"
#include "proxy/health/http_client.h"
#include "proxy/health/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/netlink.h>

static const struct syscall_filter_rule rules[] = {
	{ .calls = "splice" },
	/* getaddrinfo(3) asks which addresses there are. */
	{ .calls = "socket",
	    .tests = { SYSCALL_FILTER_INT(0, AF_NETLINK),
	        SYSCALL_FILTER_INT(2, NETLINK_ROUTE) } },
	/* libcurl wakes itself by it. */
	{ .calls = "socketpair", .tests = { SYSCALL_FILTER_INT(0, AF_UNIX) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_GETPIPE_SZ) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_SETPIPE_SZ) } },
	/* Where the next relay gets what connections hold, if it is much. */
	{ .calls = "memfd_create" },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_ADD_SEALS) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_GET_SEALS) } },
	/* The resolver's, of newer versions of c-ares. */
	{ .calls = "inotify_init1 inotify_add_watch inotify_rm_watch" },
	/* Certificates, names, and what libkrb5 and the C library look at. */
	{ .calls = "open openat stat lstat newfstatat statx access faccessat" },
	{ .calls = "readlink readlinkat getdents64 getcwd statfs fstatfs" },
	/* Plugins of both: a file's code, which nobody can write to. */
	{ .calls = "mmap",
	    .tests = { { 2, PROT_EXEC | PROT_WRITE, PROT_EXEC },
	        SYSCALL_FILTER_NONE_OF(3, MAP_ANONYMOUS) } },
	/* For the page and for lists, which have less of the processor. */
	{ .calls = "sched_getattr sched_setattr",
	    .tests = { SYSCALL_FILTER_INT(0, 0) } },
	/* A keytab is locked while it is read. */
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_GETLK) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_SETLK) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_SETLKW) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_OFD_SETLK) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_OFD_SETLKW) } },
};

/* The environment's tickets are in a file that is replaced, or in a keyring. */
static const struct syscall_filter_rule with_cache[] = {
	{ .calls =
	        "flock ftruncate fsync fdatasync umask chmod fchmod fchmodat" },
	{ .calls =
	        "mkdir mkdirat unlink unlinkat rename renameat renameat2 dup" },
	{ .calls = "keyctl add_key request_key" },
};
static const struct syscall_filter_rule without_cache[] = {
	{ .calls = "keyctl add_key request_key", .error = ENOSYS },
};

#define RULES_MAX (ARRAY_LEN(rules) + ARRAY_LEN(with_cache))

/*
 * Where the C library, c-ares, OpenSSL and libkrb5 look, with what they link
 * to: directories, since files in them are replaced by others of their name.
 */
static const char *const looked_at[] = { "/etc", "/usr", "/lib", "/lib64",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	"/run/connman", "/run/nscd", "/var/lib/sss", "/var/lib/ca-certificates",
	"/proc/sys", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom",
	"/dev/random" };

/* Paths that are ours to free. */
struct places {
	struct path_rules_path *all;
	size_t n, room;
};

static void
add(struct places *p, const char *path, size_t len, enum path_rules_right right)
{
	char *copy;

	for (size_t i = 0; i < p->n; i++)
		if (p->all[i].right == right &&
		    strncmp(p->all[i].path, path, len) == 0 &&
		    p->all[i].path[len] == '\0')
			return;
	copy = p->n < p->room ? strndup(path, len) : NULL;
	if (copy != NULL)
		p->all[p->n++] = (struct path_rules_path){ copy, right };
}

/* With the directory of the file, unless that is the root. */
static void
add_file(struct places *p, const char *path, enum path_rules_right right)
{
	const char *end = path != NULL ? strrchr(path, '/') : NULL;

	if (end != NULL && end != path)
		add(p, path, (size_t)(end - path), right);
	else if (end != NULL)
		add(p, path, strlen(path), right);
}

static bool
is_environments(const struct config_check *c)
{
	return c->type == CONFIG_CHECK_HTTP && c->negotiate &&
	    c->negotiate_keytab == NULL;
}

/* What the checks of a configuration need. */
struct needs {
	bool scripts, cache;
};

static struct needs
look_at_checks(const struct config *c, struct places *ret_places)
{
	struct needs needs = { false, false };

	for (size_t i = 0; i < c->n_services; i++)
		for (size_t k = 0; k < c->services[i].n_servers; k++) {
			const struct config_check *check =
			    &c->services[i].servers[k].check;

			if (check->type == CONFIG_CHECK_SCRIPT)
				needs.scripts = true;
			if (is_environments(check))
				needs.cache = true;
			add_file(ret_places, check->ca, PATH_RULES_READ);
		}
	return needs;
}

static void
add_tickets(struct places *p, bool cache)
{
	struct ticket_files f;

	ticket_find_files(&f);
	add_file(p, f.config, PATH_RULES_READ);
	if (!cache)
		return;
	add_file(p, f.keytab, PATH_RULES_READ);
	if (f.is_directory)
		add(p, f.cache, strlen(f.cache), PATH_RULES_WRITE);
	else
		add_file(p, f.cache, PATH_RULES_WRITE);
}

static void
bound_files(struct places *p, bool cache)
{
	int e;

	for (size_t i = 0; i < ARRAY_LEN(looked_at); i++)
		add(p, looked_at[i], strlen(looked_at[i]), PATH_RULES_READ);
	add_file(p, getenv("SSL_CERT_FILE"), PATH_RULES_READ);
	add_tickets(p, cache);
	e = path_rules_enter(p->all, p->n);
	if (e < 0)
		log_debug("relay", "files are not bounded: %s", strerror(-e));
}

static int
bound_calls(bool cache, int report)
{
	struct syscall_filter_rule all[RULES_MAX];
	const size_t n = ARRAY_LEN(rules);

	memcpy(all, rules, sizeof(rules));
	if (!cache) {
		memcpy(all + n, without_cache, sizeof(without_cache));
		return syscall_filter_enter(
		    all, n + ARRAY_LEN(without_cache), report);
	}
	memcpy(all + n, with_cache, sizeof(with_cache));
	return syscall_filter_enter(all, n + ARRAY_LEN(with_cache), report);
}

int
relay_bounds_drop(const struct proc_user *user, pid_t parent)
{
	const char *what = "";
	int e = proc_drop(user, PROC_CAPS_NONE, &what);

	if (e == 0)
		return proc_die_with(parent, SIGTERM);
	log_error("relay", "[start] %s %u: %s", what, user->uid, strerror(-e));
	return e;
}

/* As long as its files may be anywhere. */
static int
load_library(const struct config *c)
{
	char why[LATE_LIBRARY_WHY_MAX];
	int e = 0;

	if (curl_library_is_needed(c))
		e = http_client_load(why);
	if (e < 0)
		log_error("relay", "[start] a check needs libcurl: %s", why);
	return e;
}

int
relay_bounds_enter(const struct config *c, int report)
{
	struct places places = { .room = ARRAY_LEN(looked_at) + 8 };
	struct needs needs;
	int e = load_library(c);

	if (e < 0)
		return e;
	for (size_t i = 0; i < c->n_services; i++)
		places.room += c->services[i].n_servers;
	places.all = calloc(places.room, sizeof(*places.all));
	if (places.all == NULL)
		places.room = 0;
	needs = look_at_checks(c, &places);
	if (!needs.scripts)
		bound_files(&places, needs.cache);
	e = needs.scripts ? syscall_filter_enter_wide(report)
	                  : bound_calls(needs.cache, report);
	if (e < 0)
		log_notice(
		    "relay", "system calls are not filtered: %s", strerror(-e));
	for (size_t i = 0; i < places.n; i++)
		free((char *)(uintptr_t)places.all[i].path);
	free(places.all);
	return 0;
}
