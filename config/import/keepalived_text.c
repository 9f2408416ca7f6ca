/*
 * keepalived reads line by line: blanks part words, '!' and '#' begin a
 * comment, quotes keep words together. A brace ends a line here wherever it
 * stands, which also reads what keepalived takes for an error.
 */
#include "config/import/keepalived_text.h"

#include "config/import/import_plan.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 8192
#define TOTAL_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define NAME_MAX_LEN 64
#define VARIABLES_MAX 1024
#define BLANKS " \t\r\v\f"

struct variable {
	struct variable *next;
	const char *name, *value;
};

struct reader {
	struct import_plan *plan;
	struct import_notes_place at;
	const char *host;
	struct keepalived_text *out;
	struct keepalived_text_line *open[KEEPALIVED_TEXT_DEPTH_MAX];
	struct import_notes_place opened[KEEPALIVED_TEXT_DEPTH_MAX];
	size_t depth, too_deep;
	struct variable *variables;
	size_t n_variables;
	char line[LINE_MAX_BYTES]; /* with the variables filled in */
	size_t used;
	char word[LINE_MAX_BYTES];
	const char *words[KEEPALIVED_TEXT_WORDS_MAX + 1];
	size_t n_words, total;
	bool is_cut;
};

static struct keepalived_text_line *
top(struct reader *r)
{
	return r->depth > 0 ? r->open[r->depth - 1] : &r->out->root;
}

