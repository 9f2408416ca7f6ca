#include "hapair/cli/port_use.h"

#include "core/fd.h"
#include "core/mono.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A relay whose supervisor was killed hears it at once, and closes thousands of
 * connections before its listeners.
 */
#define PATIENCE_MS 2000
#define LOOK_MS 10

/* The state LISTEN in /proc/net/tcp: TCP_LISTEN of the kernel's. */
#define LISTENS 10

/* Bytes as /proc/net/tcp shows them: words of the machine's order. */
static bool
read_ip(const char *hex, union addr *ret_addr)
{
	const size_t words = strlen(hex) / 8;
	uint32_t ip[4];

	if (words != 1 && words != 4)
		return false;
	for (size_t i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &ip[i]) != 1)
			return false;
	*ret_addr = (union addr){ 0 };
	if (words == 1) {
		ret_addr->in.sin_family = AF_INET;
		memcpy(&ret_addr->in.sin_addr, ip, 4);
	} else {
		ret_addr->in6.sin6_family = AF_INET6;
		memcpy(&ret_addr->in6.sin6_addr, ip, 16);
		addr_normalize(ret_addr);
	}
	return true;
}

/* [::] may be everything of both families. */
static bool
overlaps(const union addr *there, const union addr *a)
{
	const bool same_family = there->sa.sa_family == a->sa.sa_family;

	if (addr_port(there) != addr_port(a))
		return false;
	if (addr_is_any(there))
		return same_family || there->sa.sa_family == AF_INET6;
	if (addr_is_any(a))
		return same_family;
	return addr_is_same_ip(there, a);
}

/* A listening socket of a line of this table. */
static bool
read_line(const char *line, union addr *ret_there, uint64_t *ret_inode)
{
	char ip[40];
	unsigned port, state;

	if (sscanf(line,
	        " %*d: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %" SCNu64,
	        ip, &port, &state, ret_inode) != 4 ||
	    state != LISTENS || !read_ip(ip, ret_there))
		return false;
	addr_set_port(ret_there, (uint16_t)port);
	return true;
}

static bool
has_socket(const char *pid, uint64_t inode)
{
	char path[300], wanted[40], link[40];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	(void)snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !found && (e = readdir(dir)) != NULL) {
		ssize_t n =
		    readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

static void
read_name(struct port_use *u)
{
	char path[40];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)u->pid);
	f = fopen(path, "re");
	if (f == NULL) {
		u->pid = 0; /* it has just ended: nobody's */
		return;
	}
	if (fgets(u->name, sizeof(u->name), f) != NULL)
		u->name[strcspn(u->name, "\n")] = '\0';
	(void)fclose(f);
}

/* Processes that were started first are found first: masters, supervisors. */
static void
find_process(struct port_use *u, uint64_t inode)
{
	struct dirent *e;
	DIR *dir = opendir("/proc");

	while (dir != NULL && u->pid == 0 && (e = readdir(dir)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    has_socket(e->d_name, inode))
			u->pid = (pid_t)atoi(e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	if (u->pid != 0)
		read_name(u);
}

static bool
is_hapair(const struct port_use *u)
{
	static const char own[] = "hapair";

	return strncmp(u->name, own, sizeof(own) - 1) == 0;
}

/* The first in this table; `others`: who is no hapair. */
static bool
find_in(const char *table, const union addr *a, bool others,
    struct port_use *ret_use)
{
	FILE *f = fopen(table, "re");
	char line[512];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		struct port_use u = { .pid = 0 };
		uint64_t inode;

		if (!read_line(line, &u.listens, &inode) ||
		    !overlaps(&u.listens, a))
			continue;
		find_process(&u, inode);
		found = !others || (u.pid != 0 && !is_hapair(&u));
		if (found)
			*ret_use = u;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static bool
find(const union addr *a, bool others, struct port_use *ret_use)
{
	return find_in("/proc/self/net/tcp", a, others, ret_use) ||
	    find_in("/proc/self/net/tcp6", a, others, ret_use);
}

struct port_use
port_use_find(const union addr *a)
{
	struct port_use u = { .pid = 0, .listens = *a };

	(void)find(a, false, &u);
	return u;
}

bool
port_use_is_shared(const union addr *a, struct port_use *ret_use)
{
	return find(a, true, ret_use);
}

int
port_use_try(const union addr *a)
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
	return bind(fd, &a->sa, addr_len(a)) == -1 ? -errno : 0;
}

int
port_use_await(const union addr *a, struct port_use *ret_use)
{
	static const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	const struct mono until = mono_add_ms(mono_now(), PATIENCE_MS);
	int e;

	while ((e = port_use_try(a)) == -EADDRINUSE) {
		*ret_use = port_use_find(a);
		/* One that is not found has just ended, or is not ours to see.
		 */
		if ((ret_use->pid != 0 && !is_hapair(ret_use)) ||
		    !mono_before(mono_now(), until))
			break;
		(void)nanosleep(&pause, NULL);
	}
	return e;
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
