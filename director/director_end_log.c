#include "director/director_end_log.h"

#include "core/addr.h"
#include "core/log.h"
#include "director/director_role.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *
end_text(const uint8_t ip[static CONN_TUPLE_IP], uint16_t port,
    char buf[static ADDR_TEXT_MAX])
{
	union addr a = { 0 };

	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, ip, CONN_TUPLE_IP);
	addr_normalize(&a);
	addr_set_port(&a, port);
	return addr_format(&a, buf);
}

static const char *
server_of(const struct director_role *role, const struct director_node_slot *s)
{
	const struct config_service *v = &role->config->services[s->service];

	return s->server < v->n_servers ? v->servers[s->server].name : "-";
}

/*
 * From the SYN to its answer, which wakes nobody up: the program notes the
 * moment. Its clock is up to some ms behind ours. -1: it was not answered, or
 * not here.
 */
static int64_t
connect_ms(
    const struct director_role_conn *c, const struct director_bpf_slot *k)
{
	const uint32_t flags = __atomic_load_n(&k->flags, __ATOMIC_RELAXED);
	uint16_t span;

	if (!c->written || mono_is_never(c->emitted) ||
	    (flags & DIRECTOR_BPF_SYN_ACK) == 0)
		return -1;
	span = (uint16_t)(k->leg[DIRECTOR_BPF_FROM_SERVER].answered -
	    DIRECTOR_BPF_MOMENT(c->emitted.ns));
	if (span > UINT16_MAX / 2)
		return 0;
	return (int64_t)span * DIRECTOR_BPF_MOMENT_NS / 1000000;
}

void
director_end_log(
    const struct director_role *role, uint32_t slot, enum end_reason reason)
{
	const struct director_node_slot *s = &role->node.slots[slot];
	const struct director_role_conn *c = &role->conns[slot];
	const struct director_bpf_slot *k = &role->slots[slot];
	const struct conn_tuple *client =
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_CLIENT);
	const struct conn_tuple *server =
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_SERVER);
	char from[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX];
	char subject[CONFIG_NAME_MAX + 16];

	if (!role->config->log.connections || !log_is_on(LOG_LEVEL_INFO) ||
	    s->service == DIRECTOR_NODE_NONE)
		return;
	(void)stpcpy(stpcpy(subject, "service "),
	    director_role_service(role, s->service));
	log_info(subject,
	    "connection client=%s server=%s source=%s queue_ms=%" PRId64
	    " connect_ms=%" PRId64 " total_ms=%" PRId64 " in=%" PRIu64
	    " out=%" PRIu64 " attempts=%u end=%s reason='%s' path=kernel",
	    end_text(client->src, client->sport, from),
	    c->written ? server_of(role, s) : "-",
	    c->written ? end_text(server->dst, server->dport, source) : "-",
	    mono_span_ms(c->accepted, c->placed), connect_ms(c, k),
	    mono_span_ms(c->accepted, role->node.now),
	    c->written ? (uint64_t)k->bytes[DIRECTOR_BPF_FROM_CLIENT] : 0,
	    c->written ? (uint64_t)k->bytes[DIRECTOR_BPF_FROM_SERVER] : 0,
	    (unsigned)s->conn.attempts, end_reason_code(reason),
	    end_reason_words(reason));
}
