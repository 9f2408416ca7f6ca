#include "hapair/supervisor/server_request.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX SERVER_REQUEST_TEXT_MAX
#define CHANGE_MAX 64
#define SUBJECT_MAX (ACCORD_SUBJECT_MAX + ACCORD_SERVER_MAX + 32)

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
	const struct config_service *s;
	struct server_name found;

	if (word == NULL || strchr(word + 1, ' ') != NULL) {
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
	if (!take_word(&q, word + 1)) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "'%.64s' is not understood, expected " SERVER_REQUEST_WORDS,
		    word + 1);
		return false;
	}
	if (q.whole && !q.reset) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected a server of service %s, as %s/NAME: only reset is for all of them",
		    s->name, s->name);
		return false;
	}
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
server_request_answer(const struct server_request *q,
    const struct accord *known, char ret_text[static TEXT_MAX])
{
	char change[CHANGE_MAX];
	const bool differs = compare(q, known, change);

	(void)snprintf(ret_text, TEXT_MAX, "server %s of service %s: %s%s",
	    q->wanted.server, q->wanted.subject, change,
	    differs ? "" : ", as it was");
	return differs;
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
