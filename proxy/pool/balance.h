#pragma once

/*
 * Balance: which server gets the next connection.
 *
 * Pure: no clock, socket, allocation or log; chance and hashes are inputs. The
 * slots are the caller's, an array in the order of the configuration; pool.c
 * holds its lock meanwhile.
 *
 * Weights here are effective ones, in units of 1/BALANCE_UNIT of the configured
 * weight, so that a server in its slow start can have a part of one.
 */

#include "core/base.h"

#define BALANCE_NONE (-1)
#define BALANCE_UNIT 256

struct balance_slot {
	uint32_t weight;    /* effective; 0: takes no new connections */
	bool eligible;      /* up, not tried by this connection, not full */
	uint32_t load;      /* connections it has: served and connecting */
	int64_t credit;     /* of the round robin; 0 at the start */
	uint64_t name_hash; /* of source: balance_hash of its name */
};

/*
 * Smooth weighted round robin: weights 5, 1, 1 give a a b a c a a, never five
 * in a row. Each of these returns an index, or BALANCE_NONE where no slot is
 * eligible with a weight above 0.
 */
MUST_CHECK int balance_roundrobin(struct balance_slot *slots, size_t n_slots);

/*
 * The least (load + 1) / weight, also while idle; round robin (by credit)
 * among equals.
 */
MUST_CHECK int balance_leastconn(struct balance_slot *slots, size_t n_slots);

/*
 * Weighted rendezvous: each server's score is a function of the client's hash,
 * its own name and its weight; the highest is taken. Needs no state: the same
 * answer on both nodes, in any order of servers, and only the clients of a
 * server that is gone move (evenly, by weight, to the others).
 */
MUST_CHECK int balance_source(
    const struct balance_slot *slots, size_t n_slots, uint64_t client_hash);

/*
 * The better of two (by load / weight; the first, where they are equal) that
 * chance draws by weight; `chance` is 64 random bits.
 */
MUST_CHECK int balance_random(
    const struct balance_slot *slots, size_t n_slots, uint64_t chance);

/*
 * A hash of some bytes, the same on every machine and in every version: for
 * names of servers, and for addresses of clients (their 4 or 16 bytes).
 */
uint64_t balance_hash(const void *bytes, size_t len);

/*
 * The effective weight, in units of 1/BALANCE_UNIT, of a server that has the
 * configured `weight` (0-256) and came up `up_ms` ago: from 1/20 it grows with
 * time to all of it after `slow_start_ms` (0: at once). Never 0 unless `weight`
 * is.
 */
uint32_t balance_ramp(uint32_t weight, int64_t up_ms, uint32_t slow_start_ms);
