#include "core/msg.h"

#include "core/buf.h"

#include <errno.h>

/*
 * Read every field, then ask once: the reader remembers its first failure.
 * Statements, not an initialiser list: C leaves its order open, and the order
 * is the format.
 */

static bool
get_bool(struct buf *b)
{
	uint8_t v = buf_get_u8(b);

	if (v > 1)
		b->bad = true;
	return v == 1;
}

static enum msg_group_state
get_state(struct buf *b)
{
	uint8_t v = buf_get_u8(b);

	if (v > MSG_GROUP_FAULT)
		b->bad = true;
	return (enum msg_group_state)v;
}

void
msg_put_start(struct buf *b, const struct msg_start *m)
{
	buf_put_u16(b, m->node);
	buf_put_u16(b, m->n_listeners);
	buf_put_u16(b, m->n_groups);
	buf_put_u16(b, m->workers);
	buf_put_u32(b, m->max_connections);
	buf_put_u16(b, m->pipes);
	buf_put_u64(b, (uint64_t)m->loaded_wall_ms);
	buf_put_u64(b, (uint64_t)m->started_ns);
	buf_put_str(b, m->path);
}

int
msg_get_start(struct buf *b, struct msg_start *ret_start)
{
	struct msg_start m;

	m.node = buf_get_u16(b);
	m.n_listeners = buf_get_u16(b);
	m.n_groups = buf_get_u16(b);
	m.workers = buf_get_u16(b);
	m.max_connections = buf_get_u32(b);
	m.pipes = buf_get_u16(b);
	m.loaded_wall_ms = (int64_t)buf_get_u64(b);
	m.started_ns = (int64_t)buf_get_u64(b);
	buf_get_str(b, m.path, sizeof(m.path));
	if (!buf_is_done(b) || m.workers == 0 || m.max_connections == 0)
		return -EBADMSG;
	*ret_start = m;
	return 0;
}

void
msg_put_listener(struct buf *b, const struct msg_listener *m)
{
	buf_put_u16(b, m->service);
	buf_put_u16(b, m->listen);
	buf_put_u16(b, m->worker);
}

