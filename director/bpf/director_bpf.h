#pragma once

/*
 * What the kernel program (director.bpf.c) and the director's process share:
 * the content of the maps, and the events that the program reports. The maps
 * outlive the process, so their content is a format: whoever changes it raises
 * DIRECTOR_BPF_LAYOUT, and a process that finds maps of another layout makes
 * new ones. Each node has slots of its own, also for what it knows of the peer:
 * slots never travel, a replica carries what the process needs to fill one.
 *
 * Addresses and ports are in network order, IPv4 addresses as ::ffff:a.b.c.d;
 * everything else, sequence numbers too, is in host order. Times are
 * CLOCK_MONOTONIC in nanoseconds, those of the program the coarse clock (4 ms).
 *
 * Maps, by name. The process sets the sizes before it loads the program.
 *   conns     HASH          director_bpf_key -> u64, DIRECTOR_BPF_ENTRY();
 *                           two for each connection, one a direction
 *   slots     ARRAY         u32 -> director_bpf_slot, BPF_F_MMAPABLE
 *   services  HASH          director_bpf_listen -> director_bpf_service
 *   control   ARRAY of 1    director_bpf_control, BPF_F_MMAPABLE
 *   events    RINGBUF       director_bpf_event: wakes the process up
 *   closed    RINGBUF       director_bpf_closed: does not; read it every 10 ms
 *   counters  PERCPU_ARRAY  enum director_bpf_counter -> u64
 * There are two rings since a record that did not wake up, left unread, keeps
 * later ones from doing so.
 *
 * Why an entry is one word: an element of a hash that is deleted is used again
 * at once, and a program that has just looked it up may read the next one's
 * value. A word is read whole; all else is in the slot, and there the program
 * compares the packet's key with the other leg. So a slot that was freed is
 * filled again last of all free ones, and not before 10 ms have passed.
 */

#include <linux/types.h>

#define DIRECTOR_BPF_LAYOUT 3

/* A packet's addresses and ports, as they are on the wire. */
struct director_bpf_key {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 sport;
	__u16 dport;
};

/* Where a packet comes from: the index of leg[], bytes[], seq_end[] ... */
enum director_bpf_from {
	DIRECTOR_BPF_FROM_CLIENT = 0,
	DIRECTOR_BPF_FROM_SERVER = 1,
};

/* The value in conns, and its two parts. */
#define DIRECTOR_BPF_ENTRY(slot, from) (((__u64)(slot) << 1) | (from))
#define DIRECTOR_BPF_ENTRY_SLOT(entry) ((__u32)((entry) >> 1))
#define DIRECTOR_BPF_ENTRY_FROM(entry) ((__u32)((entry)&1))

/* What a slot's flags say. The program sets and clears them by atomic
 * operations, and so must the process from the moment at which the entries are
 * in conns. */
enum director_bpf_flag {
	/* Set by the process when it fills the slot. */

	/* The SYN went to the server from this node: a RST is a refusal. */
	DIRECTOR_BPF_SYN_SENT = 1 << 0,
	/* Filled from the peer's word: part of its life was seen elsewhere. */
	DIRECTOR_BPF_INHERITED = 1 << 1,
	/* at_first_byte: the client's bare ACKs stop here until it sends. */
	DIRECTOR_BPF_FIRST_BYTE = 1 << 2,

	/* Set by the program. */

	/* The refusal of that SYN was reported. A host may refuse it twice, by
	 * RST and by ICMP, and the second one would be taken for the next
	 * server's: it is dropped. */
	DIRECTOR_BPF_REFUSED = 1 << 3,
	/* The server has answered this client's SYN. */
	DIRECTOR_BPF_SYN_ACK = 1 << 4,
	/* The client has acknowledged that answer (the server may not know
	 * yet). */
	DIRECTOR_BPF_ESTABLISHED = 1 << 5,
	/* The client has sent a byte, or its end. */
	DIRECTOR_BPF_CLIENT_DATA = 1 << 6,
	/* seq_end[] and ack[] of this direction hold something. Cleared by the
	 * process when it asks an end whether it lives. */
	DIRECTOR_BPF_SEEN_CLIENT = 1 << 8,
	DIRECTOR_BPF_SEEN_SERVER = 1 << 9,
	/* This end has sent FIN; the other has acknowledged it. Undone by a
	 * byte behind that FIN: somebody else sent it. */
	DIRECTOR_BPF_FIN_CLIENT = 1 << 10,
	DIRECTOR_BPF_FIN_SERVER = 1 << 11,
	DIRECTOR_BPF_FIN_ACKED_CLIENT = 1 << 12,
	DIRECTOR_BPF_FIN_ACKED_SERVER = 1 << 13,
	/* The server's FIN came first: TIME_WAIT is at the server. */
	DIRECTOR_BPF_SERVER_FIRST = 1 << 14,
	/* A RST came from this end. Only a mark: the program can't judge
	 * whether the other end believes it; a later packet without RST clears
	 * it. */
	DIRECTOR_BPF_RST_CLIENT = 1 << 16,
	DIRECTOR_BPF_RST_SERVER = 1 << 17,
	/* The end was reported in `closed`. Cleared by the process when it goes
	 * on with the connection after all; it then looks at the flags again.
	 */
	DIRECTOR_BPF_TOLD = 1 << 18,
};

