#include "core/accord.h"

#include "core/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(ACCORD_BYTES_MAX <= 1 + UINT8_MAX, "its length is one byte");

/* The end of the year 9999, as a time of day; nothing later can be shown. */
#define WALL_MS_MAX INT64_C(253402300799999)

/* Of which server it is the answer. */
static bool
is_choice(enum accord_kind kind)
{
	return kind == ACCORD_ACTIVE || kind == ACCORD_ACTIVE_GROUP;
}

int
accord_compare(const struct accord *a, const struct accord *b)
{
	int order = (int)a->kind - (int)b->kind;

	if (order == 0)
		order = strcmp(a->subject, b->subject);
	if (order != 0 || is_choice(a->kind))
		return order;
	return strcmp(a->server, b->server);
}

/*
 * Two of one epoch were made while the nodes did not hear each other: the node
 * decides. Two of one node and epoch come from a node that has lost its memory
 * in between: then the value does, for any rule will do that both follow.
 */
bool
accord_is_newer(const struct accord *a, const struct accord *b)
{
	if (accord_is_far(a, b))
		return a->epoch < b->epoch;
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	if (a->node != b->node)
		return a->node > b->node;
	if (a->value != b->value)
		return a->value > b->value;
	return strcmp(a->server, b->server) > 0;
}

bool
accord_is_far(const struct accord *a, const struct accord *b)
{
	const uint64_t high = a->epoch > b->epoch ? a->epoch : b->epoch;
	const uint64_t low = a->epoch > b->epoch ? b->epoch : a->epoch;

	return high - low > ACCORD_EPOCH_REACH;
}

uint64_t
accord_epoch_after(uint64_t epoch)
{
	return epoch < ACCORD_EPOCH_LAST ? epoch + 1 : ACCORD_EPOCH_MAX / 2;
}

void
accord_put(struct buf *b, const struct accord *a)
{
	struct buf body = BUF_WRITER(ACCORD_BYTES_MAX);

	buf_put_u8(&body, (uint8_t)a->kind);
	buf_put_str(&body, a->subject);
	buf_put_str(&body, a->server);
	buf_put_u16(&body, a->value);
	buf_put_u64(&body, a->epoch);
	buf_put_u8(&body, a->node);
	buf_put_u64(&body, (uint64_t)a->said.wall_ms);
	buf_put_str(&body, a->said.reason);
	buf_put_u8(b, (uint8_t)body.pos);
	buf_put_bytes(b, body.data, body.pos);
}

static bool
value_is_sane(const struct accord *a)
{
	switch (a->kind) {
	case ACCORD_ADMIN:
		return a->value <= ACCORD_MAINT;
	case ACCORD_WEIGHT:
		return a->value <= ACCORD_WEIGHT_MAX ||
		    a->value == ACCORD_AS_CONFIGURED;
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		return a->value == 0;
	}
	return false;
}

static bool
is_name(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		const bool letter =
		    (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
		const bool digit = *c >= '0' && *c <= '9';

		if (!letter && !digit && strchr("_-.:[]", *c) == NULL)
			return false;
	}
	return *text != '\0';
}

void
accord_said_clean(struct accord_said *said)
{
	if (said->wall_ms < 0 || said->wall_ms > WALL_MS_MAX)
		said->wall_ms = 0;
	for (char *c = said->reason; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

bool
accord_is_sane(const struct accord *a)
{
	return value_is_sane(a) && is_name(a->subject) && is_name(a->server) &&
	    a->epoch > 0 && a->epoch <= ACCORD_EPOCH_MAX;
}

static bool
is_known(enum accord_kind kind)
{
	return kind >= ACCORD_ADMIN && kind <= ACCORD_ACTIVE_GROUP;
}

static void
get_said(struct buf *body, struct accord_said *said)
{
	if (body->pos == body->len) /* of an earlier version */
		return;
	said->wall_ms = (int64_t)buf_get_u64(body);
	buf_get_str(body, said->reason, sizeof(said->reason));
	accord_said_clean(said);
}

int
accord_get(struct buf *b, struct accord *ret_accord)
{
	const size_t len = buf_get_u8(b);
	struct buf body;
	struct accord a;

	if (b->bad || len == 0 || b->len - b->pos < len)
		return -EBADMSG;
	body = buf_reader(b->data + b->pos, len);
	b->pos += len;
	memset(&a, 0, sizeof(a));
	a.kind = (enum accord_kind)buf_get_u8(&body);
	if (!is_known(a.kind))
		return 1;
	buf_get_str(&body, a.subject, sizeof(a.subject));
	buf_get_str(&body, a.server, sizeof(a.server));
	a.value = buf_get_u16(&body);
	a.epoch = buf_get_u64(&body);
	a.node = buf_get_u8(&body);
	get_said(&body, &a.said);
	if (body.bad || !accord_is_sane(&a))
		return -EBADMSG;
	*ret_accord = a;
	return 0;
}

static const char *const admin_names[] = {
	[ACCORD_READY] = "ready",
	[ACCORD_DRAIN] = "drain",
	[ACCORD_MAINT] = "maint",
};

static const char *const kind_names[] = {
	[ACCORD_ADMIN] = "admin",
	[ACCORD_WEIGHT] = "weight",
	[ACCORD_ACTIVE] = "active",
	[ACCORD_ACTIVE_GROUP] = "active_group",
};

const char *
accord_admin_name(enum accord_admin admin)
{
	return admin_names[admin];
}

const char *
accord_kind_name(enum accord_kind kind)
{
	return kind_names[kind];
}

bool
accord_parse_admin(const char *word, enum accord_admin *ret_admin)
{
	for (unsigned i = 0; i < ARRAY_LEN(admin_names); i++)
		if (strcmp(word, admin_names[i]) == 0) {
			*ret_admin = (enum accord_admin)i;
			return true;
		}
	return false;
}

bool
accord_parse_word(
    const char *word, enum accord_kind *ret_kind, uint16_t *ret_value)
{
	static const char weight[] = "weight=";
	const char *number = word + sizeof(weight) - 1;
	enum accord_admin admin;
	unsigned long n;
	char *end;

	if (accord_parse_admin(word, &admin)) {
		*ret_kind = ACCORD_ADMIN;
		*ret_value = (uint16_t)admin;
		return true;
	}
	if (strncmp(word, weight, sizeof(weight) - 1) != 0)
		return false;
	n = strtoul(number, &end, 10);
	if (*number < '0' || *number > '9' || *end != '\0' ||
	    n > ACCORD_WEIGHT_MAX)
		return false;
	*ret_kind = ACCORD_WEIGHT;
	*ret_value = (uint16_t)n;
	return true;
}

bool
accord_parse_kind(const char *word, enum accord_kind *ret_kind)
{
	for (unsigned i = ACCORD_ADMIN; i < ARRAY_LEN(kind_names); i++)
		if (strcmp(word, kind_names[i]) == 0) {
			*ret_kind = (enum accord_kind)i;
			return true;
		}
	return false;
}
