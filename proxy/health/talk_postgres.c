/*
 * Messages: a letter, a length that counts itself, and the content
 * (postgresql.org/docs/current/protocol-message-formats.html). Who leaves when
 * it is asked for a password leaves no line in the server's log.
 */
#include "proxy/health/talk_postgres.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/secret.h"
#include "proxy/health/digest.h"
#include "proxy/health/scram.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES 5
#define PROTOCOL 0x00030000u
#define GSS_REQUEST 80877104u

/* What an authentication request asks for. */
#define AUTH_OK 0
#define AUTH_CLEAR 3
#define AUTH_MD5 5
#define AUTH_SASL 10
#define AUTH_SASL_CONTINUE 11
#define AUTH_SASL_FINAL 12

static const char mechanism[] = "SCRAM-SHA-256";

enum step {
	GSS,
	LOGIN,
	SETTINGS, /* logged in: what it says of itself, until it is ready */
	ROW,      /* of the answer to our question */
};

_Static_assert(
    sizeof(struct scram) <= sizeof(((struct talk *)NULL)->note), "kept there");

static void
put_message(struct talk *t, char letter, const void *content, size_t len)
{
	uint8_t head[HEAD_BYTES];
	struct buf b = buf_writer(head, sizeof(head));

	buf_put_u8(&b, (uint8_t)letter);
	buf_put_u32(&b, (uint32_t)len + 4);
	(void)talk_put(t, head, sizeof(head));
	(void)talk_put(t, content, len);
}

static enum talk_next
leave(struct talk *t)
{
	put_message(t, 'X', "", 0);
	return TALK_ENDS;
}

static void
put_name(struct buf *b, const char *name, const char *value)
{
	buf_put_bytes(b, name, strlen(name) + 1);
	buf_put_bytes(b, value, strlen(value) + 1);
}

static void
put_startup(struct talk *t)
{
	uint8_t content[TALK_OUT_MAX / 4];
	struct buf b = buf_writer(content, sizeof(content));
	uint8_t len[4];
	struct buf head = buf_writer(len, sizeof(len));

	buf_put_u32(&b, PROTOCOL);
	put_name(&b, "user", t->check->user);
	put_name(&b, "database", "postgres");
	put_name(&b, "application_name", "hapair");
	buf_put_u8(&b, 0);
	buf_put_u32(&head, (uint32_t)b.pos + 4);
	(void)talk_put(t, len, sizeof(len));
	(void)talk_put(t, content, b.pos);
}

enum talk_next
talk_postgres_begin(struct talk *t)
{
	uint8_t request[8];
	struct buf b = buf_writer(request, sizeof(request));

	if (t->check->user != NULL) {
		t->step = LOGIN;
		put_startup(t);
		talk_await(t, "its answer to a login");
		return TALK_HEARS;
	}
	t->step = GSS;
	buf_put_u32(&b, sizeof(request));
	buf_put_u32(&b, GSS_REQUEST);
	(void)talk_put(t, request, sizeof(request));
	talk_await(t, "its answer");
	return TALK_HEARS;
}

/* The text that a field of this kind has in an error; empty: none. */
static const char *
error_field(const char *content, size_t len, char kind)
{
	size_t at = 0;

	while (at < len && content[at] != '\0') {
		const char *text = content + at + 1;
		const size_t n = strnlen(text, len - at - 1);

		if (at + 1 + n >= len)
			break; /* without an end */
		if (content[at] == kind)
			return text;
		at += n + 2;
	}
	return "";
}

static enum talk_next
hear_error(struct talk *t, const char *content, size_t len)
{
	const char *text = error_field(content, len, 'M');

	if (text[0] == '\0')
		text = "an error that is not told";
	return talk_refused(t, "", text, strlen(text));
}

