#include "director/director_rings.h"

#include "core/addr.h"
#include "core/log.h"
#include "director/director_effects.h"
#include "director/director_reach.h"
#include "director/director_report.h"
#include "director/director_role.h"
#include "director/director_sender.h"
#include "director/director_tables.h"
#include "director/director_turn.h"
#include "proxy/pool/acl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/*
 * Whoever connects repeats a SYN after a second. By then what is older may have
 * been answered by the relay, to which SYNs go that find the ring full: it is
 * left alone.
 */
#define PATIENCE_MS 900

struct director_rings {
	ev_io ready;
	const struct director_bpf_event *event;
	struct acl **acls; /* of services; NULL: everybody may */
	bool handed_on[REPLICA_GROUPS];
	bool knows_servers;
	unsigned known; /* groups, a bit each */
};

/* As the relay's lists have it: what the file says, not ::ffff:a.b.c.d. */
static union addr
addr_of(const uint8_t ip[static CONN_TUPLE_IP])
{
	union addr a = { 0 };

	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, ip, CONN_TUPLE_IP);
	addr_normalize(&a);
	return a;
}

static bool
is_old(const struct director_bpf_event *event)
{
	const struct mono came = { .ns = (int64_t)event->time_ns };

	return mono_span_ms(came, mono_now()) > PATIENCE_MS;
}

static bool
is_denied(struct director_role *role, uint32_t service,
    const struct conn_tuple *client)
{
	const union addr a = addr_of(client->src);

	return !acl_is_allowed(role->rings->acls[service], &a);
}

static void
on_syn(struct director_role *role, const struct director_bpf_event *event)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_SYN };
	uint32_t service;

	/* A new one was in the ring as its service went to the relay: that has
	 * it as soon as it is repeated. */
	if (is_old(event) ||
	    !director_packet_read_syn(
	        event->headers, event->len, &ev.tuple, &ev.isn))
		return;
	ev.listen =
	    director_tables_listen(role->tables, &ev.tuple, event->service);
	if (ev.listen == DIRECTOR_NODE_NONE)
		return;
	service = role->node.listens[ev.listen].service;
	if (event->slot == DIRECTOR_BPF_NO_SLOT &&
	    director_reach_is_relayed(role, service))
		return;
	if (event->slot == DIRECTOR_BPF_NO_SLOT &&
	    is_denied(role, service, &ev.tuple)) {
		director_effects_reject(role, &ev.tuple, ev.isn);
		director_report_denied(role, service, &ev.tuple);
		return;
	}
	role->rings->event = event;
	director_turn_step(role, &ev);
	role->rings->event = NULL;
}

void
director_rings_on_event(void *arg, const struct director_bpf_event *event)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_REFUSED,
		.slot = event->slot,
		.reason = END_REASON_SERVER_REFUSED };

	if (event->kind == DIRECTOR_BPF_EVENT_SYN)
		on_syn(arg, event);
	else
		director_turn_step(arg, &ev);
}

void
director_rings_on_closed(void *arg, const struct director_bpf_closed *closed)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_CLOSED,
		.slot = closed->slot };

	director_turn_step(arg, &ev);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	(void)director_program_read_events(role->program);
	director_turn_flush(role);
}

const struct director_bpf_event *
director_rings_event(const struct director_rings *r)
{
	return r->event;
}

void
director_rings_pass(struct director_role *role, bool pass)
{
	struct director_bpf_control *c =
	    director_program_control(role->program);

	if (pass)
		c->flags |= DIRECTOR_BPF_CONTROL_PASS;
	else
		c->flags &= ~(uint32_t)DIRECTOR_BPF_CONTROL_PASS;
	if (!role->begun)
		return;
	if (pass)
		log_warning("director",
		    "[resource] many connections are not completed, new clients go to the relay");
	else
		log_notice(
		    "director", "new clients go through the kernel again");
}

static int
new_acls(struct director_role *role)
{
	const struct config *c = role->config;
	int e = 0;

	role->rings->acls = calloc(c->n_services + 1, sizeof(struct acl *));
	if (role->rings->acls == NULL)
		return -ENOMEM;
	for (size_t i = 0; e == 0 && i < c->n_services; i++)
		if (c->services[i].path == CONFIG_PATH_KERNEL)
			e = acl_new(&c->services[i], &role->rings->acls[i]);
	return e;
}

int
director_rings_new(struct director_role *role)
{
	role->rings = calloc(1, sizeof(*role->rings));
	if (role->rings == NULL)
		return -ENOMEM;
	ev_init(&role->rings->ready, on_ready);
	return new_acls(role);
}

void
director_rings_free(struct director_role *role)
{
	struct director_rings *r = role->rings;

	if (r == NULL)
		return;
	ev_io_stop(role->loop, &r->ready);
	for (size_t i = 0; r->acls != NULL && i < role->config->n_services; i++)
		acl_free(r->acls[i]);
	free(r->acls);
	free(r);
	role->rings = NULL;
}

/* Relayed always: a SYN that nobody reads finds the relay's listener. */
static int
put_service(struct director_role *role, uint32_t at,
    const struct director_bpf_listen *listen)
{
	struct director_bpf_service s = { .service = at,
		.flags = DIRECTOR_BPF_SERVICE_RELAYED };

	/* Behind the node's are places without a service. */
	if (at < role->node.setup.n_listens) {
		const struct director_node_listen *l = &role->node.listens[at];

		if (role->rings->handed_on[l->group] ||
		    director_reach_is_relayed(role, l->service))
			s.flags |= DIRECTOR_BPF_SERVICE_PASS;
	}
	return director_program_put_service(role->program, listen, &s);
}

void
director_rings_put_services(struct director_role *role)
{
	uint32_t n;
	const struct director_bpf_listen *listens =
	    director_tables_places(role->tables, &n);

	for (uint32_t i = 0; i < role->node.setup.n_listens; i++)
		if (put_service(role, i, &listens[i]) < 0)
			log_debug("director",
			    "where new clients of a service go cannot be changed");
}

int
director_rings_begin(struct director_role *role)
{
	struct director_bpf_control *c =
	    director_program_control(role->program);
	uint32_t n;
	const struct director_bpf_listen *listens =
	    director_tables_places(role->tables, &n);
	int e = director_program_keep_services(role->program, listens, n);

	c->loopback = director_sender_loopback(role->sender);
	c->mark = director_sender_mark(role->sender);
	director_rings_pass(role, false);
	for (uint32_t i = 0; e == 0 && i < n; i++)
		e = put_service(role, i, &listens[i]);
	return e;
}

void
director_rings_hand_on(struct director_role *role, unsigned group, bool on)
{
	role->rings->handed_on[group] = on;
	director_rings_put_services(role);
}

void
director_rings_drain(struct director_role *role)
{
	if (!ev_is_active(&role->rings->ready))
		return; /* how servers stand is not known yet */
	(void)director_program_read_events(role->program);
	director_turn_flush(role);
}

static void
read_if_known(struct director_role *role)
{
	struct director_rings *r = role->rings;
	const unsigned all = (1U << role->node.setup.n_groups) - 1;

	if (role->program == NULL || !role->begun || ev_is_active(&r->ready) ||
	    !r->knows_servers || (r->known & all) != all)
		return;
	ev_io_set(
	    &r->ready, director_program_events_fd(role->program), EV_READ);
	ev_io_start(role->loop, &r->ready);
}

void
director_rings_know_servers(struct director_role *role)
{
	role->rings->knows_servers = true;
	read_if_known(role);
}

void
director_rings_know_owner(struct director_role *role, unsigned group)
{
	role->rings->known |= 1U << group;
	read_if_known(role);
}
