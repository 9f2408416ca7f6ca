#include "hapair/cli/port_use.h"

#include "core/fd.h"
#include "core/mono.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * A relay whose supervisor was killed hears it at once, and closes thousands of
 * connections before its listeners.
 */
#define PATIENCE_MS 2000
#define LOOK_MS 10

/* [::] may be everything of both families. */
static bool
overlaps(const struct listen_table_entry *there, const union addr *a)
{
	const bool same_family = there->at.sa.sa_family == a->sa.sa_family;

	if (addr_port(&there->at) != addr_port(a))
		return false;
	if (addr_is_any(&there->at))
		return same_family ||
		    (there->at.sa.sa_family == AF_INET6 && !there->v6_only);
	if (addr_is_any(a))
		return same_family;
	return addr_is_same_ip(&there->at, a);
}

static bool
is_other(const struct port_use *u)
{
	static const char own[] = "hapair";

	return u->pid != 0 && strncmp(u->name, own, sizeof(own) - 1) != 0;
}

/* Binds as nobody else may be bound beside, or as our listeners do. */
static int
try_bind(const union addr *a, bool shares)
{
	const bool v6 = a->sa.sa_family == AF_INET6;
	const int on = 1;
	CLEANUP(fd_close)
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP,
	        v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on)) == -1)
		return -errno;
	if (v6 && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return -errno;
	if (shares &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1)
		return -errno;
	return bind(fd, &a->sa, addr_len(a)) == -1 ? -errno : 0;
}

/* Who takes clients of ours is told before who takes none. */
static enum port_use_answer
look(const struct listen_table *t, const union addr *a, bool others,
    struct port_use *ret_use)
{
	enum port_use_answer answer = PORT_USE_FREE;

	*ret_use = (struct port_use){ .listens = *a };
	for (size_t i = 0; i < t->n; i++) {
		const struct listen_table_entry *e = &t->entries[i];
		struct port_use u;
		bool beside;

		if (!overlaps(e, a))
			continue;
		u = (struct port_use){ .pid = e->pid, .listens = e->at };
		memcpy(u.name, e->name, sizeof(u.name));
		if (others && !is_other(&u))
			continue;
		beside = is_other(&u) && addr_is_any(&e->at) && !addr_is_any(a);
		if (beside && answer != PORT_USE_FREE)
			continue;
		*ret_use = u;
		answer = beside ? PORT_USE_BESIDE : PORT_USE_TAKEN;
		if (!beside)
			break;
	}
	return answer;
}

enum port_use_answer
port_use_look_for_others(
    const struct listen_table *t, const union addr *a, struct port_use *ret_use)
{
	return look(t, a, true, ret_use);
}

bool
port_use_is_ours(const struct listen_table *t, const union addr *a)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct listen_table_entry *e = &t->entries[i];
		struct port_use u = { .pid = e->pid };

		memcpy(u.name, e->name, sizeof(u.name));
		if (addr_is_same(&e->at, a) && !is_other(&u))
			return true;
	}
	return false;
}

enum port_use_answer
port_use_look_after_ours(const struct listen_table *t, const union addr *a,
    struct port_use *ret_use, int *ret_error)
{
	const enum port_use_answer found = look(t, a, true, ret_use);
	/* Ours share, and are in nobody's way: who keeps us out does not. */
	const int e = try_bind(a, true);

	*ret_error = e;
	if (e < 0 && e != -EADDRINUSE)
		return PORT_USE_UNUSABLE;
	return e == 0 ? found : PORT_USE_TAKEN;
}

/* The port is not ours alone. */
static enum port_use_answer
judge(
    const struct listen_table *t, const union addr *a, struct port_use *ret_use)
{
	/* A program that does not share its port keeps us out everywhere. */
	if (look(t, a, false, ret_use) == PORT_USE_BESIDE &&
	    try_bind(a, true) == 0)
		return PORT_USE_BESIDE;
	return PORT_USE_TAKEN;
}

enum port_use_answer
port_use_look(const struct listen_table *t, const union addr *a,
    struct port_use *ret_use, int *ret_error)
{
	const int e = try_bind(a, false);

	*ret_error = e;
	if (e == -EADDRINUSE)
		return judge(t, a, ret_use);
	return e == 0 ? PORT_USE_FREE : PORT_USE_UNUSABLE;
}

enum port_use_answer
port_use_await(const union addr *a, struct port_use *ret_use)
{
	static const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	const struct mono until = mono_add_ms(mono_now(), PATIENCE_MS);
	int e;

	while ((e = try_bind(a, false)) == -EADDRINUSE) {
		struct listen_table t = { 0 };
		enum port_use_answer answer;

		/* A host that does not tell: then nobody can be found. */
		(void)!listen_table_read(&t);
		answer = judge(&t, a, ret_use);
		listen_table_free(&t);
		/* One that is not found has just ended, or is not ours to see.
		 */
		if (answer == PORT_USE_BESIDE || is_other(ret_use) ||
		    !mono_before(mono_now(), until))
			return answer;
		(void)nanosleep(&pause, NULL);
	}
	return e == 0 ? PORT_USE_FREE : PORT_USE_UNUSABLE;
}

const char *
port_use_text(const struct port_use *u, char buf[static PORT_USE_TEXT])
{
	char there[ADDR_TEXT_MAX];

	if (u->pid == 0)
		(void)snprintf(buf, PORT_USE_TEXT,
		    "already in use by a process that cannot be found");
	else
		(void)snprintf(buf, PORT_USE_TEXT,
		    "already in use by %s, process %d, which listens on %s",
		    u->name, (int)u->pid, addr_format(&u->listens, there));
	return buf;
}

const char *
port_use_text_beside(const struct port_use *u, char buf[static PORT_USE_TEXT])
{
	char there[ADDR_TEXT_MAX];

	(void)snprintf(buf, PORT_USE_TEXT,
	    "%s, process %d, listens on %s; the clients of this address are ours while hapair runs",
	    u->name, (int)u->pid, addr_format(&u->listens, there));
	return buf;
}
