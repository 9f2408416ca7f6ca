#include "core/socket_filter.h"

#include "core/addr.h"

#include <errno.h>
#include <string.h>

/*
 * Addresses are sorted, so that a word that many have in common is asked for
 * once, and those that follow each other are one question: 512 addresses of a
 * few subnets are a few instructions, and 512 that are nowhere near each other
 * in some networks of IPv6 are 2,600. The kernel has little room for a socket's
 * filter (net.core.optmem_max).
 *
 * Jumps on a condition reach 255 instructions, so nothing jumps to a common
 * end: each question that decides has its own return right behind it.
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
	s->n_addresses = 0;
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

static int
compare(const struct socket_filter_address *a,
    const struct socket_filter_address *b)
{
	for (unsigned i = 0; i < ARRAY_LEN(a->words); i++)
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i] ? -1 : 1;
	return 0;
}

/* Where it stands among the others, once. */
void
socket_filter_add(struct socket_filter *s, const union addr *a)
{
	struct socket_filter_address new = { 0 };
	unsigned at = s->n_addresses;
	const bool v4 = s->family == AF_INET;
	const uint8_t *bytes =
	    v4 ? (const uint8_t *)&a->in.sin_addr : a->in6.sin6_addr.s6_addr;

	if (a->sa.sa_family != s->family)
		return;
	for (size_t i = 0; i < (v4 ? 4 : 16); i += 4)
		new.words[i / 4] = word(bytes + i);
	while (at > 0 && compare(&s->addresses[at - 1], &new) > 0)
		at--;
	if (at > 0 && compare(&s->addresses[at - 1], &new) == 0)
		return;
	if (s->n_addresses == SOCKET_FILTER_ADDRESSES_MAX) {
		s->full = true;
		return;
	}
	memmove(&s->addresses[at + 1], &s->addresses[at],
	    (s->n_addresses - at) * sizeof(new));
	s->addresses[at] = new;
	s->n_addresses++;
}

static unsigned
last_word(const struct socket_filter *s)
{
	return s->family == AF_INET ? 0 : 3;
}

static uint32_t
of_listed(const struct socket_filter *s)
{
	return s->kind == SOCKET_FILTER_MUTE ? NONE : ALL;
}

static uint32_t
of_others(const struct socket_filter *s)
{
	return s->kind == SOCKET_FILTER_MUTE ? ALL : NONE;
}

/*
 * The accumulator is an address's last word. Asks for the first of the list and
 * those that follow it one by one; returns which comes next.
 */
static unsigned
match_run(
    struct socket_filter *s, unsigned first, unsigned last, unsigned end_at)
{
	const uint32_t low = s->addresses[first].words[last];
	uint32_t high = low;
	unsigned next = first + 1;

	while (next < end_at && s->addresses[next].words[last] == high + 1) {
		high++;
		next++;
	}
	if (low == high) {
		put(s, BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1);
	} else {
		put(s, BPF_JMP | BPF_JGE | BPF_K, low, 0, 2);
		put(s, BPF_JMP | BPF_JGT | BPF_K, high, 1, 0);
	}
	end(s, of_listed(s));
	return next;
}

/*
 * The accumulator is this word of an address that nobody else begins like: goes
 * on behind what is put here where it is another.
 */
static void
match_one(
    struct socket_filter *s, unsigned which, unsigned last, unsigned index)
{
	const uint32_t *words = s->addresses[index].words;

	put(s, BPF_JMP | BPF_JEQ | BPF_K, words[which], 0,
	    (uint8_t)(2 * (last - which) + 2));
	for (unsigned i = which + 1; i <= last; i++) {
		load(s, BPF_MEM, i);
		put(s, BPF_JMP | BPF_JEQ | BPF_K, words[i], 0,
		    (uint8_t)(2 * (last - i) + 1));
	}
	end(s, of_listed(s));
	end(s, of_others(s));
}

/*
 * Decides about the addresses from `first` to before `end_at`, which have the
 * words before this one in common. As deep as an address has words.
 */
static void
match(struct socket_filter *s, unsigned which, unsigned first, unsigned end_at)
{
	const unsigned last = last_word(s);

	load(s, BPF_MEM, which);
	while (first < end_at && !s->full) {
		const uint32_t word = s->addresses[first].words[which];
		unsigned next = first, over;

		if (which == last) {
			first = match_run(s, first, last, end_at);
			continue;
		}
		while (next < end_at && s->addresses[next].words[which] == word)
			next++;
		if (next == first + 1) {
			match_one(s, which, last, first);
			first = next;
			continue;
		}
		put(s, BPF_JMP | BPF_JEQ | BPF_K, word, 1, 0);
		over = s->n;
		put(s, BPF_JMP | BPF_JA, 0, 0, 0);
		match(s, which + 1, first, next);
		if (!s->full)
			s->code[over].k = s->n - over - 1U;
		first = next;
	}
	end(s, of_others(s));
}

/*
 * The kernel makes ten instructions of one that reads from a packet, so each
 * word is read once, and kept.
 */
static void
keep_words(struct socket_filter *s)
{
	for (unsigned i = 0; i <= last_word(s); i++) {
		load(s, BPF_W | BPF_ABS, place(s) + 4 * i);
		put(s, BPF_ST, i, 0, 0);
	}
}

int
socket_filter_end(struct socket_filter *s)
{
	if (s->n_addresses > 0) {
		keep_words(s);
		match(s, 0, 0, s->n_addresses);
	} else {
		end(s, of_others(s));
	}
	return s->full ? -E2BIG : 0;
}

struct sock_fprog
socket_filter_program(struct socket_filter *s)
{
	return (struct sock_fprog){ .len = s->n, .filter = s->code };
}
