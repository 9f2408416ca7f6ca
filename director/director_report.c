#include "director/director_report.h"

#include "core/addr.h"
#include "core/buf.h"
#include "core/kernel/msg_kernel.h"
#include "core/limiter.h"
#include "core/log.h"
#include "core/timeout.h"
#include "director/director_end_log.h"
#include "director/director_peer.h"
#include "director/director_relay.h"
#include "director/director_role.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(END_REASON_COUNT <= MSG_KERNEL_ENDINGS, "each has its room");
_Static_assert(DIRECTOR_BPF_COUNTERS <= MSG_KERNEL_COUNTERS, "likewise");

#define TELL_S 0.1

/*
 * What needs a look at each connection takes so many tellings, or as many as
 * it takes with so many slots in each, for which the processor is not worth
 * more; some of them in a turn, so that no SYN waits.
 */
#define LOOKS 10
#define LOOKED_MOST 10240
#define LOOKED_A_TURN 1024

#define BODY_MAX 1024

struct service {
	struct msg_kernel_service now, told;
	uint32_t silent, protected; /* so far, in this round */
	struct limiter denied, too_many;
	unsigned first; /* of its servers, among all */
};

struct server {
	struct msg_kernel_count now, told;
};

struct director_report {
	ev_timer tell, more;
	struct service *services;
	struct server *servers;
	struct msg_kernel_state told;
	uint64_t life;  /* of the process */
	bool is_new;    /* nothing was told yet */
	uint32_t next;  /* slot to be looked at */
	uint32_t until; /* before the next telling */
	bool looked;    /* at all, since they were told of */
};

static struct service *
service_of(struct director_role *role, uint32_t slot)
{
	const uint32_t service = role->node.slots[slot].service;

	return service == DIRECTOR_NODE_NONE ? NULL
	                                     : &role->report->services[service];
}

static struct server *
server_of(struct director_role *role, uint32_t slot)
{
	const struct director_node_slot *s = &role->node.slots[slot];

	if (s->service == DIRECTOR_NODE_NONE || s->server == DIRECTOR_NODE_NONE)
		return NULL;
	return &role->report->servers[role->report->services[s->service].first +
	    s->server];
}

/* ---- what happens ---- */

void
director_report_placed(struct director_role *role, uint32_t slot)
{
	struct director_role_conn *c = &role->conns[slot];
	struct service *v = service_of(role, slot);

	if (v == NULL)
		return;
	if (!c->counted) {
		c->counted = true;
		c->placed = role->node.now;
		v->now.accepted++;
	} else {
		v->now.retries++;
	}
}

void
director_report_failed(struct director_role *role, uint32_t slot)
{
	struct service *v = service_of(role, slot);
	struct server *k = server_of(role, slot);

	if (v != NULL)
		v->now.failed++;
	if (k != NULL)
		k->now.failed++;
}

void
director_report_refused(struct director_role *role, uint32_t slot)
{
	struct service *v = service_of(role, slot);

	if (v != NULL)
		v->now.refused++;
}

static bool
has_flag(const struct director_role *role, uint32_t slot, uint32_t flag)
{
	return (__atomic_load_n(&role->slots[slot].flags, __ATOMIC_RELAXED) &
	           flag) != 0;
}

/* What has passed since it was counted last. */
static void
count_bytes(struct director_role *role, uint32_t slot)
{
	const struct director_bpf_slot *s = &role->slots[slot];
	struct director_role_conn *c = &role->conns[slot];
	struct service *v = service_of(role, slot);
	struct server *k = server_of(role, slot);
	const uint64_t in = s->bytes[DIRECTOR_BPF_FROM_CLIENT] - c->bytes[0];
	const uint64_t out = s->bytes[DIRECTOR_BPF_FROM_SERVER] - c->bytes[1];

	c->bytes[0] += in;
	c->bytes[1] += out;
	v->now.bytes_in += in;
	v->now.bytes_out += out;
	if (k == NULL)
		return;
	/* Once its server has answered. */
	if (!c->made &&
	    has_flag(
	        role, slot, DIRECTOR_BPF_SYN_ACK | DIRECTOR_BPF_ESTABLISHED)) {
		c->made = true;
		k->now.total++;
	}
	k->now.bytes_in += in;
	k->now.bytes_out += out;
}

void
director_report_count_bytes(struct director_role *role, uint32_t slot)
{
	if (role->conns[slot].written && service_of(role, slot) != NULL)
		count_bytes(role, slot);
}

void
director_report_ended(
    struct director_role *role, uint32_t slot, enum end_reason reason)
{
	struct service *v = service_of(role, slot);

