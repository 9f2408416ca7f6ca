#include "core/kernel/msg_kernel.h"

#include "core/buf.h"
#include "core/msg_field.h"

#include <errno.h>

#define FIELD(kind, message, name)                                             \
	MSG_FIELD_OF(MSG_FIELD_##kind, struct msg_kernel_##message, name)

#define NUMBER(message, name)                                                  \
	MSG_FIELD_NUMBER(struct msg_kernel_##message, name)

/* One of the two ends of a connection's leg. */
#define END(message, name)                                                     \
	FIELD(BYTES, message, name.ip), NUMBER(message, name.port)

/* Both functions of a message; `is_sane`, of `m`, is what it must be, too. */
#define MESSAGE(message, is_sane)                                              \
	void msg_kernel_put_##message(                                         \
	    struct buf *b, const struct msg_kernel_##message *m)               \
	{                                                                      \
		msg_field_put(b, message, ARRAY_LEN(message), m);              \
	}                                                                      \
	int msg_kernel_get_##message(                                          \
	    struct buf *b, struct msg_kernel_##message *ret)                   \
	{                                                                      \
		struct msg_kernel_##message m;                                 \
                                                                               \
		msg_field_get(b, message, ARRAY_LEN(message), &m);             \
		if (!buf_is_done(b) || !(is_sane))                             \
			return -EBADMSG;                                       \
		*ret = m;                                                      \
		return 0;                                                      \
	}

static const struct msg_field listener[] = {
	NUMBER(listener, address),
};
MESSAGE(listener, true)

static const struct msg_field claim[] = {
	NUMBER(claim, group),
	NUMBER(claim, term),
	FIELD(BOOL, claim, peer_dead),
};
MESSAGE(claim, m.group < MSG_PEER_GROUPS_MAX)

static const struct msg_field release[] = {
	NUMBER(release, group),
	FIELD(BOOL, release, muted),
};
MESSAGE(release, m.group < MSG_PEER_GROUPS_MAX)

static const struct msg_field group[] = {
	NUMBER(group, group),
};
MESSAGE(group, m.group < MSG_PEER_GROUPS_MAX)

static const struct msg_field term[] = {
	NUMBER(term, group),
	NUMBER(term, term),
};
MESSAGE(term, m.group < MSG_PEER_GROUPS_MAX)

static const struct msg_field life[] = {
	FIELD(BOOL, life, dead),
};
MESSAGE(life, true)

static const struct msg_field level[] = {
	NUMBER(level, group),
	FIELD(BOOL, level, level),
};
MESSAGE(level, m.group < MSG_PEER_GROUPS_MAX)

static const struct msg_field server[] = {
	NUMBER(server, service),
	NUMBER(server, server),
	END(server, at),
	FIELD(BOOL, server, usable),
	NUMBER(server, tier),
	NUMBER(server, weight),
	NUMBER(server, limit),
	NUMBER(server, slow_start_ms),
	NUMBER(server, up_ms),
	NUMBER(server, elsewhere),
};
MESSAGE(server, m.up_ms >= -1)

static const struct msg_field cut[] = {
	NUMBER(cut, service),
	NUMBER(cut, server),
	NUMBER(cut, reason),
};
MESSAGE(cut, m.reason < MSG_KERNEL_ENDINGS)

static const struct msg_field accused[] = {
	NUMBER(accused, service),
	NUMBER(accused, server),
};
MESSAGE(accused, true)

static const struct msg_field kill[] = {
	NUMBER(kill, ask),
	NUMBER(kill, id),
};
MESSAGE(kill, true)

static const struct msg_field killed[] = {
	NUMBER(killed, ask),
	FIELD(BOOL, killed, found),
};
MESSAGE(killed, true)

static const struct msg_field list[] = {
	NUMBER(list, ask),
	NUMBER(list, service),
	NUMBER(list, from),
	NUMBER(list, most),
};
MESSAGE(list, m.most > 0)

static const struct msg_field list_end[] = {
	NUMBER(list_end, ask),
	NUMBER(list_end, next),
};
MESSAGE(list_end, true)

static const struct msg_field conn[] = {
	NUMBER(conn, ask),
	NUMBER(conn, id),
	NUMBER(conn, service),
	NUMBER(conn, server),
	END(conn, client),
	END(conn, listen),
	END(conn, source),
	END(conn, to),
	NUMBER(conn, age_ms),
	NUMBER(conn, idle_ms),
	NUMBER(conn, bytes_in),
	NUMBER(conn, bytes_out),
	NUMBER(conn, phase),
	FIELD(BOOL, conn, protected),
	NUMBER(conn, why),
};
MESSAGE(conn, m.phase <= MSG_KERNEL_DOUBTED && m.why <= MSG_KERNEL_WHY_DISPUTED)

/* What stands before how they ended. */
static const struct msg_field service[] = {
	NUMBER(service, service),
	NUMBER(service, open),
	NUMBER(service, protected),
	NUMBER(service, silent),
	NUMBER(service, held),
	NUMBER(service, accepted),
	NUMBER(service, refused),
	NUMBER(service, failed),
	NUMBER(service, retries),
	NUMBER(service, denied),
	NUMBER(service, too_many),
	NUMBER(service, bytes_in),
	NUMBER(service, bytes_out),
};

static const struct msg_field count[] = {
	NUMBER(count, service),
	NUMBER(count, server),
	NUMBER(count, open),
	NUMBER(count, total),
	NUMBER(count, failed),
	NUMBER(count, bytes_in),
	NUMBER(count, bytes_out),
};
MESSAGE(count, true)

/* What stands before the counters. */
static const struct msg_field state[] = {
	NUMBER(state, life),
	NUMBER(state, work),
	NUMBER(state, peer),
	FIELD(BYTES, state, why),
	NUMBER(state, slots),
	NUMBER(state, slots_used),
	NUMBER(state, left),
	FIELD(BOOL, state, valve),
};
static const struct msg_field reason[] = {
	FIELD(TEXT, state, reason),
};

static void
put_numbers(struct buf *b, const uint64_t *numbers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_put_u64(b, numbers[i]);
}

static void
get_numbers(struct buf *b, uint64_t *ret_numbers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ret_numbers[i] = buf_get_u64(b);
}

void
msg_kernel_put_service(struct buf *b, const struct msg_kernel_service *m)
{
	msg_field_put(b, service, ARRAY_LEN(service), m);
	put_numbers(b, m->ended, MSG_KERNEL_ENDINGS);
}

int
msg_kernel_get_service(struct buf *b, struct msg_kernel_service *ret)
{
	struct msg_kernel_service m;

	msg_field_get(b, service, ARRAY_LEN(service), &m);
	get_numbers(b, m.ended, MSG_KERNEL_ENDINGS);
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret = m;
	return 0;
}

void
msg_kernel_put_state(struct buf *b, const struct msg_kernel_state *m)
{
	msg_field_put(b, state, ARRAY_LEN(state), m);
	put_numbers(b, m->counters, MSG_KERNEL_COUNTERS);
	msg_field_put(b, reason, ARRAY_LEN(reason), m);
}

int
msg_kernel_get_state(struct buf *b, struct msg_kernel_state *ret)
{
	struct msg_kernel_state m;

	msg_field_get(b, state, ARRAY_LEN(state), &m);
	get_numbers(b, m.counters, MSG_KERNEL_COUNTERS);
	msg_field_get(b, reason, ARRAY_LEN(reason), &m);
	if (!buf_is_done(b) || m.work > MSG_KERNEL_RELAY_ONLY ||
	    m.peer > MSG_KERNEL_PEER_MISMATCH)
		return -EBADMSG;
	for (unsigned i = 0; i < ARRAY_LEN(m.why); i++)
		if (m.why[i] > MSG_KERNEL_WHY_DISPUTED)
			return -EBADMSG;
	*ret = m;
	return 0;
}
