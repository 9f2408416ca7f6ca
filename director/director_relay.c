#include "director/director_relay.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/kernel/msg_kernel.h"
#include "core/log.h"
#include "director/director_channel.h"
#include "director/director_listing.h"
#include "director/director_pools.h"
#include "director/director_reach.h"
#include "director/director_report.h"
#include "director/director_rings.h"
#include "director/director_role.h"
#include "director/director_routes.h"
#include "director/director_turn.h"

#include <errno.h>
#include <string.h>

struct director_relay {
	struct director_channel channel;
};

static bool
is_server(const struct director_role *role, unsigned service, unsigned server)
{
	return service < role->node.setup.n_services &&
	    server < role->node.services[service].choice.n;
}

/* Its ports; NONE where it has no address, or we none of its family. */
static uint16_t
pool_of(struct director_role *role, const struct msg_kernel_server *m)
{
	static const uint8_t none[CONN_TUPLE_IP];
	const struct director_node_service *v =
	    &role->node.services[m->service];
	const uint8_t *source =
	    conn_tuple_is_v4(m->at.ip) ? v->source_v4 : v->source_v6;

	if (memcmp(m->at.ip, none, sizeof(none)) == 0 ||
	    memcmp(source, none, sizeof(none)) == 0 ||
	    !director_routes_add(role, m->at.ip))
		return DIRECTOR_POOLS_NONE;
	return director_pools_of(role, source, m->at.ip, m->at.port);
}

static int
take_server(struct director_role *role, struct buf *b)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_SERVER };
	struct msg_kernel_server m;
	bool is_kernel;

	if (msg_kernel_get_server(b, &m) < 0 ||
	    !is_server(role, m.service, m.server))
		return -EBADMSG;
	is_kernel =
	    role->config->services[m.service].path == CONFIG_PATH_KERNEL;
	ev.service = m.service;
	ev.server = m.server;
	ev.said = (struct server_choice_server){
		.usable = m.usable && is_kernel,
		.tier = m.tier,
		.weight = m.weight,
		.limit = m.limit,
		.slow_start_ms = m.slow_start_ms,
		.up_since = m.up_ms < 0 ? mono_never()
		                        : mono_add_ms(mono_now(), -m.up_ms),
		.port = m.at.port,
		.pool = is_kernel ? pool_of(role, &m) : DIRECTOR_POOLS_NONE,
		.elsewhere = m.elsewhere,
	};
	memcpy(ev.said.ip, m.at.ip, sizeof(ev.said.ip));
	director_reach_say(role, &ev);
	return 0;
}

static int
take_cut(struct director_role *role, struct buf *b)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_CUT };
	struct msg_kernel_cut m;

	if (msg_kernel_get_cut(b, &m) < 0 || m.reason >= END_REASON_COUNT ||
	    !is_server(
	        role, m.service, m.server == MSG_KERNEL_ALL ? 0 : m.server))
		return -EBADMSG;
	ev.service = m.service;
	ev.server = m.server == MSG_KERNEL_ALL ? DIRECTOR_NODE_NONE : m.server;
	ev.reason = m.reason;
	director_turn_step(role, &ev);
	return 0;
}

static int
take_kill(struct director_role *role, struct buf *b)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_KILL,
		.reason = END_REASON_OPERATOR };
	struct msg_kernel_killed answer;
	struct buf out = BUF_WRITER(8);
	struct msg_kernel_kill m;

	if (msg_kernel_get_kill(b, &m) < 0)
		return -EBADMSG;
	answer = (struct msg_kernel_killed){ .ask = m.ask,
		.found = director_listing_find(role, m.id, &ev.slot) };
	if (answer.found)
		director_turn_step(role, &ev);
	msg_kernel_put_killed(&out, &answer);
	director_relay_answer(role, MSG_KERNEL_KILLED, &out);
	return 0;
}

static int
take_list(struct director_role *role, struct buf *b)
{
	struct msg_kernel_list m;

	if (msg_kernel_get_list(b, &m) < 0)
		return -EBADMSG;
	director_listing_send(role, &m);
	return 0;
}

static int
obey(struct director_role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	/* The relay has all connections then; who asks for ours is answered. */
	if (role->program == NULL && p->type != MSG_KERNEL_KILL &&
	    p->type != MSG_KERNEL_LIST)
		return 0;
	switch (p->type) {
	case MSG_KERNEL_SERVER:
		return take_server(role, &b);
	case MSG_KERNEL_SERVERS_END:
		director_reach_know(role);
		director_rings_know_servers(role);
		return 0;
	case MSG_KERNEL_CUT:
		return take_cut(role, &b);
	case MSG_KERNEL_KILL:
		return take_kill(role, &b);
	case MSG_KERNEL_LIST:
		return take_list(role, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

bool
director_relay_send(
    struct director_role *role, enum msg_type type, const struct buf *b)
{
	return director_channel_send(&role->relay->channel, type, b);
}

void
director_relay_answer(
    struct director_role *role, enum msg_type type, const struct buf *b)
{
	if (!director_relay_send(role, type, b))
		log_debug("director", "the relay is behind: %s is lost",
		    msg_rights_name((uint16_t)type));
}

bool
director_relay_has_room(const struct director_role *role)
{
	const int fd = role->relay->channel.channel.fd;

	return fd != -1 && channel_has_room(fd);
}

void
director_relay_accuse(struct director_role *role, uint32_t slot)
{
	const struct director_node_slot *s = &role->node.slots[slot];
	const struct msg_kernel_accused m = { .service = (uint16_t)s->service,
		.server = (uint16_t)s->server };
	struct buf b = BUF_WRITER(8);

	if (s->service == DIRECTOR_NODE_NONE || s->server == DIRECTOR_NODE_NONE)
		return;
	msg_kernel_put_accused(&b, &m);
	/* The next failure says it again. */
	director_relay_answer(role, MSG_KERNEL_ACCUSED, &b);
}

int
director_relay_take(struct director_role *role, struct channel_packet *p)
{
	return director_channel_take(&role->relay->channel, p);
}

void
director_relay_begin(struct director_role *role)
{
	director_channel_begin(&role->relay->channel);
}

int
director_relay_new(struct director_role *role)
{
	struct director_relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	role->relay = r;
	director_channel_init(&r->channel, role, MSG_RIGHTS_RELAY, obey);
	r->channel.on_new = director_report_all;
	return 0;
}

void
director_relay_free(struct director_role *role)
{
	if (role->relay == NULL)
		return;
	director_channel_close(&role->relay->channel);
	free(role->relay);
	role->relay = NULL;
}
