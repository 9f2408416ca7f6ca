#include "config/import/haproxy_global.h"

#include "config/import/haproxy_value.h"
#include "config/import/haproxy_words.h"
#include "config/import/import_plan.h"

#include <string.h>

#define THREADS_MAX 64
#define SYSLOG_PORT 514
/* What a host's limit on descriptors allows without being raised. */
#define CONNECTIONS_FIT 200000

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

/* haproxy has those of syslog(3). */
static const char *
level_of(const char *word)
{
	static const struct level {
		const char *theirs, *ours;
	} levels[] = {
		{ "emerg", "error" },
		{ "alert", "error" },
		{ "crit", "error" },
		{ "err", "error" },
		{ "warning", "warning" },
		{ "notice", "notice" },
		{ "info", NULL }, /* the default */
		/* All that it has; ours is for whoever works on hapair. */
		{ "debug", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(levels[i].theirs, word) == 0)
			return levels[i].ours;
	return NULL;
}

/* "" where it is none that we have. */
static const char *
target_of(struct import_plan *plan, const struct haproxy_text_line *l)
{
	const char *where = l->words[1];
	struct haproxy_value_address a;
	union addr ip;

	if (strcmp(where, "stdout") == 0 || strcmp(where, "stderr") == 0 ||
	    strncmp(where, "fd@", 3) == 0)
		return NULL; /* the default */
	if (where[0] == '/')
		return "syslog";
	if (strncmp(where, "udp@", 4) == 0)
		where += 4;
	if (!haproxy_value_address(plan, where, &a) ||
	    a.kind != HAPROXY_VALUE_TCP)
		return "";
	if (strcmp(a.host, "localhost") == 0)
		return "syslog";
	if (!a.is_ip || addr_parse_ip(a.host, &ip) < 0)
		return "";
	if (strncmp(a.host, "127.", 4) == 0 || strcmp(a.host, "::1") == 0)
		return "syslog";
	return import_plan_text(plan, "udp://%s",
	    haproxy_value_with_port(
	        plan, a.host, a.has_port ? a.port : SYSLOG_PORT));
}

static void
take_log(struct import_plan *plan, const struct haproxy_text_line *l)
{
	const char *target;

	if (l->n < 2)
		return;
	if (plan->log_comment != NULL) {
		import_notes_note(&plan->notes, l->at,
		    "there is one 'log' here, and it is that of line %s",
		    strrchr(plan->log_comment, ':') + 1);
		return;
	}
	target = target_of(plan, l);
	if (target != NULL && *target == '\0') {
		import_notes_warning(&plan->notes, l->at,
		    "'log %.60s' is not carried over; 'target' of 'log' takes "
		    "syslog, a file or udp://IP:PORT",
		    l->words[1]);
		return;
	}
	plan->log_target = target;
	plan->log_comment = import_plan_where(plan, l->at);
	for (size_t i = 2; i < l->n; i++) {
		if (is_one_of(l->words[i], config_log_facility_words) &&
		    plan->log_facility == NULL)
			plan->log_facility = l->words[i];
		else if (plan->log_level == NULL && plan->log_facility != NULL)
			plan->log_level = level_of(l->words[i]);
	}
}

static bool
read_number(struct import_plan *plan, const struct haproxy_text_line *l,
    uint64_t *ret_number)
{
	if (l->n > 1 && haproxy_value_number(l->words[1], ret_number))
		return true;
	import_notes_error(&plan->notes, l->at,
	    "'%.60s' is no number, and is left out",
	    l->n > 1 ? l->words[1] : "");
	return false;
}

static void
take_maxconn(struct import_plan *plan, const struct haproxy_text_line *l)
{
	uint64_t n;

	if (!read_number(plan, l, &n) || n == 0)
		return;
	if (n > CONNECTIONS_FIT) {
		import_notes_note(&plan->notes, l->at,
		    "'maxconn %llu' is not carried over: without "
		    "'max_connections' it is as many as the limit on "
		    "descriptors allows",
		    (unsigned long long)n);
		return;
	}
	plan->max_connections = n;
	plan->max_connections_comment = import_plan_where(plan, l->at);
}

static void
take_threads(struct import_plan *plan, const struct haproxy_text_line *l)
{
	uint64_t n;

	if (!read_number(plan, l, &n) || n == 0)
		return;
	plan->threads = n < THREADS_MAX ? n : THREADS_MAX;
	plan->threads_comment = import_plan_where(plan, l->at);
}

void
haproxy_global_line(struct import_plan *plan, const struct haproxy_text_line *l)
{
	const char *word = l->words[0];

	if (haproxy_words_look(&plan->notes, l->at, HAPROXY_WORDS_GLOBAL,
	        word) != IMPORT_WORDS_READ)
		return;
	if (strcmp(word, "log") == 0)
		take_log(plan, l);
	else if (strcmp(word, "maxconn") == 0)
		take_maxconn(plan, l);
	else if (strcmp(word, "nbthread") == 0)
		take_threads(plan, l);
	else if (l->n > 1 && strcmp(word, "stats") == 0 &&
	    strcmp(l->words[1], "socket") == 0)
		import_notes_note(&plan->notes, l->at,
		    "what the socket of 'stats' is asked, `hapair status`, "
		    "`hapair server` and `hapair connections` tell and do");
}

void
haproxy_global_peer(struct import_plan *plan, const struct haproxy_text_line *l)
{
	const bool is_peer = strcmp(l->words[0], "peer") == 0 ||
	    strcmp(l->words[0], "server") == 0;
	struct haproxy_value_address a = { .is_ip = false };
	struct import_plan_peer *peer;

	if (!is_peer || l->n < 2)
		return;
	for (size_t i = 0; i < plan->n_peers && i < CONFIG_NODES; i++)
		if (strcmp(plan->peers[i].name, l->words[1]) == 0)
			return; /* of another section */
	if (plan->n_peers++ >= CONFIG_NODES)
		return;
	peer = &plan->peers[plan->n_peers - 1];
	*peer = (struct import_plan_peer){ .name = l->words[1], .at = l->at };
	if (l->n > 2 && haproxy_value_address(plan, l->words[2], &a) && a.is_ip)
		peer->address = a.host;
}
