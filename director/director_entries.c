#include "director/director_entries.h"

#include "core/log.h"
#include "director/bpf/director_program.h"
#include "director/director_packet.h"
#include "director/director_sender.h"

#include <arpa/inet.h>
#include <string.h>

#define TOGETHER 512

/* A round trip to somebody far away. */
#define LATE_MS 250

/* What is late: its keys, and whom it still owes a RST. */
struct late {
	uint32_t slot;
	uint8_t resets;
	uint8_t asked;      /* for numbers, a bit for each end */
	uint32_t number[2]; /* of the last RST to each */
	uint8_t reset;      /* who has had one */
	struct mono due;
	struct director_entries_keys keys;
};

struct director_entries {
	struct director_entries_setup setup;
	struct director_bpf_slot *slots; /* borrowed: the program's */
	/* A run of one kind. */
	bool erases;
	unsigned n;
	struct director_bpf_key keys[TOGETHER];
	uint64_t words[TOGETHER];
	uint32_t of[TOGETHER]; /* their slots */
	/* A ring: those that are late, the one that is due first, first. */
	struct late *late;
	uint32_t first, n_late;
	uint8_t *is_late; /* of slots */
};

struct director_entries *
director_entries_new(const struct director_entries_setup *setup)
{
	struct director_entries *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->setup = *setup;
	e->slots = director_program_slots(setup->program);
	e->late = calloc(setup->n_slots, sizeof(*e->late));
	e->is_late = calloc(setup->n_slots, sizeof(*e->is_late));
	if (e->late == NULL || e->is_late == NULL) {
		director_entries_free(e);
		return NULL;
	}
	return e;
}

void
director_entries_free(struct director_entries *e)
{
	if (e == NULL)
		return;
	free(e->late);
	free(e->is_late);
	free(e);
}

/* One after the other: who is at fault is to be known. */
static void
put_each(struct director_entries *e)
{
	uint32_t failed = UINT32_MAX;

	for (unsigned i = 0; i < e->n; i++)
		if (e->of[i] != failed &&
		    director_program_put_entries(
		        e->setup.program, &e->keys[i], &e->words[i], 1) < 0) {
			failed = e->of[i];
			e->setup.on_failed(e->setup.arg, failed);
		}
}

/* What stays leads to a slot that is another's: the program sees that. */
static void
erase_keys(const struct director_entries *e,
    const struct director_bpf_key *keys, uint32_t n)
{
	const int error =
	    director_program_delete_entries(e->setup.program, keys, n);

	if (error < 0)
		log_debug(
		    "director", "erasing %u entries: %s", n, strerror(-error));
}

void
director_entries_flush(struct director_entries *e)
{
	if (e->n == 0)
		return;
	if (e->erases)
		erase_keys(e, e->keys, e->n);
	else if (director_program_put_entries(
	             e->setup.program, e->keys, e->words, e->n) < 0)
		put_each(e);
	e->n = 0;
}

static void
add(struct director_entries *e, bool erases, uint32_t slot,
    const struct director_entries_keys *keys)
{
	if (e->n > 0 && (e->erases != erases || e->n + 2 > TOGETHER))
		director_entries_flush(e);
	e->erases = erases;
	for (unsigned from = 0; from < 2; from++) {
		e->keys[e->n] = keys->from[from];
		e->words[e->n] = DIRECTOR_BPF_ENTRY(slot, from);
		e->of[e->n] = slot;
		e->n++;
	}
}

/* ---- what is late ---- */

static struct late *
late_at(struct director_entries *e, uint32_t i)
{
	return &e->late[(e->first + i) % e->setup.n_slots];
}

struct conn_tuple
director_entries_tuple(const struct director_bpf_key *key)
{
	struct conn_tuple t = { .sport = ntohs(key->sport),
		.dport = ntohs(key->dport) };

	memcpy(t.src, key->saddr, sizeof(t.src));
	memcpy(t.dst, key->daddr, sizeof(t.dst));
	return t;
}

/* In the name of this end. */
static void
say(struct director_entries *e, const struct late *l, unsigned from,
    uint8_t flags, uint32_t seq)
{
	const struct director_packet_segment s = {
		.tuple = director_entries_tuple(&l->keys.from[from]),
		.flags = flags,
		.seq = seq,
	};
	struct director_packet p;

	director_packet_make_segment(&s, &p);
	director_sender_put(e->setup.sender, &p);
}

