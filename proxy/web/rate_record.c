#include "proxy/web/rate_record.h"

#include "config/config.h"
#include "proxy/transfer/service_record.h"
#include "proxy/transfer/tlv.h"
#include "proxy/transfer/transfer_wire.h"
#include "proxy/web/rate_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEEDS 1

/* On the wire: a number, and three rates as IEEE 754 has them. */
#define POINT_BYTES 16

/* Of a value: its head, two names, and heads of all fields. */
#define VALUE_BYTES (2 * SERVICE_RECORD_NAME_MAX + 64)

/* Nobody counts so far, and a number of JSON goes no further. */
#define NUMBER_MAX (UINT64_C(1) << 53)

/* No rate of this world; and what is not a number is not below it. */
#define RATE_MAX 1e15F

/* The format: a number keeps its meaning for ever. */
enum tag {
	TAG_POINTS = 3,
};

/* Once, in front of all rows. */
struct head {
	uint64_t number, wall_ms; /* of the last point */
	uint32_t n_points, each_s;
};

/* Of a service (server empty) or one of its servers. */
struct row {
	char service[SERVICE_RECORD_NAME_MAX];
	char server[SERVICE_RECORD_NAME_MAX];
	const uint8_t *points; /* in the message */
	size_t len;
};

static const struct tlv_field head_fields[] = {
	TLV_FIELD(1, TLV_NUMBER, struct head, number),
	TLV_FIELD(2, TLV_NUMBER, struct head, wall_ms),
	TLV_FIELD(3, TLV_NUMBER, struct head, n_points),
	TLV_FIELD(4, TLV_NUMBER, struct head, each_s),
};

static const struct tlv_field row_fields[] = {
	TLV_FIELD(1, TLV_TEXT, struct row, service),
	TLV_FIELD(2, TLV_TEXT, struct row, server),
};

/* -- writing --------------------------------------------------------------- */

static void
put_rate(struct buf *b, float rate)
{
	uint32_t bits;

	memcpy(&bits, &rate, sizeof(bits));
	buf_put_u32(b, bits);
}

static void
put_row(struct buf *b, const struct rate_history *h, size_t row,
    const char *service, const char *server)
{
	uint8_t room[RATE_HISTORY_POINTS * POINT_BYTES];
	struct buf points = buf_writer(room, sizeof(room));
	const size_t n = rate_history_count(h);
	const size_t start = tlv_begin(b, NEEDS);

	for (size_t i = 0; i < n; i++) {
		const struct rate_history_point *p =
		    rate_history_get(h, row, i);

		buf_put_u32(&points, p->active);
		put_rate(&points, p->opened);
		put_rate(&points, p->in);
		put_rate(&points, p->out);
	}
	tlv_put_bytes(b, 1, service, strlen(service));
	tlv_put_bytes(b, 2, server, strlen(server));
	tlv_put_bytes(b, TAG_POINTS, room, points.pos);
	tlv_end(b, start);
}

uint8_t *
rate_record_encode(
    const struct rate_history *h, const struct config *c, size_t *ret_len)
{
	const size_t n = rate_history_count(h);
	const size_t room = (h->rows + 1) * (VALUE_BYTES + n * POINT_BYTES);
	const struct head head = { .number = h->number,
		.wall_ms = (uint64_t)h->wall_ms,
		.n_points = (uint32_t)n,
		.each_s = RATE_HISTORY_EACH_S };
	uint8_t *bytes = n > 0 ? malloc(room) : NULL;
	size_t start, row = 0;
	struct buf b;

	if (bytes == NULL)
		return NULL;
	b = buf_writer(bytes, room);
	start = tlv_begin(&b, NEEDS);
	tlv_put(&b, head_fields, ARRAY_LEN(head_fields), &head);
	tlv_end(&b, start);
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		put_row(&b, h, row++, s->name, "");
		for (size_t k = 0; k < s->n_servers; k++)
			put_row(&b, h, row++, s->name, s->servers[k].name);
	}
	*ret_len = b.pos;
	return bytes;
}

int
rate_record_store(
    const struct rate_history *h, const struct config *c, size_t *ret_len)
{
	size_t len = 0;
	uint8_t *bytes = rate_record_encode(h, c, &len);
	int fd = -ENODATA;

	if (bytes != NULL)
		fd = transfer_wire_store(bytes, len);
	free(bytes);
	if (fd >= 0)
		*ret_len = len;
	return fd;
}

