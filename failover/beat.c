#include "failover/beat.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/secret.h"
#include "failover/giver.h"
#include "failover/group.h"
#include "failover/replica.h"

_Static_assert(HELLO_CONFIG_BYTES == CONFIG_HASH_BYTES, "one hash");
_Static_assert(HELLO_GROUPS_MAX >= CONFIG_GROUPS_MAX, "a packet says all");

#define PACKET_MAX (HELLO_BYTES_MAX + SECRET_MAC_BYTES)

/* Read at once; a flood must not keep us from our own heartbeat. */
#define BUDGET 64

/* A stranger may be anybody's recording: answers are rationed. */
#define CHALLENGE_MS 5

/* What a stranger can trigger is told once a second at most. */
#define TELL_REJECTED_MS 1000

uint32_t
beat_dead_ms(const struct role *role)
{
	/* A peer with a slower heartbeat is given its time. */
	return role->peer.dead_ms > role->dead_ms ? role->peer.dead_ms
	                                          : role->dead_ms;
}

static void
describe(const struct role *role, struct hello *h)
{
	const struct config_pair *pair = &role->config->pair;

	h->interval_ms = (uint16_t)pair->interval_ms;
	h->misses = (uint8_t)pair->misses;
	h->resigning = role->stopping;
	memcpy(h->config_hash, role->config->hash, sizeof(h->config_hash));
	h->n_groups = (uint8_t)role->n_groups;
	for (size_t i = 0; i < role->n_groups; i++) {
		const struct role_group *g = &role->groups[i];

		h->groups[i] = (struct hello_group){ .id = g->id,
			.state = g->election.state,
			.held = holder_is_complete(&g->holder),
			.hands_over = g->election.handing,
			.priority = g->election.priority,
			.term = g->election.term };
		memcpy(h->groups[i].mac, g->holder.link.mac, HELLO_MAC_BYTES);
	}
}

/* Told when it begins, changes and ends; an interval apart would be a storm. */
static void
note_sent(struct role_link *l, int r)
{
	char from[ADDR_TEXT_MAX];

	if (r == l->error)
		return;
	l->error = r;
	addr_format_ip(&l->link.self, from);
	if (r < 0)
		log_warning(l->role->peer_subject,
		    "cannot send heartbeats from %s: %s, trying on", from,
		    strerror(-r));
	else
		log_notice(l->role->peer_subject,
		    "sending heartbeats from %s again", from);
}

/*
 * Our last hello is how the peer measures us: if that is long ago it may have
 * claimed, and what we believe is of the past. CLOCK_BOOTTIME also counts a
 * host's sleep.
 */
static void
look_at_clock(struct role *role, struct mono now, struct mono boot_now)
{
	const int64_t late_ms = mono_span_ms(role->beaten, now);
	const int64_t slept_ms = mono_span_ms(role->beaten_boot, boot_now);
	const int64_t silent_ms = late_ms > slept_ms ? late_ms : slept_ms;
	struct election_event ev = { .type = ELECTION_STALLED };

	if (!beat_is_started(role) || silent_ms < role->dead_ms)
		return;
	/* Said once: what follows from it is in time. */
	role->beaten = now;
	role->beaten_boot = boot_now;
	ev.stalled_ms =
	    silent_ms < UINT32_MAX ? (uint32_t)silent_ms : UINT32_MAX;
	for (size_t i = 0; i < role->n_groups; i++)
		group_post(&role->groups[i], &ev);
	beat_send(role);
	log_warning("failover", "stood still for %" PRId64 " ms", silent_ms);
}

void
beat_look(struct role *role)
{
	look_at_clock(role, mono_now(), mono_boot_now());
}

static void
send_hello(
    struct role *role, enum hello_type type, const struct hello *answered)
{
	uint8_t packet[PACKET_MAX];
	struct buf b = buf_writer(packet, HELLO_BYTES_MAX);
	const struct mono now = mono_now(), boot_now = mono_boot_now();
	struct hello h = { .type = type };
	size_t len;

