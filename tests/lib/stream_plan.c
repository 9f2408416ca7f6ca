#include "tests/lib/stream_plan.h"

/* splitmix64 */
static uint64_t
chance(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

static uint64_t
draw_amount(uint64_t *state, bool bulk, bool little)
{
	if (bulk && chance(state, 6) == 0)
		return 1 + chance(state, little ? 100000 : 1500000);
	return 1 + chance(state, chance(state, 4) == 0 ? 70000 : 1500);
}

/* `little`: whoever reads it has a small buffer. */
static void
draw_steps(struct stream_plan *p, uint64_t *state, bool bulk, bool little)
{
	const bool urgent = chance(state, 3) != 0;
	const uint64_t n = 1 + chance(state, STREAM_PLAN_STEPS_MAX - 2);

	for (uint64_t i = 0; i < n; i++) {
		struct stream_plan_step *s = &p->steps[p->n_steps++];
		const uint64_t what = chance(state, 8);

		*s = (struct stream_plan_step){ STREAM_PLAN_WRITE,
			draw_amount(state, bulk, little) };
		if (what < 2)
			*s = (struct stream_plan_step){ STREAM_PLAN_PAUSE,
				chance(state, 4) };
		else if (what < 4 && urgent &&
		    p->n_urgent < STREAM_PLAN_URGENT_MAX)
			*s = (struct stream_plan_step){ STREAM_PLAN_URGENT, 1 };
		if (s->kind == STREAM_PLAN_URGENT)
			p->urgent[p->n_urgent++] = p->total;
		if (s->kind != STREAM_PLAN_PAUSE)
			p->total += s->amount;
	}
}

static void
draw_end(struct stream_plan *p, uint64_t *state, bool resets)
{
	if (!resets || chance(state, 4) == 0)
		p->steps[p->n_steps++].kind = STREAM_PLAN_SHUT;
	if (resets)
		p->steps[p->n_steps++].kind = STREAM_PLAN_RESET;
}

void
stream_plan_draw(uint64_t seed, uint32_t index, struct stream_plan ret[2])
{
	uint64_t state = seed << 32 ^ index;
	const bool bulk = index % 8 == 0;
	const int resets = chance(&state, 4) == 0 ? (int)chance(&state, 2) : -1;

	for (int side = 0; side < 2; side++) {
		struct stream_plan *p = &ret[side];

		*p = (struct stream_plan){
			.salt = index * 2 + (uint32_t)side,
			.piece = 1 +
			    chance(&state,
			        chance(&state, 2) == 0 ? 300
			                               : STREAM_PLAN_CHUNK),
			.read_pause_ms = chance(&state, 4) == 0,
			.in_line = chance(&state, 2) == 0,
			.has_little = chance(&state, 5) == 0,
		};
	}
	for (int side = 0; side < 2; side++) {
		struct stream_plan *p = &ret[side], *reader = &ret[1 - side];

		draw_steps(p, &state, bulk, reader->has_little);
		draw_end(p, &state, resets == side);
		/* So that no run takes long. */
		if (reader->piece < p->total / 500)
			reader->piece = p->total / 500;
		if (reader->piece > STREAM_PLAN_CHUNK)
			reader->piece = STREAM_PLAN_CHUNK;
	}
}

bool
stream_plan_has(const struct stream_plan *p, enum stream_plan_kind kind)
{
	for (unsigned i = 0; i < p->n_steps; i++)
		if (p->steps[i].kind == kind)
			return true;
	return false;
}

/* Which of its urgent bytes is at that place, or -1. */
static int
urgent_at(const struct stream_plan *p, uint64_t place)
{
	for (unsigned i = 0; i < p->n_urgent; i++)
		if (p->urgent[i] == place)
			return (int)i;
	return -1;
}

uint8_t
stream_plan_byte(const struct stream_plan *p, uint64_t place)
{
	const int urgent = urgent_at(p, place);

	if (urgent != -1)
		return (uint8_t)(0x80 + urgent);
	return (uint8_t)((place * 2654435761u + p->salt * 977u) >> 13) & 0x7f;
}

static bool
may_miss(const struct stream_plan *p, bool in_line, uint64_t place)
{
	return !in_line && urgent_at(p, place) != -1;
}

bool
stream_plan_compare(const struct stream_plan *p, bool in_line,
    const uint8_t *data, size_t len, uint64_t *place, unsigned *in_band)
{
	for (size_t i = 0; i < len; (*place)++) {
		const bool same = data[i] == stream_plan_byte(p, *place);

		if (!same && !may_miss(p, in_line, *place))
			return false;
		if (same && !in_line && urgent_at(p, *place) != -1 &&
		    urgent_at(p, *place) + 1 == (int)p->n_urgent)
			(*in_band)++;
		i += same;
	}
	return true;
}

bool
stream_plan_is_whole(const struct stream_plan *p, bool in_line, uint64_t place)
{
	while (place < p->total && may_miss(p, in_line, place))
		place++;
	return place == p->total;
}
