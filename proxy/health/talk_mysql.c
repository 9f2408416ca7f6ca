/*
 * Packets: a length of three bytes, little-endian, a number that counts them,
 * and the content (dev.mysql.com/doc/dev/mysql-server, "Client/Server
 * Protocol").
 */
#include "proxy/health/talk_mysql.h"

#include "config/config.h"
#include "core/buf.h"
#include "proxy/health/digest.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES 4
#define PROTOCOL 10
#define UTF8 33 /* utf8_general_ci: every version has it */

/* What a packet begins with. */
#define OK 0x00
#define MORE 0x01 /* within a login */
#define SWITCH 0xfe
#define ERR 0xff

#define COM_QUIT 0x01
#define COM_QUERY 0x03

/* What we can do; what is not said here does not happen. */
#define CLIENT_LONG_PASSWORD 0x1u
#define CLIENT_PROTOCOL_41 0x200u
#define CLIENT_SECURE_CONNECTION 0x8000u
#define CLIENT_PLUGIN_AUTH 0x80000u
#define CAPABILITIES                                                           \
	(CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 |                           \
	    CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH)

#define SCRAMBLE_BYTES 20
#define PLUGIN_MAX 32
#define ANSWER_MAX DIGEST_SHA256_BYTES

static const char native[] = "mysql_native_password";
static const char caching[] = "caching_sha2_password";

enum step {
	GREETING,
	LOGIN,
	COLUMNS,    /* of the answer to our question: one */
	DEFINITION, /* of that column */
	DEFINED,    /* the end of those */
	ROW,
	GIVEN_UP, /* `note` says why */
};

struct scramble {
	uint8_t bytes[SCRAMBLE_BYTES];
	char plugin[PLUGIN_MAX];
};

static void
put_little(struct buf *b, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		buf_put_u8(b, (uint8_t)(v >> (8 * i)));
}

/* The answer to packet `number`, if there is one at all. */
static void
send_packet(struct talk *t, uint8_t number, const void *content, size_t len)
{
	uint8_t head[HEAD_BYTES];
	struct buf b = buf_writer(head, sizeof(head));

	put_little(&b, (uint32_t)len, 3);
	buf_put_u8(&b, number);
	(void)talk_put(t, head, sizeof(head));
	(void)talk_put(t, content, len);
}

/* Leaves in order: without this the server logs an aborted connection. */
static enum talk_next
leave(struct talk *t)
{
	static const uint8_t quit[] = { COM_QUIT };

	send_packet(t, 0, quit, sizeof(quit));
	return TALK_ENDS;
}

/* SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password))) */
static bool
answer_native(const struct scramble *s, const char *password,
    uint8_t ret_answer[static DIGEST_SHA1_BYTES])
{
	uint8_t joined[SCRAMBLE_BYTES + DIGEST_SHA1_BYTES];
	uint8_t once[DIGEST_SHA1_BYTES], mask[DIGEST_SHA1_BYTES];

	memcpy(joined, s->bytes, SCRAMBLE_BYTES);
	if (!digest_sha1(password, strlen(password), once) ||
	    !digest_sha1(once, sizeof(once), joined + SCRAMBLE_BYTES) ||
	    !digest_sha1(joined, sizeof(joined), mask))
		return false;
	for (unsigned i = 0; i < DIGEST_SHA1_BYTES; i++)
		ret_answer[i] = once[i] ^ mask[i];
	return true;
}

/* SHA256(password) XOR SHA256(SHA256(SHA256(password)), scramble) */
static bool
answer_caching(const struct scramble *s, const char *password,
    uint8_t ret_answer[static DIGEST_SHA256_BYTES])
{
	uint8_t joined[DIGEST_SHA256_BYTES + SCRAMBLE_BYTES];
	uint8_t once[DIGEST_SHA256_BYTES], mask[DIGEST_SHA256_BYTES];

	memcpy(joined + DIGEST_SHA256_BYTES, s->bytes, SCRAMBLE_BYTES);
	if (!digest_sha256(password, strlen(password), once) ||
	    !digest_sha256(once, sizeof(once), joined) ||
	    !digest_sha256(joined, sizeof(joined), mask))
		return false;
	for (unsigned i = 0; i < DIGEST_SHA256_BYTES; i++)
		ret_answer[i] = once[i] ^ mask[i];
	return true;
}