	/* A hello that is late would hide that it is. */
	look_at_clock(role, now, boot_now);
	/* Not when it is out: who is stopped in between is late the next time.
	 */
	role->beaten = now;
	role->beaten_boot = boot_now;
	describe(role, &h);
	peer_stamp(&role->peer, answered, &h);
	hello_encode(&b, &h);
	len = seal_close(&role->seal, packet, b.pos);
	for (size_t i = 0; i < role->n_links; i++)
		note_sent(&role->links[i],
		    link_send(&role->links[i].link, packet, len));
	replica_send_hello(role, packet, len);
}

void
beat_send(struct role *role)
{
	send_hello(role, HELLO_BEAT, NULL);
}

static void
challenge(struct role *role, const struct hello *h, struct mono now)
{
	if (mono_before(now, mono_add_ms(role->challenged, CHALLENGE_MS)))
		return;
	role->challenged = now;
	send_hello(role, HELLO_CHALLENGE, h);
	for (size_t i = 0; i < role->n_groups; i++)
		group_post(&role->groups[i],
		    &(struct election_event){ .type = ELECTION_UNPROVEN });
}

static void
tell_groups(struct role *role, const struct hello *h, struct mono now)
{
	const uint32_t dead_ms = beat_dead_ms(role);
	const bool hears_us = peer_hears_us(&role->peer, dead_ms, now);

	for (size_t i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];
		const struct hello_group *said = hello_find(h, g->id);
		/* A group that its configuration lacks: it can't serve it. */
		const struct hello_group none = { .state = ELECTION_FAULT,
			.priority = 1 };
		struct election_event ev = { .type = ELECTION_HEARTBEAT };

		if (said == NULL)
			said = &none;
		g->peer_state = (enum msg_group_state)said->state;
		memcpy(g->peer_mac, said->mac, HELLO_MAC_BYTES);
		ev.heartbeat = (struct election_heartbeat){
			.state = said->state,
			.resigning = h->resigning,
			.hears_us = hears_us,
			.hands_over = said->hands_over,
			.priority = said->priority,
			.term = said->term,
			.dead_ms = dead_ms,
		};
		group_post(g, &ev);
		giver_heard(g, said->held);
	}
}

static void
note_heard(struct role *role, const struct hello *h, bool new_boot)
{
	const bool differs = memcmp(h->config_hash, role->config->hash,
	                         sizeof(h->config_hash)) != 0;

	if (new_boot || !role->peer_told)
		log_notice(role->peer_subject, "%s",
		    new_boot ? "heard, it has been started" : "heard again");
	role->peer_told = true;
	if (differs && !role->config_told)
		log_warning(role->peer_subject,
		    "its configuration differs from ours, serving on");
	else if (!differs && role->config_told)
		log_notice(
		    role->peer_subject, "its configuration matches ours");
	role->config_told = differs;
}

static void
take(struct role *role, struct peer_path *path, const struct hello *h)
{
	const struct mono now = mono_now();
	const enum peer_verdict verdict =
	    peer_receive(&role->peer, h, role->fresh, now);

	if (path != NULL) /* else over the wire */
		peer_path_note(path, &role->peer, h, verdict, now);
	switch (verdict) {
	case PEER_NEW_BOOT:
		replica_expect(role, &h->sender_boot);
		secret_random(&role->fresh, sizeof(role->fresh));
		/* It waits for our echo before it believes us. */
		beat_send(role);
		tell_groups(role, h, now);
		note_heard(role, h, true);
		break;
	case PEER_ACCEPTED:
		if (h->type == HELLO_CHALLENGE)
			beat_send(role);
		tell_groups(role, h, now);
		note_heard(role, h, false);
		break;
	case PEER_STRANGER:
		challenge(role, h, now);
		break;
	case PEER_REPEATED:
	case PEER_MISDIRECTED:
		break;
	}
}

/* The cheap questions first: a MAC costs more than a comparison. */
static bool
is_authentic(
    struct role *role, const uint8_t *packet, int len, struct hello *ret_hello)
{
	struct buf b;

	if (len < 0) {
		peer_count_reject(&role->peer, PEER_REJECT_FOREIGN);
		return false;
	}
	b = buf_reader(packet,
	    len < SECRET_MAC_BYTES ? 0 : (size_t)len - SECRET_MAC_BYTES);
	if (hello_decode(&b, ret_hello) < 0) {
		peer_count_reject(&role->peer, PEER_REJECT_SHAPE);
		return false;
	}
	if (!peer_is_addressed(&role->peer, ret_hello))
		return false;
	if (!seal_is_good(&role->seal, packet, (size_t)len)) {
		peer_count_reject(&role->peer, PEER_REJECT_FORGED);
		return false;
	}
	return true;
}