int
msg_get_listener(struct buf *b, struct msg_listener *ret)
{
	struct msg_listener m;

	m.service = buf_get_u16(b);
	m.listen = buf_get_u16(b);
	m.worker = buf_get_u16(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret = m;
	return 0;
}

void
msg_put_control(struct buf *b, const struct msg_control *m)
{
	buf_put_str(b, m->request);
}

int
msg_get_control(struct buf *b, struct msg_control *ret_control)
{
	struct msg_control m;

	buf_get_str(b, m.request, sizeof(m.request));
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_control = m;
	return 0;
}

void
msg_put_group(struct buf *b, const struct msg_group *m)
{
	buf_put_u16(b, m->group);
	buf_put_u8(b, (uint8_t)m->state);
	buf_put_u8(b, m->priority);
	buf_put_u8(b, m->effective_priority);
	buf_put_u32(b, m->transitions);
	buf_put_u64(b, m->term);
	buf_put_u64(b, (uint64_t)m->since_wall_ms);
	buf_put_str(b, m->reason);
}

int
msg_get_group(struct buf *b, struct msg_group *ret_group)
{
	struct msg_group m;

	m.group = buf_get_u16(b);
	m.state = get_state(b);
	m.priority = buf_get_u8(b);
	m.effective_priority = buf_get_u8(b);
	m.transitions = buf_get_u32(b);
	m.term = buf_get_u64(b);
	m.since_wall_ms = (int64_t)buf_get_u64(b);
	buf_get_str(b, m.reason, sizeof(m.reason));
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_group = m;
	return 0;
}

void
msg_put_peer(struct buf *b, const struct msg_peer *m)
{
	buf_put_u16(b, m->node);
	buf_put_u8(b, m->reachable);
	buf_put_u8(b, m->config_known);
	buf_put_u8(b, m->config_matches);
	buf_put_u64(b, (uint64_t)m->last_heard_ms);
	buf_put_u8(b, m->wire_up);
	buf_put_u32(b, m->connections);
	buf_put_u64(b, m->wire_rejected);
	buf_put_u16(b, m->n_groups);
	for (unsigned i = 0; i < m->n_groups && i < MSG_PEER_GROUPS_MAX; i++)
		buf_put_u8(b, (uint8_t)m->groups[i]);
	buf_put_u16(b, m->n_links);
	for (unsigned i = 0; i < m->n_links && i < MSG_PEER_LINKS_MAX; i++) {
		buf_put_u8(b, m->links[i].up);
		buf_put_u64(b, m->links[i].received);
		buf_put_u64(b, m->links[i].lost);
		buf_put_u64(b, m->links[i].rejected);
	}
}

int
msg_get_peer(struct buf *b, struct msg_peer *ret_peer)
{
	struct msg_peer m = { 0 };

	m.node = buf_get_u16(b);
	m.reachable = get_bool(b);
	m.config_known = get_bool(b);
	m.config_matches = get_bool(b);
	m.last_heard_ms = (int64_t)buf_get_u64(b);
	m.wire_up = get_bool(b);
	m.connections = buf_get_u32(b);
	m.wire_rejected = buf_get_u64(b);
	m.n_groups = buf_get_u16(b);
	if (m.n_groups > MSG_PEER_GROUPS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < MSG_PEER_GROUPS_MAX; i++)
		m.groups[i] = i < m.n_groups ? get_state(b) : MSG_GROUP_INIT;
	m.n_links = buf_get_u16(b);
	if (m.n_links > MSG_PEER_LINKS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < m.n_links; i++) {
		m.links[i].up = get_bool(b);
		m.links[i].received = buf_get_u64(b);
		m.links[i].lost = buf_get_u64(b);
		m.links[i].rejected = buf_get_u64(b);
	}
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_peer = m;
	return 0;
}

void
msg_put_service(struct buf *b, const struct msg_service *m)
{
	buf_put_u16(b, m->service);
	buf_put_u16(b, m->servers);
	buf_put_u16(b, m->up);
	buf_put_u16(b, m->unknown);
}

int
msg_get_service(struct buf *b, struct msg_service *ret_service)
{
	struct msg_service m;

	m.service = buf_get_u16(b);
	m.servers = buf_get_u16(b);
	m.up = buf_get_u16(b);
	m.unknown = buf_get_u16(b);
	if (!buf_is_done(b) || m.up + m.unknown > m.servers)
		return -EBADMSG;
	*ret_service = m;
	return 0;
}

void
msg_put_ask(struct buf *b, const struct msg_ask *m)
{
	buf_put_u32(b, m->id);
}

int
msg_get_ask(struct buf *b, struct msg_ask *ret_ask)
{
	struct msg_ask m;

	m.id = buf_get_u32(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_ask = m;
	return 0;
}

void
msg_put_script(struct buf *b, const struct msg_script *m)
{
	buf_put_u16(b, m->track);
	buf_put_u8(b, m->passed);
}

int
msg_get_script(struct buf *b, struct msg_script *ret_script)
{
	struct msg_script m;

	m.track = buf_get_u16(b);
	m.passed = get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_script = m;
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
		m.ok[i] = i < m.n && get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_tracks = m;
	return 0;
}

void
msg_put_pulse(struct buf *b, const struct msg_pulse *m)
{
	buf_put_u8(b, m->own);
}

int
msg_get_pulse(struct buf *b, struct msg_pulse *ret_pulse)
{
	struct msg_pulse m;

	m.own = get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_pulse = m;
	return 0;
}

void
msg_put_mute(struct buf *b, const struct msg_mute *m)
{
	buf_put_u16(b, m->group);
	buf_put_u8(b, m->wanted);
	buf_put_u8(b, m->muted);
}

int
msg_get_mute(struct buf *b, struct msg_mute *ret_mute)
{
	struct msg_mute m;

	m.group = buf_get_u16(b);
	m.wanted = get_bool(b);
	m.muted = get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_mute = m;
	return 0;
}

void
msg_put_reset(struct buf *b, const struct msg_reset *m)
{
	buf_put_u16(b, m->group);
}

int
msg_get_reset(struct buf *b, struct msg_reset *ret_drop)
{
	struct msg_reset m;

	m.group = buf_get_u16(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_drop = m;
	return 0;
}

void
msg_put_known(struct buf *b, const struct msg_known *m)
{
	buf_put_u8(b, m->known);
}

int
msg_get_known(struct buf *b, struct msg_known *ret_known)
{
	struct msg_known m;

	m.known = get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_known = m;
	return 0;
}

void
msg_put_fence(struct buf *b, const struct msg_fence *m)
{
	buf_put_u32(b, m->id);
	buf_put_u16(b, m->service);
	buf_put_u8(b, m->promote);
	buf_put_u16(b, m->from);
	buf_put_u16(b, m->to);
}

int
msg_get_fence(struct buf *b, struct msg_fence *ret_fence)
{
	struct msg_fence m;

	m.id = buf_get_u32(b);
	m.service = buf_get_u16(b);
	m.promote = get_bool(b);
	m.from = buf_get_u16(b);
	m.to = buf_get_u16(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_fence = m;
	return 0;
}

void
msg_put_fenced(struct buf *b, const struct msg_fenced *m)
{
	buf_put_u32(b, m->id);
	buf_put_u8(b, m->passed);
}

int
msg_get_fenced(struct buf *b, struct msg_fenced *ret_fenced)
{
	struct msg_fenced m;

	m.id = buf_get_u32(b);
	m.passed = get_bool(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_fenced = m;
	return 0;
}

void
msg_put_active(struct buf *b, const struct msg_active *m)
{
	buf_put_u16(b, m->service);
	buf_put_u16(b, m->server);
	buf_put_u64(b, m->epoch);
}

int
msg_get_active(struct buf *b, struct msg_active *ret_active)
{
	struct msg_active m;

	m.service = buf_get_u16(b);
	m.server = buf_get_u16(b);
	m.epoch = buf_get_u64(b);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_active = m;
	return 0;
}

const char *
msg_group_state_name(enum msg_group_state state)
{
	switch (state) {
	case MSG_GROUP_INIT:
		return "init";
	case MSG_GROUP_BACKUP:
		return "backup";
	case MSG_GROUP_MASTER:
		return "master";
	case MSG_GROUP_FAULT:
		return "fault";
	}
	return "?";
}
