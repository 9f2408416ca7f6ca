#include "core/event.h"

#include "core/buf.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[EVENT_GROUP] = "group",
	[EVENT_SERVER] = "server",
	[EVENT_STANDBY] = "standby",
	[EVENT_OPERATOR] = "operator",
	[EVENT_RELOAD] = "reload",
	[EVENT_PROCESS] = "process",
};

/* As much as there is room for, and not half of a character. */
static void
copy(char *to, size_t room, const char *from)
{
	const size_t len = from != NULL ? strnlen(from, room) : 0;
	size_t n = len < room ? len : room - 1;

	while (n > 0 && n < len && ((unsigned char)from[n] & 0xc0) == 0x80)
		n--;
	if (n > 0)
		memcpy(to, from, n);
	to[n] = '\0';
	for (; *to != '\0'; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			*to = '?';
}

struct event
event_of(enum event_kind kind, const char *subject, const char *what,
    const char *reason)
{
	struct event e = { .kind = (uint8_t)kind };

	copy(e.subject, sizeof(e.subject), subject);
	copy(e.what, sizeof(e.what), what);
	copy(e.reason, sizeof(e.reason), reason);
	return e;
}

void
event_put(struct buf *b, const struct event *e)
{
	uint8_t bytes[EVENT_BYTES_MAX];
	struct buf own = buf_writer(bytes, sizeof(bytes));

	buf_put_u64(&own, e->id);
	buf_put_u64(&own, (uint64_t)e->wall_ms);
	buf_put_u8(&own, e->kind);
	buf_put_str(&own, e->subject);
	buf_put_str(&own, e->what);
	buf_put_str(&own, e->reason);
	buf_put_u16(b, (uint16_t)own.pos);
	buf_put_bytes(b, bytes, own.pos);
}

int
event_get(struct buf *b, struct event *ret_event)
{
	const uint16_t len = buf_get_u16(b);
	char subject[EVENT_SUBJECT_MAX], what[EVENT_WHAT_MAX];
	char reason[EVENT_REASON_MAX];
	struct event e = { 0 };
	struct buf own;

	if (b->bad || b->len - b->pos < len)
		return -EBADMSG;
	own = buf_reader(b->data + b->pos, len);
	e.id = buf_get_u64(&own);
	e.wall_ms = (int64_t)buf_get_u64(&own);
	e.kind = buf_get_u8(&own);
	buf_get_str(&own, subject, sizeof(subject));
	buf_get_str(&own, what, sizeof(what));
	buf_get_str(&own, reason, sizeof(reason));
	if (own.bad || e.id == 0 || e.id > EVENT_ID_MAX || e.wall_ms < 0)
		return -EBADMSG;
	copy(e.subject, sizeof(e.subject), subject);
	copy(e.what, sizeof(e.what), what);
	copy(e.reason, sizeof(e.reason), reason);
	b->pos += len;
	*ret_event = e;
	return 0;
}

const char *
event_kind_name(uint8_t kind)
{
	return kind < ARRAY_LEN(names) && names[kind] != NULL ? names[kind]
	                                                      : "other";
}

uint8_t
event_parse_kind(const char *name)
{
	for (uint8_t i = 1; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}
