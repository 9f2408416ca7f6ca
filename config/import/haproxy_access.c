#include "config/import/haproxy_access.h"

#include "config/import/haproxy_network.h"
#include "config/import/haproxy_value.h"
#include "config/schema/scalar.h"

#include <string.h>

#define NETWORKS_MAX 512 /* of all rules of a service */

struct rule {
	struct config_cidr network;
	bool accepts;
};

/*
 * Rules are asked in three stages, whatever their order in the file, and then
 * those of the backend: who is accepted in one meets the rules of the next all
 * the same.
 */
enum {
	CONNECTION,
	SESSION,
	CONTENT,
	BACKEND,
	STAGES,
};

static const char *const stage_words[BACKEND] = { "connection", "session",
	"content" };

/* `rules` NULL: it has none. */
struct stage {
	struct rule *rules; /* in their order */
	size_t n_rules;
	bool closed;       /* who is in none of them is refused */
	bool has_only;     /* "reject unless": only rejects may follow */
	struct rule *only; /* accepted in the end, where nothing has refused */
	size_t n_only;
	bool is_over; /* what follows is never asked */
};

struct access {
	struct import_plan *plan;
	const struct haproxy_proxy *p; /* whose rules are read */
	bool is_backend;
	struct import_plan_service *s;
	struct stage stages[STAGES];
	struct stage *now;
	const struct haproxy_text_line *lost; /* an accept not carried over */
	bool is_full;
};

/* A condition, as far as it is about the client's address. */
struct condition {
	const struct haproxy_text_line
	    *sources[16]; /* acl lines, or the rule */
	size_t from[16];  /* of their networks */
	size_t n, n_terms, n_odd;
	bool negated; /* all of them */
	bool always, odd;
	const char *odd_word;
	uint64_t per_client; /* of a rule about how many one client has */
};

/*
 * "acl NAME src NETWORK...": the index behind the flags of `src`, or 0.
 */
static size_t
networks_at(const struct haproxy_text_line *l, size_t fetch)
{
	size_t i = fetch + 1;

	if (fetch >= l->n || strcmp(l->words[fetch], "src") != 0)
		return 0;
	while (i + 1 < l->n && l->words[i][0] == '-') {
		const char *flag = l->words[i];

		if (strcmp(flag, "-f") == 0 || strcmp(flag, "-M") == 0)
			return 0;
		if (strcmp(flag, "--") == 0)
			return i + 1;
		i += strcmp(flag, "-m") == 0 ? 2 : 1;
	}
	return i < l->n ? i : 0;
}

/* "src_conn_cur ge 10": how many a client may have; 0: it is something else. */
static uint64_t
limit_at(const struct haproxy_text_line *l, size_t fetch)
{
	static const char *const fetches[] = { "src_conn_cur", "sc0_conn_cur",
		"sc1_conn_cur", "sc_conn_cur(0)", "sc_conn_cur(1)" };
	uint64_t n;

	if (fetch + 2 >= l->n || !haproxy_value_number(l->words[fetch + 2], &n))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(fetches); i++)
		if (strcmp(l->words[fetch], fetches[i]) == 0 ||
		    (strncmp(l->words[fetch], fetches[i], strlen(fetches[i])) ==
		            0 &&
		        l->words[fetch][strlen(fetches[i])] == '('))
			/* What is tracked counts the client that is asked for.
			 */
			return strcmp(l->words[fetch + 1], "gt") == 0 ? n
			    : strcmp(l->words[fetch + 1], "ge") != 0  ? 0
			    : i > 0 && n > 1                          ? n - 1
			                                              : n;
	return 0;
}

static void
add_source(struct condition *c, const struct haproxy_text_line *l, size_t fetch)
{
	const size_t at = networks_at(l, fetch);

	if (at == 0 || c->n == ARRAY_LEN(c->sources)) {
		c->per_client = limit_at(l, fetch);
		c->odd = true;
		c->n_odd++;
		c->odd_word = fetch < l->n ? l->words[fetch] : "";
		return;
	}
	c->sources[c->n] = l;
	c->from[c->n++] = at;
}

/* An acl may have several lines, of which one has to fit. */
static void
add_named(struct condition *c, const struct haproxy_proxy *p, const char *name)
{
	bool found = false;

	for (const struct haproxy_proxy_kept *k = p->acls.first; k != NULL;
	     k = k->next)
		if (k->line->n > 2 && strcmp(k->line->words[1], name) == 0) {
			add_source(c, k->line, 2);
			found = true;
		}
	if (strcmp(name, "TRUE") == 0)
		c->always = true;
	else if (strcmp(name, "LOCALHOST") == 0 || !found) {
		c->odd = true;
		c->n_odd++;
		c->odd_word = name;
	}
}