	/* The program has seen whose RST it was. A client that the server has
	 * reset answers with one, too, when it is asked. */
	if (reason == END_REASON_CLIENT_DATA && role->conns[slot].written &&
	    has_flag(role, slot, DIRECTOR_BPF_RST_SERVER))
		reason = END_REASON_SERVER_DATA;
	if (v != NULL)
		v->now.ended[reason]++;
	director_end_log(role, slot, reason);
}

static const char *
ip_text(const struct conn_tuple *client, char buf[static ADDR_TEXT_MAX])
{
	union addr a = { 0 };

	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, client->src, CONN_TUPLE_IP);
	addr_normalize(&a);
	return addr_format_ip(&a, buf);
}

void
director_report_denied(struct director_role *role, uint32_t service,
    const struct conn_tuple *client)
{
	struct service *v = &role->report->services[service];
	char text[ADDR_TEXT_MAX];
	uint64_t left_out;

	v->now.denied++;
	if (limiter_allows(&v->denied, mono_now(), &left_out))
		log_info("director",
		    "service %s: client %s may not connect (%" PRIu64
		    " more since the last line)",
		    director_role_service(role, service), ip_text(client, text),
		    left_out);
}

void
director_report_too_many(
    struct director_role *role, const struct conn_tuple *client)
{
	const uint32_t service =
	    role->node.listens[role->node.ev->listen].service;
	struct service *v = &role->report->services[service];
	char text[ADDR_TEXT_MAX];
	uint64_t left_out;

	v->now.too_many++;
	if (limiter_allows(&v->too_many, role->node.now, &left_out))
		log_info("director",
		    "service %s: client %s has too many connections (%" PRIu64
		    " more since the last line)",
		    director_role_service(role, service), ip_text(client, text),
		    left_out);
}

/* ---- what the relay is told ---- */

static void
look_at(struct director_role *role, uint32_t slot)
{
	const struct director_node_slot *s = &role->node.slots[slot];
	struct service *v = service_of(role, slot);

	if (s->conn.state == KERNEL_CONN_FREE || v == NULL)
		return;
	if (s->conn.state == KERNEL_CONN_SILENT)
		v->silent++;
	if (!role->conns[slot].written)
		return;
	if (replica_is_protected(&role->node.replica, s->group, s->seq))
		v->protected ++;
	count_bytes(role, slot);
}

static unsigned
count_servers(const struct director_role *role)
{
	unsigned n = 0;

	for (unsigned i = 0; i < role->node.setup.n_services; i++)
		n += role->node.services[i].choice.n;
	return n;
}

/* All have been looked at. */
static void
finish_round(struct director_role *role)
{
	struct director_report *r = role->report;

	for (unsigned i = 0; i < role->node.setup.n_services; i++) {
		struct service *v = &r->services[i];

		v->now.silent = v->silent;
		v->now.protected = v->protected;
		v->silent = v->protected = 0;
	}
	r->next = 0;
	r->looked = true;
}

static void
look(struct director_role *role)
{
	struct director_report *r = role->report;
	const uint32_t n = role->node.setup.n_slots;

	if (role->node.free.n == n)
		r->next = r->until = n; /* there is nothing to be seen */
	for (unsigned i = 0; r->next < r->until && i < LOOKED_A_TURN; i++)
		look_at(role, r->next++);
	if (r->next < r->until)
		timeout_arm(role->loop, &r->more, 0);
	else if (r->next == n)
		finish_round(role);
}

static void
on_more(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	ev_timer_stop(loop, w);
	if (!role->stopped)
		look(role);
}

static void
look_at_a_part(struct director_role *role)
{
	struct director_report *r = role->report;
	const uint32_t n = role->node.setup.n_slots;
	const uint32_t part =
	    n / LOOKS < LOOKED_MOST ? n / LOOKS + 1 : LOOKED_MOST;

	r->until = n - r->next < part ? n : r->next + part;
	look(role);
}

static void
tell_server(struct director_role *role, unsigned service, unsigned server)
{
	struct director_report *r = role->report;
	struct server *k = &r->servers[r->services[service].first + server];
	struct buf b = BUF_WRITER(64);

	k->now.open = role->node.services[service].choice.slots[server].load;
	if (!r->is_new && memcmp(&k->now, &k->told, sizeof(k->now)) == 0)
		return;
	msg_kernel_put_count(&b, &k->now);
	if (director_relay_send(role, MSG_KERNEL_COUNT, &b))
		k->told = k->now;
}

/* One that is relayed by now may have connections from before. */
static bool
is_told_of(const struct director_role *role, unsigned service)
{
	return role->config->services[service].path == CONFIG_PATH_KERNEL ||
	    role->node.services[service].connections > 0 ||
	    role->report->services[service].told.open > 0;
}

