#include "config/import/haproxy_turns.h"

#include <string.h>

struct turns {
	struct import_plan *plan;
	const struct haproxy_proxy *back;
	struct import_plan_service *s;
	const char *algorithm; /* of `balance` */
	size_t n_active, n_backups;
	bool to_one, to_source; /* by `stick` */
};

static void
count(struct turns *t)
{
	const struct haproxy_text_line *stick = t->back->stick;

	for (const struct import_plan_server *server = t->s->servers;
	     server != NULL; server = server->next)
		if (server->backup)
			t->n_backups++;
		else
			t->n_active++;
	t->algorithm = t->back->balance != NULL && t->back->balance->n > 1
	    ? t->back->balance->words[1]
	    : "";
	if (stick == NULL)
		return;
	/* All clients have come to one address: they are one entry. */
	t->to_one = strncmp(stick->words[2], "src", 3) != 0;
	t->to_source = !t->to_one;
}

/* All go to one server for as long as it is well. */
static bool
is_standby(const struct turns *t)
{
	const size_t n = t->n_active + t->n_backups;

	if (n < 2 || n > CONFIG_STANDBY_SERVERS_MAX)
		return false;
	if (strcmp(t->algorithm, "first") == 0 || t->to_one)
		return true;
	return t->n_active <= 1 && (n == 2 || !t->back->allbackups);
}

/* The order of the servers says who is next, so the backups are the last. */
static void
put_backups_last(struct import_plan_service *s)
{
	struct import_plan_server *parts[2] = { NULL, NULL }, *ends[2];

	for (struct import_plan_server *server = s->servers; server != NULL;
	     server = server->next) {
		const unsigned part = server->backup ? 1 : 0;

		if (parts[part] == NULL)
			parts[part] = server;
		else
			ends[part]->next = server;
		ends[part] = server;
	}
	if (parts[1] != NULL)
		ends[1]->next = NULL;
	if (parts[0] != NULL)
		ends[0]->next = parts[1];
	s->servers = parts[0] != NULL ? parts[0] : parts[1];
}

static bool
is_masters_port(const char *address)
{
	const char *port = strrchr(address, ':');

	return port != NULL &&
	    (strcmp(port, ":24000") == 0 || strcmp(port, ":26000") == 0);
}

static void
set_failback(struct turns *t)
{
	struct import_plan_service *s = t->s;

	if (t->to_one) {
		import_plan_comment(t->plan, &s->comments,
		    "As 'stick on %.30s' did, all stay at the server that has "
		    "taken over.",
		    t->back->stick->words[2]);
		return;
	}
	if (is_masters_port(s->servers->address)) {
		import_notes_warning(&t->plan->notes, t->back->at,
		    "haproxy goes back to the first server as soon as it is "
		    "well; here nobody goes back by itself, since half of the "
		    "cluster would stay behind; 'failback: true' does; and "
		    "the next one is used after 'hold: 6s', and connections "
		    "to the other are reset");
		return;
	}
	s->failback = true;
	import_notes_note(&t->plan->notes, t->back->at,
	    "one server is used at a time, so it is 'mode: standby' with "
	    "'failback: true', as haproxy goes back to the first; without it "
	    "the one that has taken over stays");
}

static bool
is_reset_on_down(const struct turns *t)
{
	for (const struct haproxy_proxy_server *server = t->back->servers;
	     server != NULL; server = server->next)
		if (server->options.reset_on_down)
			return true;
	return false;
}

/*
 * `mode: standby` waits for a server that may come back, and cuts who is left
 * at it; to haproxy a server that is down is no more than that.
 */
static void
move_as_haproxy(struct turns *t)
{
	if (!t->to_one && is_masters_port(t->s->servers->address))
		return;
	t->s->no_hold = true;
	t->s->on_down = is_reset_on_down(t) ? "reset" : "keep";
}

static void
make_standby(struct turns *t)
{
	struct import_plan_service *s = t->s;
	bool had_limit = false;

	s->is_standby = true;
	put_backups_last(s);
	set_failback(t);
	move_as_haproxy(t);
	for (struct import_plan_server *server = s->servers; server != NULL;
	     server = server->next) {
		server->backup = false;
		server->slow_start_ms = 0; /* nobody else has a share */
		had_limit |= server->max_connections > 0;
		if (strcmp(t->algorithm, "first") == 0)
			server->max_connections = 0;
		if (server->weight > 0)
			server->has_weight = false;
	}
	if (had_limit && strcmp(t->algorithm, "first") == 0)
		import_notes_warning(&t->plan->notes, t->back->balance->at,
		    "'balance first' goes on to the next server at 'maxconn'; "
		    "'mode: standby' uses one, without that limit; "
		    "'balance: leastconn' with 'max_connections' uses all");
}

static const char *
balance_of(struct turns *t)
{
	const struct haproxy_text_line *l = t->back->balance;
	const char *word = t->algorithm;

	if (strcmp(word, "leastconn") == 0 || strcmp(word, "source") == 0)
		return word;
	if (strncmp(word, "random", 6) == 0)
		return "random";
	if (strcmp(word, "hash") == 0 && l->n > 2 &&
	    strncmp(l->words[2], "src", 3) == 0)
		return "source";
	if (*word == '\0' || strcmp(word, "roundrobin") == 0 ||
	    strcmp(word, "static-rr") == 0)
		return NULL;
	import_notes_warning(&t->plan->notes, l->at,
	    "'balance %.40s' is not carried over: it is %s; 'leastconn', "
	    "'source' and 'random' are possible, too",
	    word, strcmp(word, "first") == 0 ? "'leastconn'" : "'roundrobin'");
	return strcmp(word, "first") == 0 ? "leastconn" : NULL;
}

static void
make_balanced(struct turns *t)
{
	struct import_plan_service *s = t->s;

	s->balance = balance_of(t);
	if (t->to_source &&
	    (s->balance == NULL || strcmp(s->balance, "source") != 0)) {
		s->balance = "source";
		import_notes_note(&t->plan->notes, t->back->stick->at,
		    "'stick on src' is 'balance: source': a hash of the "
		    "client's address, the same on both nodes, in place of a "
		    "table");
	}
	if (t->n_active == 0)
		for (struct import_plan_server *server = s->servers;
		     server != NULL; server = server->next)
			server->backup = false;
	else if (t->n_backups > 1)
		s->backups = t->back->allbackups ? "all" : "ordered";
	if (is_reset_on_down(t))
		s->on_down = "reset";
}

void
haproxy_turns_take(struct import_plan *plan, const struct haproxy_proxy *back,
    struct import_plan_service *s)
{
	struct turns t = { .plan = plan, .back = back, .s = s };

	count(&t);
	if (is_standby(&t))
		make_standby(&t);
	else
		make_balanced(&t);
}