/* Words from `if` or `unless` on. */
static struct condition
read_condition(const struct access *a, const struct haproxy_text_line *l)
{
	struct condition c = { .n = 0 };
	size_t i = 2;
	bool is_or = true, flips;

	while (i < l->n && strcmp(l->words[i], "if") != 0 &&
	    strcmp(l->words[i], "unless") != 0)
		i++;
	if (i >= l->n) {
		c.always = true;
		return c;
	}
	flips = strcmp(l->words[i++], "unless") == 0;
	for (; i < l->n; i++) {
		const char *word = l->words[i];
		bool no = false;

		if (strcmp(word, "or") == 0 || strcmp(word, "||") == 0) {
			is_or = true;
			continue;
		}
		if (strcmp(word, "!") == 0 && i + 1 < l->n) {
			no = true;
			word = l->words[++i];
		} else if (word[0] == '!') {
			no = true;
			word++;
		}
		/* Negated ones all have to fit, others one of them. */
		if (c.n_terms > 0 && (no != c.negated || is_or == no)) {
			c.odd = true;
			c.odd_word = word;
		}
		c.negated = no;
		c.n_terms++;
		is_or = false;
		if (strcmp(word, "{") == 0) {
			add_source(&c, l, i + 1);
			while (i < l->n && strcmp(l->words[i], "}") != 0)
				i++;
		} else {
			add_named(&c, a->p, word);
		}
	}
	c.negated ^= flips;
	return c;
}

static bool
has_room(struct access *a, size_t n)
{
	if (n < NETWORKS_MAX)
		return true;
	if (!a->is_full)
		import_notes_error(&a->plan->notes, a->s->at,
		    "the rules of service '%s' have more than %d networks; "
		    "those behind them are left out: expected fewer, and "
		    "larger, ones in 'allow' and 'deny'",
		    a->s->name, NETWORKS_MAX);
	a->is_full = true;
	return false;
}

/* One that an earlier rule has wholly decided has no effect. */
static void
add_rule(struct access *a, const struct config_cidr *network, bool accepts)
{
	struct stage *g = a->now;

	for (size_t i = 0; i < g->n_rules; i++)
		if (haproxy_network_is_within(network, &g->rules[i].network))
			return;
	if (has_room(a, g->n_rules))
		g->rules[g->n_rules++] =
		    (struct rule){ .network = *network, .accepts = accepts };
}

static bool
is_end(const char *word)
{
	return strcmp(word, "}") == 0;
}

/* Every network of a condition, to `only` or to the rules. */
static void
add_networks(
    struct access *a, const struct condition *c, bool accepts, bool to_only)
{
	for (size_t k = 0; k < c->n; k++) {
		const struct haproxy_text_line *l = c->sources[k];

		for (size_t i = c->from[k]; i < l->n && !is_end(l->words[i]);
		     i++) {
			struct config_cidr network;

			if (!haproxy_network_read(
			        a->plan, l->words[i], &network)) {
				import_notes_error(&a->plan->notes, l->at,
				    "'%.60s' is no network; expected one such "
				    "as 10.0.0.0/8 in 'allow' or 'deny' of "
				    "service '%s'",
				    l->words[i], a->s->name);
				continue;
			}
			if (!to_only)
				add_rule(a, &network, accepts);
			else if (has_room(a, a->now->n_only))
				a->now->only[a->now->n_only++] =
				    (struct rule){ .network = network,
					    .accepts = true };
		}
	}
}

static void
refuse(struct access *a, const struct haproxy_text_line *l, bool accepts,
    const char *why)
{
	if (accepts && a->lost == NULL)
		a->lost = l;
	if (accepts)
		import_notes_warning(&a->plan->notes, l->at,
		    "the rule about '%.60s' is not carried over: 'allow' and "
		    "'deny' go by the client's address alone",
		    why);
	else
		import_notes_error(&a->plan->notes, l->at,
		    "the rule about '%.60s' is not carried over, so it refuses "
		    "nobody: 'allow' and 'deny' of service '%s' go by the "
		    "client's address alone",
		    why, a->s->name);
}

/*
 * A reject of all others, where some of these others were accepted by what is
 * not carried over: written down it would shut everybody out.
 */
