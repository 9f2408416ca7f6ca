/*
 * What was made is loaded as any other file is. A part that is refused all the
 * same, since it collides with another one, say, is left out and named; so the
 * result is one that `hapair check` has nothing against.
 */
#include "config/import/import.h"

#include "config/import/haproxy_proxy.h"
#include "config/import/haproxy_service.h"
#include "config/import/haproxy_words.h"
#include "config/import/import_yaml.h"
#include "config/import/keepalived_pair.h"
#include "config/load.h"
#include "config/yaml/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESULT "result"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define WORD_MAX 64

enum kind {
	NEITHER,
	HAPROXY,
	KEEPALIVED,
};

struct job {
	const struct import_file *files;
	size_t n;
	struct import_plan plan;
	struct haproxy_proxy_file haproxy;
	struct haproxy_text_env env;
	struct keepalived_text hosts[CONFIG_NODES];
	size_t n_hosts;
	size_t n_known;     /* files of either program */
	unsigned host_file; /* of the first one */
};

static enum kind
kind_of_word(const char *word)
{
	static const char *const blocks[] = { "global_defs", "vrrp_instance",
		"vrrp_script", "vrrp_sync_group", "vrrp_track_process",
		"virtual_server", "virtual_server_group", "static_ipaddress",
		"static_routes", "track_file", "vrrp_track_file" };

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (strcmp(word, blocks[i]) == 0)
			return KEEPALIVED;
	return haproxy_words_is_section(word) ? HAPROXY : NEITHER;
}

/* By the first section, or block, that either of them has. */
static enum kind
kind_of(const struct import_file *f)
{
	const char *p = f->text;
	const char *const end = p + f->len;

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		char word[WORD_MAX];
		size_t len = 0;

		if (eol == NULL)
			eol = end;
		while (p < eol && strchr(" \t\r", *p) != NULL)
			p++;
		while (p + len < eol && len + 1 < sizeof(word) &&
		    strchr(" \t\r{#!", p[len]) == NULL)
			len++;
		memcpy(word, p, len);
		word[len] = '\0';
		if (kind_of_word(word) != NEITHER)
			return kind_of_word(word);
		p = eol + 1;
	}
	if (strstr(f->name, "haproxy") != NULL)
		return HAPROXY;
	return strstr(f->name, "keepalived") != NULL ? KEEPALIVED : NEITHER;
}

static void
read_haproxy(struct job *j, unsigned i)
{
	const struct import_file *f = &j->files[i];
	const struct haproxy_text t =
	    haproxy_text_read(&j->plan, &j->env, i, f->text, f->len);

	haproxy_proxy_read(&j->haproxy, &t);
}

static void
read_keepalived(struct job *j, unsigned i)
{
	const struct import_file *f = &j->files[i];
	const struct import_notes_place whole = { .file = i };
	struct keepalived_text t;

	if (j->n_hosts == CONFIG_NODES) {
		import_notes_error(&j->plan.notes, whole,
		    "is a third keepalived.conf, and left out; expected two at "
		    "most, one of each host");
		return;
	}
	t = keepalived_text_read(&j->plan, i, NULL, f->text, f->len);
	if (j->n_hosts == 0)
		j->host_file = i;
	j->hosts[j->n_hosts++] = t;
}

/* One file with `@HOST` lines is that of both. */
static void
split_hosts(struct job *j)
{
	const struct import_file *f = &j->files[j->host_file];
	const struct keepalived_text *t = &j->hosts[0];
	const char *first, *second;

	if (j->n_hosts != 1 || t->n_hosts == 0)
		return;
	first = t->hosts[0];
	second = t->n_hosts > 1 ? t->hosts[1] : NULL;
	if (second != NULL)
		j->hosts[1] = keepalived_text_read(
		    &j->plan, j->host_file, second, f->text, f->len);
	else
		j->hosts[1] = *t;
	j->hosts[0] = keepalived_text_read(
	    &j->plan, j->host_file, first, f->text, f->len);
	j->n_hosts = CONFIG_NODES;
}

