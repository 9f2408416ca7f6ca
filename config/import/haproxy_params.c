#include "config/import/haproxy_params.h"

#include "config/import/haproxy_value.h"
#include "config/import/haproxy_words.h"
#include "config/import/import_plan.h"

#include <string.h>

void
haproxy_params_time(struct import_plan *plan, const struct haproxy_text_line *l,
    size_t at, struct haproxy_proxy_number *ret_number)
{
	uint64_t ms;

	if (at < l->n && haproxy_value_time(l->words[at], &ms))
		*ret_number =
		    (struct haproxy_proxy_number){ .given = true, .value = ms };
	else
		import_notes_error(&plan->notes, l->at,
		    "'%.60s' is no time; expected one such as 10s or 500ms, "
		    "and it is left out",
		    at < l->n ? l->words[at] : "");
}

void
haproxy_params_number(struct import_plan *plan,
    const struct haproxy_text_line *l, size_t at,
    struct haproxy_proxy_number *ret_number)
{
	uint64_t n;

	if (at < l->n && haproxy_value_number(l->words[at], &n))
		*ret_number =
		    (struct haproxy_proxy_number){ .given = true, .value = n };
	else
		import_notes_error(&plan->notes, l->at,
		    "'%.60s' is no number, and is left out",
		    at < l->n ? l->words[at] : "");
}

