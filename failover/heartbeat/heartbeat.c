#include "failover/heartbeat/heartbeat.h"

#include "core/buf.h"
#include "core/limiter.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "failover/election/node_view.h"
#include "failover/group.h"
#include "failover/heartbeat/heartbeat_segment.h"
#include "failover/heartbeat/heartbeat_socket.h"
#include "failover/heartbeat/hello_pace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(HELLO_CONFIG_BYTES == CONFIG_HASH_BYTES, "one hash");
_Static_assert(NODE_GROUPS_MAX >= CONFIG_GROUPS_MAX, "a packet says all");
_Static_assert(HELLO_KEYS_MAX == MSG_PEER_KEYS_MAX, "as many keys");
_Static_assert(NODE_LINKS_MAX >= ROLE_LINKS_MAX, "a path for each link");
_Static_assert(MSG_PEER_NETWORKS_MAX >= NODE_GROUPS_MAX * NODE_SEGMENTS_MAX,
    "status tells of all");

/* Where the version stands in every hello (hello.h). */
#define VERSION_AT 4

/* What was not understood so recently may be why the peer is not heard. */
#define ODD_MS 2000

/* Read at once; a flood must not keep us from our own heartbeat. */
#define BUDGET 64

/* Lines about a peer that comes and goes. */
#define LINES_MAX 20
#define LINE_MS 1000

/* The nodes' addresses, or a pair of their `links`. */
struct heartbeat_link {
	struct role *role; /* borrowed */
	struct heartbeat_socket link;
	int error; /* of sending; told once, 0: none */
	ev_io ready;
};

struct heartbeat {
	size_t n_links;
	struct heartbeat_link links[ROLE_LINKS_MAX];
	uint64_t fresh; /* 64 random bits for the next new boot */
	ev_timer timer;
	ev_check turn;
	bool peer_told, config_told; /* reachable; configurations differ */
	uint64_t rejected_told[PEER_REJECTS];
	/* From the peer's address, and not understood; MSG_PEER_NOT_ODD: none.
	 */
	enum msg_peer_odd odd_kind;
	uint64_t odd;
	struct mono odd_at;
	struct limiter rejections; /* of their log lines */
	struct rate lines;         /* of those that it is heard, or not */
	struct hello_pace pace;    /* of those with a good MAC */
	ev_prepare wait;
	ev_timer rest; /* while none is read */
};

/* Told when it begins, changes and ends; an interval apart would be a storm. */
static void
note_sent(struct heartbeat_link *l, int e)
{
	char from[ADDR_TEXT_MAX];

	if (e == l->error)
		return;
	l->error = e;
	addr_format_ip(&l->link.self, from);
	if (e < 0)
		log_warning(l->role->peer_subject,
		    "[heartbeat] cannot send heartbeats from %s: %s, still trying",
		    from, strerror(-e));
	else
		log_notice(l->role->peer_subject,
		    "[heartbeat] sending heartbeats from %s again", from);
}

void
heartbeat_transmit(struct role *role, const uint8_t *packet, size_t len)
{
	struct heartbeat *heartbeat = role->heartbeat;

	for (size_t i = 0; i < heartbeat->n_links; i++)
		note_sent(&heartbeat->links[i],
		    heartbeat_socket_send(
		        &heartbeat->links[i].link, packet, len));
	heartbeat_segment_transmit(role, packet, len);
}

void
heartbeat_renew_chance(struct role *role)
{
	secret_random(&role->heartbeat->fresh, sizeof(role->heartbeat->fresh));
}

/* What both sign with now; the wire follows. */
static void
note_keys(struct role *role)
{
	const struct peer *peer = &role_node(role)->peer;
	struct packet_auth *auth = &role->auth;
	const uint64_t signs = peer_key(peer);
	char ours[SECRET_ID_TEXT], theirs[SECRET_ID_TEXT];

	if (signs == auth->signs && peer->signs == auth->hears)
		return;
	/* Of one key there is nothing to tell. */
	if (auth->n > 1 || auth->signs != 0)
		log_notice(role->peer_subject,
		    "keys: signs with %s, we with %s",
		    secret_id_text(peer->signs, theirs),
		    secret_id_text(signs, ours));
	auth->signs = signs;
	auth->hears = peer->signs;
}