static bool
is_in_use(const struct job *j, const char *text)
{
	for (size_t i = 0; i < j->n; i++)
		if (memmem(j->files[i].text, j->files[i].len, text,
		        strlen(text)) != NULL)
			return true;
	return false;
}

/* Of the three that RFC 5737 keeps for documents, one that is not in use. */
static const char *
choose_network(const struct job *j)
{
	static const char *const networks[] = { "192.0.2", "198.51.100",
		"203.0.113" };
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(networks) && is_in_use(j, networks[i]))
		i++;
	return networks[i];
}

static void
read_all(struct job *j)
{
	j->plan.made_up_network = choose_network(j);
	for (unsigned i = 0; i < j->n; i++) {
		const struct import_file *f = &j->files[i];
		const struct import_notes_place whole = { .file = i };

		if (memchr(f->text, '\0', f->len) != NULL) {
			import_notes_error(
			    &j->plan.notes, whole, "is not text, and left out");
			continue;
		}
		switch (kind_of(f)) {
		case HAPROXY:
			j->n_known++;
			read_haproxy(j, i);
			break;
		case KEEPALIVED:
			j->n_known++;
			read_keepalived(j, i);
			break;
		case NEITHER:
			import_notes_error(&j->plan.notes, whole,
			    "is neither a haproxy.cfg nor a keepalived.conf, "
			    "and left out");
			break;
		}
	}
	split_hosts(j);
	haproxy_service_all(&j->haproxy);
	if (j->n_hosts > 0)
		keepalived_pair_read(&j->plan, &j->hosts[0],
		    j->n_hosts > 1 ? &j->hosts[1] : NULL);
}

/* The service that a line of the result belongs to, or NULL. */
static struct import_plan_service *
service_at(struct import_plan *p, unsigned line)
{
	struct import_plan_service *found = NULL;

	for (struct import_plan_service *s = p->services; s != NULL;
	     s = s->next)
		if (s->first_line != 0 && s->first_line <= line)
			found = s;
	return found;
}

/* It collides with a service that is left out by now. */
static bool
is_settled(const struct import_plan *p, const char *text)
{
	char with[CONFIG_NAME_MAX + 32];

	for (const struct import_plan_service *s = p->services; s != NULL;
	     s = s->next) {
		(void)snprintf(with, sizeof(with), "of service '%s'", s->name);
		if (s->left_out && s->first_line != 0 &&
		    strstr(text, with) != NULL)
			return true;
	}
	return false;
}

/* Takes the part out that a mistake is in. Returns how many that were. */
static size_t
drop_part(struct import_plan *p, const struct import_yaml_lines *lines,
    unsigned line, const char *text)
{
	const struct import_notes_place whole = { .file = 0 };

	if (lines->services != 0 && line > lines->services &&
	    (lines->web == 0 || line < lines->web) && line < lines->rest) {
		struct import_plan_service *s = service_at(p, line);

		/* One mistake is enough. */
		if (s == NULL || s->left_out || is_settled(p, text))
			return 0;
		import_notes_error(&p->notes, s->at,
		    "service '%s' is left out: %s", s->name, text);
		s->left_out = true;
		p->n_services--;
		return 1;
	}
	if (p->has_web && line >= lines->web && line < lines->rest) {
		import_notes_error(&p->notes, whole,
		    "the page of statistics is left out: %s", text);
		p->has_web = false;
		return 1;
	}
	if (!p->has_pair || line < lines->pair ||
	    (lines->services != 0 && line >= lines->services))
		return 0;
	import_notes_error(&p->notes, whole, "the pair is left out: %s", text);
	p->has_pair = false;
	return 1;
}

