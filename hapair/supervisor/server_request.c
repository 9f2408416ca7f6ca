#include "hapair/supervisor/server_request.h"

#include "config/config.h"
#include "config/yaml/nearest.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX SERVER_REQUEST_TEXT_MAX
#define CHANGE_MAX 64
#define SUBJECT_MAX (ACCORD_SUBJECT_MAX + ACCORD_SERVER_MAX + 32)

static bool
is_word(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(at, name, len) == 0;
}

static bool
find_service(const struct config *c, const char *name, size_t len,
    struct server_request *q)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (is_word(name, len, c->services[i].name)) {
			q->service = (uint16_t)i;
			return true;
		}
	return false;
}

static bool
find_server(const struct config_service *s, const char *name, size_t len,
    struct server_request *q)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (is_word(name, len, s->servers[i].name)) {
			q->server = (uint16_t)i;
			q->weight = s->servers[i].weight;
			return true;
		}
	return false;
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

/* As much of a name as is shown, in a string of its own. */
static const char *
cut(const char *name, size_t len, char *buf, size_t room)
{
	(void)snprintf(
	    buf, room, "%.*s", len < room ? (int)len : (int)room - 1, name);
	return buf;
}

/* Which one may have been meant, or where they all are. */
static const char *
advice(const struct nearest *near, char text[static NEAREST_TEXT])
{
	return near->word != NULL ? nearest_text(near, text)
	                          : "; `hapair status` lists them";
}

static void
refuse_service(const struct config *c, const char *name, size_t len,
    char ret_why[static TEXT_MAX])
{
	char typed[64 + 1], text[NEAREST_TEXT];
	struct nearest near = nearest_to(cut(name, len, typed, sizeof(typed)));

	for (size_t i = 0; i < c->n_services; i++)
		nearest_offer(&near, c->services[i].name);
	(void)snprintf(
	    ret_why, TEXT_MAX, "no service '%s'%s", typed, advice(&near, text));
}

static void
refuse_server(const struct config_service *s, const char *name, size_t len,
    char ret_why[static TEXT_MAX])
{
	char typed[256 + 1], text[NEAREST_TEXT];
	struct nearest near = nearest_to(cut(name, len, typed, sizeof(typed)));

	for (size_t i = 0; i < s->n_servers; i++)
		nearest_offer(&near, s->servers[i].name);
	(void)snprintf(ret_why, TEXT_MAX, "no server '%s' in service %s%s",
	    typed, s->name, advice(&near, text));
}

/* The service, and the server where one is named. */
static bool
find(const struct config *c, const char *name, size_t len,
    struct server_request *q, char ret_why[static TEXT_MAX])
{
	const char *slash = memchr(name, '/', len);
	const size_t service_len = slash != NULL ? (size_t)(slash - name) : len;
	size_t server_len;

	if (!find_service(c, name, service_len, q)) {
		refuse_service(c, name, service_len, ret_why);
		return false;
	}
	q->whole = slash == NULL;
	if (q->whole)
		return true;
	server_len = len - service_len - 1;
	if (find_server(&c->services[q->service], slash + 1, server_len, q))
		return true;
	refuse_server(&c->services[q->service], slash + 1, server_len, ret_why);
	return false;
}

bool
server_request_parse(const struct config *c, const char *line,
    struct server_request *ret_request, char ret_why[static TEXT_MAX])
{
	struct server_request q = { .activate = false };
	const char *name = strchr(line, ' ');
	const char *word = name != NULL ? strchr(name + 1, ' ') : NULL;
	const struct config_service *s;

	if (word == NULL || strchr(word + 1, ' ') != NULL) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected: server SERVICE/NAME and what it shall be, or server SERVICE reset");
		return false;
	}
	if (!find(c, name + 1, (size_t)(word - name - 1), &q, ret_why))
		return false;
	if (!take_word(&q, word + 1)) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "'%.64s' is not understood, expected " SERVER_REQUEST_WORDS,
		    word + 1);
		return false;
	}
	s = &c->services[q.service];
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
