#include "proxy/data/dead_peer.h"

#include <linux/tcp.h>

/* As many as keepalive asks. One or two may be lost on the way. */
#define QUESTIONS_LEAST 3

/* What the kernel takes for TCP_RTO_MAX_MS. */
#define APART_LEAST_MS 1000
#define APART_MOST_MS 120000

struct dead_peer
dead_peer_init(struct mono now)
{
	return (struct dead_peer){ .answered = now };
}

bool
dead_peer_look(struct dead_peer *d, const struct dead_peer_facts *f,
    uint32_t patience_ms, struct mono now)
{
	const int questions = f->repeats + f->probes;
	int64_t open_ms = mono_span_ms(d->answered, now);

	if (f->waiting == 0 || questions == 0) {
		d->answered = now;
		return false;
	}
	/* It has answered one since, and was asked anew. */
	if (f->silent_ms < open_ms) {
		open_ms = f->silent_ms;
		d->answered = mono_add_ms(now, -open_ms);
	}
	return patience_ms > 0 && open_ms >= patience_ms &&
	    questions >= QUESTIONS_LEAST;
}

struct dead_peer_facts
dead_peer_facts_of(const struct tcp_info *info, uint32_t waiting)
{
	return (struct dead_peer_facts){
		.waiting = waiting,
		.silent_ms = info->tcpi_last_ack_recv,
		.repeats = info->tcpi_unacked > 0 ? info->tcpi_retransmits : 0,
		.probes = info->tcpi_probes,
	};
}

uint32_t
dead_peer_apart_ms(uint32_t patience_ms)
{
	const uint32_t apart = patience_ms / 8;

	if (apart < APART_LEAST_MS)
		return APART_LEAST_MS;
	return apart > APART_MOST_MS ? APART_MOST_MS : apart;
}