/* How long it is: 0 without a password; -1: nobody can answer that. */
static int
answer(const struct talk *t, const struct scramble *s,
    uint8_t ret_answer[static ANSWER_MAX])
{
	if (t->password == NULL)
		return 0;
	if (strcmp(s->plugin, native) == 0)
		return answer_native(s, t->password, ret_answer)
		    ? DIGEST_SHA1_BYTES
		    : -1;
	if (strcmp(s->plugin, caching) == 0)
		return answer_caching(s, t->password, ret_answer)
		    ? DIGEST_SHA256_BYTES
		    : -1;
	return -1;
}

/*
 * We cannot answer, but an answer there has to be: who only leaves is counted
 * like one who never meant to log in. The server's error ends it.
 */
static enum talk_next
give_up(struct talk *t, uint8_t number, const char *why)
{
	(void)snprintf(t->note, sizeof(t->note), "%s", why);
	send_packet(t, (uint8_t)(number + 1), "", 0);
	t->step = GIVEN_UP;
	return TALK_HEARS;
}

/* Text up to its NUL; cut where there is no room, and where there is no NUL. */
static void
get_text(struct buf *b, char *ret_text, size_t room)
{
	size_t n = 0;

	while (b->pos < b->len) {
		const char c = (char)buf_get_u8(b);

		if (c == '\0')
			break;
		if (n + 1 < room)
			ret_text[n++] = c;
	}
	ret_text[n] = '\0';
}

/* The first 20 bytes of the scramble are in two places. */
static bool
read_greeting(struct buf *b, struct scramble *ret_scramble)
{
	struct scramble s = { .plugin = "" };
	char version[64];
	uint8_t skipped[18];

	if (buf_get_u8(b) != PROTOCOL)
		return false;
	get_text(b, version, sizeof(version));
	(void)buf_get_u32(b); /* the number of this connection */
	buf_get_bytes(b, s.bytes, 8);
	/* Capabilities, character set, status, lengths, and what is unused. */
	buf_get_bytes(b, skipped, 1 + 2 + 1 + 2 + 2 + 1);
	buf_get_bytes(b, skipped, 10);
	buf_get_bytes(b, s.bytes + 8, SCRAMBLE_BYTES - 8);
	(void)buf_get_u8(b);
	get_text(b, s.plugin, sizeof(s.plugin));
	/* Servers before 5.5.7 name none. */
	if (s.plugin[0] == '\0')
		memcpy(s.plugin, native, sizeof(native));
	*ret_scramble = s;
	return !b->bad;
}

static enum talk_next
hear_greeting(struct talk *t, struct buf *b, uint8_t number)
{
	uint8_t content[512], scrambled[ANSWER_MAX], nothing[23] = { 0 };
	struct buf w = buf_writer(content, sizeof(content));
	struct scramble s;
	int len;

	if (!read_greeting(b, &s))
		return talk_end(
		    t, HEALTH_FAILED, "not a greeting of MySQL or MariaDB");
	len = answer(t, &s, scrambled);
	/* With what we have: a server that wants another says which. */
	if (len < 0) {
		memcpy(s.plugin, native, sizeof(native));
		len = answer(t, &s, scrambled);
	}
	if (len < 0)
		return give_up(t, number, "no SHA-1 for a login");
	put_little(&w, CAPABILITIES, 4);
	put_little(&w, 1u << 24, 4); /* the longest packet that we take */
	buf_put_u8(&w, UTF8);
	buf_put_bytes(&w, nothing, sizeof(nothing));
	buf_put_bytes(&w, t->check->user, strlen(t->check->user) + 1);
	buf_put_u8(&w, (uint8_t)len);
	buf_put_bytes(&w, scrambled, (size_t)len);
	buf_put_bytes(&w, s.plugin, strlen(s.plugin) + 1);
	send_packet(t, (uint8_t)(number + 1), content, w.pos);
	t->step = LOGIN;
	talk_await(t, "its answer to a login");
	return TALK_HEARS;
}

/* Another scramble, for another way. */
static enum talk_next
hear_switch(struct talk *t, struct buf *b, uint8_t number)
{
	struct scramble s;
	uint8_t scrambled[ANSWER_MAX];
	int len;

	get_text(b, s.plugin, sizeof(s.plugin));
	/* What has no scramble of 20 bytes is none of ours either. */
	if (b->len - b->pos < SCRAMBLE_BYTES)
		memset(s.bytes, 0, sizeof(s.bytes));
	else
		buf_get_bytes(b, s.bytes, sizeof(s.bytes));
	len = answer(t, &s, scrambled);
	if (len < 0)
		return give_up(t, number,
		    "it wants neither mysql_native_password nor "
		    "caching_sha2_password");
	send_packet(t, (uint8_t)(number + 1), scrambled, (size_t)len);
	return TALK_HEARS;
}

