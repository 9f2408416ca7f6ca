#include "config/server_name.h"

#include "config/config.h"
#include "config/yaml/nearest.h"

#include <stdio.h>
#include <string.h>

static bool
is_word(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(at, name, len) == 0;
}

static bool
find_service(
    const struct config *c, const char *name, size_t len, struct server_name *q)
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
    struct server_name *q)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (is_word(name, len, s->servers[i].name)) {
			q->server = (uint16_t)i;
			return true;
		}
	return false;
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
    char ret_why[static SERVER_NAME_TEXT_MAX])
{
	char typed[64 + 1], text[NEAREST_TEXT];
	struct nearest near = nearest_to(cut(name, len, typed, sizeof(typed)));

	for (size_t i = 0; i < c->n_services; i++)
		nearest_offer(&near, c->services[i].name);
	(void)snprintf(ret_why, SERVER_NAME_TEXT_MAX, "no service '%s'%s",
	    typed, advice(&near, text));
}

static void
refuse_server(const struct config_service *s, const char *name, size_t len,
    char ret_why[static SERVER_NAME_TEXT_MAX])
{
	char typed[256 + 1], text[NEAREST_TEXT];
	struct nearest near = nearest_to(cut(name, len, typed, sizeof(typed)));

	for (size_t i = 0; i < s->n_servers; i++)
		nearest_offer(&near, s->servers[i].name);
	(void)snprintf(ret_why, SERVER_NAME_TEXT_MAX,
	    "no server '%s' in service %s%s", typed, s->name,
	    advice(&near, text));
}

bool
server_name_find(const struct config *c, const char *name, size_t len,
    struct server_name *ret_found, char ret_why[static SERVER_NAME_TEXT_MAX])
{
	const char *slash = memchr(name, '/', len);
	const size_t service_len = slash != NULL ? (size_t)(slash - name) : len;
	struct server_name q = { 0 };
	size_t server_len;

	if (!find_service(c, name, service_len, &q)) {
		refuse_service(c, name, service_len, ret_why);
		return false;
	}
	q.whole = slash == NULL;
	server_len = q.whole ? 0 : len - service_len - 1;
	if (!q.whole &&
	    !find_server(&c->services[q.service], slash + 1, server_len, &q)) {
		refuse_server(
		    &c->services[q.service], slash + 1, server_len, ret_why);
		return false;
	}
	*ret_found = q;
	return true;
}
