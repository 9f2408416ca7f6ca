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

/* It renews: nothing is urgent any more, and it may go on for days. */
#define RENEWS_MS 500

/* Nobody at all was heard: not so often for the rest of the wait. */
#define DEAF_ROUND_MS 20

/* A third host with our address is a person's mistake, mended by a person. */
#define CONFLICT_MS 500

/*
 * The second question, beyond the lease: often enough that a dead host's
 * addresses do not wait for it, seldom enough that a living one does not mind.
 */
#define QUESTION_MS 100
#define QUESTION_AGAIN_MS 1000
#define QUESTIONS 3

/* The kernel ends a lease when it gets round to it; hang_ms is in seconds. */
#define LEASE_SLACK_MS 1000

struct suspect
suspect_none(void)
{
	return (
	    struct suspect){ .questioned = mono_never(), .last = SUSPECT_ASK };
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

/* Nobody has the addresses. Whether that is so everywhere, others know. */
static enum suspect_verdict
judge_silence(const struct suspect *d, const struct suspect_config *config,
    struct mono now)
{
	/* Probes that went into a cut say nothing, though it ended since. */
	if (d->somebody)
		return d->reached ? SUSPECT_GONE : SUSPECT_ASK;
	if (!config->askable)
		return SUSPECT_ALONE;
	return has_lasted(d->asked, SUSPECT_DEAF_MS, now) ? SUSPECT_ISOLATED
	                                                  : SUSPECT_ASK;
}

/* Somebody answers for them. Does it live? */
static enum suspect_verdict
judge_answer(const struct suspect *d, const struct suspect_config *config,
    struct mono now)
{
	if (d->unanswered >= QUESTIONS && !d->lives)
		return SUSPECT_ECHO;
	if (d->elsewhere)
		return SUSPECT_CONFLICT;
	if (!has_lasted(d->since, config->hang_ms + LEASE_SLACK_MS, now))
		return SUSPECT_HOLDS;
	return d->lives || d->last == SUSPECT_RENEWS ? SUSPECT_RENEWS
	                                             : SUSPECT_HOLDS;
}

/* The worst that was heard counts. */
static enum suspect_verdict
judge(const struct suspect *d, const struct suspect_config *config,
    struct mono now)
{
	if (d->elsewhere || d->at_peer)
		return judge_answer(d, config, now);
	if (d->peer)
		return SUSPECT_RELEASED;
	return judge_silence(d, config, now);
}

/* Who answered in vain before is asked anew: the answers may have ended. */
static bool
questions(
    struct suspect *d, const struct suspect_config *config, struct mono now)
{
	if (d->last != SUSPECT_HOLDS && d->last != SUSPECT_RENEWS &&
	    d->last != SUSPECT_CONFLICT)
		return false;
	if (!has_lasted(d->since, config->hang_ms, now))
		return false;
	if (!mono_is_never(d->questioned)) {
		if (!has_lasted(d->questioned,
		        d->last == SUSPECT_RENEWS ? QUESTION_AGAIN_MS
		                                  : QUESTION_MS,
		        now))
			return false;
		if (d->lives)
			d->unanswered = 0;
		else if (d->control || !config->askable)
			d->unanswered++; /* else: a filter of ours, maybe */
	}
	d->questioned = now;
	d->lives = d->control = false;
	return true;
}

static enum suspect_verdict
ask(struct suspect *d, const struct suspect_config *config, struct mono now,
    struct mono *ret_wake)
{
	/* Somebody answered before: who was heard then is old. */
	if (d->rounds == 0 && d->last != SUSPECT_ASK) {
		d->asked = now;
		d->somebody = false;
	}
	d->rounds++;
	d->reached = d->somebody;
	*ret_wake = mono_add_ms(now, ROUND_MS);
	return questions(d, config, now) ? SUSPECT_QUESTION : SUSPECT_ASK;
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
		return ask(d, config, now, ret_wake);
	verdict = judge(d, config, now);
	d->last = verdict;
	begin_series(d);
	switch (verdict) {
	case SUSPECT_ASK:
	case SUSPECT_QUESTION:
		verdict = ask(d, config, now, ret_wake);
		if (!d->somebody)
			*ret_wake = mono_add_ms(now, DEAF_ROUND_MS);
		return verdict;
	case SUSPECT_HOLDS:
		*ret_wake = mono_add_ms(now, HOLDS_MS);
		break;
	case SUSPECT_RENEWS:
		*ret_wake = mono_add_ms(now, RENEWS_MS);
		break;
	case SUSPECT_CONFLICT:
		*ret_wake = mono_add_ms(now, CONFLICT_MS);
		break;
	case SUSPECT_GONE:
	case SUSPECT_ALONE:
	case SUSPECT_RELEASED:
	case SUSPECT_ECHO:
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
	d->somebody = true;
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
	case SUSPECT_LIVES:
		d->lives = true;
		break;
	case SUSPECT_CONTROL:
		d->control = true;
		break;
	case SUSPECT_SOMEBODY:
		break;
	}
}
