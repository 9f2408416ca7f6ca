#include "proxy/pool/balance.h"

static bool
takes(const struct balance_slot *s)
{
	return s->eligible && s->weight > 0;
}

/*
 * Each turn every candidate earns its weight, the richest is taken and pays
 * what all have earned. The sum of credits stays where it was, so nobody's
 * grows without bound, and who sat out a while neither gains nor loses: a
 * server that returns gets its share and no burst.
 */
int
balance_roundrobin(struct balance_slot *slots, size_t n_slots)
{
	int best = BALANCE_NONE;
	int64_t earned = 0;

	for (size_t i = 0; i < n_slots; i++) {
		struct balance_slot *s = &slots[i];

		if (!takes(s))
			continue;
		s->credit += s->weight;
		earned += s->weight;
		if (best == BALANCE_NONE || s->credit > slots[best].credit)
			best = (int)i;
	}
	if (best != BALANCE_NONE)
		slots[best].credit -= earned;
	return best;
}

/*
 * Below, equal or above 0: how (load + more) / weight of `a` compares with
 * that of `b`. In whole numbers: a load has 32 bits, a weight 17.
 */
static int
compare_load(
    const struct balance_slot *a, const struct balance_slot *b, unsigned more)
{
	uint64_t of_a = ((uint64_t)a->load + more) * b->weight;
	uint64_t of_b = ((uint64_t)b->load + more) * a->weight;

	return of_a < of_b ? -1 : of_a > of_b;
}

int
balance_leastconn(struct balance_slot *slots, size_t n_slots)
{
	int least = BALANCE_NONE, best = BALANCE_NONE;
	int64_t earned = 0;

	for (size_t i = 0; i < n_slots; i++)
		if (takes(&slots[i]) &&
		    (least == BALANCE_NONE ||
		        compare_load(&slots[i], &slots[least], 1) < 0))
			least = (int)i;
	/* A turn of the round robin, for those alone that are as free. */
	for (size_t i = 0; i < n_slots; i++) {
		struct balance_slot *s = &slots[i];

		if (!takes(s) || compare_load(s, &slots[least], 1) != 0)
			continue;
		s->credit += s->weight;
		earned += s->weight;
		if (best == BALANCE_NONE || s->credit > slots[best].credit)
			best = (int)i;
	}
	if (best != BALANCE_NONE)
		slots[best].credit -= earned;
	return best;
}

/*
 * Each bit of the result depends on each bit of `x`, and no two `x` have the
 * same result (the 64-bit finaliser of MurmurHash3).
 */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	x ^= x >> 33;
	return x;
}

/*
 * FNV-1a, whose high bits are good and whose low bits are poor, then mixed. A
 * change of either moves all clients of `source`, so there is none.
 */
uint64_t
balance_hash(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return mix(h);
}

#define LOG_FRACTION 32 /* bits behind the point */
#define LOG_STEPS 16    /* of them found by squaring, the others between */

/*
 * -log2(x / 2^64) for x > 0, in units of 2^-32, at most 64 of them. In integers
 * alone, since log() of two C libraries, or of two versions of one, may differ
 * in the last bit, and then the nodes would disagree on a server. Each squaring
 * of the mantissa gives one more bit of the logarithm; what is left is taken as
 * a straight line, which is wrong by less than 2^-19.
 */
static uint64_t
minus_log2(uint64_t x)
{
	unsigned zeros = (unsigned)__builtin_clzll(x);
	uint64_t m = (x << zeros) >> 32; /* [1, 2) in units of 2^-31 */
	uint64_t log = 0;

	for (unsigned i = 0; i < LOG_STEPS; i++) {
		m = (m * m) >> 31; /* [1, 4) */
		log <<= 1;
		if (m >> 32 != 0) {
			m >>= 1;
			log |= 1;
		}
	}
	m -= (uint64_t)1 << 31; /* [0, 1) */
	log = (log << (LOG_FRACTION - LOG_STEPS)) | m >> (LOG_STEPS - 1);
	return ((uint64_t)(zeros + 1) << LOG_FRACTION) - log;
}

/* A server that may be a client's, and the chance that the two share. */
struct bid {
	const struct balance_slot *slot;
	uint64_t u;   /* of 2^64, more than 0 */
	uint64_t log; /* minus_log2(u); 0: not asked for yet */
};

static uint64_t
log_of(struct bid *b)
{
	if (b->log == 0)
		b->log = minus_log2(b->u);
	return b->log;
}

/*
 * The server whose -log(u) / weight is least wins with a probability of its
 * weight in that of all (the first of independent Poisson processes), and
 * whatever happens to another server leaves its number as it was. Of two with
 * one weight that is the greater u: most services never ask for a logarithm,
 * which costs more than all else here.
 */
static bool
wins(struct bid *a, struct bid *b)
{
	uint64_t of_a = b->u, of_b = a->u;

	if (a->slot->weight != b->slot->weight) {
		/* 39 bits of a logarithm and 17 of a weight: it fits. */
		of_a = log_of(a) * b->slot->weight;
		of_b = log_of(b) * a->slot->weight;
	}
	/* A tie, once in a blue moon, must not ask for the order. */
	return of_a < of_b ||
	    (of_a == of_b && a->slot->name_hash < b->slot->name_hash);
}

int
balance_source(
    const struct balance_slot *slots, size_t n_slots, uint64_t client_hash)
{
	struct bid best = { .slot = NULL };

	for (size_t i = 0; i < n_slots; i++) {
		struct bid mine = { .slot = &slots[i],
			.u = mix(client_hash ^ slots[i].name_hash) | 1 };

		if (takes(&slots[i]) &&
		    (best.slot == NULL || wins(&mine, &best)))
			best = mine;
	}
	return best.slot == NULL ? BALANCE_NONE : (int)(best.slot - slots);
}

/*
 * The slot in which this point, of all weights put end to end, lies; `but` is
 * left out.
 */
static int
at_point(
    const struct balance_slot *slots, size_t n_slots, uint64_t point, int but)
{
	for (size_t i = 0; i < n_slots; i++) {
		if (!takes(&slots[i]) || (int)i == but)
			continue;
		if (point < slots[i].weight)
			return (int)i;
		point -= slots[i].weight;
	}
	return BALANCE_NONE;
}

int
balance_random(
    const struct balance_slot *slots, size_t n_slots, uint64_t chance)
{
	uint64_t total = 0;
	int one, two;

	for (size_t i = 0; i < n_slots; i++)
		if (takes(&slots[i]))
			total += slots[i].weight;
	/* 32 bits of chance for each; a total has 27 at most. */
	one = at_point(
	    slots, n_slots, (chance >> 32) * total >> 32, BALANCE_NONE);
	if (one == BALANCE_NONE)
		return BALANCE_NONE;
	total -= slots[one].weight;
	two = at_point(slots, n_slots, (uint32_t)chance * total >> 32, one);
	if (two == BALANCE_NONE)
		return one;
	/* As free as each other: the first, whom the weights chose. */
	return compare_load(&slots[two], &slots[one], 0) < 0 ? two : one;
}

#define RAMP_START 20 /* it begins with a 20th */

uint32_t
balance_ramp(uint32_t weight, int64_t up_ms, uint32_t slow_start_ms)
{
	uint64_t all = (uint64_t)weight * BALANCE_UNIT;
	uint64_t span = slow_start_ms, up = up_ms > 0 ? (uint64_t)up_ms : 0;

	if (up >= span)
		return (uint32_t)all;
	/* 17 bits of a weight and 37 of the times: it fits. */
	return (uint32_t)(all * (span + (RAMP_START - 1) * up) /
	    (RAMP_START * span));
}
