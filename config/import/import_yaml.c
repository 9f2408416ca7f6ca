#include "config/import/import_yaml.h"

#include "config/schema/scalar.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INDENT 2
#define KEY_FILE "/etc/hapair/pair.key"
#define WEB_PASSWORD "/etc/hapair/web.password"

struct out {
	struct import_plan *plan;
	FILE *file;
	unsigned line; /* that is written next */
	bool after_dash;
};

/* Would a reader of YAML, ours or another, take it for a text as it stands? */
static bool
is_plain(const char *text)
{
	const char *const safe = "abcdefghijklmnopqrstuvwxyz"
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "0123456789_./:-";
	const char *colon = strchr(text, ':');
	const size_t len = strlen(text);

	if (len == 0 || strspn(text, safe) != len ||
	    strcasecmp(text, "null") == 0)
		return false;
	if (colon != NULL && (strchr(colon + 1, ':') != NULL || colon == text))
		return strncmp(colon, "://", 3) == 0;
	return text[0] != '-' && text[0] != '.' && text[len - 1] != ':';
}

/* Others are no text to a reader of YAML, or perhaps half a character. */
static bool
is_ascii(char c)
{
	return c >= ' ' && c <= '~';
}

/* `bytes`: of a dialog, where a backslash begins an escape of ours, too. */
static void
put_quoted(struct out *o, const char *text, bool bytes)
{
	static const char names[] = "rnt", meant[] = "\r\n\t";

	(void)fputc('"', o->file);
	for (; *text != '\0'; text++) {
		const char *name = strchr(meant, *text);

		if (name != NULL)
			(void)fprintf(o->file, "\\%c", names[name - meant]);
		else if (*text == '\\' && bytes)
			(void)fputs("\\\\\\\\", o->file);
		else if (bytes && !is_ascii(*text))
			(void)fprintf(
			    o->file, "\\\\x%02x", (unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			(void)fprintf(o->file, "\\%c", *text);
		else
			(void)fputc(*text, o->file);
	}
	(void)fputc('"', o->file);
}

static void
put_text(struct out *o, const char *text)
{
	if (is_plain(text))
		(void)fputs(text, o->file);
	else
		put_quoted(o, text, false);
}

static void
end_line(struct out *o)
{
	(void)fputc('\n', o->file);
	o->line++;
}

/* The first key of a list's item stands behind its dash. */
static void
begin_line(struct out *o, int depth)
{
	if (!o->after_dash)
		(void)fprintf(o->file, "%*s", depth * INDENT, "");
	o->after_dash = false;
}

static void
begin_item(struct out *o, int depth)
{
	(void)fprintf(o->file, "%*s- ", (depth - 1) * INDENT, "");
	o->after_dash = true;
}

static void
put_lines(struct out *o, int depth, const char *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)fprintf(o->file, "%*s# %s", depth * INDENT, "", all[i]);
		end_line(o);
	}
}

static void
put_comments(struct out *o, int depth, const struct import_plan_comments *c)
{
	put_lines(o, depth, c->all, c->n);
}

static void
end_with(struct out *o, const char *comment)
{
	if (comment != NULL)
		(void)fprintf(o->file, "  # %s", comment);
	end_line(o);
}

/* Nothing where `text` is NULL. */
static void
put(struct out *o, int depth, const char *key, const char *text,
    const char *comment)
{
	if (text == NULL)
		return;
	begin_line(o, depth);
	(void)fprintf(o->file, "%s: ", key);
	put_text(o, text);
	end_with(o, comment);
}

/* What is YAML already. */
static void
put_raw(struct out *o, int depth, const char *key, const char *text)
{
	if (text == NULL)
		return;
	begin_line(o, depth);
	(void)fprintf(o->file, "%s: %s", key, text);
	end_line(o);
}

static void
put_number(
    struct out *o, int depth, const char *key, uint64_t n, const char *comment)
{
	begin_line(o, depth);
	(void)fprintf(o->file, "%s: %llu", key, (unsigned long long)n);
	end_with(o, comment);
}

/* Nothing where it is 0. */
static void
put_count(struct out *o, int depth, const char *key, uint64_t n)
{
	if (n != 0)
		put_number(o, depth, key, n, NULL);
}

