#include "proxy/health/talk.h"

#include "config/config.h"
#include "proxy/health/talk_dialog.h"
#include "proxy/health/talk_ldap.h"
#include "proxy/health/talk_mysql.h"
#include "proxy/health/talk_postgres.h"
#include "proxy/health/talk_redis.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef enum talk_next talk_step_fn(struct talk *t);

struct language {
	talk_step_fn *begin, *hear;
};

static const struct language *
language_of(enum config_check_type type)
{
	static const struct language languages[] = {
		[CONFIG_CHECK_TCP] = { talk_dialog_begin, talk_dialog_hear },
		[CONFIG_CHECK_MYSQL] = { talk_mysql_begin, talk_mysql_hear },
		[CONFIG_CHECK_POSTGRES] = { talk_postgres_begin,
		    talk_postgres_hear },
		[CONFIG_CHECK_REDIS] = { talk_redis_begin, talk_redis_hear },
		[CONFIG_CHECK_LDAP] = { talk_ldap_begin, talk_ldap_hear },
	};

	assert(type < ARRAY_LEN(languages) && languages[type].begin != NULL);
	return &languages[type];
}

bool
talk_has_words(const struct config_check *check)
{
	return check->type != CONFIG_CHECK_TCP || check->n_dialog > 0;
}

/* Of what does not understand all that it heard, there must be room for more.
 */
static enum talk_next
look(struct talk *t, enum talk_next next)
{
	if (next == TALK_HEARS &&
	    (t->in_len == sizeof(t->in) || t->heard > TALK_HEARD_MAX))
		return talk_end(t, HEALTH_FAILED,
		    "it says too much, and not %s", t->awaited);
	return next;
}

enum talk_next
talk_begin(struct talk *t)
{
	return look(t, language_of(t->check->type)->begin(t));
}

enum talk_next
talk_hear(struct talk *t)
{
	return look(t, language_of(t->check->type)->hear(t));
}

void
talk_break(struct talk *t, const char *how)
{
	(void)talk_end(t, HEALTH_FAILED, "%s before %s", how, t->awaited);
}

bool
talk_put(struct talk *t, const void *bytes, size_t len)
{
	if (len > sizeof(t->out) - t->out_len)
		return false;
	if (len == 0) /* then it may be from nowhere */
		return true;
	memcpy(t->out + t->out_len, bytes, len);
	t->out_len += len;
	return true;
}

bool
talk_put_text(struct talk *t, const char *text)
{
	return talk_put(t, text, strlen(text));
}

void
talk_eat(struct talk *t, size_t len)
{
	t->in_len -= len;
	memmove(t->in, t->in + len, t->in_len);
}

void
talk_await(struct talk *t, const char *what)
{
	(void)snprintf(t->awaited, sizeof(t->awaited), "%s", what);
}

enum talk_next
talk_end(struct talk *t, enum health_result result, const char *format, ...)
{
	va_list args;

	t->said.result = result;
	va_start(args, format);
	(void)vsnprintf(t->said.detail, sizeof(t->said.detail), format, args);
	va_end(args);
	return TALK_ENDS;
}

enum talk_next
talk_refused(struct talk *t, const char *what, const void *bytes, size_t len)
{
	char quoted[PROBE_JUDGE_DETAIL_MAX];

	probe_judge_quote(bytes, len, quoted);
	return talk_end(t, HEALTH_FAILED, "%s%s", what,
	    quoted[0] != '\0' ? quoted : "(nothing)");
}
