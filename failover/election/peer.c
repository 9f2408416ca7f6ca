#include "failover/election/peer.h"

#include <limits.h>
#include <string.h>

/* A peer that is stopped for a moment hears us all the same. */
#define STALE_LEAST_MS 50

struct peer
peer_init(const struct peer_config *config, uint64_t nonce)
{
	return (struct peer){ .config = *config,
		.nonce = nonce,
		.heard = mono_never(),
		.echoed_at = mono_never(),
		.marked = mono_never() };
}

void
peer_count_reject(struct peer *p, enum peer_reject why)
{
	p->rejected[why]++;
}

static bool
is_among(const uint64_t keys[HELLO_KEYS_MAX], uint64_t id)
{
	for (unsigned i = 0; i < HELLO_KEYS_MAX; i++)
		if (id != 0 && keys[i] == id)
			return true;
	return false;
}

bool
peer_is_addressed(struct peer *p, const struct hello *h)
{
	const bool ours = is_among(p->config.keys, h->keys[h->key]);

	if (ours && h->sender == p->config.self) {
		peer_count_reject(p, PEER_REJECT_REFLECTED);
		return false;
	}
	if (!ours || h->sender != p->config.other) {
		peer_count_reject(p, PEER_REJECT_FOREIGN);
		return false;
	}
	return true;
}

static void
echo(struct peer *p, const struct hello *h)
{
	p->echo_boot = h->sender_boot;
	p->echo_nonce = h->nonce;
	p->echo_seq = h->seq;
}

/*
 * A number of ours comes back: the road there is open too. Numbers that we did
 * not send yet prove nothing; an authentic peer does not say them. Nor do old
 * ones: a peer that knows no boot of ours echoes whatever it is shown.
 */
static void
note_echo(struct peer *p, const struct hello *h, struct mono now)
{
	if (!hello_boot_is_same(&h->echo_boot, &p->config.boot))
		return;
	if (h->echo_seq <= p->echoed || h->echo_seq <= p->stale ||
	    h->echo_seq > p->sent)
		return;
	p->echoed = h->echo_seq;
	p->echoed_at = now;
}

static void
take(struct peer *p, const struct hello *h, struct mono now)
{
	const uint32_t dead_ms = (uint32_t)h->interval_ms * h->misses;
	const uint32_t most_ms = p->config.most_ms;

	p->high = h->seq;
	p->heard = now;
	p->due = mono_add_ms(
	    now, h->interval_ms < most_ms ? h->interval_ms : most_ms);
	p->dead_ms = dead_ms < most_ms ? dead_ms : most_ms;
	p->resigned = h->resigning;
	p->ended = false;
	memcpy(p->config_hash, h->config_hash, sizeof(p->config_hash));
	memcpy(p->program, h->program, sizeof(p->program));
	memcpy(p->keys, h->keys, sizeof(p->keys));
	p->signs = h->keys[h->key];
	/* A challenge is for it again. */
	memset(p->stranger_keys, 0, sizeof(p->stranger_keys));
	echo(p, h);
	note_echo(p, h, now);
}

static bool
is_proven(const struct peer *p, const struct hello *h)
{
	return hello_boot_is_same(&h->echo_boot, &p->config.boot) &&
	    h->echo_nonce == p->nonce;
}

enum peer_verdict
peer_judge(const struct peer *p, const struct hello *h)
{
	if (p->known && hello_boot_is_same(&h->sender_boot, &p->boot))
		return h->seq > p->high ? PEER_ACCEPTED : PEER_REPEATED;
	return is_proven(p, h) ? PEER_NEW_BOOT : PEER_STRANGER;
}

static void
note_stranger(struct peer *p, const struct hello *h)
{
	if (!p->known)
		echo(p, h); /* so that its proof may come sooner */
	p->stranger_boot = h->sender_boot;
	p->stranger_nonce = h->nonce;
	p->stranger_seq = h->seq;
	memcpy(p->stranger_keys, h->keys, sizeof(p->stranger_keys));
	peer_count_reject(p, PEER_REJECT_STALE);
}

enum peer_verdict
peer_receive(
    struct peer *p, const struct hello *h, uint64_t fresh, struct mono now)
{
	const enum peer_verdict verdict = peer_judge(p, h);

	if (!peer_is_addressed(p, h))
		return PEER_MISDIRECTED;
	if (verdict == PEER_STRANGER)
		note_stranger(p, h);
	if (verdict == PEER_NEW_BOOT) {
		p->known = true;
		p->boot = h->sender_boot;
		p->nonce = fresh; /* what echoes the old one is a recording */
	}
	if (verdict == PEER_NEW_BOOT || verdict == PEER_ACCEPTED)
		take(p, h, now);
	return verdict;
}

struct peer_path
peer_path_init(void)
{
	return (struct peer_path){ .heard = mono_never() };
}