/* -- reading --------------------------------------------------------------- */

static int
get_head(struct buf *field, uint8_t tag, void *ret_head)
{
	return tlv_get(
	    field, tag, head_fields, ARRAY_LEN(head_fields), ret_head);
}

static int
get_row(struct buf *field, uint8_t tag, void *ret_row)
{
	struct row *r = ret_row;

	if (tag != TAG_POINTS)
		return tlv_get(
		    field, tag, row_fields, ARRAY_LEN(row_fields), r);
	r->points = field->data + field->pos;
	r->len = field->len - field->pos;
	return 0;
}

static float
get_rate(struct buf *b)
{
	const uint32_t bits = buf_get_u32(b);
	float rate;

	memcpy(&rate, &bits, sizeof(rate));
	return rate >= 0 && rate < RATE_MAX ? rate : 0.F;
}

/* Where it is in this file, from where the last one was on. */
struct place {
	size_t service, row; /* the service's own */
};

/* A row of the configuration, or as many as there are: it has none. */
static size_t
find(const struct config *c, struct place *last, const struct row *r)
{
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[last->service];

		if (strcmp(s->name, r->service) != 0) {
			last->row += 1 + s->n_servers;
			if (++last->service == c->n_services)
				*last = (struct place){ .row = 0 };
			continue;
		}
		if (r->server[0] == '\0')
			return last->row;
		for (size_t k = 0; k < s->n_servers; k++)
			if (strcmp(s->servers[k].name, r->server) == 0)
				return last->row + 1 + k;
		break;
	}
	return SIZE_MAX;
}

static void
take_row(struct rate_history *past, size_t row, const struct row *r)
{
	struct buf b = buf_reader(r->points, r->len);
	const size_t n = rate_history_count(past);

	for (size_t i = 0; i < n; i++) {
		struct rate_history_point *p =
		    &past->points[(past->number - n + 1 + i) %
		            RATE_HISTORY_POINTS * past->rows +
		        row];

		p->active = buf_get_u32(&b);
		p->opened = get_rate(&b);
		p->in = get_rate(&b);
		p->out = get_rate(&b);
	}
}

static int
read_head(struct buf *b, struct rate_history *past)
{
	struct head head = { 0 };
	const int e = tlv_read(b, NEEDS, get_head, &head);

	if (e < 0)
		return e;
	past->number = head.number;
	past->wall_ms = (int64_t)head.wall_ms;
	return head.each_s == RATE_HISTORY_EACH_S && head.number > 0 &&
	        head.number < NUMBER_MAX && head.wall_ms < INT64_MAX / 2 &&
	        head.n_points == rate_history_count(past)
	    ? 0
	    : -EBADMSG;
}

static int
read_rows(struct buf *b, const struct config *c, struct rate_history *past)
{
	const size_t len = rate_history_count(past) * POINT_BYTES;
	struct place last = { .row = 0 };

	while (b->pos < b->len) {
		struct row r = { .len = 0 };
		const int e = tlv_read(b, NEEDS, get_row, &r);
		size_t row;

		if (e == -EPROTONOSUPPORT)
			continue;
		if (e < 0 || r.len != len)
			return -EBADMSG;
		row = find(c, &last, &r);
		if (row != SIZE_MAX)
			take_row(past, row, &r);
	}
	return 0;
}

int
rate_record_decode(struct rate_history *h, const struct config *c,
    const uint8_t *bytes, size_t len)
{
	struct buf b = buf_reader(bytes, len);
	struct rate_history past;
	int e = rate_history_init(&past, h->rows);

	if (e == 0)
		e = read_head(&b, &past);
	if (e == 0)
		e = read_rows(&b, c, &past);
	if (e == 0)
		e = rate_history_prepend(h, &past);
	rate_history_fini(&past);
	return e;
}

int
rate_record_load(
    struct rate_history *h, const struct config *c, int fd, size_t len)
{
	uint8_t *bytes = NULL;
	int e = transfer_wire_load(fd, len, &bytes);

	if (e == 0)
		e = rate_record_decode(h, c, bytes, len);
	free(bytes);
	return e;
}
