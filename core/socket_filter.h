#pragma once

/*
 * Socket filters (classic BPF) by certain addresses: for listeners that shall
 * not answer there, or nobody but them, and for packet sockets that collect
 * what is sent there, or said by them. A filter sees one address family, its
 * socket's.
 *
 *	socket_filter_begin(&s, SOCKET_FILTER_MUTE, AF_INET);
 *	socket_filter_add(&s, &address);
 *	e = fd_attach_filter(fd, &s);
 *
 * Pure: attaching it is fd.c's.
 */

#include "core/base.h"

#include <linux/filter.h>
#include <sys/socket.h>

union addr;

enum socket_filter_kind {
	SOCKET_FILTER_MUTE, /* on a listener: drops SYNs to the addresses */
	SOCKET_FILTER_FROM, /* on a listener, or of UDP: drops what is not from
	                       them */
	SOCKET_FILTER_SYNS, /* on a packet socket: passes SYNs to them, nothing
	                       else */
	SOCKET_FILTER_TCP,  /* on a packet socket: passes all TCP to them */
	SOCKET_FILTER_RESETS, /* on a raw one of TCP: passes resets to them */
	SOCKET_FILTER_ARP, /* on one for ARP: passes what they say (IPv4), and
	                      what is said to this host alone */
};

/* What the kernel takes: BPF_MAXINSNS. */
#define SOCKET_FILTER_CODE_MAX 4096

/* Of one family: all virtual IPs there may be, and the nodes' own. */
#define SOCKET_FILTER_ADDRESSES_MAX 540

struct socket_filter_address {
	uint32_t words[4]; /* of IPv4 the first */
};

struct socket_filter {
	enum socket_filter_kind kind;
	sa_family_t family;
	bool full;
	unsigned n_addresses;
	struct socket_filter_address addresses[SOCKET_FILTER_ADDRESSES_MAX];
	unsigned short n;
	struct sock_filter code[SOCKET_FILTER_CODE_MAX];
};

void socket_filter_begin(
    struct socket_filter *s, enum socket_filter_kind kind, sa_family_t family);

/* An address of the other family is none of this filter's. */
void socket_filter_add(struct socket_filter *s, const union addr *a);

/*
 * Once. Returns 0, or -E2BIG where the addresses were too many. The last
 * instruction is what becomes of all others.
 */
MUST_CHECK int socket_filter_end(struct socket_filter *s);

/* For SO_ATTACH_FILTER; points into `s`. */
struct sock_fprog socket_filter_program(struct socket_filter *s);