static void
put_time(struct out *o, int depth, const char *key, uint64_t ms)
{
	char text[SCALAR_DURATION_TEXT];

	if (ms != 0)
		put_raw(o, depth, key, scalar_duration_text(ms, text));
}

static void
put_key(struct out *o, int depth, const char *key)
{
	begin_line(o, depth);
	(void)fprintf(o->file, "%s:", key);
	end_line(o);
}

/* One of them stands behind its key, several are a line each. */
static void
put_list(struct out *o, int depth, const char *key,
    const struct import_plan_list *list)
{
	if (list->n == 0)
		return;
	if (list->n == 1) {
		put(o, depth, key, list->all[0], NULL);
		return;
	}
	put_key(o, depth, key);
	for (size_t i = 0; i < list->n; i++) {
		begin_item(o, depth + 2);
		begin_line(o, 0);
		put_text(o, list->all[i]);
		end_line(o);
	}
}

static void
put_turn(struct out *o, int depth, const struct import_plan_turn *t)
{
	begin_item(o, depth);
	for (int i = 0; i < 2; i++) {
		const char *text = i == 0 ? t->send : t->expect;

		if (text == NULL)
			continue;
		begin_line(o, depth);
		(void)fprintf(o->file, "%s: ", i == 0 ? "send" : "expect");
		put_quoted(o, text, strncmp(text, "hex:", 4) != 0);
		end_line(o);
	}
}

static bool
is_said(const struct import_plan_check *c)
{
	return c->type != NULL || c->n_turns > 0 || c->interval_ms != 0 ||
	    c->timeout_ms != 0 || c->rise != 0 || c->fall != 0 || c->port != 0;
}

static void
put_check(struct out *o, int depth, const struct import_plan_check *c)
{
	if (!is_said(c))
		return;
	put_key(o, depth++, "check");
	put(o, depth, "type", c->type, NULL);
	put_time(o, depth, "interval", c->interval_ms);
	put_time(o, depth, "timeout", c->timeout_ms);
	put_count(o, depth, "rise", c->rise);
	put_count(o, depth, "fall", c->fall);
	put_count(o, depth, "port", c->port);
	if (c->n_turns > 0)
		put_key(o, depth, "dialog");
	for (size_t i = 0; i < c->n_turns; i++)
		put_turn(o, depth + 2, &c->turns[i]);
	put(o, depth, "script", c->script, NULL);
	put(o, depth, "path", c->path, NULL);
	put(o, depth, "method", c->method, NULL);
	put(o, depth, "host", c->host, NULL);
	put_raw(o, depth, "status", c->status);
	put(o, depth, "expect", c->expect, NULL);
	put(o, depth, "role", c->role, NULL);
	if (c->tls)
		put_raw(o, depth, "tls", "true");
	if (c->no_verify)
		put_raw(o, depth, "verify", "false");
	put(o, depth, "ca", c->no_verify ? NULL : c->ca, NULL);
	put(o, depth, "user", c->user, NULL);
	put(o, depth, "password_file", c->password_file,
	    IMPORT_PLAN_FILL_IN ": the password, in a file of mode 0400");
}

static void
put_server(struct out *o, int depth, const struct import_plan_server *s)
{
	begin_item(o, depth);
	put(o, depth, "name", s->name, NULL);
	put(o, depth, "address", s->address, NULL);
	if (s->has_weight)
		put_number(o, depth, "weight", s->weight, s->comment);
	put_count(o, depth, "max_connections", s->max_connections);
	if (s->backup)
		put_raw(o, depth, "backup", "true");
	put_time(o, depth, "slow_start", s->slow_start_ms);
	put_check(o, depth, &s->check);
}

static void
put_timeouts(struct out *o, int depth, const struct import_plan_service *s)
{
	if (s->connect_ms == 0 && s->idle_ms == 0 && s->half_closed_ms == 0 &&
	    s->queue_ms == 0 && !s->half_closed_for_ever)
		return;
	put_key(o, depth, "timeouts");
	put_time(o, depth + 1, "connect", s->connect_ms);
	put_time(o, depth + 1, "idle", s->idle_ms);
	put_time(o, depth + 1, "half_closed", s->half_closed_ms);
	if (s->half_closed_for_ever)
		put_raw(o, depth + 1, "half_closed", "0s");
	put_time(o, depth + 1, "queue", s->queue_ms);
}

