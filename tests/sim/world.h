#pragma once

/*
 * Two nodes, a clock that is a variable, and a network between them that loses,
 * delays, doubles and reorders as the seed decides: the real codec, liveness
 * and election. What may go wrong, and what must hold all the same, is
 * sim_failover.c's. One turn is one millisecond.
 */

#include "core/base.h"
#include "failover/election.h"
#include "failover/hello.h"
#include "failover/peer.h"

#define PACKETS_MAX 512
#define RECORDED_MAX 256
#define DELAY_MAX_MS 30
#define LISTEN_MS 1000
#define RETRY_MS 1000
#define HANG_MS 1000
/* An address that nobody renews: HOLDER's lease, and the kernel's slack. */
#define LEASE_MS 1100
/* Then the shell gives up a handover: in all, and with a silent peer. */
#define HANDOVER_MS 500
#define PATIENCE_MS 100

enum parcel {
	PARCEL_NONE, /* a free slot */
	PARCEL_HELLO,
	PARCEL_ANSWER, /* of a kernel, to a probe */
	PARCEL_ENDED,  /* a kernel says that its processes are gone */
};

struct packet {
	enum parcel kind;
	int64_t at_ms; /* of its delivery */
	unsigned to;
	enum doubt_answer answer;
	uint64_t boot; /* of PARCEL_ENDED: whose end it was */
	size_t len;
	uint8_t bytes[HELLO_BYTES_MAX];
};

struct node {
	bool alive;        /* its daemon */
	bool dark;         /* its host, too, is off */
	int64_t awake_ms;  /* paused until */
	int64_t reborn_ms; /* dead until */
	uint64_t boot;
	struct peer peer;
	struct election election;
	struct mono beaten;
	bool held; /* by its kernel, whatever its daemon believes */
	bool faulted, resigning, restorable;
	unsigned refusals; /* how many additions will be refused */
	int64_t announced_ms, renewed_ms, handing_ms;
	int64_t free_ms; /* when it last did not hold it */
	uint64_t term;   /* the highest it ever had in this life */
	uint32_t interval_ms, misses;
	uint8_t priority, lowered;
	bool witnesses, preempt;
};

struct sim {
	uint64_t seed, random;
	unsigned turn;
	int64_t now_ms;
	struct node nodes[2];
	bool cut[2]; /* nothing gets through towards that node */
	bool mute;   /* heartbeats alone do not get through, either way */
	bool rogue;  /* a third host answers for the address */
	unsigned loss_percent, twice_percent;
	unsigned delay_ms;
	int64_t quick_ms;   /* since when all gets through, without a delay */
	int64_t honest_ms;  /* when there was no third host with it */
	const char *broken; /* NULL, or the rule that the nodes break */
	struct packet wire[PACKETS_MAX];
	unsigned n_wire; /* slots that were ever used */
	struct packet recorded[RECORDED_MAX];
	uint64_t n_recorded, boots, steps, claims, replays, forced;
};

/* Both nodes, just started, as the seed has them. */
void world_init(struct sim *s, uint64_t seed, const char *broken);

/* Delivers what is due, and lets both nodes run for a millisecond. */
void world_turn(struct sim *s);

/* Somebody on the LAN sends what it has seen before: never believed. */
void world_replay(struct sim *s);

void world_kill(struct sim *s, unsigned i);
void world_stop(struct sim *s, unsigned i);
void world_set_fault(struct sim *s, unsigned i, bool faulted);
void world_set_lowered(struct sim *s, unsigned i, uint8_t by);

bool world_is_awake(const struct sim *s, unsigned i);
struct mono world_now(const struct sim *s);
uint32_t world_dead_ms(const struct sim *s, unsigned i);

/* Chance. */
unsigned world_below(struct sim *s, unsigned n);
bool world_percent(struct sim *s, unsigned p);

/* Tells seed, turn and both nodes, and exits with 1. */
_Noreturn void world_fail(const struct sim *s, const char *format, ...)
    PRINTF_LIKE(2, 3);