void
heartbeat_note_heard(struct role *role, bool anew)
{
	struct heartbeat *heartbeat = role->heartbeat;
	const bool differs = !node_has_same_config(role_node(role));

	note_keys(role);
	if ((anew || !heartbeat->peer_told) &&
	    rate_allows(&heartbeat->lines, LINES_MAX, LINE_MS, mono_now()))
		log_notice(role->peer_subject, "[peer-back] %s",
		    anew ? "heard, it has been started" : "heard again");
	heartbeat->peer_told = true;
	if (differs && !heartbeat->config_told)
		log_warning(role->peer_subject,
		    "[differs] its configuration differs from ours, still serving");
	else if (!differs && heartbeat->config_told)
		log_notice(role->peer_subject,
		    "[differs] its configuration matches ours");
	heartbeat->config_told = differs;
}

/* Anybody can send it with that address: it is a hint for people, no more. */
static void
note_odd(struct role *role, enum msg_peer_odd kind, uint64_t odd)
{
	struct heartbeat *heartbeat = role->heartbeat;

	heartbeat->odd_kind = kind;
	heartbeat->odd = odd;
	heartbeat->odd_at = mono_now();
}

/* The cheap questions first: a MAC costs more than a comparison. */
static bool
is_authentic(
    struct role *role, const uint8_t *packet, int len, struct hello *ret_hello)
{
	struct peer *peer = &role->inbox.node.peer;
	const struct packet_auth_key *key;
	struct buf b;
	int e;

	if (len < 0) {
		peer_count_reject(peer, PEER_REJECT_FOREIGN);
		return false;
	}
	b = buf_reader(packet,
	    len < SECRET_MAC_BYTES ? 0 : (size_t)len - SECRET_MAC_BYTES);
	e = hello_decode(&b, ret_hello);
	if (e < 0) {
		peer_count_reject(peer,
		    e == -EPROTO ? PEER_REJECT_VERSION : PEER_REJECT_SHAPE);
		if (e == -EPROTO)
			note_odd(
			    role, MSG_PEER_ODD_VERSION, packet[VERSION_AT]);
		return false;
	}
	key = packet_auth_find(&role->auth, ret_hello->keys[ret_hello->key]);
	/* A node's id does not depend on its key. */
	if (key == NULL && ret_hello->sender == role->auth.other)
		note_odd(
		    role, MSG_PEER_ODD_KEY, ret_hello->keys[ret_hello->key]);
	if (!peer_is_addressed(peer, ret_hello))
		return false;
	if (key == NULL || !packet_auth_is_good(key, packet, (size_t)len)) {
		peer_count_reject(peer, PEER_REJECT_FORGED);
		return false;
	}
	return true;
}

static void
watch_links(struct role *role, bool on)
{
	struct heartbeat *heartbeat = role->heartbeat;

	for (size_t i = 0; i < heartbeat->n_links; i++)
		if (on)
			ev_io_start(role->loop, &heartbeat->links[i].ready);
		else
			ev_io_stop(role->loop, &heartbeat->links[i].ready);
	heartbeat_segment_watch(role, on);
}

static void
on_rested(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	hello_pace_rested(&role->heartbeat->pace, mono_now());
	watch_links(role, true);
}

static bool
is_resting(const struct heartbeat *heartbeat)
{
	return ev_is_active(&heartbeat->rest) ||
	    ev_is_pending(&heartbeat->rest);
}

static void
count_hello(struct role *role)
{
	struct heartbeat *heartbeat = role->heartbeat;

	if (!hello_pace_take(&heartbeat->pace, mono_now()) ||
	    is_resting(heartbeat))
		return;
	watch_links(role, false);
	timeout_arm(role->loop, &heartbeat->rest, HELLO_PACE_REST_MS / 1e3);
}

static void
put(struct role *role, unsigned path, const struct hello *h)
{
	count_hello(role);
	inbox_put(&role->inbox,
	    &(struct node_event){ .type = NODE_HELLO,
	        .hello = { .said = *h,
	            .path = path,
	            .fresh = role->heartbeat->fresh } });
}

void
heartbeat_hear(struct role *role, unsigned path, const uint8_t *packet, int len)
{
	struct hello h;

	if (is_authentic(role, packet, len, &h))
		put(role, path, &h);
	else
		role->inbox.node.paths[path].rejected++;
}

void
heartbeat_take(struct role *role, const uint8_t *packet, size_t len)
{
	struct hello h;

	if (len <= HEARTBEAT_PACKET_MAX && !is_resting(role->heartbeat) &&
	    is_authentic(role, packet, (int)len, &h))
		put(role, NODE_PATHS_MAX, &h);
}

