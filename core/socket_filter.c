#include "core/socket_filter.h"

#include "core/addr.h"

#include <errno.h>

/*
 * Jumps reach 255 instructions, so nothing jumps to a common end: each question
 * that decides has its own return right behind it.
 */

#define ALL UINT32_MAX
#define NONE 0

/* A packet socket's frame begins with the Ethernet header. */
#define ETHERNET 14
#define ARP_SENDER 14

#define IPV4_PROTOCOL 9
#define IPV4_FRAGMENT 6
#define IPV4_FROM 12
#define IPV4_TO 16
#define IPV6_NEXT 6
#define IPV6_FROM 8
#define IPV6_TO 24
#define IPV6_BYTES 40
#define TCP 6
#define TCP_FLAGS 13
#define SYN 0x02
#define SYN_AND_ACK 0x12
#define RST 0x04

/* An instruction; of a question, how many are passed over for which answer. */
static void
put(struct socket_filter *s, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (s->n == SOCKET_FILTER_CODE_MAX)
		s->full = true;
	else
		s->code[s->n++] = (struct sock_filter){ code, yes, no, k };
}

static void
load(struct socket_filter *s, uint16_t how, uint32_t at)
{
	put(s, BPF_LD | how, at, 0, 0);
}

static void
end(struct socket_filter *s, uint32_t verdict)
{
	put(s, BPF_RET | BPF_K, verdict, 0, 0);
}

/* Goes on where the accumulator is `value`, else ends with `verdict`. */
static void
require(struct socket_filter *s, uint32_t value, uint32_t verdict)
{
	put(s, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
	end(s, verdict);
}

/* The accumulator holds TCP's flags: a connection begins with SYN alone. */
static void
require_syn(struct socket_filter *s, uint32_t verdict)
{
	put(s, BPF_ALU | BPF_AND | BPF_K, SYN_AND_ACK, 0, 0);
	require(s, SYN, verdict);
}

static void
begin_frame_v4(struct socket_filter *s)
{
	load(s, BPF_B | BPF_ABS, ETHERNET + IPV4_PROTOCOL);
	require(s, TCP, NONE);
	/* A later fragment has no TCP header. */
	load(s, BPF_H | BPF_ABS, ETHERNET + IPV4_FRAGMENT);
	put(s, BPF_ALU | BPF_AND | BPF_K, 0x1fff, 0, 0);
	require(s, 0, NONE);
	if (s->kind == SOCKET_FILTER_TCP)
		return;
	put(s, BPF_LDX | BPF_B | BPF_MSH, ETHERNET, 0, 0);
	load(s, BPF_B | BPF_IND, ETHERNET + TCP_FLAGS);
	require_syn(s, NONE);
}

/* Extension headers before a SYN are no client's that we serve. */
static void
begin_frame_v6(struct socket_filter *s)
{
	load(s, BPF_B | BPF_ABS, ETHERNET + IPV6_NEXT);
	require(s, TCP, NONE);
	if (s->kind == SOCKET_FILTER_TCP)
		return;
	load(s, BPF_B | BPF_ABS, ETHERNET + IPV6_BYTES + TCP_FLAGS);
	require_syn(s, NONE);
}

/* A raw socket sees IPv4's header, but of IPv6 what comes behind it. */
static void
begin_raw(struct socket_filter *s)
{
	if (s->family == AF_INET) {
		put(s, BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0);
		load(s, BPF_B | BPF_IND, TCP_FLAGS);
	} else {
		load(s, BPF_B | BPF_ABS, TCP_FLAGS);
	}
	put(s, BPF_ALU | BPF_AND | BPF_K, RST, 0, 0);
	require(s, RST, NONE);
}

void
socket_filter_begin(
    struct socket_filter *s, enum socket_filter_kind kind, sa_family_t family)
{
	s->kind = kind;
	s->family = family;
	s->full = false;
	s->n = 0;
	switch (kind) {
	case SOCKET_FILTER_MUTE:
		/* A listener's filter sees the TCP header at offset 0. */
		load(s, BPF_B | BPF_ABS, TCP_FLAGS);
		require_syn(s, ALL);
		break;
	case SOCKET_FILTER_FROM:
		break; /* the address alone decides */
	case SOCKET_FILTER_ARP:
		/* To a group, or to all? */
		load(s, BPF_B | BPF_ABS, 0);
		put(s, BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
		put(s, BPF_RET | BPF_K, ALL, 0, 0);
		break;
	case SOCKET_FILTER_RESETS:
		begin_raw(s);
		break;
	case SOCKET_FILTER_SYNS:
	case SOCKET_FILTER_TCP:
		if (family == AF_INET)
			begin_frame_v4(s);
		else
			begin_frame_v6(s);
		break;
	}
}

static uint32_t
word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	    (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Where the address stands that is asked for. */
static uint32_t
place(const struct socket_filter *s)
{
	const bool v4 = s->family == AF_INET;

	switch (s->kind) {
	case SOCKET_FILTER_MUTE:
	case SOCKET_FILTER_RESETS:
		return (uint32_t)SKF_NET_OFF + (v4 ? IPV4_TO : IPV6_TO);
	case SOCKET_FILTER_FROM:
		return (uint32_t)SKF_NET_OFF + (v4 ? IPV4_FROM : IPV6_FROM);
	case SOCKET_FILTER_SYNS:
	case SOCKET_FILTER_TCP:
		return ETHERNET + (v4 ? IPV4_TO : IPV6_TO);
	case SOCKET_FILTER_ARP:
		break;
	}
	return ETHERNET + ARP_SENDER;
}

void
socket_filter_add(struct socket_filter *s, const union addr *a)
{
	const bool v4 = s->family == AF_INET;
	const uint8_t *bytes =
	    v4 ? (const uint8_t *)&a->in.sin_addr : a->in6.sin6_addr.s6_addr;
	const size_t len = v4 ? 4 : 16;

	if (a->sa.sa_family != s->family)
		return;
	for (size_t i = 0; i < len; i += 4) {
		/* Past the other words' pairs, and past the verdict. */
		const uint8_t rest = (uint8_t)((len - 4 - i) / 2 + 1);

		load(s, BPF_W | BPF_ABS, place(s) + (uint32_t)i);
		put(s, BPF_JMP | BPF_JEQ | BPF_K, word(bytes + i), 0, rest);
	}
	end(s, s->kind == SOCKET_FILTER_MUTE ? NONE : ALL);
}

int
socket_filter_end(struct socket_filter *s)
{
	/* To none of the addresses: a muted listener answers that. */
	end(s, s->kind == SOCKET_FILTER_MUTE ? ALL : NONE);
	return s->full ? -E2BIG : 0;
}

struct sock_fprog
socket_filter_program(struct socket_filter *s)
{
	return (struct sock_fprog){ .len = s->n, .filter = s->code };
}