static enum talk_next
hear_login(struct talk *t, struct buf *b, uint8_t number)
{
	static const char question[] = "\3SELECT @@global.read_only";
	const uint8_t first = buf_get_u8(b);

	if (first == SWITCH)
		return hear_switch(t, b, number);
	/* Of caching_sha2_password: 3: it knows us, and OK follows. */
	if (first == MORE && buf_get_u8(b) == 3)
		return TALK_HEARS;
	if (first == MORE)
		return give_up(t, number,
		    "caching_sha2_password wants this password by TLS first");
	if (first != OK)
		return talk_end(t, HEALTH_FAILED, "not an answer to a login");
	if (t->check->role == NULL) {
		(void)talk_end(t, HEALTH_PASSED, "logged in");
		return leave(t);
	}
	_Static_assert(COM_QUERY == 3, "how the question begins");
	send_packet(t, 0, question, sizeof(question) - 1);
	t->step = COLUMNS;
	talk_await(t, "its role");
	return TALK_HEARS;
}

/* A text with its length: as number or as word, by version. */
static enum talk_next
hear_row(struct talk *t, struct buf *b)
{
	char value[8] = "";
	const size_t len = buf_get_u8(b);
	bool is_primary;

	if (len > 0 && len < sizeof(value) && len <= b->len - b->pos)
		buf_get_bytes(b, value, len);
	is_primary = strcmp(value, "0") == 0 || strcasecmp(value, "off") == 0;
	if (b->bad || value[0] == '\0') {
		(void)talk_end(
		    t, HEALTH_FAILED, "not an answer about read_only");
	} else {
		t->said.role =
		    is_primary ? SERVER_ROLE_ACTIVE : SERVER_ROLE_STANDBY;
		(void)talk_end(t, HEALTH_PASSED, "logged in, %s",
		    is_primary ? "primary" : "replica");
	}
	return leave(t);
}

/* A number, a mark and a state that not every error has, a sentence. */
static enum talk_next
hear_error(struct talk *t, struct buf *b)
{
	const uint8_t low = buf_get_u8(b);
	const unsigned code = buf_get_u8(b) * 256u + low;
	size_t at = b->pos;
	char what[16];

	if (b->bad)
		return talk_end(t, HEALTH_FAILED, "an error that is not told");
	if (b->len - at >= 6 && b->data[at] == '#')
		at += 6;
	(void)snprintf(what, sizeof(what), "error %u: ", code);
	(void)talk_refused(t, what, b->data + at, b->len - at);
	return t->step > LOGIN ? leave(t) : TALK_ENDS;
}

static enum talk_next
hear_packet(struct talk *t, struct buf *b, uint8_t number)
{
	if (t->step == GIVEN_UP)
		return talk_end(t, HEALTH_FAILED, "%s", t->note);
	if (b->len > 0 && b->data[0] == ERR) {
		(void)buf_get_u8(b);
		return hear_error(t, b);
	}
	switch ((enum step)t->step) {
	case GREETING:
		return hear_greeting(t, b, number);
	case LOGIN:
		return hear_login(t, b, number);
	case COLUMNS:
	case DEFINITION:
	case DEFINED:
		t->step++;
		return TALK_HEARS;
	case ROW:
		return hear_row(t, b);
	case GIVEN_UP:
		break;
	}
	return TALK_HEARS;
}

enum talk_next
talk_mysql_begin(struct talk *t)
{
	talk_await(t, "its greeting");
	return TALK_HEARS;
}

enum talk_next
talk_mysql_hear(struct talk *t)
{
	enum talk_next next = TALK_HEARS;

	while (next == TALK_HEARS && t->in_len >= HEAD_BYTES) {
		const size_t len =
		    t->in[0] | (size_t)t->in[1] << 8 | (size_t)t->in[2] << 16;
		struct buf b = buf_reader(t->in + HEAD_BYTES, len);

		if (len > TALK_IN_MAX - HEAD_BYTES)
			return talk_end(t, HEALTH_FAILED,
			    "not a greeting of MySQL or MariaDB");
		if (t->in_len - HEAD_BYTES < len)
			break;
		next = hear_packet(t, &b, t->in[3]);
		if (next == TALK_HEARS)
			talk_eat(t, HEAD_BYTES + len);
	}
	return next;
}