static void
on_link(struct ev_loop *loop, ev_io *w, int revents)
{
	struct heartbeat_link *l =
	    CONTAINER_OF(w, struct heartbeat_link, ready);
	const unsigned path = (unsigned)(l - l->role->heartbeat->links);

	for (int i = 0; i < BUDGET && ev_is_active(w); i++) {
		/* One more than the largest: too long is seen as too long. */
		uint8_t packet[HEARTBEAT_PACKET_MAX + 1];
		int len =
		    heartbeat_socket_receive(&l->link, packet, sizeof(packet));

		if (len == -EAGAIN)
			break;
		/*
		 * A port probe: what comes behind it must not wait for a turn.
		 */
		if (len == 0)
			continue;
		heartbeat_hear(l->role, path, packet, len);
	}
}

static void
tell_rejected(struct role *role, struct mono now)
{
	struct heartbeat *heartbeat = role->heartbeat;
	const uint64_t *rejected = role_node(role)->peer.rejected;
	uint64_t left_out;

	if (!limiter_allows(&heartbeat->rejections, now, &left_out))
		return;
	for (unsigned i = 0; i < PEER_REJECTS; i++) {
		const uint64_t n = rejected[i] - heartbeat->rejected_told[i];

		heartbeat->rejected_told[i] = rejected[i];
		/* A restart and a reordered packet are daily bread. */
		if (n == 0 || i == PEER_REJECT_STALE ||
		    i == PEER_REJECT_REPEATED)
			continue;
		log_warning(role->peer_subject,
		    "[stranger] %" PRIu64 " packets dropped: %s", n,
		    peer_reject_name((enum peer_reject)i));
	}
}

static void
tell_lost(const struct role *role, const struct peer *peer, int64_t ms)
{
	if (peer->resigned)
		log_notice(role->peer_subject,
		    "[peer-lost] silent for %" PRId64 " ms, it was stopped",
		    ms);
	else
		log_warning(role->peer_subject,
		    "[peer-lost] silent for %" PRId64 " ms", ms);
}

static void
on_beat(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);
	const struct peer *peer = &role_node(role)->peer;
	const struct mono now = mono_now();

	inbox_put_type(&role->inbox, NODE_BEAT);
	for (size_t i = 0; i < role->n_groups; i++)
		group_tell(&role->groups[i]);
	if (role->heartbeat->peer_told &&
	    !peer_is_alive(peer, node_dead_ms(role_node(role)), now)) {
		role->heartbeat->peer_told = false;
		if (rate_allows(
		        &role->heartbeat->lines, LINES_MAX, LINE_MS, now))
			tell_lost(role, peer, mono_span_ms(peer->heard, now));
	}
	tell_rejected(role, now);
}

/* Runs before all other callbacks of a turn. */
static void
on_turn(struct ev_loop *loop, ev_check *w, int revents)
{
	struct role *role = ev_userdata(loop);

	inbox_look(&role->inbox);
	hello_pace_go_on(&role->heartbeat->pace, mono_now());
}

/* Runs after all other callbacks of a turn. */
static void
on_wait(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct role *role = ev_userdata(loop);

	hello_pace_wait(&role->heartbeat->pace, mono_now());
}

static int
open_link(struct role *role, const union addr *self, const union addr *other)
{
	struct heartbeat_link *l =
	    &role->heartbeat->links[role->heartbeat->n_links];
	int e = heartbeat_socket_open(
	    self, other, role->config->pair.port, &l->link);

	l->role = role;
	if (e == 0)
		role->heartbeat->n_links++;
	return e;
}

int
heartbeat_open(struct role *role)
{
	const struct config_node *self = role->self, *other = role->other;
	int e;

	role->heartbeat = calloc(1, sizeof(*role->heartbeat));
	if (role->heartbeat == NULL)
		return -ENOMEM;
	secret_random(&role->heartbeat->fresh, sizeof(role->heartbeat->fresh));
	role->heartbeat->pace = hello_pace_init();
	ev_init(&role->heartbeat->rest, on_rested);
	e = open_link(role, &self->address, &other->address);
	for (size_t i = 0; e == 0 && i < self->n_links; i++)
		e = open_link(role, &self->links[i], &other->links[i]);
	return e;
}

