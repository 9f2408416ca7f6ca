#include "hapair/supervisor/upgrade_state.h"

#include "proxy/transfer/tlv.h"

#include <errno.h>
#include <string.h>

/* A value of all numbers and texts, then one for each generation. */
static const char magic[] = "hapair state\n";

/* The format: a number keeps its meaning for ever. */
enum {
	TAG_PRESENT = 64,
	TAG_PAST,
	TAG_ACCORDS,
	TAG_TEXT,
	TAG_FAILOVER,
	TAG_RELAY,
	TAG_LISTENERS,
	TAG_SCRIPTS,
	TAG_GROUP, /* as often as there are groups */
	TAG_EVENTS,
	TAG_DIRECTOR,
};

/* Beside texts and lists; a group, with its two texts of 255 at most. */
#define ROOM_HEAD 4096
#define ROOM_GENERATION 1024
#define ROOM_GROUP 768
#define ROOM_CHILD 256

#define FIELD(tag, kind, message, name)                                        \
	TLV_FIELD(tag, TLV_##kind, struct message, name)

static const struct tlv_field heads[] = {
	FIELD(1, TEXT, upgrade_state, version),
	FIELD(2, TEXT, upgrade_state, program),
	FIELD(3, TEXT, upgrade_state, path),
	FIELD(4, NUMBER, upgrade_state, started_ns),
	FIELD(5, NUMBER, upgrade_state, lock),
	FIELD(6, NUMBER, upgrade_state, control),
	FIELD(7, NUMBER, upgrade_state, wire),
	FIELD(8, NUMBER, upgrade_state, ready),
	FIELD(9, NUMBER, upgrade_state, socket),
	FIELD(10, NUMBER, upgrade_state, null),
	FIELD(11, NUMBER, upgrade_state, known),
	FIELD(12, NUMBER, upgrade_state, wanted),
	FIELD(13, NUMBER, upgrade_state, end_owed),
	FIELD(14, NUMBER, upgrade_state, wire_number),
	FIELD(15, NUMBER, upgrade_state, told),
	FIELD(16, NUMBER, upgrade_state, n_generations),
};

static const struct tlv_field generations[] = {
	FIELD(1, NUMBER, upgrade_state_generation, loaded_wall_ms),
	FIELD(2, NUMBER, upgrade_state_generation, node_and_one),
	FIELD(3, NUMBER, upgrade_state_generation, workers),
	FIELD(4, NUMBER, upgrade_state_generation, pipes),
	FIELD(5, NUMBER, upgrade_state_generation, max_connections),
	FIELD(6, NUMBER, upgrade_state_generation, begun),
	FIELD(7, NUMBER, upgrade_state_generation, given),
	FIELD(8, NUMBER, upgrade_state_generation, introduction),
	FIELD(9, NUMBER, upgrade_state_generation, directs),
	FIELD(10, NUMBER, upgrade_state_generation, director_prepared),
	FIELD(11, NUMBER, upgrade_state_generation, director_begun),
	FIELD(12, NUMBER, upgrade_state_generation, director_failover),
	FIELD(13, NUMBER, upgrade_state_generation, director_relay),
};

static const struct tlv_field children[] = {
	FIELD(1, NUMBER, upgrade_state_child, pid),
	FIELD(2, NUMBER, upgrade_state_child, channel),
	FIELD(3, NUMBER, upgrade_state_child, report),
	FIELD(4, NUMBER, upgrade_state_child, pulse),
	FIELD(5, NUMBER, upgrade_state_child, uid),
	FIELD(6, NUMBER, upgrade_state_child, gid),
	FIELD(7, NUMBER, upgrade_state_child, ready),
	FIELD(8, NUMBER, upgrade_state_child, stopping),
	FIELD(9, NUMBER, upgrade_state_child, unwanted),
	FIELD(10, NUMBER, upgrade_state_child, row),
	FIELD(11, NUMBER, upgrade_state_child, pause_ms),
	FIELD(12, NUMBER, upgrade_state_child, started_ns),
};

static const struct tlv_field groups[] = {
	FIELD(1, NUMBER, msg_group, group),
	FIELD(2, NUMBER, msg_group, state),
	FIELD(3, NUMBER, msg_group, priority),
	FIELD(4, NUMBER, msg_group, effective_priority),
	FIELD(5, NUMBER, msg_group, transitions),
	FIELD(6, NUMBER, msg_group, term),
	FIELD(7, NUMBER, msg_group, since_wall_ms),
	FIELD(8, TEXT, msg_group, reason),
	FIELD(9, NUMBER, msg_group, refused),
	FIELD(10, TEXT, msg_group, refused_reason),
};

size_t
upgrade_state_room(const struct upgrade_state *s)
{
	size_t room = ROOM_HEAD + s->accords_len + s->events_len;

	for (size_t i = 0; i < s->n_generations; i++) {
		const struct upgrade_state_generation *g = &s->generations[i];

		room += ROOM_GENERATION + g->len + g->listeners.len +
		    g->scripts.len + (size_t)g->n_groups * ROOM_GROUP;
	}
	return room;
}

/* -- writing ------------------------------------------------------------ */

static void
put_bank(struct buf *b, uint8_t tag, const struct upgrade_state_bank *bank)
{
	struct buf in = BUF_WRITER(ROOM_CHILD);

	buf_put_u8(&in, bank->n);
	for (size_t i = 0; i < UPGRADE_STATE_SLOTS_MAX; i++)
		buf_put_u32(&in, bank->slots[i]);
	tlv_put_bytes(b, tag, in.data, in.pos);
}

static void
put_child(struct buf *b, uint8_t tag, const struct upgrade_state_child *c)
{
	struct buf in = BUF_WRITER(ROOM_CHILD);
	const size_t start = tlv_begin(&in, UPGRADE_STATE_OLDEST);

	tlv_put(&in, children, ARRAY_LEN(children), c);
	tlv_end(&in, start);
	tlv_put_bytes(b, tag, in.data, in.pos);
}

static void
put_group(struct buf *b, const struct msg_group *g)
{
	struct buf in = BUF_WRITER(ROOM_GROUP);
	const size_t start = tlv_begin(&in, UPGRADE_STATE_OLDEST);

	tlv_put(&in, groups, ARRAY_LEN(groups), g);
	tlv_end(&in, start);
	tlv_put_bytes(b, TAG_GROUP, in.data, in.pos);
}

static void
put_generation(struct buf *b, const struct upgrade_state_generation *g)
{
	const size_t start = tlv_begin(b, UPGRADE_STATE_OLDEST);

	tlv_put(b, generations, ARRAY_LEN(generations), g);
	tlv_put_bytes(b, TAG_TEXT, g->text, g->len);
	put_child(b, TAG_FAILOVER, &g->failover);
	put_child(b, TAG_RELAY, &g->relay);
	if (g->directs != 0)
		put_child(b, TAG_DIRECTOR, &g->director);
	tlv_put_bytes(b, TAG_LISTENERS, g->listeners.data, g->listeners.len);
	tlv_put_bytes(b, TAG_SCRIPTS, g->scripts.data, g->scripts.len);
	for (size_t i = 0; i < g->n_groups; i++)
		put_group(b, &g->groups[i]);
	tlv_end(b, start);
}

void
upgrade_state_encode(struct buf *b, const struct upgrade_state *s)
{
	size_t start;

	buf_put_bytes(b, magic, sizeof(magic) - 1);
	start = tlv_begin(b, UPGRADE_STATE_OLDEST);
	tlv_put(b, heads, ARRAY_LEN(heads), s);
	put_bank(b, TAG_PRESENT, &s->present);
	put_bank(b, TAG_PAST, &s->past);
	tlv_put_bytes(b, TAG_ACCORDS, s->accords, s->accords_len);
	tlv_put_bytes(b, TAG_EVENTS, s->events, s->events_len);
	tlv_end(b, start);
	for (size_t i = 0; i < s->n_generations; i++)
		put_generation(b, &s->generations[i]);
}

/* -- reading ------------------------------------------------------------ */

static int
get_bank(struct buf *in, struct upgrade_state_bank *ret_bank)
{
	struct upgrade_state_bank bank;

	bank.n = buf_get_u8(in);
	for (size_t i = 0; i < UPGRADE_STATE_SLOTS_MAX; i++)
		bank.slots[i] = buf_get_u32(in);
	if (!buf_is_done(in) || bank.n > UPGRADE_STATE_SLOTS_MAX)
		return -EBADMSG;
	*ret_bank = bank;
	return 0;
}

/* A value of a table alone, which is all of a field. */
static int
get_value(struct buf *in, tlv_take_fn *take, void *ret_struct)
{
	const int e = tlv_read(in, UPGRADE_STATE_VERSION, take, ret_struct);

	return e == 0 && !buf_is_done(in) ? -EBADMSG : e;
}

static int
take_of_child(struct buf *in, uint8_t tag, void *child)
{
	return tlv_get(in, tag, children, ARRAY_LEN(children), child);
}

static int
take_of_group(struct buf *in, uint8_t tag, void *group)
{
	return tlv_get(in, tag, groups, ARRAY_LEN(groups), group);
}

static int
get_group(struct buf *in, struct upgrade_state_generation *g)
{
	struct msg_group m = { 0 };

	if (g->n_groups == UPGRADE_STATE_GROUPS_MAX ||
	    get_value(in, take_of_group, &m) < 0 ||
	    (unsigned)m.state > MSG_GROUP_FAULT ||
	    m.group >= UPGRADE_STATE_GROUPS_MAX)
		return -EBADMSG;
	g->groups[g->n_groups++] = m;
	return 0;
}

static int
take_of_generation(struct buf *in, uint8_t tag, void *generation)
{
	struct upgrade_state_generation *g = generation;

	switch (tag) {
	case TAG_TEXT:
		g->text = in->data;
		g->len = in->len;
		return 0;
	case TAG_FAILOVER:
		return get_value(in, take_of_child, &g->failover);
	case TAG_RELAY:
		return get_value(in, take_of_child, &g->relay);
	case TAG_DIRECTOR:
		return get_value(in, take_of_child, &g->director);
	case TAG_LISTENERS:
		g->listeners = *in;
		return in->len % sizeof(uint32_t) == 0 ? 0 : -EBADMSG;
	case TAG_SCRIPTS:
		g->scripts = *in;
		return in->len % (sizeof(uint16_t) + 1) == 0 ? 0 : -EBADMSG;
	case TAG_GROUP:
		return get_group(in, g);
	default: /* not an enum: a number of a later version, perhaps */
		return tlv_get(in, tag, generations, ARRAY_LEN(generations), g);
	}
}

static int
take_of_head(struct buf *in, uint8_t tag, void *head)
{
	struct upgrade_state *s = head;

	switch (tag) {
	case TAG_PRESENT:
		return get_bank(in, &s->present);
	case TAG_PAST:
		return get_bank(in, &s->past);
	case TAG_ACCORDS:
		s->accords = in->data;
		s->accords_len = in->len;
		return 0;
	case TAG_EVENTS:
		s->events = in->data;
		s->events_len = in->len;
		return 0;
	default: /* not an enum: a number of a later version, perhaps */
		return tlv_get(in, tag, heads, ARRAY_LEN(heads), s);
	}
}

static int
get_generation(struct buf *b, struct upgrade_state_generation *g)
{
	const int e = tlv_read(b, UPGRADE_STATE_VERSION, take_of_generation, g);

	if (e < 0)
		return e;
	return g->len == 0 || g->workers == 0 || g->max_connections == 0
	    ? -EBADMSG
	    : 0;
}

static bool
is_magic(struct buf *b)
{
	char text[sizeof(magic)] = "";

	buf_get_bytes(b, text, sizeof(magic) - 1);
	return memcmp(text, magic, sizeof(magic)) == 0;
}

int
upgrade_state_decode(struct buf *b, struct upgrade_state *ret_state)
{
	struct upgrade_state *s = ret_state;
	int e;

	memset(s, 0, sizeof(*s));
	if (!is_magic(b))
		return -EBADMSG;
	e = tlv_read(b, UPGRADE_STATE_VERSION, take_of_head, s);
	if (e < 0)
		return e;
	if (s->n_generations == 0 ||
	    s->n_generations > UPGRADE_STATE_GENERATIONS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < s->n_generations; i++) {
		e = get_generation(b, &s->generations[i]);
		if (e < 0)
			return e;
	}
	return buf_is_done(b) ? 0 : -EBADMSG;
}

/* -- descriptors -------------------------------------------------------- */

static int
each_of(const uint32_t *fds, size_t n, upgrade_state_fd_fn *call, void *arg)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < n; i++)
		if (fds[i] != 0)
			e = call(arg, (int)fds[i]);
	return e;
}

