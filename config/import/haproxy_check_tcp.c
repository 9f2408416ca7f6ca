#include "config/import/haproxy_check_tcp.h"

#include "config/import/haproxy_check_http.h"
#include "config/schema/byte_forms.h"
#include "config/schema/scalar.h"

#include <string.h>

#define TEXT_MAX 256

struct talk {
	struct import_plan *plan;
	struct import_plan_check *c;
	bool ssl, has_spoken, is_over; /* over: another connection follows */
};

static void
add_turn(struct talk *t, const struct haproxy_text_line *l, const char *send,
    const char *expect)
{
	struct import_plan_check *c = t->c;
	struct import_plan_turn *last =
	    c->n_turns > 0 ? &c->turns[c->n_turns - 1] : NULL;

	t->has_spoken = true;
	if (expect != NULL && last != NULL && last->expect == NULL) {
		last->expect = expect;
		return;
	}
	if (c->n_turns == IMPORT_PLAN_TURNS_MAX) {
		import_notes_warning(&t->plan->notes, l->at,
		    "a dialog has %d turns at most; the others are left out",
		    IMPORT_PLAN_TURNS_MAX);
		return;
	}
	c->turns[c->n_turns++] =
	    (struct import_plan_turn){ .send = send, .expect = expect };
}

/* NULL: it cannot be said, and that was said. */
static const char *
bytes_of(struct talk *t, const struct haproxy_text_line *l, const char *text,
    bool binary)
{
	const size_t len = strlen(text);
	const char *const digits = "0123456789abcdefABCDEF";

	if (binary && len > 0 && len % 2 == 0 && len / 2 <= BYTE_FORMS_MAX &&
	    strspn(text, digits) == len)
		return import_plan_text(t->plan, "hex:%s", text);
	if (!binary && len > 0 && len <= BYTE_FORMS_MAX)
		return text;
	import_notes_warning(&t->plan->notes, l->at,
	    "'%.60s' is not carried over: a turn of 'dialog' has 1 to %d "
	    "bytes",
	    text, BYTE_FORMS_MAX);
	return NULL;
}

static void
take_expect(struct talk *t, const struct haproxy_text_line *l)
{
	char buf[TEXT_MAX];
	const char *what, *text;
	size_t i = 2;

	while (i + 1 < l->n &&
	    (strcmp(l->words[i], "comment") == 0 ||
	        strcmp(l->words[i], "min-recv") == 0 ||
	        strcmp(l->words[i], "on-success") == 0 ||
	        strcmp(l->words[i], "on-error") == 0 ||
	        strncmp(l->words[i] + strcspn(l->words[i], "-"), "-status",
	            7) == 0))
		i += 2;
	what = i < l->n ? l->words[i] : "";
	text = i + 1 < l->n ? l->words[i + 1] : "";
	if (strcmp(what, "rstring") == 0) {
		const char *plain =
		    haproxy_check_http_literal(text, buf, sizeof(buf));

		text = plain == NULL ? text
		                     : import_plan_text(t->plan, "%s", plain);
		what = plain == NULL ? what : "string";
	}
	if (strcmp(what, "string") == 0 || strcmp(what, "string-lf") == 0)
		text = bytes_of(t, l, text, false);
	else if (strcmp(what, "binary") == 0)
		text = bytes_of(t, l, text, true);
	else {
		import_notes_error(&t->plan->notes, l->at,
		    "'expect %.20s %.60s' is not carried over, so a server "
		    "that does not say so is well here; 'expect' of 'dialog' "
		    "takes a text that the server says",
		    what, text);
		return;
	}
	if (text != NULL)
		add_turn(t, l, NULL, text);
}

static void
take_connect(struct talk *t, const struct haproxy_text_line *l)
{
	if (t->has_spoken) {
		import_notes_warning(&t->plan->notes, l->at,
		    "a check has one connection here; what is said on this "
		    "one is not carried over");
		t->is_over = true;
		return;
	}
	for (size_t i = 2; i < l->n; i++) {
		const char *text = l->words[i];
		uint64_t port;

		if (strcmp(text, "port") == 0 && i + 1 < l->n)
			text = l->words[++i];
		if (strcmp(text, "ssl") == 0)
			t->ssl = true;
		else if (scalar_number(text, &port) == 0 && port >= 1 &&
		    port <= UINT16_MAX)
			t->c->port = port;
	}
}

static void
take_line(struct talk *t, const struct haproxy_text_line *l)
{
	const char *what = l->n > 1 ? l->words[1] : "";
	size_t i = 2;

	if (strcmp(what, "connect") == 0) {
		take_connect(t, l);
	} else if (strcmp(what, "expect") == 0) {
		take_expect(t, l);
	} else if (strncmp(what, "send", 4) == 0 && l->n > 2) {
		const bool binary = strncmp(what, "send-binary", 11) == 0;
		const char *text = bytes_of(t, l, l->words[i], binary);

		if (text != NULL)
			add_turn(t, l, text, NULL);
	} else if (strcmp(what, "comment") != 0) {
		import_notes_warning(&t->plan->notes, l->at,
		    "'tcp-check %.40s' is not carried over", what);
	}
}

static bool
begins_with(const char *text, const char *word)
{
	return text != NULL && strncasecmp(text, word, strlen(word)) == 0;
}

/* Every line of the dialog is one of redis'. */
static bool
is_redis(const struct import_plan_check *c)
{
	static const char *const commands[] = { "AUTH ", "PING", "INFO", "ROLE",
		"QUIT", "SELECT " };
	bool asks = false;

	for (size_t i = 0; i < c->n_turns; i++) {
		const char *send = c->turns[i].send;
		size_t k = 0;

		if (send == NULL)
			return false;
		while (
		    k < ARRAY_LEN(commands) && !begins_with(send, commands[k]))
			k++;
		if (k == ARRAY_LEN(commands))
			return false;
		asks |= k == 1 || k == 2 || k == 3;
	}
	return asks;
}

static void
make_redis(struct talk *t, const struct haproxy_proxy *p)
{
	struct import_plan_check redis = { .type = "redis",
		.port = t->c->port };

	for (size_t i = 0; i < t->c->n_turns; i++) {
		const struct import_plan_turn *turn = &t->c->turns[i];

		if (begins_with(turn->send, "AUTH "))
			redis.password_file = "/etc/hapair/redis.password";
		if (turn->expect == NULL)
			continue;
		if (strstr(turn->expect, "master") != NULL)
			redis.role = "primary";
		else if (strstr(turn->expect, "slave") != NULL ||
		    strstr(turn->expect, "replica") != NULL)
			redis.role = "replica";
	}
	if (redis.password_file != NULL)
		import_notes_error(&t->plan->notes, p->check_line->at,
		    "put redis' password into the first line of %s, mode 0400, "
		    "on both hosts (" IMPORT_PLAN_FILL_IN ")",
		    redis.password_file);
	*t->c = redis;
}

void
haproxy_check_tcp_read(struct import_plan *plan, const struct haproxy_proxy *p,
    struct import_plan_check *c)
{
	struct talk t = { .plan = plan, .c = c };

	for (const struct haproxy_proxy_kept *k = p->tcp_checks.first;
	     k != NULL && !t.is_over; k = k->next)
		take_line(&t, k->line);
	if (!t.ssl) {
		if (is_redis(c))
			make_redis(&t, p);
		return;
	}
	if (c->n_turns > 0)
		import_notes_warning(&plan->notes, p->check_line->at,
		    "what the check says within TLS is not carried over: the "
		    "server is well when it goes through a handshake");
	*c = (struct import_plan_check){
		.type = "tls", .no_verify = true, .port = c->port
	};
}