/* Both ends of one kind. A flag of one end is FLAG_CLIENT << from. */
#define DIRECTOR_BPF_FIN_BOTH                                                  \
	(DIRECTOR_BPF_FIN_CLIENT | DIRECTOR_BPF_FIN_SERVER)
#define DIRECTOR_BPF_FIN_ACKED_BOTH                                            \
	(DIRECTOR_BPF_FIN_ACKED_CLIENT | DIRECTOR_BPF_FIN_ACKED_SERVER)
#define DIRECTOR_BPF_RST_ANY (DIRECTOR_BPF_RST_CLIENT | DIRECTOR_BPF_RST_SERVER)

/*
 * What becomes of a packet from one end. Written by the process alone, before
 * the entries are in conns; of a connection that lives only ifindex and mss
 * change.
 */
struct director_bpf_leg {
	/* The addresses and ports that the packet gets. Turned round it is what
	 * a packet of the other direction has when it comes in. */
	struct director_bpf_key to;
	/* Of the interface that it leaves by. */
	__u32 ifindex;
	/* Ones'-complement sums, as they lie in memory: the new addresses less
	 * the old ones, ports likewise (director_slot_fill()). */
	__u32 addr_diff;
	__u32 port_diff;
	/* A larger MSS option in a SYN or SYN-ACK becomes this; 0: as it is. */
	__u16 mss;
	/* By the program, of what comes from the server: when it first answered
	 * the SYN, by DIRECTOR_BPF_MOMENT. */
	__u16 answered;
};

/* A moment of the last minute, in units of about a millisecond. */
#define DIRECTOR_BPF_MOMENT(ns) ((__u16)((ns) >> 20))
#define DIRECTOR_BPF_MOMENT_NS (1 << 20)

struct director_bpf_slot {
	/* By the program: the last packet's time (0: none yet), then per
	 * direction the bytes of payload and the packets that were passed on,
	 * as the kernel holds them: large ones stand for several segments. Two
	 * processors that add at once may lose one. */
	__u64 last_ns;
	__u64 bytes[2];
	__u64 packets[2];
	/* By the program: one past the last sequence number that this end has
	 * sent, the highest that it has acknowledged, and one past its FIN. A
	 * RST that an end believes has the ack[] of that same end as its
	 * number. */
	__u32 seq_end[2];
	__u32 ack[2];
	__u32 fin_end[2];
	/* By both, atomically: enum director_bpf_flag. */
	__u32 flags;
	/* By the process: the number of the client's SYN. */
	__u32 client_isn;
	struct director_bpf_leg leg[2];
	/* Of the process alone; it finds them again when it is replaced. */
	__u64 opened_ns;
	__u64 tag;
};

/* A place where clients are waited for. Port 0 stands for the address as such
 * (services' and source addresses): TCP fragments for it are dropped. */
struct director_bpf_listen {
	__u32 addr[4];
	__u16 port;
	__u16 unused;
};

enum director_bpf_service_flag {
	/* The relay listens there too: a SYN that finds `events` full goes on
	 * to the stack. Without it that SYN is dropped, and the client repeats
	 * it. */
	DIRECTOR_BPF_SERVICE_RELAYED = 1 << 0,
	/* The valve: every new SYN goes on to the stack (and its cookies). */
	DIRECTOR_BPF_SERVICE_PASS = 1 << 1,
};

struct director_bpf_service {
	/* The process's own number for it; comes back in the event. */
	__u32 service;
	__u32 flags;
};

enum director_bpf_control_flag {
	/* The valve, for every service at once. */
	DIRECTOR_BPF_CONTROL_PASS = 1 << 0,
};