static bool
is_after_lost(struct access *a, const struct haproxy_text_line *l)
{
	/* What passes one stage meets the rules of the next all the same. */
	if (a->lost == NULL || strcmp(a->lost->words[1], l->words[1]) != 0)
		return false;
	import_notes_error(&a->plan->notes, l->at,
	    "the '%.20s' of all others is not carried over, since the 'accept' "
	    "of line %u is not: service '%s' lets them in; expected 'allow' "
	    "with their networks",
	    l->words[2], a->lost->at.line, a->s->name);
	return true;
}

/* The same where only some of them are refused: that stays. */
static void
tell_lost(struct access *a, const struct haproxy_text_line *l)
{
	if (a->lost == NULL || strcmp(a->lost->words[1], l->words[1]) != 0)
		return;
	import_notes_warning(&a->plan->notes, l->at,
	    "the '%.20s' is carried over, and the 'accept' of line %u before "
	    "it is not: service '%s' refuses also whom that let in",
	    l->words[2], a->lost->at.line, a->s->name);
}

static void
take_verdict(struct access *a, const struct haproxy_text_line *l, bool accepts)
{
	const struct condition c = read_condition(a, l);
	struct stage *g = a->now;

	if (!accepts && c.per_client > 0 && !c.negated && c.n == 0 &&
	    c.n_terms == 1 && c.n_odd == 1) {
		a->s->max_per_client = c.per_client;
	} else if (c.odd) {
		refuse(a, l, accepts, c.odd_word);
	} else if (c.always) {
		if (!accepts && !is_after_lost(a, l)) {
			g->closed = true;
			g->n_only = 0; /* nor whom no rule has refused yet */
		}
		g->is_over = true;
	} else if (g->has_only && accepts) {
		refuse(a, l, accepts, "another network");
	} else if (!c.negated) {
		if (!accepts)
			tell_lost(a, l);
		add_networks(a, &c, accepts, false);
	} else if (!accepts && !g->has_only) {
		tell_lost(a, l);
		g->has_only = true;
		add_networks(a, &c, true, true);
	} else {
		refuse(a, l, accepts, "all but a network");
	}
}

/* False: memory is out, or nothing is asked there any more. */
static bool
enter_stage(struct access *a, unsigned stage)
{
	struct stage *g = a->now = &a->stages[stage];

	if (g->rules == NULL) {
		g->rules = import_plan_alloc(
		    a->plan, NETWORKS_MAX * sizeof(*g->rules));
		g->only =
		    import_plan_alloc(a->plan, NETWORKS_MAX * sizeof(*g->only));
	}
	return g->rules != NULL && g->only != NULL && !g->is_over;
}

/* Of no stage (`inspect-delay`, or a verdict alone, before 1.4): STAGES. */
static unsigned
stage_of(const struct access *a, const struct haproxy_text_line *l)
{
	for (unsigned i = 0; i < ARRAY_LEN(stage_words); i++)
		if (l->n > 1 && strcmp(l->words[1], stage_words[i]) == 0)
			return a->is_backend ? BACKEND : i;
	return STAGES;
}

/* What a rule does beside a verdict, and nobody misses. */
static bool
is_idle(const char *what)
{
	static const char *const idle[] = { "track-sc", "set-var", "unset-var",
		"set-log-level", "set-nice", "set-priority", "sc-", "capture" };

	for (size_t i = 0; i < ARRAY_LEN(idle); i++)
		if (strncmp(what, idle[i], strlen(idle[i])) == 0)
			return true;
	return false;
}

static void
take_rule(struct access *a, const struct haproxy_text_line *l)
{
	const unsigned stage = stage_of(a, l);
	const char *what = l->n > 2 ? l->words[2] : "";
	bool accepts = strcmp(what, "accept") == 0;

	if (stage == STAGES || !enter_stage(a, stage))
		return;
	if (accepts || strcmp(what, "reject") == 0 ||
	    strcmp(what, "silent-drop") == 0) {
		/* Alone it refuses nobody, so it is not worth a note. */
		if (accepts && strcmp(l->words[1], "content") == 0 &&
		    read_condition(a, l).odd)
			a->lost = a->lost == NULL ? l : a->lost;
		else
			take_verdict(a, l, accepts);
	} else if (!is_idle(what)) {
		import_notes_warning(&a->plan->notes, l->at,
		    "'tcp-request %.20s %.40s' is not carried over",
		    l->words[1], what);
	}
}

static void
take_rules(struct access *a, const struct haproxy_proxy *p, bool is_backend)
{
	a->p = p;
	a->is_backend = is_backend;
	a->lost = NULL;
	for (const struct haproxy_proxy_kept *k = p->rules.first; k != NULL;
	     k = k->next)
		take_rule(a, k->line);
}

