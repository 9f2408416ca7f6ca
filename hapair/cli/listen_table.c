#include "hapair/cli/listen_table.h"

#include "core/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * By sock_diag, which tells what /proc/net/tcp6 does not: whether a socket is
 * for IPv6 only.
 */

#define FIRST_ROOM 64

/* What the kernel sends at once, as it wants it to be read. */
#define ANSWER_BYTES 32768

static int
append(struct listen_table *t, const struct listen_table_entry *e)
{
	/* Room is a power of two; it is full when n is one. */
	if (t->n == 0 || (t->n >= FIRST_ROOM && (t->n & (t->n - 1)) == 0)) {
		size_t room = t->n < FIRST_ROOM ? FIRST_ROOM : 2 * t->n;
		void *more =
		    reallocarray(t->entries, room, sizeof(*t->entries));

		if (more == NULL)
			return -ENOMEM;
		t->entries = more;
	}
	t->entries[t->n++] = *e;
	return 0;
}

static int
take_socket(struct listen_table *t, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	const size_t len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	const struct rtattr *a = (const void *)(m + 1);
	struct listen_table_entry e = { .inode = m->idiag_inode };

	if (m->idiag_family == AF_INET) {
		e.at.in.sin_family = AF_INET;
		memcpy(&e.at.in.sin_addr, m->id.idiag_src, 4);
	} else {
		e.at.in6.sin6_family = AF_INET6;
		memcpy(&e.at.in6.sin6_addr, m->id.idiag_src, 16);
	}
	addr_set_port(&e.at, ntohs(m->id.idiag_sport));
	addr_normalize(&e.at);
	for (size_t left = len; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_SKV6ONLY)
			e.v6_only = *(const uint8_t *)RTA_DATA(a) != 0;
	return append(t, &e);
}

/* Of one answer. 1: it was the last. */
static int
take_answer(struct listen_table *t, const void *data, size_t len)
{
	for (const struct nlmsghdr *h = data; NLMSG_OK(h, len);
	     h = NLMSG_NEXT(h, len)) {
		int e = 0;

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			e = take_socket(t, h);
		if (e < 0)
			return e;
	}
	return 0;
}

static int
ask(struct listen_table *t, int fd, uint8_t family)
{
	const struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = family,
		    .sdiag_protocol = IPPROTO_TCP,
		    .idiag_states = 1U << TCP_LISTEN },
	};
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
	int e = 0;

	if (send(fd, &request, sizeof(request), 0) == -1)
		return -errno;
	while (e == 0) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n == -1 && errno == EINTR)
			continue;
		e = n > 0 ? take_answer(t, answer, (size_t)n) : -EIO;
	}
	return e < 0 ? e : 0;
}

static int
compare(const void *a, const void *b)
{
	const struct listen_table_entry *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void
read_name(struct listen_table_entry *t)
{
	char path[40];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->pid);
	f = fopen(path, "re");
	if (f == NULL) {
		t->pid = 0; /* it has just ended: nobody's */
		return;
	}
	if (fgets(t->name, sizeof(t->name), f) != NULL)
		t->name[strcspn(t->name, "\n")] = '\0';
	(void)fclose(f);
}

/* Processes that were started first are found first: masters, supervisors. */
static void
look_into(struct listen_table *t, const char *pid)
{
	struct listen_table_entry self = { .pid = (pid_t)atoi(pid) };
	char path[40], link[40];
	struct dirent *e;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		ssize_t n =
		    readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
		struct listen_table_entry wanted, *found;

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%" SCNu32 "]", &wanted.inode) != 1)
			continue;
		found =
		    bsearch(&wanted, t->entries, t->n, sizeof(wanted), compare);
		if (found == NULL || found->pid != 0)
			continue;
		if (self.name[0] == '\0')
			read_name(&self);
		found->pid = self.pid;
		memcpy(found->name, self.name, sizeof(found->name));
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
find_processes(struct listen_table *t)
{
	struct dirent *e;
	DIR *dir = opendir("/proc");

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			look_into(t, e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

int
listen_table_read(struct listen_table *t)
{
	CLEANUP(fd_close)
	int fd =
	    socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int e = fd != -1 ? 0 : -errno;

	if (e == 0)
		e = ask(t, fd, AF_INET);
	if (e == 0)
		e = ask(t, fd, AF_INET6);
	if (e < 0) {
		listen_table_free(t);
		return e;
	}
	if (t->n == 0)
		return 0;
	qsort(t->entries, t->n, sizeof(*t->entries), compare);
	find_processes(t);
	return 0;
}

void
listen_table_free(struct listen_table *t)
{
	free(t->entries);
	*t = (struct listen_table){ 0 };
}