static void
put_service(struct out *o, struct import_plan_service *s)
{
	const int depth = 2;

	s->first_line = o->line;
	put_comments(o, 1, &s->comments);
	begin_item(o, depth);
	put(o, depth, "name", s->name, NULL);
	put_list(o, depth, "listen", &s->listens);
	put(o, depth, "balance", s->balance, NULL);
	put(o, depth, "backups", s->backups, NULL);
	if (s->is_standby) {
		put_raw(o, depth, "mode", "standby");
		put_raw(o, depth, "failback", s->failback ? "true" : "false");
	}
	if (s->no_hold)
		put_raw(o, depth, "hold", "0s");
	put(o, depth, "on_down", s->on_down, NULL);
	put_count(o, depth, "max_connections", s->max_connections);
	put_count(o, depth, "max_connections_per_client", s->max_per_client);
	put_timeouts(o, depth, s);
	if (s->has_retries)
		put_number(o, depth, "retries", s->retries, NULL);
	put_time(o, depth, "keepalive", s->keepalive_ms);
	put_list(o, depth, "allow", &s->allow);
	put_list(o, depth, "deny", &s->deny);
	put(o, depth, "proxy_protocol", s->proxy_protocol, NULL);
	put(o, depth, "source", s->source, NULL);
	put_check(o, depth, &s->check);
	put_key(o, depth, "servers");
	for (const struct import_plan_server *server = s->servers;
	     server != NULL; server = server->next)
		put_server(o, depth + 2, server);
}

static void
put_node(struct out *o, const struct import_plan_node *n)
{
	const int depth = 3;

	begin_item(o, depth);
	put(o, depth, "name", n->name, NULL);
	put(o, depth, "address", n->address, n->address_comment);
	put_number(o, depth, "priority", n->priority, n->priority_comment);
	if (n->n_links == 0)
		return;
	put_key(o, depth, "links");
	for (size_t i = 0; i < n->n_links; i++) {
		begin_item(o, depth + 2);
		begin_line(o, 0);
		put_text(o, n->links[i]);
		end_line(o);
	}
}

static void
put_track(struct out *o, const struct import_plan_track *t)
{
	const int depth = 3;

	put_comments(o, 2, &t->comments);
	begin_item(o, depth);
	put(o, depth, "interface", t->interface, NULL);
	put(o, depth, "script", t->script, NULL);
	put_time(o, depth, "interval", t->interval_ms);
	put_time(o, depth, "timeout", t->timeout_ms);
	put_count(o, depth, "rise", t->rise);
	put_count(o, depth, "fall", t->fall);
	put_count(o, depth, "weight", t->weight);
}

static void
put_group(struct out *o, const struct import_plan_group *g)
{
	const int depth = 3;
	const struct import_plan_node *nodes = o->plan->pair.nodes;

	put_comments(o, 2, &g->comments);
	begin_item(o, depth);
	put(o, depth, "name", g->name, NULL);
	put(o, depth, "interface", g->interface, NULL);
	put_key(o, depth, "addresses");
	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct import_plan_address *a = &g->addresses[i];

		begin_item(o, depth + 2);
		if (a->interface == NULL) {
			begin_line(o, 0);
			put_text(o, a->cidr);
			end_with(o, a->comment);
			continue;
		}
		put(o, depth + 2, "address", a->cidr, a->comment);
		put(o, depth + 2, "interface", a->interface, NULL);
	}
	if (g->priority[0] == 0)
		return;
	put_key(o, depth, "priority");
	for (size_t i = 0; i < CONFIG_NODES; i++)
		put_number(o, depth + 1, nodes[i].name, g->priority[i], NULL);
}

