#include "failover/election/suspect.h"

/*
 * Two probes, in case one is lost, and the time a kernel on the same network
 * takes to answer many times over. With heartbeats all 20 ms and three of them
 * missed, a dead host is replaced 68 ms after its last word at the latest.
 */
#define ROUNDS 2
#define ROUND_MS 4
_Static_assert(ROUNDS *ROUND_MS == SUSPECT_LEAST_MS, "the least");

/* While a silent peer still answers: how soon its letting go is seen. */
#define HOLDS_MS 20

/* A third host with our address is a person's mistake, mended by a person. */
#define CONFLICT_MS 500

/*
 * A gateway may be slow to answer, and answers few of many questions: this long
 * we wait for the first of them, before we call ourselves cut off.
 */
#define WITNESS_MS 200

struct suspect
suspect_none(void)
{
	return (struct suspect){ .last = SUSPECT_ASK };
}

static void
begin_series(struct suspect *d)
{
	d->rounds = 0;
	d->at_peer = d->elsewhere = d->peer = false;
}

static bool
has_lasted(struct mono since, uint32_t span_ms, struct mono now)
{
	return !mono_before(now, mono_add_ms(since, span_ms));
}

/* Nobody has the addresses. Whether that is so everywhere, witnesses know. */
static enum suspect_verdict
judge_silence(const struct suspect *d, const struct suspect_config *config,
    struct mono now)
{
	if (!config->witnesses || d->witness)
		return SUSPECT_GONE;
	return has_lasted(d->asked, WITNESS_MS, now) ? SUSPECT_ISOLATED
	                                             : SUSPECT_ASK;
}

/* The worst that was heard counts. */
static enum suspect_verdict
judge(const struct suspect *d, const struct suspect_config *config,
    struct mono now)
{
	if (d->elsewhere)
		return SUSPECT_CONFLICT;
	if (d->at_peer)
		return has_lasted(d->since, config->hang_ms, now)
		    ? SUSPECT_HUNG
		    : SUSPECT_HOLDS;
	if (d->peer)
		return SUSPECT_RELEASED;
	return judge_silence(d, config, now);
}

static enum suspect_verdict
ask(struct suspect *d, struct mono now, struct mono *ret_wake)
{
	/* Somebody answered before: what a witness said then is old. */
	if (d->rounds == 0 && d->last != SUSPECT_ASK) {
		d->asked = now;
		d->witness = false;
	}
	d->rounds++;
	*ret_wake = mono_add_ms(now, ROUND_MS);
	return SUSPECT_ASK;
}

enum suspect_verdict
suspect_step(struct suspect *d, const struct suspect_config *config,
    struct mono now, struct mono *ret_wake)
{
	enum suspect_verdict verdict;

	if (!d->open) {
		*d = suspect_none();
		d->open = true;
		d->since = d->asked = now;
	}
	if (d->rounds < ROUNDS)
		return ask(d, now, ret_wake);
	verdict = judge(d, config, now);
	d->last = verdict;
	begin_series(d);
	switch (verdict) {
	case SUSPECT_ASK:
		return ask(d, now, ret_wake);
	case SUSPECT_HOLDS:
		*ret_wake = mono_add_ms(now, HOLDS_MS);
		break;
	case SUSPECT_CONFLICT:
		*ret_wake = mono_add_ms(now, CONFLICT_MS);
		break;
	case SUSPECT_GONE:
	case SUSPECT_RELEASED:
	case SUSPECT_HUNG:
	case SUSPECT_ISOLATED:
		*d = suspect_none();
		break;
	}
	return verdict;
}

void
suspect_note(struct suspect *d, enum suspect_answer answer)
{
	if (!d->open)
		return;
	switch (answer) {
	case SUSPECT_ADDRESS_AT_PEER:
		d->at_peer = true;
		break;
	case SUSPECT_ADDRESS_ELSEWHERE:
		d->elsewhere = true;
		break;
	case SUSPECT_PEER:
		d->peer = true;
		break;
	case SUSPECT_WITNESS:
		d->witness = true;
		break;
	}
}
