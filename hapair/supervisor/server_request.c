#include "hapair/supervisor/server_request.h"

#include "config/config.h"
#include "config/yaml/utf8.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX SERVER_REQUEST_TEXT_MAX
#define CHANGE_MAX 64
#define WORD_MAX 80
#define SUBJECT_MAX (ACCORD_SUBJECT_MAX + ACCORD_SERVER_MAX + 32)

bool
server_request_check_reason(const char *reason, char ret_why[static TEXT_MAX])
{
	const size_t len = strlen(reason);
	bool fits = len > 0 && len < ACCORD_REASON_MAX;

	if (!fits)
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected a reason of 1 to %d bytes, found %zu",
		    ACCORD_REASON_MAX - 1, len);
	else if (!utf8_is_clean(reason))
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected a reason in printable UTF-8, in one line");
	return fits && utf8_is_clean(reason);
}

/* `more`: what stands behind the word; NULL: nothing. */
static bool
take_reason(
    struct server_request *q, const char *more, char why[static TEXT_MAX])
{
	const char *reason =
	    more != NULL ? more + strlen(SERVER_REQUEST_REASON) : "";

	if (more == NULL)
		return true;
	if (q->activate || q->reset) {
		(void)snprintf(why, TEXT_MAX,
		    "a reason goes with ready, drain, maint and weight=N");
		return false;
	}
	if (!server_request_check_reason(reason, why))
		return false;
	(void)snprintf(
	    q->wanted.said.reason, sizeof(q->wanted.said.reason), "%s", reason);
	return true;
}

/* Its end, if the line has something else behind it that belongs there. */
static bool
split(const char *word, char ret_word[static WORD_MAX], const char **ret_more)
{
	const char *end = strchr(word, ' ');
	const char *more = end != NULL ? end + 1 : NULL;
	const size_t len = end != NULL ? (size_t)(end - word) : strlen(word);

	if (more != NULL &&
	    strncmp(more, SERVER_REQUEST_REASON,
	        strlen(SERVER_REQUEST_REASON)) != 0)
		return false;
	(void)snprintf(ret_word, WORD_MAX, "%.*s", (int)len, word);
	if (len >= WORD_MAX) /* no word is as long: cut it is none either */
		ret_word[0] = '?';
	*ret_more = more;
	return true;
}

/* The weight of the file is meant as such, also when that changes. */
static bool
take_word(struct server_request *q, const char *word)
{
	struct accord *a = &q->wanted;

	q->activate = strcmp(word, "activate") == 0;
	q->reset = strcmp(word, "reset") == 0;
	if (q->activate || q->reset)
		return true;
	if (!accord_parse_word(word, &a->kind, &a->value))
		return false;
	if (a->kind == ACCORD_WEIGHT && a->value == q->weight)
		a->value = ACCORD_AS_CONFIGURED;
	return true;
}

bool
server_request_parse(const struct config *c, const char *line,
    struct server_request *ret_request, char ret_why[static TEXT_MAX])
{
	struct server_request q = { .activate = false };
	const char *name = strchr(line, ' ');
	const char *word = name != NULL ? strchr(name + 1, ' ') : NULL;
	const char *more;
	const struct config_service *s;
	struct server_name found;
	char said[WORD_MAX];

	if (word == NULL || !split(word + 1, said, &more)) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset");
		return false;
	}
	if (!server_name_find(
	        c, name + 1, (size_t)(word - name - 1), &found, ret_why))
		return false;
	s = &c->services[found.service];
	q = (struct server_request){ .service = found.service,
		.server = found.server,
		.whole = found.whole,
		.weight = found.whole ? 0 : s->servers[found.server].weight };
	if (!take_word(&q, said)) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "'%.64s' is not understood, expected " SERVER_REQUEST_WORDS,
		    said);
		return false;
	}
	if (q.whole && !q.reset) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected a server of service %s, as %s/NAME: only reset is for all of them",
		    s->name, s->name);
		return false;
	}
	if (!take_reason(&q, more, ret_why))
		return false;
	(void)snprintf(
	    q.wanted.subject, sizeof(q.wanted.subject), "%s", s->name);
	if (!q.whole)
		(void)snprintf(q.wanted.server, sizeof(q.wanted.server), "%s",
		    s->servers[q.server].name);
	*ret_request = q;
	return true;
}

static unsigned
weight_of(const struct server_request *q, const struct accord *a)
{
	return a == NULL || a->value == ACCORD_AS_CONFIGURED ? q->weight
	                                                     : a->value;
}

/* How it was and how it will be. False: as it is already. */
static bool
compare(const struct server_request *q, const struct accord *known,
    char text[static CHANGE_MAX])
{
	const unsigned was = weight_of(q, known), is = weight_of(q, &q->wanted);
	const enum accord_admin admin =
	    known != NULL ? (enum accord_admin)known->value : ACCORD_READY;

	if (q->wanted.kind == ACCORD_WEIGHT) {
		(void)snprintf(text, CHANGE_MAX, "weight %u -> %u", was, is);
		return was != is;
	}
	(void)snprintf(text, CHANGE_MAX, "%s -> %s", accord_admin_name(admin),
	    accord_admin_name((enum accord_admin)q->wanted.value));
	return admin != (enum accord_admin)q->wanted.value;
}

bool
server_request_answer(struct server_request *q, const struct accord *known,
    char ret_text[static TEXT_MAX])
{
	const char *reason = q->wanted.said.reason;
	char change[CHANGE_MAX];
	const bool differs = compare(q, known, change);
	const bool told = *reason != '\0' &&
	    (known == NULL || strcmp(known->said.reason, reason) != 0);

	if (!differs && known != NULL)
		q->wanted.said.wall_ms = known->said.wall_ms;
	(void)snprintf(ret_text, TEXT_MAX, "server %s of service %s: %s%s%s%s",
	    q->wanted.server, q->wanted.subject, change,
	    differs ? "" : ", as it was", *reason != '\0' ? ", reason: " : "",
	    reason);
	return differs || told;
}

bool
server_request_resets(const struct server_request *q, struct accord *a)
{
	uint16_t value = ACCORD_READY;

	switch (a->kind) {
	case ACCORD_ADMIN:
		break;
	case ACCORD_WEIGHT:
		value = ACCORD_AS_CONFIGURED;
		break;
	case ACCORD_ACTIVE: /* the rules choose it, whoever did before */
	case ACCORD_ACTIVE_GROUP:
		return false;
	}
	if (a->value == value || strcmp(a->subject, q->wanted.subject) != 0 ||
	    (!q->whole && strcmp(a->server, q->wanted.server) != 0))
		return false;
	a->value = value;
	a->said = q->wanted.said;
	return true;
}

void
server_request_answer_reset(
    const struct server_request *q, unsigned n, char ret_text[static TEXT_MAX])
{
	char what[SUBJECT_MAX];

	if (q->whole)
		(void)snprintf(
		    what, sizeof(what), "service %s", q->wanted.subject);
	else
		(void)snprintf(what, sizeof(what), "server %s of service %s",
		    q->wanted.server, q->wanted.subject);
	if (n == 0)
		(void)snprintf(
		    ret_text, TEXT_MAX, "%s: as in the file, as it was", what);
	else
		(void)snprintf(ret_text, TEXT_MAX,
		    "%s: as in the file again, %u setting%s taken back", what,
		    n, n == 1 ? "" : "s");
}
