#pragma once

/*
 * The peer as we know it: which of its hellos are of now, when it was last
 * heard, and whether it hears us. Says nothing of who is master.
 *
 * Pure: time and random numbers are arguments. Embedded in
 * struct node.
 *
 * A hello whose MAC is good counts when it can't be a recording:
 *   - its boot is the one we know, and its number is above the highest, or
 *   - it echoes our boot and the nonce we drew since the last new boot; then
 *     that boot is the one we know from now on.
 * Anything else is answered with a challenge and changes nothing. So a peer
 * that restarts is believed within one round trip, and a recording of a dead
 * one never, for no recording knows the nonce.
 *
 * Keys are changed node by node: what is signed with any of ours is heard, and
 * we sign with the first of ours that the peer takes, as its own hellos say. A
 * challenge is signed so that the stranger can read it. While nobody was heard
 * at all the keys take turns.
 *
 * A known boot need not echo ours: where we are not heard, the number alone
 * proves that it is fresh, and refusing it would blind us to a living master.
 */

#include "core/base.h"
#include "core/mono.h"
#include "failover/election/hello.h"

enum peer_verdict {
	PEER_ACCEPTED,
	PEER_NEW_BOOT,    /* accepted, the first of its boot: answer at once */
	PEER_STRANGER,    /* unproven: challenge it */
	PEER_REPEATED,    /* a number not above the highest: came before */
	PEER_MISDIRECTED, /* not from the peer, or of another pair: drop */
};

/* Why a packet was dropped, for the counters. */
enum peer_reject {
	PEER_REJECT_SHAPE,     /* no hello */
	PEER_REJECT_VERSION,   /* of one that we cannot read */
	PEER_REJECT_FOREIGN,   /* another pair, node or key */
	PEER_REJECT_REFLECTED, /* our own */
	PEER_REJECT_FORGED,    /* its MAC is wrong */
	PEER_REJECT_STALE,     /* unproven */
	PEER_REJECT_REPEATED,
	PEER_REJECT_EXCESS, /* more than is listened to (node_peer.c) */
};

#define PEER_REJECTS 8

struct peer_config {
	uint64_t self, other;          /* ids, as in the hello */
	uint64_t keys[HELLO_KEYS_MAX]; /* ids of ours; 0: there is none */
	struct hello_boot boot;        /* ours */
	uint32_t most_ms; /* it is not waited for longer, whatever it says */
};

struct peer {
	struct peer_config config;
	bool known;             /* `boot` was proven */
	struct hello_boot boot; /* the peer's */
	uint64_t high;          /* its highest number */
	uint64_t nonce;         /* the next unknown boot must echo it */
	uint64_t sent;          /* our last number */
	/* What we echo: of the known boot, or of the last stranger. */
	struct hello_boot echo_boot;
	uint64_t echo_nonce, echo_seq;
	uint64_t keys[HELLO_KEYS_MAX]; /* that it takes; zeros: not known */
	uint64_t signs;                /* the one it signs with; 0: not known */
	/* The last stranger: what a challenge echoes. */
	struct hello_boot stranger_boot;
	uint64_t stranger_nonce, stranger_seq;
	uint64_t stranger_keys[HELLO_KEYS_MAX];
	struct mono heard; /* the last that was accepted, never() if none */
	struct mono due;   /* its next one, by its own interval; or 0 */
	uint64_t echoed;   /* the highest number of ours that it echoed */
	struct mono echoed_at;
	struct mono marked;      /* when `stale` was last looked at */
	uint64_t stale, staling; /* our numbers up to here are old; and next */
	uint32_t dead_ms; /* by its own word, most_ms at most; 0: not heard */
	bool resigned;    /* by its last word */
	bool ended;       /* found out since that word: its processes died */
	uint8_t config_hash[HELLO_CONFIG_BYTES];
	char program[HELLO_PROGRAM_BYTES]; /* its version; empty: not told */
	uint64_t rejected[PEER_REJECTS];
};

/*
 * One road between the nodes. The same hello comes over each of them; the first
 * to arrive counts, the others show that their road is open.
 */
struct peer_path {
	uint64_t high;     /* the highest number that came over it */
	struct mono heard; /* never() if nothing has */
	uint64_t received, lost, rejected;
	unsigned missed; /* in a row: they came over another one alone */
};

/* `nonce`: 64 random bits. */
struct peer peer_init(const struct peer_config *config, uint64_t nonce);

/* What peer_receive() would say of it, if it is addressed to us. */
enum peer_verdict peer_judge(const struct peer *p, const struct hello *h);

/*
 * A hello with a good MAC. `fresh` is 64 random bits; they were used up where
 * the verdict is PEER_NEW_BOOT.
 */
MUST_CHECK enum peer_verdict peer_receive(
    struct peer *p, const struct hello *h, uint64_t fresh, struct mono now);

struct peer_path peer_path_init(void);

/*
 * What peer_receive() said of a hello that came over this road. One that is old
 * on its own road, too, is counted as repeated.
 */
void peer_path_note(struct peer_path *path, struct peer *p,
    const struct hello *h, enum peer_verdict verdict, struct mono now);

/*
 * A hello was taken that may have come over another one, and not yet over this;
 * the first of a new boot counts from 1 again, on each of them. Before
 * peer_path_note().
 */
void peer_path_miss(struct peer_path *path, enum peer_verdict verdict);

/* Something came over it within dead_ms. */
bool peer_path_is_alive(
    const struct peer_path *path, uint32_t dead_ms, struct mono now);

/* Counts a packet that did not get as far as peer_receive(). */
void peer_count_reject(struct peer *p, enum peer_reject why);

/* Whether sender and key are the peer's; cheap, to ask before the MAC. */
bool peer_is_addressed(struct peer *p, const struct hello *h);

/*
 * Fills in who speaks, the number and the echoes: of the peer, or in a
 * challenge of the last stranger.
 */
void peer_stamp(
    struct peer *p, struct hello *h, uint32_t dead_ms, struct mono now);

/* The key that we sign with; 0: the peer was not heard yet. */
uint64_t peer_key(const struct peer *p);

/* Whether the peer, as last heard, takes any of these keys. */
bool peer_takes(const struct peer *p, const uint64_t keys[HELLO_KEYS_MAX]);

/*
 * Whether these keys would part us from it. A silent peer lives, for all we
 * know, and has the keys that it had; one that was stopped, or whose processes
 * ended, may be started with others.
 */
bool peer_is_parted_by(
    const struct peer *p, const uint64_t keys[HELLO_KEYS_MAX]);

/* Heard within dead_ms. */
bool peer_is_alive(const struct peer *p, uint32_t dead_ms, struct mono now);

/*
 * At most dead_ms ago it echoed what we had sent shortly before. A recording of
 * an older hello, shown to a peer that can't hear us, proves nothing.
 */
bool peer_hears_us(const struct peer *p, uint32_t dead_ms, struct mono now);

const char *peer_reject_name(enum peer_reject why);