/*
 * An end believes a RST that has the number which it expects next: what it has
 * acknowledged, or, where its acknowledgement is on the way, what the other one
 * has sent.
 */
static void
reset_end(struct director_entries *e, struct late *l, unsigned end)
{
	const struct director_bpf_slot *slot = &e->slots[l->slot];
	const uint32_t flags = __atomic_load_n(&slot->flags, __ATOMIC_RELAXED);
	const unsigned bit = 1U << end, other = end ^ 1;

	if ((flags & (DIRECTOR_BPF_SEEN_CLIENT << end)) == 0) {
		if ((l->asked & bit) == 0)
			say(e, l, other, DIRECTOR_PACKET_ACK, 0);
		l->asked |= (uint8_t)bit;
		return;
	}
	if ((l->reset & bit) != 0 && l->number[end] == slot->ack[end])
		return;
	l->reset |= (uint8_t)bit;
	l->number[end] = slot->ack[end];
	say(e, l, other, DIRECTOR_PACKET_RST, slot->ack[end]);
	if ((flags & (DIRECTOR_BPF_SEEN_CLIENT << other)) != 0 &&
	    slot->seq_end[other] != slot->ack[end])
		say(e, l, other, DIRECTOR_PACKET_RST, slot->seq_end[other]);
}

static void
reset_ends(struct director_entries *e, struct late *l)
{
	for (unsigned end = 0; end < 2; end++)
		if ((l->resets & 1U << end) != 0)
			reset_end(e, l, end);
}

/* Another connection may have one of its keys by now: that stays. */
static void
erase_own(struct director_entries *e, const struct late *l)
{
	director_entries_flush(e);
	for (unsigned from = 0; from < 2; from++) {
		const struct director_bpf_key *key = &l->keys.from[from];
		uint64_t word;

		if (director_program_find_entry(e->setup.program, key, &word) ==
		        0 &&
		    word == DIRECTOR_BPF_ENTRY(l->slot, from))
			erase_keys(e, key, 1);
	}
}

static void
finish_first(struct director_entries *e)
{
	struct late *l = late_at(e, 0);

	reset_ends(e, l);
	director_sender_flush(e->setup.sender);
	erase_own(e, l);
	e->is_late[l->slot] = 0;
	e->first = (e->first + 1) % e->setup.n_slots;
	e->n_late--;
}

static void
delay(struct director_entries *e, uint32_t slot,
    const struct director_entries_keys *keys, unsigned resets, struct mono now)
{
	struct late *l;

	if (e->n_late == e->setup.n_slots)
		finish_first(e);
	l = late_at(e, e->n_late++);
	*l = (struct late){ .slot = slot,
		.resets = (uint8_t)resets,
		.due = mono_add_ms(now, LATE_MS),
		.keys = *keys };
	e->is_late[slot] = 1;
	reset_ends(e, l);
	/* A client that comes again by the same port is to be heard of. */
	__atomic_fetch_or(&e->slots[slot].flags,
	    DIRECTOR_BPF_RST_CLIENT | DIRECTOR_BPF_TOLD, __ATOMIC_RELAXED);
}

void
director_entries_tick(struct director_entries *e, struct mono now)
{
	while (e->n_late > 0 && !mono_before(now, late_at(e, 0)->due))
		finish_first(e);
	for (uint32_t i = 0; i < e->n_late; i++)
		reset_ends(e, late_at(e, i));
}

bool
director_entries_are_late(const struct director_entries *e)
{
	return e->n_late > 0;
}

/* With all before it: they are in a row. */
void
director_entries_settle(struct director_entries *e, uint32_t slot)
{
	while (e->is_late[slot] != 0)
		finish_first(e);
}

void
director_entries_write(struct director_entries *e, uint32_t slot,
    const struct director_entries_keys *keys)
{
	add(e, false, slot, keys);
}

void
director_entries_erase(struct director_entries *e, uint32_t slot,
    const struct director_entries_keys *keys, unsigned resets, struct mono now)
{
	if (resets == 0)
		add(e, true, slot, keys);
	else
		delay(e, slot, keys, resets, now);
}
