#pragma once

/*
 * The entries of connections in the kernel's map: written and erased in the
 * order in which that is asked for, many with one system call. What is cut
 * keeps its entries for a moment: by them our resets find their way, and the
 * numbers that these need may have to be asked for first, by a bare ACK that
 * whoever lives answers.
 */

#include "core/base.h"
#include "core/mono.h"
#include "director/bpf/director_bpf.h"
#include "director/conn_tuple.h"

struct director_program;
struct director_sender;
struct director_entries;

struct director_entries_setup {
	struct director_program *program; /* borrowed, and so is the next */
	struct director_sender *sender;
	uint32_t n_slots;
	/* These entries could not be written. */
	void (*on_failed)(void *arg, uint32_t slot);
	void *arg;
};

struct director_entries_keys {
	struct director_bpf_key from[2]; /* by enum director_bpf_from */
};

/* As everybody but the kernel's program writes it. */
struct conn_tuple director_entries_tuple(const struct director_bpf_key *key);

/* NULL where memory is out. */
MUST_CHECK struct director_entries *director_entries_new(
    const struct director_entries_setup *setup);
void director_entries_free(struct director_entries *e); /* takes NULL */

/* What is late of this slot is done: it is filled anew in a moment. */
void director_entries_settle(struct director_entries *e, uint32_t slot);

void director_entries_write(struct director_entries *e, uint32_t slot,
    const struct director_entries_keys *keys);

/*
 * `resets`: a bit for each end that gets a RST. With it, or with LATER, they go
 * a moment later.
 */
#define DIRECTOR_ENTRIES_LATER 4
void director_entries_erase(struct director_entries *e, uint32_t slot,
    const struct director_entries_keys *keys, unsigned resets, struct mono now);

/* What was asked for so far is done. May call on_failed. */
void director_entries_flush(struct director_entries *e);

/* Resets, and entries whose time is over. To be called every few ms. */
void director_entries_tick(struct director_entries *e, struct mono now);

/* There is something that director_entries_tick() has to do. */
bool director_entries_are_late(const struct director_entries *e);