/* "md5" and the hash of the hash of password and user, and the salt. */
static bool
md5_answer(const struct talk *t, const uint8_t salt[static 4],
    char ret_answer[static 2 * DIGEST_MD5_BYTES + 4])
{
	char joined[2 * SECRET_LINE_MAX], hex[2 * DIGEST_MD5_BYTES + 5];
	uint8_t hash[DIGEST_MD5_BYTES];
	int n = snprintf(
	    joined, sizeof(joined), "%s%s", t->password, t->check->user);

	if (!digest_md5(joined, (size_t)n, hash))
		return false;
	for (unsigned i = 0; i < DIGEST_MD5_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	memcpy(hex + 2 * sizeof(hash), salt, 4);
	if (!digest_md5(hex, 2 * sizeof(hash) + 4, hash))
		return false;
	memcpy(ret_answer, "md5", 3);
	for (unsigned i = 0; i < DIGEST_MD5_BYTES; i++)
		(void)snprintf(ret_answer + 3 + 2 * i, 3, "%02x", hash[i]);
	return true;
}

static enum talk_next
answer_md5(struct talk *t, struct buf *b)
{
	char text[2 * DIGEST_MD5_BYTES + 4];
	uint8_t salt[4];

	buf_get_bytes(b, salt, sizeof(salt));
	if (b->bad || !md5_answer(t, salt, text))
		return talk_end(t, HEALTH_FAILED, "no MD5 for a login");
	put_message(t, 'p', text, sizeof(text));
	return TALK_HEARS;
}

static bool
has_mechanism(const struct buf *b)
{
	const char *text = (const char *)b->data + b->pos;
	size_t left = b->len - b->pos;

	while (left > 0 && *text != '\0') {
		const size_t n = strnlen(text, left);

		if (n == left)
			break;
		if (strcmp(text, mechanism) == 0)
			return true;
		text += n + 1;
		left -= n + 1;
	}
	return false;
}

static enum talk_next
begin_sasl(struct talk *t, const struct buf *asked)
{
	char first[SCRAM_MESSAGE_MAX];
	uint8_t content[SCRAM_MESSAGE_MAX + sizeof(mechanism) + 4];
	struct buf b = buf_writer(content, sizeof(content));
	struct scram s;

	if (!has_mechanism(asked))
		return talk_end(
		    t, HEALTH_FAILED, "it wants a login that checks have not");
	scram_begin(&s, t->nonce, sizeof(t->nonce), first);
	memcpy(t->note, &s, sizeof(s));
	buf_put_bytes(&b, mechanism, sizeof(mechanism));
	buf_put_u32(&b, (uint32_t)strlen(first));
	buf_put_bytes(&b, first, strlen(first));
	put_message(t, 'p', content, b.pos);
	return TALK_HEARS;
}

/* The rest of a message as a text. */
static const char *
rest_of(const struct buf *b, char *text, size_t room)
{
	(void)snprintf(text, room, "%.*s", (int)(b->len - b->pos),
	    (const char *)b->data + b->pos);
	return text;
}

static enum talk_next
go_on_sasl(struct talk *t, const struct buf *b, bool is_last)
{
	char said[SCRAM_MESSAGE_MAX], answer[SCRAM_MESSAGE_MAX];
	const char *why = NULL;
	struct scram s;

	memcpy(&s, t->note, sizeof(s));
	(void)rest_of(b, said, sizeof(said));
	if (is_last && !scram_is_proven(&s, said))
		why = "it does not know the password itself";
	if (!is_last)
		why = scram_answer(&s, t->password, said, answer);
	if (why != NULL)
		return talk_end(t, HEALTH_FAILED, "%s", why);
	memcpy(t->note, &s, sizeof(s));
	if (!is_last)
		put_message(t, 'p', answer, strlen(answer));
	return TALK_HEARS;
}

static enum talk_next
hear_login(struct talk *t, struct buf *b)
{
	const uint32_t asked = buf_get_u32(b);

	if (b->bad)
		return talk_end(
		    t, HEALTH_FAILED, "not an answer of PostgreSQL");
	if (asked == AUTH_OK) {
		t->step = SETTINGS;
		return TALK_HEARS;
	}
	if (t->password == NULL)
		return talk_end(t, HEALTH_FAILED, "it wants a password");
	switch (asked) {
	case AUTH_CLEAR:
		put_message(t, 'p', t->password, strlen(t->password) + 1);
		return TALK_HEARS;
	case AUTH_MD5:
		return answer_md5(t, b);
	case AUTH_SASL:
		return begin_sasl(t, b);
	case AUTH_SASL_CONTINUE:
		return go_on_sasl(t, b, false);
	case AUTH_SASL_FINAL:
		return go_on_sasl(t, b, true);
	default:
		return talk_end(t, HEALTH_FAILED,
		    "it wants a login that checks have not (%u)", asked);
	}
}

static enum talk_next
ready(struct talk *t)
{
	static const char question[] = "SELECT pg_catalog.pg_is_in_recovery()";

	if (t->check->role == NULL) {
		(void)talk_end(t, HEALTH_PASSED, "logged in");
		return leave(t);
	}
	put_message(t, 'Q', question, sizeof(question));
	t->step = ROW;
	talk_await(t, "its role");
	return TALK_HEARS;
}

/* One column, of one byte. */
static enum talk_next
hear_row(struct talk *t, struct buf *b)
{
	const uint16_t columns = buf_get_u16(b);
	const uint32_t len = buf_get_u32(b);
	const char value = (char)buf_get_u8(b);

	if (b->bad || columns != 1 || len != 1 ||
	    (value != 't' && value != 'f')) {
		(void)talk_end(
		    t, HEALTH_FAILED, "not an answer about recovery");
		return leave(t);
	}
	t->said.role = value == 'f' ? SERVER_ROLE_ACTIVE : SERVER_ROLE_STANDBY;
	(void)talk_end(t, HEALTH_PASSED, "logged in, %s",
	    value == 'f' ? "primary" : "replica");
	return leave(t);
}

/* What is none of these is news that nobody asked for. */
static enum talk_next
hear_message(struct talk *t, char letter, struct buf *b)
{
	if (letter == 'E')
		return hear_error(t, (const char *)b->data, b->len);
	if (letter == 'R' && t->step == LOGIN)
		return hear_login(t, b);
	if (letter == 'Z' && t->step == SETTINGS)
		return ready(t);
	if (letter == 'D' && t->step == ROW)
		return hear_row(t, b);
	return TALK_HEARS;
}

/* One letter, or the error of a server that takes no more clients. */
static bool
hear_gss(struct talk *t)
{
	if (t->in_len == 0 || t->in[0] == 'E')
		return false;
	if (t->in[0] == 'G' || t->in[0] == 'N')
		(void)talk_end(t, HEALTH_PASSED, "answers");
	else
		(void)talk_end(t, HEALTH_FAILED, "not an answer of PostgreSQL");
	return true;
}

enum talk_next
talk_postgres_hear(struct talk *t)
{
	enum talk_next next = TALK_HEARS;

	if (t->step == GSS && hear_gss(t))
		return TALK_ENDS;
	while (next == TALK_HEARS && t->in_len >= HEAD_BYTES) {
		struct buf b = buf_reader(t->in, t->in_len);
		const char letter = (char)buf_get_u8(&b);
		const size_t len = (size_t)buf_get_u32(&b) - 4;

		if (letter == '\0' ||
		    strchr("ADECHIKNRSTZnstv", letter) == NULL ||
		    len > TALK_IN_MAX - HEAD_BYTES)
			return talk_end(
			    t, HEALTH_FAILED, "not an answer of PostgreSQL");
		if (t->in_len - HEAD_BYTES < len)
			break;
		b = buf_reader(t->in + HEAD_BYTES, len);
		next = hear_message(t, letter, &b);
		if (next == TALK_HEARS)
			talk_eat(t, HEAD_BYTES + len);
	}
	return next;
}
