#pragma once

/*
 * Socket filters (classic BPF) by the TCP segments that go to certain
 * addresses: for listeners that shall not answer there, and for packet sockets
 * that collect what is sent there. A filter sees one address family, its
 * socket's.
 *
 *	sieve_begin(&s, SIEVE_HUSH, AF_INET);
 *	sieve_add(&s, &address);
 *	r = sieve_end(&s);
 *
 * Pure: attaching it is the caller's.
 */

#include "core/base.h"

#include <linux/filter.h>
#include <sys/socket.h>

union addr;

enum sieve_kind {
	SIEVE_HUSH, /* on a listener: drops SYNs to the addresses */
	SIEVE_SYNS, /* on a packet socket: passes SYNs to them, nothing else */
	SIEVE_TCP,  /* on a packet socket: passes all TCP to them */
};

/* The kernel takes BPF_MAXINSNS (4096); this is 200 IPv6 addresses' worth. */
#define SIEVE_CODE_MAX 2000

struct sieve {
	enum sieve_kind kind;
	sa_family_t family;
	bool full;
	unsigned short n;
	struct sock_filter code[SIEVE_CODE_MAX];
};

void sieve_begin(struct sieve *s, enum sieve_kind kind, sa_family_t family);

/* An address of the other family is none of this filter's. */
void sieve_add(struct sieve *s, const union addr *a);

/* Returns 0, or -E2BIG where the addresses were too many. */
MUST_CHECK int sieve_end(struct sieve *s);

/* For SO_ATTACH_FILTER; points into `s`. */
struct sock_fprog sieve_program(struct sieve *s);
