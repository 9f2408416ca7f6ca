#pragma once

/*
 * What sim_failover.c simulates, as values: two nodes, the wire between them,
 * and how long what may last.
 */

#include "core/base.h"
#include "failover/election.h"
#include "failover/hello.h"
#include "failover/peer.h"

#define TURNS 60000
#define SEEDS 250
#define PACKETS_MAX 512
#define RECORDED_MAX 256
#define DELAY_MAX_MS 30
#define LISTEN_MS 1000
#define RETRY_MS 1000

/* A heartbeat, its delay, an answer, its delay; and a turn each. */
#define BOTH_MS (DELAY_MAX_MS * 2 + 60 + 10)
/* A refused address is tried again, then somebody listens. */
#define NONE_MS (RETRY_MS + LISTEN_MS + BOTH_MS + 300)
/* The wait of unproven traffic: LISTEN_LIMIT_MS in election.c. */
#define ALONE_MS (3000 + RETRY_MS + 300)
/* The contest's patience, twice the dead time, begins with a heartbeat. */
#define ONE_WAY_MS (BOTH_MS + 2 * 60 + 60)
/* The last of the early rounds of schedule.c. */
#define ANNOUNCED_MS 5000

struct packet {
	int64_t at_ms; /* of its delivery, 0: a free slot */
	unsigned to;
	size_t len;
	uint8_t bytes[HELLO_BYTES_MAX];
};

struct node {
	bool alive;
	int64_t awake_ms;  /* paused until */
	int64_t reborn_ms; /* dead until */
	struct peer peer;
	struct election election;
	struct mono beaten;
	bool held, faulted, resigning, restorable;
	unsigned refusals; /* how many additions will be refused */
	int64_t announced_ms;
	uint64_t term; /* the highest it ever had in this life */
	uint32_t interval_ms, misses;
	uint8_t priority;
};

struct sim {
	uint64_t seed, random;
	unsigned turn;
	int64_t now_ms;
	struct node nodes[2];
	bool cut[2]; /* towards that node */
	unsigned loss_percent, twice_percent;
	unsigned delay_ms;
	enum {
		CALM,
		CHAOS,
		SPLIT
	} phase;
	int64_t phase_end_ms, well_ms, alone_ms[2], overlap_ms;
	int64_t one_ms; /* when there was exactly one holder */
	int64_t one_way_ms, faulted_ms[2];
	struct packet wire[PACKETS_MAX];
	struct packet recorded[RECORDED_MAX];
	uint64_t n_recorded, boots, steps, claims, overlaps, replays;
};