static int
each_of_child(
    const struct upgrade_state_child *c, upgrade_state_fd_fn *call, void *arg)
{
	const uint32_t fds[] = { c->channel, c->report, c->pulse };

	return each_of(fds, ARRAY_LEN(fds), call, arg);
}

static int
each_of_generation(const struct upgrade_state_generation *g,
    upgrade_state_fd_fn *call, void *arg)
{
	struct buf list = g->listeners;
	int e = each_of_child(&g->failover, call, arg);

	if (e == 0)
		e = each_of_child(&g->relay, call, arg);
	if (e == 0)
		e = each_of_child(&g->director, call, arg);
	while (e == 0 && list.pos < list.len) {
		const uint32_t fd = buf_get_u32(&list);

		e = each_of(&fd, 1, call, arg);
	}
	return e;
}

int
upgrade_state_each_fd(
    const struct upgrade_state *s, upgrade_state_fd_fn *call, void *arg)
{
	const uint32_t fds[] = { s->lock, s->control, s->wire, s->ready,
		s->socket, s->null };
	int e = each_of(fds, ARRAY_LEN(fds), call, arg);

	if (e == 0)
		e = each_of(
		    s->present.slots, UPGRADE_STATE_SLOTS_MAX, call, arg);
	if (e == 0)
		e = each_of(s->past.slots, UPGRADE_STATE_SLOTS_MAX, call, arg);
	for (size_t i = 0; e == 0 && i < s->n_generations; i++)
		e = each_of_generation(&s->generations[i], call, arg);
	return e;
}
