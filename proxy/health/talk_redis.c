#include "proxy/health/talk_redis.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

/* Which answer comes next; all is asked at once. */
enum step {
	AUTH,
	PONG,
	ROLE_ARRAY,  /* *3, of which only the first matters */
	ROLE_LENGTH, /* $6 */
	ROLE_NAME,   /* master */
};

struct line {
	const char *text; /* not ended by a NUL */
	size_t len;       /* without CR LF */
};

/* False: it is not whole yet. */
static bool
get_line(const struct talk *t, struct line *ret_line)
{
	const uint8_t *end = memmem(t->in, t->in_len, "\r\n", 2);

	if (end == NULL)
		return false;
	*ret_line = (struct line){ .text = (const char *)t->in,
		.len = (size_t)(end - t->in) };
	return true;
}

static bool
is_line(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->text, text, l->len) == 0;
}

static bool
begins(const struct line *l, const char *text)
{
	return l->len >= strlen(text) &&
	    memcmp(l->text, text, strlen(text)) == 0;
}

/* An array of texts, each with its length: they may hold anything. */
static void
put_command(struct talk *t, const char *const *words, size_t n)
{
	char head[32];

	(void)snprintf(head, sizeof(head), "*%zu\r\n", n);
	(void)talk_put_text(t, head);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(
		    head, sizeof(head), "$%zu\r\n", strlen(words[i]));
		(void)talk_put_text(t, head);
		(void)talk_put_text(t, words[i]);
		(void)talk_put_text(t, "\r\n");
	}
}

enum talk_next
talk_redis_begin(struct talk *t)
{
	const char *user = t->check->user;
	const char *const auth[] = { "AUTH", t->password };
	const char *const named[] = { "AUTH", user, t->password };
	const char *const ping[] = { "PING" }, *const role[] = { "ROLE" };

	if (t->password != NULL && user != NULL)
		put_command(t, named, ARRAY_LEN(named));
	else if (t->password != NULL)
		put_command(t, auth, ARRAY_LEN(auth));
	put_command(t, ping, ARRAY_LEN(ping));
	if (t->check->role != NULL)
		put_command(t, role, ARRAY_LEN(role));
	t->step = t->password != NULL ? AUTH : PONG;
	talk_await(t, "PONG");
	return TALK_HEARS;
}

/* The server's errors begin with a dash. */
static enum talk_next
hear_error(struct talk *t, const struct line *l)
{
	if (t->step == PONG && begins(l, "-NOAUTH") && t->password == NULL &&
	    t->check->role == NULL)
		return talk_end(t, HEALTH_PASSED, "asks for a password");
	return talk_refused(t, "", l->text + 1, l->len - 1);
}

static enum talk_next
hear_role(struct talk *t, const struct line *l)
{
	if (is_line(l, "master")) {
		t->said.role = SERVER_ROLE_ACTIVE;
		return talk_end(t, HEALTH_PASSED, "PONG, primary");
	}
	if (is_line(l, "slave")) {
		t->said.role = SERVER_ROLE_STANDBY;
		return talk_end(t, HEALTH_PASSED, "PONG, replica");
	}
	return talk_refused(
	    t, "neither primary nor replica: ", l->text, l->len);
}

static enum talk_next
hear_line(struct talk *t, const struct line *l)
{
	bool good = false;

	if (begins(l, "-"))
		return hear_error(t, l);
	switch ((enum step)t->step) {
	case AUTH:
		good = is_line(l, "+OK");
		break;
	case PONG:
		good = is_line(l, "+PONG");
		if (good && t->check->role == NULL)
			return talk_end(t, HEALTH_PASSED, "PONG");
		talk_await(t, "its role");
		break;
	case ROLE_ARRAY:
		good = begins(l, "*");
		break;
	case ROLE_LENGTH:
		good = begins(l, "$");
		break;
	case ROLE_NAME:
		return hear_role(t, l);
	}
	if (!good)
		return talk_refused(
		    t, "not an answer of Redis: ", l->text, l->len);
	t->step++;
	talk_eat(t, l->len + 2);
	return TALK_HEARS;
}

enum talk_next
talk_redis_hear(struct talk *t)
{
	enum talk_next next = TALK_HEARS;
	struct line l;

	while (next == TALK_HEARS && get_line(t, &l))
		next = hear_line(t, &l);
	return next;
}
