#include "core/msg.h"

#include "core/buf.h"
#include "core/msg_field.h"
#include "core/secret.h"

#include <errno.h>

#define FIELD(kind, message, name)                                             \
	MSG_FIELD_OF(MSG_FIELD_##kind, struct msg_##message, name)

#define NUMBER(message, name) MSG_FIELD_NUMBER(struct msg_##message, name)

/* Both functions of a message; `is_sane`, of `m`, is what it must be, too. */
#define MESSAGE(message, is_sane)                                              \
	void msg_put_##message(struct buf *b, const struct msg_##message *m)   \
	{                                                                      \
		msg_field_put(b, message, ARRAY_LEN(message), m);              \
	}                                                                      \
	int msg_get_##message(struct buf *b, struct msg_##message *ret)        \
	{                                                                      \
		struct msg_##message m;                                        \
                                                                               \
		msg_field_get(b, message, ARRAY_LEN(message), &m);             \
		if (!buf_is_done(b) || !(is_sane))                             \
			return -EBADMSG;                                       \
		*ret = m;                                                      \
		return 0;                                                      \
	}

static const struct msg_field start[] = {
	NUMBER(start, version),
	NUMBER(start, node),
	NUMBER(start, n_listeners),
	NUMBER(start, n_groups),
	NUMBER(start, workers),
	NUMBER(start, max_connections),
	NUMBER(start, pipes),
	NUMBER(start, loaded_wall_ms),
	NUMBER(start, started_ns),
	NUMBER(start, pause.epoch),
	FIELD(BOOL, start, pause.own),
	NUMBER(start, pause.until_wall_ms),
	FIELD(TEXT, start, path),
};
MESSAGE(
    start, m.version == MSG_VERSION && m.workers > 0 && m.max_connections > 0)

static const struct msg_field listener[] = {
	NUMBER(listener, service),
	NUMBER(listener, listen),
	NUMBER(listener, worker),
};
MESSAGE(listener, true)

static const struct msg_field control[] = {
	FIELD(TEXT, control, request),
};
MESSAGE(control, true)

static const struct msg_field group[] = {
	NUMBER(group, group),
	FIELD(STATE, group, state),
	NUMBER(group, priority),
	NUMBER(group, effective_priority),
	NUMBER(group, transitions),
	NUMBER(group, term),
	NUMBER(group, since_wall_ms),
	NUMBER(group, decided_wall_ms),
	FIELD(TEXT, group, reason),
	NUMBER(group, refused),
	FIELD(TEXT, group, refused_reason),
};
MESSAGE(group, true)

static const struct msg_field service[] = {
	NUMBER(service, service),
	NUMBER(service, servers),
	NUMBER(service, up),
	NUMBER(service, unknown),
};
MESSAGE(service, m.up + m.unknown <= m.servers)

static const struct msg_field ask[] = {
	NUMBER(ask, id),
};
MESSAGE(ask, true)

static const struct msg_field lost[] = {
	NUMBER(lost, id),
	FIELD(BOOL, lost, refused),
};
MESSAGE(lost, true)

static const struct msg_field script[] = {
	NUMBER(script, track),
	FIELD(BOOL, script, passed),
};
MESSAGE(script, true)

static const struct msg_field pulse[] = {
	FIELD(BOOL, pulse, own),
};
MESSAGE(pulse, true)

static const struct msg_field thread[] = {
	NUMBER(thread, line),
};
MESSAGE(thread, true)

static const struct msg_field mute[] = {
	NUMBER(mute, group),
	FIELD(BOOL, mute, wanted),
	FIELD(BOOL, mute, muted),
};
MESSAGE(mute, true)

static const struct msg_field reset[] = {
	NUMBER(reset, group),
};
MESSAGE(reset, true)

static const struct msg_field known[] = {
	FIELD(BOOL, known, known),
};
MESSAGE(known, true)

static const struct msg_field fence[] = {
	NUMBER(fence, id),
	NUMBER(fence, service),
	FIELD(BOOL, fence, promote),
	NUMBER(fence, from),
	NUMBER(fence, to),
};
MESSAGE(fence, true)

static const struct msg_field fenced[] = {
	NUMBER(fenced, id),
	FIELD(BOOL, fenced, passed),
	FIELD(LATER, fenced, fault),
};
MESSAGE(fenced, true)

static const struct msg_field active[] = {
	NUMBER(active, service),
	NUMBER(active, server),
	NUMBER(active, epoch),
};
MESSAGE(active, true)

static const struct msg_field pause[] = {
	NUMBER(pause, epoch),
	FIELD(BOOL, pause, own),
	NUMBER(pause, until_wall_ms),
};
MESSAGE(pause, true)

static const struct msg_field given[] = {
	NUMBER(given, left),
};
MESSAGE(given, true)

static const struct msg_field killed[] = {
	NUMBER(killed, id),
	NUMBER(killed, service),
	NUMBER(killed, server),
};
MESSAGE(killed, true)

static const struct msg_field unsent[] = {
	FIELD(BOOL, unsent, unspoken),
};
MESSAGE(unsent, true)

static const struct msg_field event[] = {
	NUMBER(event, service),
	NUMBER(event, server),
	FIELD(BOOL, event, standby),
	FIELD(TEXT, event, what),
	FIELD(TEXT, event, reason),
};
MESSAGE(event, true)

/* What stands before the groups, and a link or network of those behind. */
static const struct msg_field peer[] = {
	NUMBER(peer, node),
	FIELD(BOOL, peer, reachable),
	FIELD(BOOL, peer, config_known),
	FIELD(BOOL, peer, config_matches),
	NUMBER(peer, last_heard_ms),
	FIELD(BOOL, peer, wire_up),
	NUMBER(peer, wire_version),
	FIELD(TEXT, peer, version),
	NUMBER(peer, wire_ms),
	NUMBER(peer, connections),
	NUMBER(peer, wire_rejected),
	NUMBER(peer, pause_ms),
	FIELD(BOOL, peer, pause_own),
	NUMBER(peer, odd_kind),
	NUMBER(peer, odd),
	NUMBER(peer, own_keys[0]),
	NUMBER(peer, own_keys[1]),
	NUMBER(peer, own_key),
	NUMBER(peer, keys[0]),
	NUMBER(peer, keys[1]),
	NUMBER(peer, key),
	NUMBER(peer, told_clients),
	NUMBER(peer, told_servers),
	NUMBER(peer, silent_clients),
	NUMBER(peer, n_groups),
};
static const struct msg_field link[] = {
	FIELD(BOOL, peer_link, up),
	NUMBER(peer_link, heard_ms),
	NUMBER(peer_link, received),
	NUMBER(peer_link, lost),
	NUMBER(peer_link, rejected),
};

static const struct msg_field conflict[] = {
	FIELD(BOOL, conflict, there),
	FIELD(BOOL, conflict, peer),
	NUMBER(conflict, address),
	NUMBER(conflict, mac[0]),
	NUMBER(conflict, mac[1]),
	NUMBER(conflict, mac[2]),
	NUMBER(conflict, mac[3]),
	NUMBER(conflict, mac[4]),
	NUMBER(conflict, mac[5]),
	NUMBER(conflict, first_ms),
	NUMBER(conflict, last_ms),
};

static const struct msg_field ends[] = {
	NUMBER(ends, n),
	NUMBER(ends, recent),
	NUMBER(ends, wall_ms),
	FIELD(TEXT, ends, reason),
};
MESSAGE(ends, true)

static const struct msg_field role_ends[] = {
	NUMBER(role_ends, failover.n),
	NUMBER(role_ends, failover.recent),
	NUMBER(role_ends, failover.wall_ms),
	FIELD(TEXT, role_ends, failover.reason),
	NUMBER(role_ends, relay.n),
	NUMBER(role_ends, relay.recent),
	NUMBER(role_ends, relay.wall_ms),
	FIELD(TEXT, role_ends, relay.reason),
};
MESSAGE(role_ends, true)

void
msg_put_peer(struct buf *b, const struct msg_peer *m)
{
	msg_field_put(b, peer, ARRAY_LEN(peer), m);
	for (unsigned i = 0; i < m->n_groups && i < MSG_PEER_GROUPS_MAX; i++) {
		buf_put_u8(b, (uint8_t)m->groups[i]);
		buf_put_u32(b, m->refused[i]);
		msg_field_put(
		    b, conflict, ARRAY_LEN(conflict), &m->conflicts[i]);
	}
	buf_put_u16(b, m->n_links);
	for (unsigned i = 0; i < m->n_links && i < MSG_PEER_LINKS_MAX; i++)
		msg_field_put(b, link, ARRAY_LEN(link), &m->links[i]);
	buf_put_u16(b, m->n_networks);
	for (unsigned i = 0; i < m->n_networks && i < MSG_PEER_NETWORKS_MAX;
	     i++)
		msg_field_put(b, link, ARRAY_LEN(link), &m->networks[i]);
}

int
msg_get_peer(struct buf *b, struct msg_peer *ret_peer)
{
	struct msg_peer m = { 0 };

	msg_field_get(b, peer, ARRAY_LEN(peer), &m);
	if (m.node > 1 || m.n_groups > MSG_PEER_GROUPS_MAX ||
	    m.odd_kind > MSG_PEER_ODD_VERSION)
		return -EBADMSG;
	for (unsigned i = 0; i < m.n_groups; i++) {
		m.groups[i] = msg_field_get_most(b, MSG_GROUP_FAULT);
		m.refused[i] = buf_get_u32(b);
		msg_field_get(
		    b, conflict, ARRAY_LEN(conflict), &m.conflicts[i]);
	}
	m.n_links = buf_get_u16(b);
	if (m.n_links > MSG_PEER_LINKS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < m.n_links; i++)
		msg_field_get(b, link, ARRAY_LEN(link), &m.links[i]);
	m.n_networks = buf_get_u16(b);
	if (m.n_networks > MSG_PEER_NETWORKS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < m.n_networks; i++)
		msg_field_get(b, link, ARRAY_LEN(link), &m.networks[i]);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_peer = m;
	return 0;
}

void
msg_put_tracks(struct buf *b, const struct msg_tracks *m)
{
	buf_put_u16(b, m->n);
	for (unsigned i = 0; i < m->n && i < MSG_TRACKS_MAX; i++)
		buf_put_u8(b, m->ok[i]);
}

int
msg_get_tracks(struct buf *b, struct msg_tracks *ret_tracks)
{
	struct msg_tracks m;

	m.n = buf_get_u16(b);
	if (m.n > MSG_TRACKS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < MSG_TRACKS_MAX; i++)
		m.ok[i] = i < m.n && msg_field_get_most(b, 1) == 1;
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_tracks = m;
	return 0;
}

void
msg_put_keys(struct buf *b, const struct secret_keys *m)
{
	buf_put_u8(b, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++)
		buf_put_bytes(b, m->all[i].bytes, SECRET_KEY_BYTES);
}

int
msg_get_keys(struct buf *b, struct secret_keys *ret_keys)
{
	ret_keys->n = msg_field_get_most(b, SECRET_KEYS_MAX);
	if (b->bad || ret_keys->n == 0)
		return -EBADMSG;
	for (unsigned i = 0; i < ret_keys->n; i++)
		buf_get_bytes(b, ret_keys->all[i].bytes, SECRET_KEY_BYTES);
	return buf_is_done(b) ? 0 : -EBADMSG;
}

const char *
msg_group_state_name(enum msg_group_state state)
{
	static const char *const names[] = {
		[MSG_GROUP_INIT] = "init",
		[MSG_GROUP_BACKUP] = "backup",
		[MSG_GROUP_MASTER] = "master",
		[MSG_GROUP_FAULT] = "fault",
	};

	return names[state];
}