/* Each "result:LINE:COLUMN: error: TEXT". Returns how many parts it cost. */
static size_t
drop_refused(struct import_plan *p, const struct import_yaml_lines *lines,
    const struct diag *diag)
{
	CLEANUP(free_str) char *said = NULL;
	size_t len, n = 0;
	FILE *out = open_memstream(&said, &len);

	if (out == NULL)
		return 0;
	diag_print(diag, out);
	if (fclose(out) == EOF || said == NULL)
		return 0;
	for (char *rest = said, *at; (at = strsep(&rest, "\n")) != NULL;) {
		unsigned line, column;
		int text = 0;

		if (sscanf(at, RESULT ":%u:%u: error: %n", &line, &column,
		        &text) == 2 &&
		    text > 0)
			n += drop_part(p, lines, line, at + text);
	}
	return n;
}

static int
write_result(struct job *j, struct import_result *r)
{
	struct import_plan *p = &j->plan;
	const struct import_notes_place whole = { .file = 0 };

	while (p->has_pair || p->n_services > 0) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(config_free_at) struct config *c = NULL;
		struct import_yaml_lines lines;
		int e = diag == NULL ? -ENOMEM : 0;

		if (e == 0)
			e = import_yaml_write(p, &r->text, &r->len, &lines);
		if (e == 0)
			e = load_text(RESULT, r->text, r->len, diag, &c);
		if (e == 0 && r->len <= LOAD_FILE_MAX)
			return 0;
		free_str(&r->text);
		if (e == 0)
			import_notes_error(&p->notes, whole,
			    "the result is larger than %d bytes, which hapair "
			    "does not read",
			    LOAD_FILE_MAX);
		if (e != -EINVAL || drop_refused(p, &lines, diag) == 0)
			return e == 0 ? -EINVAL : e;
	}
	return -EINVAL;
}

static void
tell(struct job *j, int e, FILE *notes, struct import_result *r)
{
	struct import_plan *p = &j->plan;

	import_notes_print(&p->notes, notes);
	if (e == -EINVAL && j->n_known > 0)
		(void)fputs("there is nothing to carry over: no service of "
		            "TCP, and no virtual IP\n",
		    notes);
	memcpy(r->counts, p->notes.counts, sizeof(r->counts));
	r->n_services = p->n_services;
	r->n_groups = p->has_pair ? p->pair.n_groups : 0;
	r->has_fill_in =
	    r->text != NULL && strstr(r->text, IMPORT_PLAN_FILL_IN ":") != NULL;
}

int
import_files(const struct import_file *files, size_t n, import_plan_env *env,
    FILE *notes, struct import_result *ret_result)
{
	const char *names[IMPORT_FILES_MAX] = { NULL };
	struct import_file own[IMPORT_FILES_MAX];
	struct import_result r = { .text = NULL };
	struct job *j = calloc(1, sizeof(*j));
	int e;

	*ret_result = r;
	if (j == NULL)
		return -ENOMEM;
	if (n > IMPORT_FILES_MAX)
		n = IMPORT_FILES_MAX;
	for (size_t i = 0; i < n; i++) {
		names[i] = files[i].name;
		own[i] = files[i];
		/* Editors of another system put it first. */
		if (own[i].len >= 3 &&
		    memcmp(own[i].text, BYTE_ORDER_MARK, 3) == 0) {
			own[i].text += 3;
			own[i].len -= 3;
		}
	}
	j->files = own;
	j->n = n;
	j->plan.env = env;
	j->plan.notes.names = names;
	j->haproxy.plan = &j->plan;
	read_all(j);
	e = j->plan.failed ? -ENOMEM : write_result(j, &r);
	if (j->plan.failed || j->plan.notes.failed) {
		free_str(&r.text);
		e = -ENOMEM;
	}
	tell(j, e, notes, &r);
	import_plan_fini(&j->plan);
	free(j);
	*ret_result = r;
	return e;
}

void
import_fini(struct import_result *r)
{
	free_str(&r->text);
}