static void
tell_service(struct director_role *role, unsigned service)
{
	const struct director_node_service *n = &role->node.services[service];
	struct service *v = &role->report->services[service];
	struct buf b = BUF_WRITER(BODY_MAX);

	for (unsigned i = 0; i < n->choice.n; i++)
		tell_server(role, service, i);
	v->now.held = n->held.n;
	v->now.open = n->connections + n->held.n;
	/* At once: they are looked at again in a second. */
	if (!role->node.replica.linked)
		v->now.protected = 0;
	if (!role->report->is_new &&
	    memcmp(&v->now, &v->told, sizeof(v->now)) == 0)
		return;
	msg_kernel_put_service(&b, &v->now);
	if (director_relay_send(role, MSG_KERNEL_SERVICE, &b))
		v->told = v->now;
}

static struct msg_kernel_state
state_of(struct director_role *role)
{
	struct msg_kernel_state m;
	const char *text = "";

	memset(&m, 0, sizeof(m));
	m.life = role->report->life;
	m.work = MSG_KERNEL_WORKS;
	m.slots = role->node.setup.n_slots;
	if (role->program == NULL) {
		m.work = MSG_KERNEL_RELAY_ONLY;
		text = role->fault;
	} else if (!role->begun) {
		m.work = MSG_KERNEL_STARTING;
	} else {
		m.peer = director_peer_state(role, &text);
		m.slots_used = m.slots - role->node.free.n;
		m.left = director_node_count_left(&role->node);
		m.valve = role->node.valve.open;
		for (unsigned g = 0; g < role->node.setup.n_groups; g++)
			m.why[g] = (uint8_t)replica_why(&role->node.replica, g);
		if (director_program_count(role->program, m.counters) < 0)
			log_debug("director", "counters can't be read");
	}
	(void)snprintf(m.reason, sizeof(m.reason), "%s", text);
	return m;
}

/* Counters and slots change with each packet: with a look they are told. */
static void
tell_state(struct director_role *role, bool looked)
{
	struct director_report *r = role->report;
	struct msg_kernel_state m = state_of(role);
	struct buf b = BUF_WRITER(BODY_MAX);

	if (!looked) {
		memcpy(m.counters, r->told.counters, sizeof(m.counters));
		m.slots_used = r->told.slots_used;
		m.left = r->told.left;
	}
	if (!r->is_new && memcmp(&m, &r->told, sizeof(m)) == 0)
		return;
	msg_kernel_put_state(&b, &m);
	if (director_relay_send(role, MSG_KERNEL_STATE, &b))
		r->told = m;
}

static void
on_tell(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);
	struct director_report *r = role->report;

	if (role->stopped || !director_relay_has_room(role))
		return;
	if (role->begun && role->program != NULL)
		look_at_a_part(role);
	tell_state(role, r->is_new || r->looked);
	r->looked = false;
	for (unsigned i = 0;
	     role->program != NULL && i < role->node.setup.n_services; i++)
		if (is_told_of(role, i))
			tell_service(role, i);
	r->is_new = false;
}

void
director_report_all(struct director_role *role)
{
	role->report->is_new = true;
}

/* ---- life ---- */

void
director_report_begin(struct director_role *role)
{
	if (!ev_is_active(&role->report->tell))
		ev_timer_start(role->loop, &role->report->tell);
}

int
director_report_new(struct director_role *role)
{
	struct director_report *r = calloc(1, sizeof(*r));
	const struct config *c = role->config;
	unsigned first = 0;

	role->report = r;
	if (r == NULL)
		return -ENOMEM;
	ev_timer_init(&r->tell, on_tell, TELL_S, TELL_S);
	ev_init(&r->more, on_more);
	r->is_new = true;
	r->life = (uint64_t)mono_now().ns;
	r->services = calloc(c->n_services + 1, sizeof(*r->services));
	r->servers = calloc(count_servers(role) + 1, sizeof(*r->servers));
	if (r->services == NULL || r->servers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_services; i++) {
		struct service *v = &r->services[i];

		v->first = first;
		v->now.service = (uint16_t)i;
		for (unsigned k = 0; k < c->services[i].n_servers; k++) {
			struct server *s = &r->servers[first++];

			s->now.service = (uint16_t)i;
			s->now.server = (uint16_t)k;
		}
	}
	return 0;
}

void
director_report_free(struct director_role *role)
{
	struct director_report *r = role->report;

	if (r == NULL)
		return;
	ev_timer_stop(role->loop, &r->tell);
	ev_timer_stop(role->loop, &r->more);
	free(r->services);
	free(r->servers);
	free(r);
	role->report = NULL;
}
