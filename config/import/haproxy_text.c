/*
 * haproxy's parse_line(): blanks part words, '#' begins a comment, a backslash
 * takes the meaning from what follows, '' takes it from all, and within ""
 * variables are looked up. Addresses are the exception: there haproxy looks
 * them up without quotes, too.
 */
#include "config/import/haproxy_text.h"

#include "config/import/import_plan.h"

#include <string.h>

/* What a line may become, with the values of variables in it. */
#define LINE_MAX_BYTES 16384
/* Of all lines together: a variable may be long, and named often. */
#define TOTAL_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define NAME_MAX_LEN 128
#define DEPTH_MAX 16
#define VARIABLES_MAX 1024

struct haproxy_text_variable {
	struct haproxy_text_variable *next;
	const char *name, *value; /* value NULL: none, which was said */
};

/* A block between .if and .endif. */
struct block {
	bool outside, taken, reads; /* of all, has a branch been, does this */
};

struct reader {
	struct import_plan *plan;
	struct haproxy_text_env *env;
	struct import_notes_place at;
	char line[LINE_MAX_BYTES];
	size_t used, starts[HAPROXY_TEXT_WORDS_MAX], n_words;
	bool in_word, is_cut;
	char quote; /* '\0': none */
	size_t total;
	struct block blocks[DEPTH_MAX];
	size_t depth;
};

static void
put(struct reader *r, char c)
{
	if (!r->in_word) {
		if (r->n_words == HAPROXY_TEXT_WORDS_MAX) {
			r->is_cut = true;
			return;
		}
		r->starts[r->n_words++] = r->used;
		r->in_word = true;
	}
	if (r->used + 2 > sizeof(r->line)) {
		r->is_cut = true;
		return;
	}
	r->line[r->used++] = c;
	r->line[r->used] = '\0';
}

static void
end_word(struct reader *r)
{
	if (!r->in_word)
		return;
	r->in_word = false;
	if (r->used + 2 > sizeof(r->line))
		r->is_cut = true;
	else
		r->line[++r->used] = '\0';
}

/* A word of nothing: "". */
static void
begin_word(struct reader *r)
{
	if (r->in_word)
		return;
	put(r, '\0');
	if (r->in_word && !r->is_cut)
		r->used--;
}

static void
put_text(struct reader *r, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(r, text[i]);
}

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `p` is behind the backslash; returns what is behind the escape. */
static const char *
take_escape(struct reader *r, const char *p, const char *end)
{
	static const char names[] = "rnt", meant[] = "\r\n\t";
	const char *name;

	if (p == end || *p == '\0') {
		put(r, '\\');
		return p;
	}
	name = strchr(names, *p);
	if (name != NULL) {
		put(r, meant[name - names]);
		return p + 1;
	}
	if (*p == 'x' && end - p > 2 && hex_of(p[1]) >= 0 &&
	    hex_of(p[2]) >= 0 && hex_of(p[1]) + hex_of(p[2]) > 0) {
		put(r, (char)(hex_of(p[1]) * 16 + hex_of(p[2])));
		return p + 3;
	}
	if (strchr(" \t#\\\"'$", *p) == NULL)
		put(r, '\\'); /* of a regular expression */
	put(r, *p);
	return p + 1;
}