static void
put(struct reader *r, const char *text, size_t len)
{
	if (len > sizeof(r->line) - 1 - r->used) {
		len = sizeof(r->line) - 1 - r->used;
		r->is_cut = true;
	}
	memcpy(r->line + r->used, text, len);
	r->used += len;
	r->line[r->used] = '\0';
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

static const char *
value_of(const struct reader *r, const char *name, size_t len)
{
	for (const struct variable *v = r->variables; v != NULL; v = v->next)
		if (strlen(v->name) == len && memcmp(v->name, name, len) == 0)
			return v->value;
	return NULL;
}

/* `$NAME` and `${NAME}`; one that is not defined stays as it is. */
static void
fill_in(struct reader *r, const char *p, const char *end)
{
	r->used = 0;
	r->line[0] = '\0';
	r->is_cut = false;
	while (p < end) {
		const bool braces = end - p > 1 && p[1] == '{';
		const char *name = p + 1 + braces, *q = name, *value = NULL;

		if (*p == '\0') {
			p++;
			continue;
		}
		if (*p != '$') {
			put(r, p++, 1);
			continue;
		}
		while (q < end && is_name_char(*q))
			q++;
		if (q > name && (!braces || (q < end && *q == '}')))
			value = value_of(r, name, (size_t)(q - name));
		q += braces && q < end && *q == '}';
		if (value != NULL)
			put(r, value, strlen(value));
		else
			put(r, p, (size_t)(q - p));
		p = q;
	}
	if (r->is_cut)
		import_notes_error(&r->plan->notes, r->at,
		    "the line is too long; what is behind %d bytes is left out",
		    LINE_MAX_BYTES);
}

/* "$NAME=VALUE"; false: it is none. */
static bool
take_definition(struct reader *r, const char *p, const char *end)
{
	const char *name = p + 1, *q = name;
	struct variable *v;

	if (*p != '$')
		return false;
	while (q < end && is_name_char(*q))
		q++;
	if (q == name || q == end || *q != '=' || q - name > NAME_MAX_LEN)
		return false;
	fill_in(r, q + 1, end);
	if (r->used > 0 && r->line[r->used - 1] == '\\')
		import_notes_error(&r->plan->notes, r->at,
		    "a definition of several lines is not read; write what "
		    "'$%.*s' stands for where it is used",
		    (int)(q - name), name);
	if (r->n_variables++ >= VARIABLES_MAX)
		return true;
	v = import_plan_alloc(r->plan, sizeof(*v));
	if (v == NULL)
		return true;
	v->name = import_plan_text(r->plan, "%.*s", (int)(q - name), name);
	v->value = import_plan_text(r->plan, "%.500s", r->line);
	v->next = r->variables;
	r->variables = v;
	return true;
}

/* "@HOST" or "@^HOST" before a line. False: the line is another host's. */
static bool
take_host(struct reader *r, const char **p)
{
	struct keepalived_text *t = r->out;
	const bool no = (*p)[1] == '^';
	const char *name = *p + 1 + no;
	const size_t len = strcspn(name, BLANKS);
	bool is_own = r->host != NULL && strlen(r->host) == len &&
	    strncmp(r->host, name, len) == 0;
	size_t i = 0;

	*p = name + len;
	while (i < t->n_hosts &&
	    (strlen(t->hosts[i]) != len ||
	        strncmp(t->hosts[i], name, len) != 0))
		i++;
	if (i == t->n_hosts && i < KEEPALIVED_TEXT_HOSTS_MAX && len > 0 &&
	    len <= NAME_MAX_LEN)
		t->hosts[t->n_hosts++] =
		    import_plan_text(r->plan, "%.*s", (int)len, name);
	return is_own != no;
}

/* Where the words are kept, and a place among the lines. */
static struct keepalived_text_line *
keep(struct reader *r)
{
	struct keepalived_text_line *l, *above = top(r);
	const char **words;

	r->total += r->n_words * sizeof(*words) + sizeof(*l);
	if (r->total > TOTAL_MAX_BYTES)
		return NULL;
	l = import_plan_alloc(r->plan, sizeof(*l));
	words = import_plan_alloc(r->plan, (r->n_words + 1) * sizeof(*words));
	if (l == NULL || words == NULL)
		return NULL;
	memcpy(words, r->words, r->n_words * sizeof(*words));
	l->at = r->at;
	l->words = words;
	l->n = r->n_words;
	if (above->last == NULL)
		above->first = l;
	else
		above->last->next = l;
	above->last = l;
	return l;
}

static void
end_line(struct reader *r)
{
	struct keepalived_text_line *l = NULL;

	if (r->n_words > 0)
		l = keep(r);
	r->n_words = 0;
	if (l != NULL &&
	    (strcmp(l->words[0], "include") == 0 ||
	        strncmp(l->words[0], "include", 7) == 0))
		import_notes_error(&r->plan->notes, l->at,
		    "'include %.80s' is not followed; put what is in that file "
		    "in place of this line, and import anew",
		    l->n > 1 ? l->words[1] : "");
}

/* Of the words on this line, or of the line before it. */
static void
open_block(struct reader *r)
{
	struct keepalived_text_line *l;

	end_line(r);
	l = top(r)->last;
	if (l == NULL || l->has_block) {
		r->words[0] = "";
		r->n_words = 1;
		l = keep(r);
		r->n_words = 0;
		import_notes_error(&r->plan->notes, r->at,
		    "a { without a word before it; what is in it is left out");
	}
	if (l == NULL || r->depth == KEEPALIVED_TEXT_DEPTH_MAX) {
		if (r->too_deep++ == 0)
			import_notes_error(&r->plan->notes, r->at,
			    "there are too many blocks in one another");
		return;
	}
	l->has_block = true;
	r->opened[r->depth] = r->at;
	r->open[r->depth++] = l;
}

static void
close_block(struct reader *r)
{
	end_line(r);
	if (r->too_deep > 0)
		r->too_deep--;
	else if (r->depth > 0)
		r->depth--;
	else
		import_notes_error(
		    &r->plan->notes, r->at, "a } without a { before it");
}

static void
add_word(struct reader *r, size_t len)
{
	const char *copy;

	r->total += len + 1;
	if (r->n_words == KEEPALIVED_TEXT_WORDS_MAX ||
	    r->total > TOTAL_MAX_BYTES)
		return;
	copy = arena_copy(&r->plan->memory, r->word, len);
	if (copy == NULL)
		r->plan->failed = true;
	else
		r->words[r->n_words++] = copy;
}

/* A word from `p` on; returns what is behind it. */
static const char *
take_word(struct reader *r, const char *p)
{
	char quote = '\0';
	size_t len = 0;

	for (; *p != '\0'; p++) {
		if (quote == '\0' && strchr(BLANKS "{}!#", *p) != NULL)
			break;
		if (quote == '\0' && *p == '$' && p[1] == '{' &&
		    strchr(p, '}') != NULL) {
			/* A variable that is not defined. */
			while (*p != '}')
				r->word[len++] = *p++;
			r->word[len++] = *p;
		} else if ((*p == '"' || *p == '\'') &&
		    (quote == '\0' || quote == *p)) {
			quote = quote == '\0' ? *p : '\0';
		} else if (*p == '\\' && quote != '\0' && p[1] == quote) {
			r->word[len++] = *++p;
		} else {
			r->word[len++] = *p;
		}
	}
	if (quote != '\0')
		import_notes_error(&r->plan->notes, r->at,
		    "a %c is never closed; expected another one on this line",
		    quote);
	add_word(r, len);
	return p;
}

static void
take_line(struct reader *r, const char *p, const char *end)
{
	while (p < end && strchr(BLANKS, *p) != NULL && *p != '\0')
		p++;
	if (p < end && take_definition(r, p, end))
		return;
	fill_in(r, p, end);
	p = r->line;
	if (*p == '@' && !take_host(r, &p))
		return;
	while (*p != '\0') {
		p += strspn(p, BLANKS);
		if (*p == '\0' || *p == '!' || *p == '#')
			break;
		if (*p == '{')
			open_block(r);
		else if (*p == '}')
			close_block(r);
		if (*p == '{' || *p == '}')
			p++;
		else
			p = take_word(r, p);
	}
	end_line(r);
}

struct keepalived_text
keepalived_text_read(struct import_plan *plan, unsigned file, const char *host,
    const char *text, size_t len)
{
	const char *const end = text + len;
	struct keepalived_text t = { .n_hosts = 0 };
	struct reader *r = import_plan_alloc(plan, sizeof(*r));

	if (r == NULL)
		return t;
	r->plan = plan;
	r->host = host;
	r->out = &t;
	r->at = (struct import_notes_place){ .file = file, .line = 1 };
	for (; text < end; r->at.line++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		take_line(r, text, eol != NULL ? eol : end);
		text = eol != NULL ? eol + 1 : end;
	}
	if (r->depth > 0)
		import_notes_error(&plan->notes, r->opened[r->depth - 1],
		    "this { is never closed; expected a }");
	return t;
}

const struct keepalived_text_line *
keepalived_text_find(const struct keepalived_text_line *below, const char *word)
{
	for (const struct keepalived_text_line *l = below->first; l != NULL;
	     l = l->next)
		if (strcmp(l->words[0], word) == 0)
			return l;
	return NULL;
}

const char *
keepalived_text_value(
    const struct keepalived_text_line *below, const char *word, size_t i)
{
	const struct keepalived_text_line *l =
	    keepalived_text_find(below, word);

	return l != NULL && i < l->n ? l->words[i] : NULL;
}

bool
keepalived_text_join(
    const struct keepalived_text_line *l, char *buf, size_t room)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 1; l != NULL && i < l->n && used < room; i++)
		used += (size_t)snprintf(buf + used, room - used, "%s%s",
		    i > 1 ? " " : "", l->words[i]);
	return used < room;
}