void
beat_take(struct role *role, const uint8_t *packet, size_t len)
{
	struct hello h;

	if (len <= PACKET_MAX && is_authentic(role, packet, (int)len, &h))
		take(role, NULL, &h);
}

static void
on_link(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role_link *l = w->data;

	(void)loop;
	(void)revents;
	for (int i = 0; i < BUDGET; i++) {
		/* One more than the largest: too long is seen as too long. */
		uint8_t packet[PACKET_MAX + 1];
		int len = link_receive(&l->link, packet, sizeof(packet));
		struct hello h;

		if (len == -EAGAIN)
			break;
		/* A knock: what comes behind it must not wait for a turn. */
		if (len == 0)
			continue;
		if (is_authentic(l->role, packet, len, &h))
			take(l->role, &l->path, &h);
		else
			l->path.rejected++;
	}
}

static void
tell_rejected(struct role *role, struct mono now)
{
	if (mono_before(now, mono_add_ms(role->rejected_at, TELL_REJECTED_MS)))
		return;
	role->rejected_at = now;
	for (unsigned i = 0; i < PEER_REJECTS; i++) {
		const uint64_t n =
		    role->peer.rejected[i] - role->rejected_told[i];

		role->rejected_told[i] = role->peer.rejected[i];
		/* A restart and a reordered packet are daily bread. */
		if (n == 0 || i == PEER_REJECT_STALE ||
		    i == PEER_REJECT_REPEATED)
			continue;
		log_warning(role->peer_subject,
		    "%" PRIu64 " packets dropped: %s", n,
		    peer_reject_name((enum peer_reject)i));
	}
}

static void
on_beat(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = w->data;
	const struct mono now = mono_now();

	(void)loop;
	(void)revents;
	beat_send(role);
	for (size_t i = 0; i < role->n_groups; i++)
		group_tell(&role->groups[i]);
	giver_look(role);
	if (role->peer_told &&
	    !peer_is_alive(&role->peer, beat_dead_ms(role), now)) {
		role->peer_told = false;
		log_warning(role->peer_subject, "silent for %" PRId64 " ms%s",
		    mono_span_ms(role->peer.heard, now),
		    role->peer.resigned ? ", it was stopped" : "");
	}
	tell_rejected(role, now);
}

/* Runs before all other callbacks of a turn. */
static void
on_turn(struct ev_loop *loop, ev_check *w, int revents)
{
	struct role *role = w->data;

	(void)loop;
	(void)revents;
	beat_look(role);
}

void
beat_start(struct role *role)
{
	const double interval_s = role->config->pair.interval_ms / 1e3;

	if (beat_is_started(role))
		return;
	for (size_t i = 0; i < role->n_links; i++) {
		struct role_link *l = &role->links[i];

		ev_io_init(&l->ready, on_link, l->link.fd, EV_READ);
		l->ready.data = l;
		ev_io_start(role->loop, &l->ready);
	}
	role->beaten = mono_now();
	role->beaten_boot = mono_boot_now();
	ev_timer_init(&role->beat, on_beat, interval_s, interval_s);
	role->beat.data = role;
	ev_timer_start(role->loop, &role->beat);
	ev_check_init(&role->turn, on_turn);
	ev_set_priority(&role->turn, EV_MAXPRI);
	role->turn.data = role;
	ev_check_start(role->loop, &role->turn);
	beat_send(role);
	/* Arms each group's first tick. */
	for (size_t i = 0; i < role->n_groups; i++)
		group_post(&role->groups[i],
		    &(struct election_event){ .type = ELECTION_TICK });
}

bool
beat_is_started(const struct role *role)
{
	return ev_is_active(&role->beat);
}

void
beat_stop(struct role *role)
{
	for (size_t i = 0; i < role->n_links; i++)
		ev_io_stop(role->loop, &role->links[i].ready);
	ev_timer_stop(role->loop, &role->beat);
	ev_check_stop(role->loop, &role->turn);
}
