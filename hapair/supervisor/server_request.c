#include "hapair/supervisor/server_request.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX SERVER_REQUEST_TEXT_MAX
#define CHANGE_MAX 64

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
	if (q->activate)
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
	const char *service = strchr(line, ' ');
	const char *slash = service != NULL ? strchr(service, '/') : NULL;
	const char *word = slash != NULL ? strchr(slash, ' ') : NULL;
	const struct config_service *s;
	int service_len, server_len;

	if (word == NULL || strchr(word + 1, ' ') != NULL) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "expected: server SERVICE/NAME and what it shall be");
		return false;
	}
	service_len = (int)(slash - ++service);
	server_len = (int)(word - ++slash);
	if (!find_service(c, service, (size_t)service_len, &q)) {
		(void)snprintf(ret_why, TEXT_MAX, "no service '%.*s'",
		    service_len < 64 ? service_len : 64, service);
		return false;
	}
	s = &c->services[q.service];
	if (!find_server(s, slash, (size_t)server_len, &q)) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "no server '%.*s' in service %s",
		    server_len < 256 ? server_len : 256, slash, s->name);
		return false;
	}
	if (!take_word(&q, word + 1)) {
		(void)snprintf(
		    ret_why, TEXT_MAX, "'%.64s' is not understood", word + 1);
		return false;
	}
	(void)snprintf(
	    q.wanted.subject, sizeof(q.wanted.subject), "%s", s->name);
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
