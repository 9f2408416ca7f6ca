#include "director/director_peer.h"

#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "director/director_role.h"
#include "director/director_stream.h"
#include "director/director_turn.h"

#include <errno.h>
#include <stdio.h>

struct director_peer {
	struct director_stream *stream; /* NULL: no keys yet */
	char subject[CONFIG_NAME_MAX + 8];
	int listener;  /* -1: none, or given to the stream */
	bool mismatch; /* what the last one said in its HELLO */
};

static void
on_up(void *arg)
{
	director_turn_put(arg, DIRECTOR_NODE_LINK_UP);
}

static void
on_down(void *arg)
{
	director_turn_put(arg, DIRECTOR_NODE_LINK_DOWN);
}

static void
on_msg(void *arg, const struct replica_msg *m)
{
	struct director_role *role = arg;
	struct director_node_event ev = { .type = DIRECTOR_NODE_HEARD,
		.msg = m };

	director_turn_step(role, &ev);
	if (role->node.greeted)
		role->peer->mismatch = false;
}

/* What is confirmed must be in the maps: they first. */
static void
on_read_all(void *arg)
{
	director_turn_flush(arg);
	director_turn_put(arg, DIRECTOR_NODE_READ_ALL);
	director_turn_flush(arg);
}

/* The turn's end looks for itself. */
static void
on_room(void *arg)
{
	(void)arg;
}

static const struct director_stream_calls calls = {
	.on_up = on_up,
	.on_down = on_down,
	.on_msg = on_msg,
	.on_read_all = on_read_all,
	.on_room = on_room,
};

static int
open_stream(struct director_role *role)
{
	struct director_peer *p = role->peer;
	const struct config_pair *pair = &role->config->pair;
	const unsigned self = role->start.node;
	const struct director_stream_setup setup = {
		.loop = role->loop,
		.calls = &calls,
		.arg = role,
		.subject = p->subject,
		.node = self,
		.self = pair->nodes[self].address,
		.other = pair->nodes[1 - self].address,
		.port = config_stream_port(pair),
		.keys = &role->keys,
	};

	p->stream = director_stream_open(&setup);
	if (p->stream == NULL)
		return -ENOMEM;
	return p->listener == -1
	    ? 0
	    : director_stream_listen(p->stream, &p->listener);
}

int
director_peer_new(struct director_role *role)
{
	struct director_peer *p = role->peer;

	if (p == NULL) {
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		role->peer = p;
		p->listener = -1;
		(void)snprintf(p->subject, sizeof(p->subject), "peer %s",
		    role->config->pair.nodes[1 - role->start.node].name);
	}
	return role->begun && p->stream == NULL ? open_stream(role) : 0;
}

void
director_peer_free(struct director_role *role)
{
	struct director_peer *p = role->peer;

	if (p == NULL)
		return;
	director_stream_close(p->stream);
	fd_close(&p->listener);
	free(p);
	role->peer = NULL;
}

int
director_peer_listen(struct director_role *role, int *fd)
{
	struct director_peer *p = role->peer;

	if (p->stream != NULL)
		return director_stream_listen(p->stream, fd);
	fd_close(&p->listener);
	p->listener = fd_take(fd);
	return 0;
}

void
director_peer_set_keys(struct director_role *role)
{
	if (role->peer->stream != NULL)
		director_stream_set_keys(role->peer->stream, &role->keys);
}

void
director_peer_try_now(struct director_role *role)
{
	if (role->peer != NULL && role->peer->stream != NULL)
		director_stream_try_now(role->peer->stream);
}

void
director_peer_send(struct director_role *role, const struct replica_msg *m)
{
	if (role->peer->stream != NULL)
		director_stream_send(role->peer->stream, m);
}

void
director_peer_flush(struct director_role *role)
{
	if (role->peer->stream != NULL)
		director_stream_flush(role->peer->stream);
}

bool
director_peer_has_room(struct director_role *role)
{
	return role->peer->stream != NULL &&
	    director_stream_has_room(role->peer->stream);
}

void
director_peer_hang_up(
    struct director_role *role, enum director_node_hang_up why)
{
	static const char *const words[] = {
		[DIRECTOR_NODE_PEER_IS_DEAD] = "the peer is dead",
		[DIRECTOR_NODE_MISBEHAVES] = "it said what cannot be",
		[DIRECTOR_NODE_MISMATCH] =
		    "it has another number of slots ('kernel: slots')",
		[DIRECTOR_NODE_MAPS_FULL] =
		    "its connections do not fit into this node's tables",
	};

	role->peer->mismatch = why == DIRECTOR_NODE_MISMATCH;
	if (role->peer->stream != NULL)
		director_stream_hang_up(role->peer->stream, words[why]);
}

static bool
has(const struct director_role *role, enum replica_state state)
{
	for (unsigned g = 0; g < role->node.setup.n_groups; g++)
		if (role->node.replica.groups[g].state == state)
			return true;
	return false;
}

uint8_t
director_peer_state(const struct director_role *role, const char **ret_text)
{
	const struct director_peer *p = role->peer;
	enum director_stream_trouble trouble = DIRECTOR_STREAM_WELL;

	*ret_text = "";
	if (p == NULL || p->stream == NULL)
		return MSG_KERNEL_PEER_DOWN;
	trouble = director_stream_trouble(p->stream);
	if (p->mismatch) {
		*ret_text = "the peer's director has another number of slots";
		return MSG_KERNEL_PEER_MISMATCH;
	}
	if (trouble != DIRECTOR_STREAM_WELL) {
		*ret_text = director_stream_trouble_text(trouble);
		return MSG_KERNEL_PEER_MISMATCH;
	}
	if (!role->node.greeted)
		return MSG_KERNEL_PEER_DOWN;
	if (has(role, REPLICA_DUMPING) || has(role, REPLICA_PROVING))
		return MSG_KERNEL_PEER_DUMPING;
	return has(role, REPLICA_LAGGING) ? MSG_KERNEL_PEER_LAGGING
	                                  : MSG_KERNEL_PEER_LINKED;
}
