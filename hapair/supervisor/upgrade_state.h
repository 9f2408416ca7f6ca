#pragma once

/*
 * What a supervisor leaves to the program that it becomes (upgrade.h): which
 * processes run, what is open under which number, and all that it knows and no
 * file has. Written by fields with numbers (proxy/transfer/tlv.h), so that a
 * later program finds what it knows and skips the rest.
 *
 * Descriptors keep their numbers over exec; 0 stands for none, as the first
 * three are never among them. Texts and lists of a state that was read are
 * where they were read from.
 *
 * Pure.
 */

#include "core/buf.h"
#include "core/msg.h"

/* What is written, and the oldest that is read. */
#define UPGRADE_STATE_VERSION 1
#define UPGRADE_STATE_OLDEST 1

/* The one that runs, and those that were replaced (generation_change.h). */
#define UPGRADE_STATE_GENERATIONS_MAX 16

#define UPGRADE_STATE_GROUPS_MAX 16
#define UPGRADE_STATE_SLOTS_MAX 8 /* of a bank of fd_keeper.h */
#define UPGRADE_STATE_PATH_MAX MSG_PATH_MAX
#define UPGRADE_STATE_PROGRAM_MAX 32 /* a program's version */

struct upgrade_state_child {
	uint32_t pid; /* 0: does not run */
	uint32_t channel, report;
	uint32_t pulse; /* the memory file of its liveness */
	uint32_t uid, gid;
	uint8_t ready, stopping, unwanted;
	uint32_t row, pause_ms; /* restart.h */
	uint64_t started_ns;
};

struct upgrade_state_generation {
	const uint8_t *text; /* of its file */
	size_t len;
	uint64_t loaded_wall_ms;
	uint16_t node_and_one; /* 0: no pair */
	uint16_t workers, pipes;
	uint32_t max_connections;
	uint8_t begun, given;
	uint32_t introduction; /* of the last of both roles */
	struct upgrade_state_child failover, relay;
	/* Where it has one: the rest is void. */
	uint8_t directs;
	struct upgrade_state_child director;
	uint8_t director_prepared, director_begun;
	uint32_t director_failover, director_relay; /* the last introductions */
	struct buf listeners; /* a 32-bit descriptor each; 0: left out */
	struct buf scripts;   /* of each result: 16 bits of index, 8: passed */
	uint16_t n_groups;    /* those that are known */
	struct msg_group groups[UPGRADE_STATE_GROUPS_MAX];
};

/* Of descriptors in fd_keeper.h: all are open, the first `n` are held. */
struct upgrade_state_bank {
	uint8_t n;
	uint32_t slots[UPGRADE_STATE_SLOTS_MAX];
};

struct upgrade_state {
	char version[UPGRADE_STATE_PROGRAM_MAX]; /* of who wrote it */
	char program[UPGRADE_STATE_PATH_MAX];    /* the file that is run */
	char path[UPGRADE_STATE_PATH_MAX];       /* of the configuration */
	uint64_t started_ns;
	uint32_t lock, control; /* of the control socket */
	uint32_t wire, ready;   /* who waits for the start, or has */
	uint32_t socket;        /* of who wants the upgrade */
	uint32_t null;          /* of fd_keeper.h */
	struct upgrade_state_bank present, past;
	const uint8_t *accords; /* as a state file has them (state_file.h) */
	size_t accords_len;
	const uint8_t *events; /* as its file has them; of an early one: none */
	size_t events_len;
	uint8_t known, wanted, end_owed; /* state_store.h */
	uint32_t wire_number, told;
	uint16_t n_generations; /* the first is the one that runs */
	struct upgrade_state_generation
	    generations[UPGRADE_STATE_GENERATIONS_MAX];
};

/* Room enough for this one. */
size_t upgrade_state_room(const struct upgrade_state *s);

void upgrade_state_encode(struct buf *b, const struct upgrade_state *s);

/*
 * Returns 0, -EBADMSG, or -EPROTONOSUPPORT: it is of a later version, which
 * cannot be read by this one.
 */
MUST_CHECK int upgrade_state_decode(
    struct buf *b, struct upgrade_state *ret_state);

/* Each descriptor in it, once. Ends where `call` returns not 0, with that. */
typedef int upgrade_state_fd_fn(void *arg, int fd);
int upgrade_state_each_fd(
    const struct upgrade_state *s, upgrade_state_fd_fn *call, void *arg);