/* -- all stages together --------------------------------------------------- */

/* Whom no rule refuses, and "reject unless" has left. */
static void
end_stage(struct access *a, struct stage *g)
{
	a->now = g;
	if (!g->has_only)
		return;
	g->closed = true;
	for (size_t i = 0; i < g->n_only; i++)
		add_rule(a, &g->only[i].network, true);
}

/* Of clients that are in this network, and in no smaller one of any rule. */
static bool
passes(const struct stage *g, const struct config_cidr *network)
{
	for (size_t i = 0; i < g->n_rules; i++)
		if (haproxy_network_is_within(network, &g->rules[i].network))
			return g->rules[i].accepts;
	return !g->closed;
}

static bool
passes_all(const struct access *a, const struct config_cidr *network)
{
	for (unsigned i = 0; i < STAGES; i++)
		if (!passes(&a->stages[i], network))
			return false;
	return true;
}

/*
 * Networks lie within each other or apart: so each of any stage has one verdict
 * of all of them, but for the smaller ones in it.
 */
static void
join_stages(struct access *a, struct stage *all)
{
	a->now = all;
	for (unsigned i = 0; i < STAGES; i++) {
		const struct stage *g = &a->stages[i];

		all->closed |= g->closed;
		for (size_t k = 0; k < g->n_rules; k++) {
			const struct config_cidr *n = &g->rules[k].network;
			size_t have = 0;

			while (have < all->n_rules &&
			    !(haproxy_network_is_within(
			          n, &all->rules[have].network) &&
			        haproxy_network_is_within(
			            &all->rules[have].network, n)))
				have++;
			if (have < all->n_rules || !has_room(a, all->n_rules))
				continue;
			all->rules[all->n_rules++] =
			    (struct rule){ .network = *n,
				    .accepts = passes_all(a, n) };
		}
	}
}

static const char *
network_text(struct import_plan *plan, const struct config_cidr *c)
{
	char text[SCALAR_CIDR_TEXT];

	return import_plan_text(plan, "%s", scalar_cidr_text(c, text));
}

/* Whether a smaller network decides otherwise than a larger one. */
static bool
is_exception(const struct stage *g, const struct rule *r)
{
	for (size_t i = 0; i < g->n_rules; i++)
		if (g->rules[i].accepts != r->accepts &&
		    haproxy_network_is_within(
		        &r->network, &g->rules[i].network))
			return true;
	return false;
}

/* Of everybody there is one in each family. */
static void
push_once(struct access *a, struct import_plan_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->all[i], text) == 0)
			return;
	import_plan_push(a->plan, list, text);
}

static void
write_lists(struct access *a, const struct stage *g)
{
	struct import_plan_service *s = a->s;
	bool allows = false;

	for (size_t i = 0; i < g->n_rules; i++) {
		const struct rule *r = &g->rules[i];

		if (!r->accepts)
			import_plan_push(a->plan, &s->deny,
			    network_text(a->plan, &r->network));
		else if (g->closed || is_exception(g, r))
			import_plan_push(a->plan, &s->allow,
			    network_text(a->plan, &r->network));
	}
	allows = s->allow.n > 0;
	/* An `allow` refuses all others; here they are let in. */
	if (allows && !g->closed) {
		push_once(a, &s->allow, "0.0.0.0/0");
		push_once(a, &s->allow, "::/0");
	}
	if (!allows && g->closed) {
		push_once(a, &s->deny, "0.0.0.0/0");
		push_once(a, &s->deny, "::/0");
	}
}

void
haproxy_access_read(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct haproxy_proxy *back, struct import_plan_service *s)
{
	struct access a = { .plan = plan, .s = s };
	struct stage all = { .rules = NULL };
	const struct stage *only = NULL;
	unsigned used = 0;

	take_rules(&a, front, false);
	if (back != front)
		take_rules(&a, back, true);
	for (unsigned i = 0; i < STAGES; i++) {
		if (a.stages[i].rules == NULL)
			continue;
		end_stage(&a, &a.stages[i]);
		only = &a.stages[i];
		used++;
	}
	if (used == 1)
		write_lists(&a, only);
	if (used < 2)
		return;
	all.rules = import_plan_alloc(plan, NETWORKS_MAX * sizeof(*all.rules));
	if (all.rules == NULL)
		return;
	join_stages(&a, &all);
	write_lists(&a, &all);
}
