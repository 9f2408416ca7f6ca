/*
 * As much of BER (X.690) as that takes: tags of one byte, definite lengths. All
 * that is sent is shorter than 64 KiB.
 */
#include "proxy/health/talk_ldap.h"

#include "config/config.h"
#include "core/buf.h"

#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_OCTETS 0x04
#define TAG_ENUMERATED 0x0a
#define TAG_SEQUENCE 0x30
#define TAG_BIND 0x60     /* [APPLICATION 0] */
#define TAG_BOUND 0x61    /* [APPLICATION 1] */
#define TAG_EXTENDED 0x78 /* [APPLICATION 24]: of a notice of disconnection */
#define TAG_SIMPLE 0x80   /* [0]: of a password */

/* Section 4.1.9, and what each means for who asks without a name. */
#define SUCCESS 0
#define STRONGER_AUTH_REQUIRED 8
#define CONFIDENTIALITY_REQUIRED 13
#define INAPPROPRIATE_AUTHENTICATION 48

#define HEAD_MAX 4 /* a tag and a length */

static size_t
head_len(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

static void
put_head(struct buf *b, uint8_t tag, size_t len)
{
	buf_put_u8(b, tag);
	if (len >= 0x100)
		buf_put_u8(b, 0x82);
	else if (len >= 0x80)
		buf_put_u8(b, 0x81);
	if (len >= 0x100)
		buf_put_u16(b, (uint16_t)len);
	else
		buf_put_u8(b, (uint8_t)len);
}

static void
put_text(struct buf *b, uint8_t tag, const char *text)
{
	put_head(b, tag, strlen(text));
	buf_put_bytes(b, text, strlen(text));
}

static size_t
text_len(const char *text)
{
	return head_len(strlen(text)) + strlen(text);
}

enum talk_next
talk_ldap_begin(struct talk *t)
{
	static const uint8_t id[] = { TAG_INTEGER, 1, 1 };
	static const uint8_t version[] = { TAG_INTEGER, 1, 3 };
	const char *name = t->check->user != NULL ? t->check->user : "";
	const char *word = t->password != NULL ? t->password : "";
	const size_t bind = sizeof(version) + text_len(name) + text_len(word);
	struct buf b = buf_writer(t->out, sizeof(t->out));

	put_head(&b, TAG_SEQUENCE, sizeof(id) + head_len(bind) + bind);
	buf_put_bytes(&b, id, sizeof(id));
	put_head(&b, TAG_BIND, bind);
	buf_put_bytes(&b, version, sizeof(version));
	put_text(&b, TAG_OCTETS, name);
	put_text(&b, TAG_SIMPLE, word);
	t->out_len = b.pos;
	talk_await(t, "its answer to a bind");
	return TALK_HEARS;
}

/* A length, which may be as long as the buffer; what is not is bad. */
static size_t
get_len(struct buf *b)
{
	const uint8_t first = buf_get_u8(b);
	size_t len = 0;

	if (first < 0x80)
		return first;
	for (unsigned i = 0; i < (first & 0x7fu); i++) {
		len = len << 8 | buf_get_u8(b);
		if (len > TALK_IN_MAX)
			break;
	}
	return len;
}

/* The content of the next value, which has this tag; else it is bad. */
static struct buf
get_value(struct buf *b, uint8_t tag)
{
	struct buf value = { .bad = true };
	const bool is_it = buf_get_u8(b) == tag;
	const size_t len = get_len(b);

	if (b->bad || !is_it || len > b->len - b->pos)
		return value;
	value = buf_reader(b->data + b->pos, len);
	b->pos += len;
	return value;
}

/* A number of a byte or two; more is none of ours. */
static unsigned
get_number(struct buf *b, uint8_t tag)
{
	struct buf value = get_value(b, tag);
	unsigned n = 0;

	if (value.len == 0 || value.len > 2)
		b->bad = true;
	while (!value.bad && value.pos < value.len)
		n = n << 8 | buf_get_u8(&value);
	return n;
}

/* What it says of itself, to who gave no name. */
static bool
is_an_answer(const struct talk *t, unsigned code)
{
	return code == SUCCESS ||
	    (t->check->user == NULL &&
	        (code == STRONGER_AUTH_REQUIRED ||
	            code == CONFIDENTIALITY_REQUIRED ||
	            code == INAPPROPRIATE_AUTHENTICATION));
}

static enum talk_next
judge(struct talk *t, unsigned code, const struct buf *text)
{
	static const uint8_t unbind[] = { TAG_SEQUENCE, 5, TAG_INTEGER, 1, 2,
		0x42, 0 };

	(void)talk_put(t, unbind, sizeof(unbind));
	if (code == SUCCESS)
		return talk_end(t, HEALTH_PASSED, "bound");
	if (is_an_answer(t, code))
		return talk_end(
		    t, HEALTH_PASSED, "answers, no anonymous bind (%u)", code);
	if (text->bad || text->len == 0)
		return talk_end(
		    t, HEALTH_FAILED, "the bind is refused (%u)", code);
	return talk_refused(t, "the bind is refused: ", text->data, text->len);
}

/* The answer, whole. */
static enum talk_next
read_answer(struct talk *t, struct buf *message)
{
	const unsigned id = get_number(message, TAG_INTEGER);
	const bool is_notice = message->pos < message->len &&
	    message->data[message->pos] == TAG_EXTENDED;
	struct buf result =
	    get_value(message, is_notice ? TAG_EXTENDED : TAG_BOUND);
	const unsigned code = get_number(&result, TAG_ENUMERATED);
	struct buf name, text;

	name = get_value(&result, TAG_OCTETS);
	text = get_value(&result, TAG_OCTETS);
	if (message->bad || result.bad || name.bad || id != !is_notice)
		return talk_end(
		    t, HEALTH_FAILED, "not an answer of an LDAP server");
	if (is_notice)
		return talk_end(
		    t, HEALTH_FAILED, "it ends the connection (%u)", code);
	return judge(t, code, &text);
}

enum talk_next
talk_ldap_hear(struct talk *t)
{
	struct buf b = buf_reader(t->in, t->in_len);
	struct buf message;
	size_t len;

	if (t->in_len == 0)
		return TALK_HEARS;
	if (t->in[0] != TAG_SEQUENCE)
		return talk_end(
		    t, HEALTH_FAILED, "not an answer of an LDAP server");
	(void)buf_get_u8(&b);
	len = get_len(&b);
	if (len > TALK_IN_MAX - HEAD_MAX)
		return talk_end(t, HEALTH_FAILED, "its answer is too long");
	if (b.bad || len > b.len - b.pos)
		return TALK_HEARS;
	message = buf_reader(b.data + b.pos, len);
	return read_answer(t, &message);
}