void
peer_path_note(struct peer_path *path, struct peer *p, const struct hello *h,
    enum peer_verdict verdict, struct mono now)
{
	switch (verdict) {
	case PEER_NEW_BOOT:
		path->high = h->seq - 1; /* what went before was another's */
		break;
	case PEER_ACCEPTED:
	case PEER_REPEATED:
		break;
	case PEER_STRANGER:
	case PEER_MISDIRECTED:
		path->rejected++;
		return;
	}
	if (h->seq <= path->high) {
		peer_count_reject(p, PEER_REJECT_REPEATED);
		path->rejected++;
		return;
	}
	/* The first that came over it lost nothing on the way. */
	if (path->high != 0)
		path->lost += h->seq - path->high - 1;
	path->high = h->seq;
	path->heard = now;
	path->missed = 0;
	path->received++;
}

void
peer_path_miss(struct peer_path *path, enum peer_verdict verdict)
{
	if (verdict != PEER_NEW_BOOT && verdict != PEER_ACCEPTED)
		return;
	if (verdict == PEER_NEW_BOOT)
		path->high = 0;
	if (path->missed < UINT_MAX)
		path->missed++;
}

/* What was sent before the last two looks is old. */
static void
age(struct peer *p, uint32_t dead_ms, struct mono now)
{
	const uint32_t span_ms =
	    dead_ms > STALE_LEAST_MS ? dead_ms : STALE_LEAST_MS;

	if (!mono_is_never(p->marked) &&
	    mono_before(now, mono_add_ms(p->marked, span_ms)))
		return;
	p->marked = now;
	p->stale = p->staling;
	p->staling = p->sent;
}

/* The first of ours that is among theirs; the first, where none is. */
static unsigned
common(const struct peer *p, const uint64_t theirs[HELLO_KEYS_MAX])
{
	for (unsigned i = 0; i < HELLO_KEYS_MAX; i++)
		if (is_among(theirs, p->config.keys[i]))
			return i;
	return 0;
}

uint64_t
peer_key(const struct peer *p)
{
	return p->known ? p->config.keys[common(p, p->keys)] : 0;
}

bool
peer_takes(const struct peer *p, const uint64_t keys[HELLO_KEYS_MAX])
{
	for (unsigned i = 0; i < HELLO_KEYS_MAX; i++)
		if (is_among(p->keys, keys[i]))
			return true;
	return false;
}

bool
peer_is_parted_by(const struct peer *p, const uint64_t keys[HELLO_KEYS_MAX])
{
	return p->known && !p->resigned && !p->ended && !peer_takes(p, keys);
}

static unsigned
choose_key(const struct peer *p, bool challenge)
{
	const unsigned n = p->config.keys[1] != 0 ? 2 : 1;

	if (!challenge && p->known)
		return common(p, p->keys);
	if (p->stranger_keys[0] != 0)
		return common(p, p->stranger_keys);
	return p->known ? common(p, p->keys) : (unsigned)(p->sent % n);
}

void
peer_stamp(struct peer *p, struct hello *h, uint32_t dead_ms, struct mono now)
{
	const bool challenge = h->type == HELLO_CHALLENGE;

	age(p, dead_ms, now);
	h->key = (uint8_t)choose_key(p, challenge);
	memcpy(h->keys, p->config.keys, sizeof(h->keys));
	h->sender = p->config.self;
	h->sender_boot = p->config.boot;
	h->nonce = p->nonce;
	h->seq = ++p->sent;
	h->echo_boot = challenge ? p->stranger_boot : p->echo_boot;
	h->echo_nonce = challenge ? p->stranger_nonce : p->echo_nonce;
	h->echo_seq = challenge ? p->stranger_seq : p->echo_seq;
}

static bool
is_recent(struct mono at, uint32_t span_ms, struct mono now)
{
	return !mono_is_never(at) &&
	    !mono_before(mono_add_ms(at, span_ms), now);
}

bool
peer_path_is_alive(
    const struct peer_path *path, uint32_t dead_ms, struct mono now)
{
	return is_recent(path->heard, dead_ms, now);
}

bool
peer_is_alive(const struct peer *p, uint32_t dead_ms, struct mono now)
{
	return is_recent(p->heard, dead_ms, now);
}

bool
peer_hears_us(const struct peer *p, uint32_t dead_ms, struct mono now)
{
	return is_recent(p->echoed_at, dead_ms, now);
}

const char *
peer_reject_name(enum peer_reject why)
{
	switch (why) {
	case PEER_REJECT_SHAPE:
		return "no hello";
	case PEER_REJECT_VERSION:
		return "of a version that this one cannot read";
	case PEER_REJECT_FOREIGN:
		return "of another pair or with another key";
	case PEER_REJECT_REFLECTED:
		return "our own";
	case PEER_REJECT_FORGED:
		return "wrong signature, is the key the same";
	case PEER_REJECT_STALE:
		return "not proven fresh";
	case PEER_REJECT_REPEATED:
		return "repeated";
	case PEER_REJECT_EXCESS:
		return "more changes than a node makes, is it still ours";
	}
	return "?";
}