/* What stands alone; false: it is none of them. */
static bool
take_switch(const char *word, struct haproxy_proxy_options *o)
{
	const struct {
		const char *word;
		bool *field, value;
	} switches[] = {
		{ "check", &o->check, true },
		{ "no-check", &o->check, false },
		{ "check-ssl", &o->check_ssl, true },
		{ "no-check-ssl", &o->check_ssl, false },
		{ "ssl", &o->ssl, true },
		{ "no-ssl", &o->ssl, false },
		{ "backup", &o->backup, true },
		{ "non-backup", &o->backup, false },
		{ "disabled", &o->disabled, true },
		{ "enabled", &o->disabled, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (strcmp(word, switches[i].word) == 0) {
			*switches[i].field = switches[i].value;
			return true;
		}
	if (strncmp(word, "send-proxy", 10) == 0)
		o->send_proxy = word[10] == '\0' ? 1 : 2;
	else if (strncmp(word, "no-send-proxy", 13) == 0)
		o->send_proxy = 0;
	else
		return false;
	return true;
}

static bool
take_count(struct import_plan *plan, const struct haproxy_text_line *l,
    size_t i, struct haproxy_proxy_options *o)
{
	const struct {
		const char *word;
		struct haproxy_proxy_number *field;
		bool is_time;
	} numbers[] = {
		{ "inter", &o->inter, true },
		{ "slowstart", &o->slowstart, true },
		{ "rise", &o->rise, false },
		{ "fall", &o->fall, false },
		{ "weight", &o->weight, false },
		{ "maxconn", &o->maxconn, false },
		{ "port", &o->port, false },
	};

	for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
		if (strcmp(l->words[i], numbers[k].word) != 0)
			continue;
		if (numbers[k].is_time)
			haproxy_params_time(plan, l, i + 1, numbers[k].field);
		else
			haproxy_params_number(plan, l, i + 1, numbers[k].field);
		return true;
	}
	return false;
}

static void
take_text(const char *word, const char *value, struct haproxy_proxy_options *o)
{
	if (strcmp(word, "verify") == 0)
		o->no_verify = strcmp(value, "none") == 0;
	else if (strcmp(word, "ca-file") == 0)
		o->ca = value;
	else if (strcmp(word, "source") == 0)
		o->source = value;
	else if (strcmp(word, "usesrc") == 0)
		o->usesrc = true;
	else if (strcmp(word, "addr") == 0)
		o->check_address = value;
	else if (strcmp(word, "track") == 0)
		o->track = value;
	else if (strcmp(word, "on-marked-down") == 0)
		o->reset_on_down = strcmp(value, "shutdown-sessions") == 0;
}

void
haproxy_params_options(struct import_plan *plan,
    const struct haproxy_text_line *l, size_t from,
    struct haproxy_proxy_options *o)
{
	for (size_t i = from; i < l->n; i++) {
		const char *word = l->words[i];
		const unsigned values =
		    haproxy_words_values(HAPROXY_WORDS_SERVER, word);
		const enum import_words_fate fate = haproxy_words_look(
		    &plan->notes, l->at, HAPROXY_WORDS_SERVER, word);

		if (values > 0 && i + values >= l->n) {
			import_notes_error(&plan->notes, l->at,
			    "'%.60s' has no value behind it", word);
			return;
		}
		if (fate == IMPORT_WORDS_READ && !take_switch(word, o) &&
		    !take_count(plan, l, i, o))
			take_text(word, l->words[i + 1], o);
		i += values;
	}
}

static void
bind_options(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l, size_t from,
    struct haproxy_proxy_bind *b)
{
	for (size_t i = from; i < l->n; i++) {
		const char *word = l->words[i];
		const unsigned values =
		    haproxy_words_values(HAPROXY_WORDS_BIND, word);

		(void)haproxy_words_look(
		    &plan->notes, l->at, HAPROXY_WORDS_BIND, word);
		if (strcmp(word, "ssl") == 0)
			b->ssl = true;
		else if (strcmp(word, "accept-proxy") == 0)
			b->accept_proxy = true;
		else if (strcmp(word, "v6only") == 0)
			b->v6only = true;
		else if (strcmp(word, "maxconn") == 0)
			haproxy_params_number(plan, l, i + 1, &p->maxconn);
		i += values;
	}
}

void
haproxy_params_bind(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l, size_t from)
{
	struct haproxy_proxy_bind what = { .at = l->at };
	const char *text;

	if (from >= l->n) {
		import_notes_error(&plan->notes, l->at,
		    "no address to listen on; expected one such as :3306");
		return;
	}
	bind_options(plan, p, l, from + 1, &what);
	for (text = l->words[from]; *text != '\0';) {
		const size_t len = strcspn(text, ",");
		struct haproxy_proxy_bind *b =
		    import_plan_alloc(plan, sizeof(*b));

		if (b == NULL)
			return;
		*b = what;
		b->address = import_plan_text(
		    plan, "%.*s", (int)(len < 300 ? len : 300), text);
		if (p->last_bind == NULL)
			p->binds = b;
		else
			p->last_bind->next = b;
		p->last_bind = b;
		text += len + (text[len] == ',');
	}
}

static struct haproxy_proxy_server *
add_server(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	struct haproxy_proxy_server *s = import_plan_alloc(plan, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->at = l->at;
	s->options = p->server_defaults;
	if (p->last_server == NULL)
		p->servers = s;
	else
		p->last_server->next = s;
	p->last_server = s;
	p->n_servers++;
	return s;
}

void
haproxy_params_server(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	struct haproxy_proxy_server *s;

	if (l->n < 3) {
		import_notes_error(&plan->notes, l->at,
		    "a server without an address; expected NAME ADDRESS:PORT, "
		    "and it is left out");
		return;
	}
	s = add_server(plan, p, l);
	if (s == NULL)
		return;
	s->name = l->words[1];
	s->address = l->words[2];
	haproxy_params_options(plan, l, 3, &s->options);
}

void
haproxy_params_template(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l)
{
	struct haproxy_proxy_server *s;

	if (l->n < 4) {
		import_notes_error(&plan->notes, l->at,
		    "a server-template without an address; expected PREFIX "
		    "NUMBER ADDRESS:PORT, and it is left out");
		return;
	}
	import_notes_error(&plan->notes, l->at,
	    "'server-template' makes several servers of what the name '%.60s' "
	    "resolves to; here a name is one server: give each of its "
	    "addresses as a server (" IMPORT_PLAN_FILL_IN ")",
	    l->words[3]);
	s = add_server(plan, p, l);
	if (s == NULL)
		return;
	s->name = l->words[1];
	s->address = l->words[3];
	haproxy_params_options(plan, l, 4, &s->options);
}