static void
put_pair(struct out *o)
{
	const struct import_plan_pair *pair = &o->plan->pair;

	put_key(o, 0, "pair");
	put_key(o, 1, "nodes");
	for (size_t i = 0; i < CONFIG_NODES; i++)
		put_node(o, &pair->nodes[i]);
	put(o, 1, "key_file", KEY_FILE,
	    "hapair genkey " KEY_FILE "; the same file on both hosts");
	if (pair->preempt)
		put_raw(o, 1, "preempt",
		    "true  # as keepalived does without nopreempt");
	put_time(o, 1, "preempt_delay", pair->preempt_delay_ms);
	if (pair->n_tracks > 0)
		put_key(o, 1, "track");
	for (size_t i = 0; i < pair->n_tracks; i++)
		put_track(o, &pair->tracks[i]);
	put_lines(o, 1, pair->notify_lines.all, pair->notify_lines.n);
	put(o, 1, "notify", pair->notify, NULL);
	put_key(o, 1, "groups");
	for (const struct import_plan_group *g = pair->groups; g != NULL;
	     g = g->next)
		put_group(o, g);
}

static void
put_web(struct out *o)
{
	const struct import_plan_web *w = &o->plan->web;

	put_comments(o, 0, &w->comments);
	put_key(o, 0, "web");
	put_list(o, 1, "listen", &w->listens);
	if (w->user == NULL)
		return;
	/* The password decides, as it did. */
	if (w->is_open)
		put_raw(o, 1, "allow", "[0.0.0.0/0, \"::/0\"]");
	put(o, 1, "user", w->user, NULL);
	put(o, 1, "password_file", WEB_PASSWORD,
	    IMPORT_PLAN_FILL_IN ": the password, in a file of mode 0400");
}

static void
put_rest(struct out *o)
{
	const struct import_plan *p = o->plan;

	if (p->threads > 0)
		put_number(o, 0, "threads", p->threads, p->threads_comment);
	if (p->max_connections > 0)
		put_number(o, 0, "max_connections", p->max_connections,
		    p->max_connections_comment);
	if (p->log_target == NULL && p->log_level == NULL)
		return;
	begin_line(o, 0);
	(void)fputs("log:", o->file);
	end_with(o, p->log_comment);
	put(o, 1, "target", p->log_target, NULL);
	if (p->log_target != NULL)
		put(o, 1, "facility", p->log_facility, NULL);
	put(o, 1, "level", p->log_level, NULL);
}

static void
put_all(struct out *o, struct import_yaml_lines *ret_lines)
{
	static const char *const head[] = {
		"# Made by `hapair import`; comments say where each part is from.",
		"# What is marked " IMPORT_PLAN_FILL_IN
		" is for you to say; `hapair check` looks at the whole.",
	};
	struct import_plan *p = o->plan;
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(head); i++) {
		(void)fputs(head[i], o->file);
		end_line(o);
	}
	if (p->has_pair) {
		end_line(o);
		ret_lines->pair = o->line;
		put_pair(o);
	}
	for (struct import_plan_service *s = p->services; s != NULL;
	     s = s->next) {
		s->first_line = 0;
		if (s->left_out)
			continue;
		end_line(o);
		if (first) {
			ret_lines->services = o->line;
			put_key(o, 0, "services");
		}
		first = false;
		put_service(o, s);
	}
	if (p->has_web) {
		end_line(o);
		ret_lines->web = o->line;
		put_web(o);
	}
	end_line(o);
	ret_lines->rest = o->line;
	put_rest(o);
}

int
import_yaml_write(struct import_plan *p, char **ret_text, size_t *ret_len,
    struct import_yaml_lines *ret_lines)
{
	CLEANUP(free_str) char *text = NULL;
	struct import_yaml_lines lines = { .pair = 0 };
	size_t len = 0;
	struct out o = { .plan = p, .line = 1 };
	bool failed;

	o.file = open_memstream(&text, &len);
	if (o.file == NULL)
		return -ENOMEM;
	put_all(&o, &lines);
	failed = ferror(o.file) != 0;
	if (fclose(o.file) == EOF || failed || text == NULL)
		return -ENOMEM;
	*ret_text = text;
	*ret_len = len;
	*ret_lines = lines;
	text = NULL;
	return 0;
}
