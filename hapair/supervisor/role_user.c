#include "hapair/supervisor/role_user.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "hapair/supervisor/user_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Numbers that nobody has. Debian's policy and systemd (its page on UIDs and
 * GIDs) leave the first ones alone, and a container that has but 65,536 users
 * has them. The others are for more daemons on one host than these are enough
 * for.
 */
static const struct range {
	uid_t first, last;
} unused[] = { { 65520, 65533 }, { 65600, 66623 } };

#define NOBODY 65534

/* Whoever looks through more has no time to start. */
#define PROCESSES_MAX 65536

/* Whom the processes of this host belong to. */
struct owners {
	struct owner {
		uid_t uid;
		bool is_relay; /* of a daemon like this one */
	} * all;
	size_t n;
};

static const char *
field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? at + strlen(name) : "";
}

/* False: it has ended, or is not for us to see. */
static bool
find_owner(int proc, const char *pid, struct owner *ret_owner)
{
	static const char relay[] = "Name:\thapair-relay\n";
	CLEANUP(fd_close) int fd = -1;
	char path[64], text[1024];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%.20s/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	ret_owner->uid = (uid_t)strtoul(field(text, "\nUid:"), NULL, 10);
	ret_owner->is_relay = strncmp(text, relay, sizeof(relay) - 1) == 0;
	return true;
}

/* Without memory or /proc nobody is found, which is no reason not to start. */
static struct owners
find_owners(void)
{
	struct owners o = { .all = calloc(PROCESSES_MAX, sizeof(*o.all)) };
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	while (dir != NULL && o.all != NULL && o.n < PROCESSES_MAX &&
	    (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    find_owner(dirfd(dir), entry->d_name, &o.all[o.n]))
			o.n++;
	if (dir != NULL)
		(void)closedir(dir);
	return o;
}

static bool
is_owner(const struct owners *o, uid_t uid, bool and_no_relay)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->all[i].uid == uid &&
		    !(and_no_relay && o->all[i].is_relay))
			return true;
	return false;
}

static bool
is_shared(const struct owners *o, uid_t uid)
{
	return uid == NOBODY || is_owner(o, uid, true);
}

/* `but`: of other roles, which may not run yet. 0: there is none. */
static uid_t
unused_number(const struct owners *o, const struct role_user *but)
{
	for (size_t r = 0; r < ARRAY_LEN(unused); r++)
		for (uid_t id = unused[r].first; id <= unused[r].last; id++)
			if (id != but->failover.uid && id != but->relay.uid &&
			    !is_owner(o, id, false) && getpwuid(id) == NULL &&
			    getgrgid(id) == NULL)
				return id;
	return 0;
}

/* Root is no user for a role, whatever it is called. */
static bool
is_user(const char *name, struct proc_user *ret_user)
{
	struct proc_user user;

	if (!user_name_find(name, &user) || user.uid == 0)
		return false;
	*ret_user = user;
	return true;
}

static struct proc_user
number(const struct owners *o, const char *role, const struct role_user *but)
{
	const uid_t id = unused_number(o, but);

	if (id == 0) {
		log_warning(role,
		    "[rights] there is no user hapair-%s and no number to be had, running as nobody, whose other processes can end it",
		    role);
		return (struct proc_user){ NOBODY, NOBODY };
	}
	log_notice(role,
	    "there is no user hapair-%s, running as number %u, which no other process has",
	    role, id);
	return (struct proc_user){ id, id };
}

static struct proc_user
choose_relay(const struct owners *o, const struct config *c,
    const struct role_user *others)
{
	struct proc_user user = { 0, 0 };
	gid_t gid;

	if (c->user != NULL && is_user(c->user, &user)) {
		if (is_shared(o, user.uid))
			log_warning("relay",
			    "[rights] runs as user '%s', whose other processes can end it",
			    c->user);
	} else if (!is_user("hapair-relay", &user) &&
	    !is_user("hapair", &user)) {
		user = number(o, "relay", others);
	}
	/* One that is not there was refused before. */
	if (c->group != NULL && user_name_find_group(c->group, &gid))
		user.gid = gid;
	return user;
}

struct role_user
role_user_choose(const struct config *c)
{
	struct owners owners;
	struct role_user r = { .relay = { 0, 0 } };

	/* Nobody can become another, and a start without a pair needs not. */
	if (geteuid() != 0) {
		r.failover = (struct proc_user){ geteuid(), getegid() };
		r.relay = r.director = r.failover;
		return r;
	}
	owners = find_owners();
	if (!is_user("hapair-failover", &r.failover))
		r.failover = number(&owners, "failover", &r);
	r.relay = choose_relay(&owners, c, &r);
	free(owners.all);
	return r;
}

struct proc_user
role_user_director(const struct role_user *others)
{
	struct proc_user user = { geteuid(), getegid() };
	struct owners owners;

	if (user.uid != 0 || is_user("hapair-director", &user))
		return user;
	owners = find_owners();
	user = number(&owners, "director", others);
	free(owners.all);
	return user;
}
