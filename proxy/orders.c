#include "proxy/orders.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/chan.h"
#include "core/jdoc.h"
#include "core/log.h"
#include "proxy/marshal.h"
#include "proxy/pool.h"
#include "proxy/roster.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 512

static struct pool_server *
find_server(struct pool *p, const char *name)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (strcmp(p->servers[i].config->name, name) == 0)
			return &p->servers[i];
	return NULL;
}

static struct pool *
find_pool(struct orders *o, const char *service)
{
	const int i = config_find_service(o->config, service);

	return i < 0 ? NULL : roster_pool(o->roster, (size_t)i);
}

static uint32_t
weight_of(const struct pool_server *s, uint16_t value)
{
	return value == ACCORD_AS_CONFIGURED ? s->config->weight : value;
}

/* How it was and how it will be, into `text`. False: as it is already. */
static bool
compare(struct pool *p, struct pool_server *s, const struct accord *a,
    char *text, size_t room)
{
	struct pool_view is;
	uint32_t weight;

	pool_look(p, s, &is);
	switch (a->kind) {
	case ACCORD_ADMIN:
		(void)snprintf(text, room, "%s -> %s",
		    accord_admin_name(is.admin),
		    accord_admin_name((enum accord_admin)a->value));
		return is.admin != (enum accord_admin)a->value;
	case ACCORD_WEIGHT:
		weight = weight_of(s, a->value);
		(void)snprintf(
		    text, room, "weight %u -> %u", is.weight, weight);
		return is.weight != weight;
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		break; /* the marshal's */
	}
	return false;
}

static void
act(struct pool *p, struct pool_server *s, const struct accord *a)
{
	switch (a->kind) {
	case ACCORD_ADMIN:
		pool_set_admin(p, s, (enum accord_admin)a->value);
		break;
	case ACCORD_WEIGHT:
		pool_set_weight(p, s, weight_of(s, a->value));
		break;
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		break;
	}
}

static void
apply(struct orders *o, const struct accord *a, const char *why)
{
	struct pool *p = find_pool(o, a->subject);
	struct pool_server *s = p != NULL ? find_server(p, a->server) : NULL;
	char change[64], subject[TEXT_MAX];

	if (a->kind == ACCORD_ACTIVE || a->kind == ACCORD_ACTIVE_GROUP) {
		marshal_agree(o->marshal, a);
		return;
	}
	if (s == NULL || !compare(p, s, a, change, sizeof(change)))
		return;
	act(p, s, a);
	roster_changed(o->roster, p);
	(void)snprintf(subject, sizeof(subject), "service %s, server %s",
	    a->subject, a->server);
	log_notice(subject, "%s, reason: %s", change, why);
}

int
orders_take(
    struct orders *o, enum orders_source from, const void *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct accord a;
	size_t index;

	while (b.pos < b.len) {
		if (accord_get(&b, &a) < 0)
			return -EBADMSG;
		if (accords_take(&o->all, &a, &index) > 0)
			apply(o, &a,
			    from == ORDERS_KEPT ? "it was so before"
			                        : "agreed with the peer");
	}
	return 0;
}

void
orders_tell_all(struct orders *o)
{
	size_t next = 0;

	while (next < o->all.n) {
		uint8_t room[CHAN_BODY_MAX];
		struct buf b = buf_writer(room, sizeof(room));

		next = accords_put(&o->all, next, &b);
		o->send(o->arg, &b);
	}
}

static char *answer(const char *key, const char *format, ...) PRINTF_LIKE(2, 3);

static char *
answer(const char *key, const char *format, ...)
{
	CLEANUP(jdoc_free_at) struct jdoc *doc = jdoc_new();
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jdoc_put_string(doc, key, text);
	return jdoc_text(doc, false);
}

int
orders_make(struct orders *o, struct accord *a)
{
	const struct accord *known =
	    accords_find(&o->all, a->kind, a->subject, a->server);
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));
	size_t index;
	int e;

	if (known != NULL && known->epoch == ACCORD_EPOCH_MAX)
		return -EOVERFLOW;
	a->epoch = known != NULL ? known->epoch + 1 : 1;
	a->node = o->node;
	e = accords_take(&o->all, a, &index);
	if (e < 0)
		return e;
	accord_put(&b, a);
	o->send(o->arg, &b);
	return 0;
}

/* Kind and value of what the word asks for. */
static bool
parse_word(const char *word, const struct pool_server *s, struct accord *a)
{
	static const char weight[] = "weight=";
	enum accord_admin admin;
	unsigned long n;
	char *end;

	if (accord_parse_admin(word, &admin)) {
		a->kind = ACCORD_ADMIN;
		a->value = (uint16_t)admin;
		return true;
	}
	if (strncmp(word, weight, sizeof(weight) - 1) != 0)
		return false;
	word += sizeof(weight) - 1;
	n = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end != '\0' || n > ACCORD_WEIGHT_MAX)
		return false;
	a->kind = ACCORD_WEIGHT;
	a->value = n == s->config->weight ? ACCORD_AS_CONFIGURED : (uint16_t)n;
	return true;
}

static char *
activate(struct orders *o, struct pool *p, struct pool_server *s)
{
	bool waits = false;
	const char *why = marshal_ask(
	    o->marshal, p->index, (unsigned)(s - p->servers), &waits);

	if (why != NULL)
		return answer("error", "server %s of service %s: %s",
		    s->config->name, p->config->name, why);
	return answer("text", "server %s of service %s: %s", s->config->name,
	    p->config->name,
	    waits ? "the fence runs, then it is active" : "active");
}

static char *
obey(
    struct orders *o, const char *service, const char *server, const char *word)
{
	struct pool *p = find_pool(o, service);
	struct pool_server *s = p != NULL ? find_server(p, server) : NULL;
	struct accord a = { .epoch = 0 };
	char change[64];
	bool differs;
	int e = 0;

	if (p == NULL)
		return answer("error", "no service '%.64s'", service);
	if (s == NULL)
		return answer("error", "no server '%.256s' in service %s",
		    server, service);
	if (strcmp(word, "activate") == 0)
		return activate(o, p, s);
	if (!parse_word(word, s, &a))
		return answer("error", "'%.64s' is not understood", word);
	(void)snprintf(a.subject, sizeof(a.subject), "%s", service);
	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	differs = compare(p, s, &a, change, sizeof(change));
	if (differs)
		e = orders_make(o, &a);
	if (differs && e == 0)
		apply(o, &a, "an operator here");
	if (e < 0)
		return answer("error", "it cannot be kept: %s", strerror(-e));
	return answer("text", "server %s of service %s: %s%s", server, service,
	    change, differs ? "" : ", as it was");
}

char *
orders_obey(struct orders *o, const char *request)
{
	CLEANUP(free_str) char *words = strdup(request);
	char *rest = words, *service, *server, *word;

	if (words == NULL)
		return NULL;
	(void)strsep(&rest, " "); /* "server" */
	service = strsep(&rest, "/");
	server = strsep(&rest, " ");
	word = strsep(&rest, " ");
	if (word == NULL || rest != NULL)
		return answer("error",
		    "expected: server SERVICE/NAME and what it shall be");
	return obey(o, service, server, word);
}

void
orders_fini(struct orders *o)
{
	accords_fini(&o->all);
}