struct director_bpf_control {
	/* DIRECTOR_BPF_LAYOUT, written by the process that makes the maps; the
	 * program does not look at it. */
	__u32 layout;
	__u32 flags;
	/*
	 * What the process sends goes into the loopback interface, with this
	 * mark, as if an end had sent it: translated and sent on like any
	 * other, and not noted, for no end has said it. All else that comes in
	 * there is the host's own. Both 0: there is no such thing.
	 */
	__u32 mark;
	__u32 loopback;
};

enum director_bpf_event_kind {
	/* A client's SYN, which was dropped. `slot` is DIRECTOR_BPF_NO_SLOT for
	 * a new tuple. Otherwise there is an entry whose server has not
	 * answered (the same SYN again, or, with another number, another
	 * connection), or one that a RST or both FINs have ended. */
	DIRECTOR_BPF_EVENT_SYN = 1,
	/* The server refused the SYN: RST, or ICMP unreachable. It was dropped:
	 * the client knows nothing of it. */
	DIRECTOR_BPF_EVENT_REFUSED = 2,
	DIRECTOR_BPF_EVENT_UNREACHABLE = 3,
};

#define DIRECTOR_BPF_NO_SLOT 0xffffffffU
/* The largest headers of IP and TCP together: 60 bytes each. */
#define DIRECTOR_BPF_HEADERS 120

struct director_bpf_event {
	/* When it came (coarse). Under a flood SYNs wait here; what is older
	 * than the client's patience (1 s) was repeated, and may be relayed by
	 * now. */
	__u64 time_ns;
	__u32 kind;
	/* Where it came in. */
	__u32 ifindex;
	__u32 slot;
	/* Of the service, for a new tuple; otherwise 0. */
	__u32 service;
	/* Of a SYN: the bytes of the headers of IP and TCP with all their
	 * options (no payload; the checksum of TCP may be unfinished);
	 * otherwise 0. What lies behind them is left from earlier events. */
	__u32 len;
	__u8 headers[DIRECTOR_BPF_HEADERS];
	__u32 unused;
};

/* Both FINs are acknowledged, or there was a RST: the slot's flags say which.
 * Also to be found by sweeping the slots: this ring may be full. */
struct director_bpf_closed {
	__u32 slot;
	/* As they were. */
	__u32 flags;
};

enum director_bpf_counter {
	/* SYNs put into `events`. */
	DIRECTOR_BPF_COUNT_SYN,
	/* SYNs that found it full: passed to the stack if the service is
	 * relayed, dropped otherwise. */
	DIRECTOR_BPF_COUNT_SYN_FULL,
	/* SYNs that the valve passed to the stack. */
	DIRECTOR_BPF_COUNT_SYN_PASSED,
	/* For a service, but no SYN and of no connection that is known: passed
	 * to the stack, which relays or resets. */
	DIRECTOR_BPF_COUNT_STRAY,
	/* TCP fragments, dropped. */
	DIRECTOR_BPF_COUNT_FRAGMENT,
	/* TCP behind IPv6 extension headers and such: passed to the stack. */
	DIRECTOR_BPF_COUNT_EXTENDED,
	/* Headers that contradict themselves or the packet's length: passed to
	 * the stack, which drops them. */
	DIRECTOR_BPF_COUNT_MALFORMED,
	/* ICMP errors passed on to the end that they are for. */
	DIRECTOR_BPF_COUNT_ICMP,
	/* Refusals reported. */
	DIRECTOR_BPF_COUNT_REFUSED,
	/* Refusals that found `events` full: dropped, user space times out. */
	DIRECTOR_BPF_COUNT_REFUSED_FULL,
	/* Bare ACKs of silent clients, dropped. */
	DIRECTOR_BPF_COUNT_HELD,
	/* TTL or hop limit spent, dropped. */
	DIRECTOR_BPF_COUNT_EXPIRED,
	/* Ends that found `closed` full; reported at the next packet, if any.
	 */
	DIRECTOR_BPF_COUNT_CLOSED_FULL,
	/* The slot belongs to another connection by now: as if not found. */
	DIRECTOR_BPF_COUNT_STALE,
	/* The kernel refused a change to the packet (no memory): dropped. */
	DIRECTOR_BPF_COUNT_FAILED,
	/* Sent by the process, of a connection that is none any more: dropped.
	 */
	DIRECTOR_BPF_COUNT_OWN_STRAY,
	DIRECTOR_BPF_COUNTERS,
};
