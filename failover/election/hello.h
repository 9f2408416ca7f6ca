#pragma once

/*
 * The heartbeat's packet, a `hello`, as a value and as bytes. One packet says
 * everything: who speaks, proof that it is of now, and how each group stands.
 * Decoded whole or refused.
 *
 * Pure. The MAC is not this file's: packet_auth.c appends and checks it, over
 * the bytes that hello_encode() wrote.
 *
 * Two versions of the program may have to understand each other, while one node
 * is upgraded after the other. So a packet says which version wrote it and the
 * least that can read it, and how long its head and each group's part are: what
 * a reader does not know at the end of these it skips, and flags that it does
 * not know, too. Whoever adds something adds it there, and keeps `least`. What
 * stands up to the sender stays where it is, in every version.
 *
 * Layout, in network byte order:
 *
 *	4 magic  1 version  1 least version  1 type  1 number of groups
 *	2 bytes of the head  1 bytes of a group  1 which key it is signed with
 *	8 key  8 key  8 sender  16 sender_boot  16 echo_boot
 *	8 nonce  8 echo_nonce  8 seq  8 echo_seq
 *	2 interval in ms  1 misses  1 flags  16 hash of the configuration
 *	4 epoch of the pause  4 ms of it that are left
 *	16 version of the program, as text (not there before 0.2.0)
 *	then 50 a group: 4 id  1 state  1 flags  1 priority  1 faults  8 term
 *	2 served for, in units of 10 ms  4 lacks  4 which addresses
 *	4 hardware addresses of 6
 */

#include "core/base.h"
#include "core/version.h"
#include "failover/election/election.h"

struct buf;

#define HELLO_MAGIC 0x48415052u /* "HAPR" */
#define HELLO_SENDER_AT 28
#define HELLO_GROUPS_MAX 16
#define HELLO_VERSION 2
#define HELLO_VERSION_LEAST 2 /* that we understand */
#define HELLO_HEAD_BYTES 144
#define HELLO_HEAD_BYTES_LEAST 128 /* of a version that we understand */
#define HELLO_GROUP_BYTES 50
#define HELLO_BYTES_MAX                                                        \
	(HELLO_HEAD_BYTES + HELLO_GROUPS_MAX * HELLO_GROUP_BYTES)
/* Of a later version; so that the packet fits into one frame. */
#define HELLO_READ_MAX 1400
#define HELLO_KEYS_MAX 2
#define HELLO_BOOT_BYTES 16
#define HELLO_CONFIG_BYTES 16
#define HELLO_PROGRAM_BYTES VERSION_TEXT_MAX
#define HELLO_MAC_BYTES 6
#define HELLO_INTERFACES_MAX 4 /* of a group */

enum hello_type {
	HELLO_BEAT = 1,
	HELLO_CHALLENGE = 2, /* says the same, and: prove that you are now */
};

/* 128 random bits, drawn at each start of the process; zero: none. */
struct hello_boot {
	uint8_t bytes[HELLO_BOOT_BYTES];
};

struct hello_group {
	uint32_t id; /* of the group's name, so that order does not matter */
	enum election_state state;
	bool held;          /* the addresses are in place, and usable */
	bool hands_over;    /* master, and asks the peer to take them */
	bool deaf;          /* master, and hears nobody on its network */
	bool misses_peer;   /* on its network, where it hears others */
	uint8_t faults;     /* of what it tracks; in FAULT 0: of another kind */
	uint32_t lacks;     /* addresses that it could not hold, a bit each */
	uint32_t addresses; /* an id of all that its file has */
	uint8_t priority;
	uint64_t term;
	uint32_t served_ms; /* master for so long without a break; coarse */
	/* Of its interfaces, by config_group_place(); zeros: none. */
	uint8_t macs[HELLO_INTERFACES_MAX][HELLO_MAC_BYTES];
};

struct hello {
	enum hello_type type;
	uint8_t key;                   /* which of them it is signed with */
	uint64_t keys[HELLO_KEYS_MAX]; /* ids of those that the sender takes */
	uint64_t sender;               /* derived from the node's address */
	struct hello_boot sender_boot;
	struct hello_boot echo_boot; /* of the peer, as last heard */
	uint64_t nonce;              /* an unknown boot must echo it */
	uint64_t echo_nonce;
	uint64_t seq; /* of this boot, from 1 */
	uint64_t echo_seq;
	uint16_t interval_ms;
	uint8_t misses;
	bool resigning; /* the daemon ends */
	uint8_t config_hash[HELLO_CONFIG_BYTES];
	uint32_t pause_epoch, pause_ms; /* pause.h; as the sender knows it */
	bool pause_own;                 /* the sender was told */
	/* Its version, for people; empty where it does not say. */
	char program[HELLO_PROGRAM_BYTES];
	uint8_t n_groups;
	struct hello_group groups[HELLO_GROUPS_MAX];
};

/* At most HELLO_BYTES_MAX bytes. */
void hello_encode(struct buf *b, const struct hello *h);

/*
 * Returns 0; -EBADMSG, where what we know is not as it may be; or -EPROTO for a
 * hello of a version that we cannot read, or that is too old.
 */
MUST_CHECK int hello_decode(struct buf *b, struct hello *ret_hello);

/* NULL where the sender does not know the group. */
const struct hello_group *hello_find(const struct hello *h, uint32_t id);

unsigned hello_count_lacks(uint32_t lacks);

/*
 * Both say the same of their sender and its groups: `now` is a later one, or
 * the same. How long something has lasted, or lasts still, is no news.
 */
bool hello_says_same(const struct hello *now, const struct hello *before);

bool hello_boot_is_same(const struct hello_boot *a, const struct hello_boot *b);