void
heartbeat_start(struct role *role)
{
	const double interval_s = role->config->pair.interval_ms / 1e3;
	struct heartbeat *heartbeat = role->heartbeat;

	for (size_t i = 0; i < heartbeat->n_links; i++) {
		struct heartbeat_link *l = &heartbeat->links[i];

		ev_io_init(&l->ready, on_link, l->link.fd, EV_READ);
	}
	watch_links(role, true);
	ev_timer_init(&heartbeat->timer, on_beat, interval_s, interval_s);
	ev_timer_start(role->loop, &heartbeat->timer);
	ev_check_init(&heartbeat->turn, on_turn);
	ev_set_priority(&heartbeat->turn, EV_MAXPRI);
	ev_check_start(role->loop, &heartbeat->turn);
	ev_prepare_init(&heartbeat->wait, on_wait);
	ev_set_priority(&heartbeat->wait, EV_MINPRI);
	ev_prepare_start(role->loop, &heartbeat->wait);
}

void
heartbeat_close(struct role *role)
{
	struct heartbeat *heartbeat = role->heartbeat;

	if (heartbeat == NULL)
		return;
	for (size_t i = 0; i < heartbeat->n_links; i++) {
		ev_io_stop(role->loop, &heartbeat->links[i].ready);
		heartbeat_socket_close(&heartbeat->links[i].link);
	}
	ev_timer_stop(role->loop, &heartbeat->rest);
	ev_timer_stop(role->loop, &heartbeat->timer);
	ev_check_stop(role->loop, &heartbeat->turn);
	ev_prepare_stop(role->loop, &heartbeat->wait);
	free(heartbeat);
	role->heartbeat = NULL;
}

static void
describe_keys(const struct role *role, struct msg_peer *m)
{
	const struct peer *peer = &role_node(role)->peer;

	memcpy(m->own_keys, peer->config.keys, sizeof(m->own_keys));
	m->own_key = peer_key(peer);
	memcpy(m->keys, peer->keys, sizeof(m->keys));
	m->key = peer->signs;
}

static struct msg_peer_link
describe(const struct node *n, unsigned i, uint32_t dead_ms, struct mono now)
{
	const struct peer_path *path = &n->paths[i];

	return (struct msg_peer_link){
		.up = peer_path_is_alive(path, dead_ms, now),
		.heard_ms = mono_is_never(path->heard)
		    ? -1
		    : mono_span_ms(path->heard, now),
		.received = path->received,
		.lost = path->lost,
		.rejected = path->rejected,
	};
}

/* A peer with new hardware may be seen before it is heard. */
static struct msg_conflict
describe_conflict(const struct role_group *g, struct mono now)
{
	const struct msg_conflict m =
	    address_conflict_message(&g->conflict, now);
	const bool peers =
	    m.there && !m.peer && node_view_is_peers(role_stand(g), m.mac);

	return peers ? (struct msg_conflict){ .there = false } : m;
}

void
heartbeat_describe(const struct role *role, struct msg_peer *m)
{
	const struct node *n = role_node(role);
	const uint32_t dead_ms = node_dead_ms(n);
	const struct mono now = mono_now();

	m->reachable = peer_is_alive(&n->peer, dead_ms, now);
	m->config_known = n->peer.known;
	m->config_matches = node_has_same_config(n);
	memcpy(m->version, n->peer.program, sizeof(m->version));
	m->last_heard_ms = mono_is_never(n->peer.heard)
	    ? -1
	    : mono_span_ms(n->peer.heard, now);
	if (role->heartbeat->odd_kind != MSG_PEER_NOT_ODD &&
	    mono_span_ms(role->heartbeat->odd_at, now) < ODD_MS) {
		m->odd_kind = (uint8_t)role->heartbeat->odd_kind;
		m->odd = role->heartbeat->odd;
	}
	describe_keys(role, m);
	m->n_groups = (uint16_t)n->n_groups;
	for (unsigned i = 0; i < n->n_groups; i++) {
		m->groups[i] = (enum msg_group_state)n->groups[i].peer_state;
		m->refused[i] = n->groups[i].peer_lacks;
		m->conflicts[i] = describe_conflict(&role->groups[i], now);
	}
	m->n_networks = 0;
	m->n_links = (uint16_t)role->heartbeat->n_links;
	for (size_t i = 0; i < role->heartbeat->n_links; i++)
		m->links[i] = describe(n, (unsigned)i, dead_ms, now);
	for (unsigned i = 0; i < n->n_groups; i++)
		for (unsigned k = 0; k < n->groups[i].n_segments; k++)
			m->networks[m->n_networks++] = describe(
			    n, n->groups[i].segments[k].path, dead_ms, now);
}