static struct haproxy_text_variable *
find_variable(const struct haproxy_text_env *env, const char *name)
{
	for (struct haproxy_text_variable *v = env->first; v != NULL;
	     v = v->next)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static void
set_variable(struct reader *r, const char *name, const char *value)
{
	struct haproxy_text_variable *v = find_variable(r->env, name);

	if (v == NULL) {
		if (r->env->n++ == VARIABLES_MAX)
			import_notes_error(&r->plan->notes, r->at,
			    "there are more than %d variables; the others are "
			    "left out",
			    VARIABLES_MAX);
		if (r->env->n > VARIABLES_MAX)
			return;
		v = import_plan_alloc(r->plan, sizeof(*v));
		if (v == NULL)
			return;
		v->name = import_plan_text(r->plan, "%s", name);
		v->next = r->env->first;
		r->env->first = v;
	}
	v->value =
	    value == NULL ? NULL : import_plan_text(r->plan, "%s", value);
}

/* NULL: it has no value, which is said once. */
static const char *
value_of(struct reader *r, const char *name, bool says)
{
	const struct haproxy_text_variable *v = find_variable(r->env, name);
	const char *value = NULL;

	if (v != NULL && (v->value != NULL || !says))
		return v->value;
	if (v == NULL && r->plan->env != NULL)
		value = r->plan->env(name);
	if (value == NULL && v == NULL && says) {
		import_notes_error(&r->plan->notes, r->at,
		    "the variable '%s' is not set here; import with %s=VALUE "
		    "in the environment, as haproxy is started with it",
		    name, name);
		set_variable(r, name, NULL);
	}
	return value;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

/* `p` is behind the '$'; returns what is behind the variable. */
static const char *
take_variable(struct reader *r, const char *p, const char *end)
{
	const bool braces = p < end && *p == '{';
	const char *const begin = p + braces, *q = begin, *close;
	char name[NAME_MAX_LEN];
	const char *value;
	bool has_default;

	while (q < end && is_name_char(*q))
		q++;
	close = braces ? memchr(q, '}', (size_t)(end - q)) : q;
	if (q == begin || close == NULL ||
	    (size_t)(q - begin) >= sizeof(name)) {
		put(r, '$');
		return p;
	}
	memcpy(name, begin, (size_t)(q - begin));
	name[q - begin] = '\0';
	/* With braces there is one behind it, without there may be nothing. */
	has_default = braces && *q == '-';
	value = value_of(r, name, !has_default);
	if (value != NULL)
		put_text(r, value, strlen(value));
	else if (has_default)
		put_text(r, q + 1, (size_t)(close - q - 1));
	else
		put_text(r, p - 1, (size_t)(close + braces - (p - 1)));
	return close + braces;
}

/* Whether this word is where haproxy expects an address. */
static bool
is_address(const struct reader *r)
{
	static const char *const lines[] = { "bind", "server", "listen", "log",
		"peer", "source", "server-template", "dispatch" };

	const size_t at = r->n_words + (r->in_word ? 0 : 1);

	if (at < 2 || at > 4)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (strcmp(r->line, lines[i]) == 0)
			return true;
	return false;
}

static void
split(struct reader *r, const char *p, const char *end)
{
	r->used = r->n_words = 0;
	r->in_word = r->is_cut = false;
	r->quote = '\0';
	while (p < end) {
		const char c = *p++;

		if (r->quote == '\0' && c == '#')
			break;
		if (r->quote == '\0' && strchr(" \t\r\v\f", c) != NULL) {
			end_word(r);
		} else if ((c == '"' || c == '\'') &&
		    (r->quote == '\0' || r->quote == c)) {
			begin_word(r);
			r->quote = r->quote == '\0' ? c : '\0';
		} else if (c == '\\' && r->quote != '\'') {
			p = take_escape(r, p, end);
		} else if (c == '$' &&
		    (r->quote == '"' || (r->quote == '\0' && is_address(r)))) {
			p = take_variable(r, p, end);
		} else {
			put(r, c);
		}
	}
	end_word(r);
	if (r->quote != '\0')
		import_notes_error(&r->plan->notes, r->at,
		    "a %c is never closed; expected another one on this line",
		    r->quote);
	if (r->is_cut)
		import_notes_error(&r->plan->notes, r->at,
		    "the line is too long; what is behind %d words or %d bytes "
		    "is left out",
		    HAPROXY_TEXT_WORDS_MAX, LINE_MAX_BYTES);
}

/* Of a condition what can be told without a running haproxy. */
static bool
holds(struct reader *r, const char *text)
{
	char name[NAME_MAX_LEN];
	size_t len;

	if (*text == '!')
		return !holds(r, text + 1);
	if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
		return false;
	if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
		return true;
	len = strlen(text);
	if (strncmp(text, "defined(", 8) == 0 && text[len - 1] == ')' &&
	    len - 9 < sizeof(name)) {
		memcpy(name, text + 8, len - 9);
		name[len - 9] = '\0';
		return value_of(r, name, false) != NULL;
	}
	import_notes_warning(&r->plan->notes, r->at,
	    "whether '%.60s' holds is not known here; this branch is taken, "
	    "and no other one",
	    text);
	return true;
}

static bool
reads(const struct reader *r)
{
	return r->depth == 0 || r->blocks[r->depth - 1].reads;
}

/* Lines with a dot are for the reader itself. */
static void
take_directive(struct reader *r)
{
	const char *const word = r->line;
	struct block *b = r->depth > 0 ? &r->blocks[r->depth - 1] : NULL;
	const char *text = r->n_words > 1 ? r->line + r->starts[1] : "true";

	if (strcmp(word, ".if") == 0 && r->depth < DEPTH_MAX) {
		const bool outside = reads(r);
		const bool is = outside && holds(r, text);

		r->blocks[r->depth++] = (struct block){
			.outside = outside, .taken = is, .reads = is
		};
	} else if (b != NULL && strcmp(word, ".elif") == 0) {
		b->reads = b->outside && !b->taken && holds(r, text);
		b->taken |= b->reads;
	} else if (b != NULL && strcmp(word, ".else") == 0) {
		b->reads = b->outside && !b->taken;
		b->taken = true;
	} else if (b != NULL && strcmp(word, ".endif") == 0) {
		r->depth--;
	} else if (strcmp(word, ".notice") != 0 &&
	    strcmp(word, ".warning") != 0 && strcmp(word, ".alert") != 0 &&
	    strcmp(word, ".diag") != 0) {
		import_notes_warning(&r->plan->notes, r->at,
		    "'%.40s' is not understood here, and left out", word);
	}
}

static void
take_setenv(struct reader *r)
{
	const char *word = r->line, *name, *value;

	if (r->n_words < 2)
		return;
	name = r->line + r->starts[1];
	value = r->n_words > 2 ? r->line + r->starts[2] : "";
	if (strcmp(word, "setenv") == 0)
		set_variable(r, name, value);
	else if (strcmp(word, "presetenv") == 0 &&
	    value_of(r, name, false) == NULL)
		set_variable(r, name, value);
}

static void
keep(struct reader *r, struct haproxy_text *ret_text)
{
	const size_t bytes = r->used + 1;
	const char **words;
	char *copy;

	r->total += bytes;
	if (r->total > TOTAL_MAX_BYTES) {
		import_notes_error(&r->plan->notes, r->at,
		    "the file becomes too large with its variables; this line "
		    "is left out");
		return;
	}
	words = import_plan_alloc(r->plan, (r->n_words + 1) * sizeof(*words));
	copy = import_plan_alloc(r->plan, bytes);
	if (words == NULL || copy == NULL)
		return;
	memcpy(copy, r->line, r->used);
	for (size_t i = 0; i < r->n_words; i++)
		words[i] = copy + r->starts[i];
	ret_text->lines[ret_text->n++] = (struct haproxy_text_line){
		.at = r->at, .words = words, .n = r->n_words
	};
}

static void
take_line(struct reader *r, const char *p, const char *end,
    struct haproxy_text *ret_text)
{
	split(r, p, end);
	if (r->n_words == 0 || r->line[0] == '\0')
		return;
	if (r->line[0] == '.') {
		take_directive(r);
		return;
	}
	if (!reads(r))
		return;
	take_setenv(r);
	keep(r, ret_text);
}

static size_t
count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

struct haproxy_text
haproxy_text_read(struct import_plan *plan, struct haproxy_text_env *env,
    unsigned file, const char *text, size_t len)
{
	const char *const end = text + len;
	struct haproxy_text t = { .n = 0 };
	struct reader *r = import_plan_alloc(plan, sizeof(*r));

	t.lines =
	    import_plan_alloc(plan, count_lines(text, len) * sizeof(*t.lines));
	if (r == NULL || t.lines == NULL)
		return t;
	r->plan = plan;
	r->env = env;
	r->at = (struct import_notes_place){ .file = file, .line = 1 };
	for (; text < end; r->at.line++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		take_line(r, text, eol != NULL ? eol : end, &t);
		text = eol != NULL ? eol + 1 : end;
	}
	if (r->depth > 0)
		import_notes_warning(
		    &plan->notes, r->at, "an .if has no .endif");
	return t;
}
