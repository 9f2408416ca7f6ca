/*
 * Walks the tables that the file was read by, so that a new key is printed
 * without a line here.
 */
#include "config/print.h"

#include "config/keys.h"
#include "config/keys_check.h"
#include "config/schema/matches.h"
#include "config/schema/scalar.h"
#include "config/schema/schema.h"
#include "config/schema/schema_type.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 2
#define MAPS_MAX 8 /* in one another */

struct printer {
	FILE *out;
	/*
	 * Without what is at its default; then a map of nothing else is left
	 * out, too, so its name waits for the first line in it.
	 */
	bool brief;
	struct {
		const char *name;
		int depth;
	} maps[MAPS_MAX];
	unsigned n_maps; /* that wait */
};

static void print_table(struct printer *p, const struct schema_table *table,
    const void *base, int depth, bool after_dash);

/* Would a reader of YAML, ours or another, take it for a text as it stands? */
static bool
is_plain(const char *text)
{
	const char *const safe = "abcdefghijklmnopqrstuvwxyz"
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "0123456789_./:-";
	const char *colon = strchr(text, ':');
	size_t len = strlen(text);

	if (len == 0 || strspn(text, safe) != len)
		return false;
	if (strcasecmp(text, "null") == 0) /* nothing at all, in YAML */
		return false;
	/* fd00::1 is quoted, 10.0.0.1:80 and udp:// are not. */
	if (colon != NULL && (strchr(colon + 1, ':') != NULL || colon == text))
		return strncmp(colon, "://", 3) == 0;
	return text[0] != '-' && text[0] != '.' && text[len - 1] != ':';
}

static void
put_text(const char *text, FILE *out)
{
	if (is_plain(text))
		(void)fputs(text, out);
	else
		matches_print_quoted(text, out);
}

static bool
is_present(const struct schema_key *k, const void *base)
{
	return *(const bool *)((const char *)base + k->present_at);
}

/* As the user would write it; NULL: the file cannot say it, so leave it out. */
static const char *
value_text(const struct schema_key *k, const void *base, char *buf, size_t room)
{
	const void *field = (const char *)base + k->offset;
	const char *string;
	uint64_t n;

	if (k->optional && !is_present(k, base))
		return NULL;
	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
		memcpy(&string, field, sizeof(string));
		return string;
	case SCHEMA_NUMBER:
		n = schema_get_number(k, base);
		if (n == 0 && k->zero != NULL)
			return k->zero;
		if ((int64_t)n < k->min)
			return NULL;
		(void)snprintf(buf, room, "%u", (unsigned)n);
		return buf;
	case SCHEMA_BOOL:
		return *(const bool *)field ? "true" : "false";
	case SCHEMA_DURATION:
		n = schema_get_number(k, base);
		return (int64_t)n < k->min ? NULL
		                           : scalar_duration_text(n, buf);
	case SCHEMA_WORD:
		return k->words[schema_get_number(k, base)];
	case SCHEMA_OTHER:
		return k->form->print(field, buf, room);
	case SCHEMA_MAP:
	case SCHEMA_LIST:
	case SCHEMA_MATCHES:
		break;
	}
	return NULL;
}

static void
put_indent(int depth, FILE *out)
{
	(void)fprintf(out, "%*s", depth * INDENT, "");
}

/* Before each line. */
static void
put_maps(struct printer *p)
{
	for (unsigned i = 0; i < p->n_maps; i++) {
		put_indent(p->maps[i].depth, p->out);
		(void)fprintf(p->out, "%s:\n", p->maps[i].name);
	}
	p->n_maps = 0;
}

static bool
is_at_default(const struct schema_key *k, const void *base, const char *text)
{
	uint64_t ms;

	if (k->fallback == NULL)
		return false;
	/* 60s is 1m. */
	if (k->type == SCHEMA_DURATION)
		return scalar_duration(k->fallback, &ms) == 0 &&
		    ms == schema_get_number(k, base);
	return strcmp(text, k->fallback) == 0;
}

static bool
is_left_out(const struct printer *p, const struct schema_key *k,
    const void *base, const char *text)
{
	const struct config_matches *m =
	    (const void *)((const char *)base + k->offset);

	if (k->type == SCHEMA_MATCHES)
		return p->brief && m->n == 0;
	return text == NULL || (p->brief && is_at_default(k, base, text));
}

/* What the file says in one word, where its default is one. */
static const char *
only_item(const struct schema_list *list, const char *items, size_t n,
    char buf[static SCHEMA_FORM_TEXT])
{
	if (n != 1 || list->form == NULL || list->form->print == NULL)
		return NULL;
	return list->form->print(items, buf, SCHEMA_FORM_TEXT);
}

static void
put_list(
    struct printer *p, const struct schema_key *k, const void *base, int depth)
{
	const char *field = (const char *)base + k->offset, *items = field;
	const struct schema_list *list = k->list;
	size_t n = (size_t)k->max;
	char buf[SCHEMA_FORM_TEXT];
	const char *only;

	if (!list->in_place) {
		memcpy(&items, field, sizeof(items));
		memcpy(&n, (const char *)base + list->count_at, sizeof(n));
	}
	if (n == 0)
		return;
	only = only_item(list, items, n, buf);
	if (p->brief && only != NULL && is_at_default(k, base, only))
		return;
	put_maps(p);
	put_indent(depth, p->out);
	(void)fprintf(p->out, "%s:\n", k->name);
	for (size_t i = 0; i < n; i++) {
		const char *item = items + i * list->item_size;
		const char *text;

		put_indent(depth + 1, p->out);
		(void)fputs("- ", p->out);
		text = list->form == NULL || list->form->print == NULL
		    ? NULL
		    : list->form->print(item, buf, sizeof(buf));
		if (text == NULL) {
			print_table(p, list->table, item, depth + 2, true);
			continue;
		}
		put_text(text, p->out);
		(void)fputc('\n', p->out);
	}
}

static void
put_map(
    struct printer *p, const struct schema_key *k, const void *base, int depth)
{
	const void *field = (const char *)base + k->offset;

	if (k->optional && !is_present(k, base))
		return;
	assert(p->n_maps < MAPS_MAX);
	p->maps[p->n_maps].name = k->name;
	p->maps[p->n_maps++].depth = depth;
	if (!p->brief)
		put_maps(p);
	if (k->name_at != NULL) {
		struct schema_key keys[SCHEMA_NAMES_MAX];
		const struct schema_table table =
		    schema_type_named(k, base, keys);

		print_table(p, &table, field, depth + 1, false);
	} else {
		print_table(p, k->table, field, depth + 1, false);
	}
	if (p->n_maps > 0) /* there was nothing in it */
		p->n_maps--;
}

static void
put_leaf(struct printer *p, const struct schema_key *k, const void *base,
    const char *text)
{
	(void)fprintf(p->out, "%s: ", k->name);
	if (k->type == SCHEMA_MATCHES)
		matches_print(
		    (const void *)((const char *)base + k->offset), p->out);
	else
		put_text(text, p->out);
	(void)fputc('\n', p->out);
}

/* `after_dash`: the first key stands behind the dash of its list. */
static void
print_table(struct printer *p, const struct schema_table *table,
    const void *base, int depth, bool after_dash)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		char buf[SCHEMA_FORM_TEXT];
		const char *text;

		if (k->applies != NULL && !k->applies(base))
			continue;
		if (k->type == SCHEMA_LIST) {
			put_list(p, k, base, depth);
			continue;
		}
		if (k->type == SCHEMA_MAP) {
			put_map(p, k, base, depth);
			continue;
		}
		text = value_text(k, base, buf, sizeof(buf));
		if (is_left_out(p, k, base, text))
			continue;
		put_maps(p);
		/* A table in a list begins with a name: one that has a text. */
		if (!after_dash)
			put_indent(depth, p->out);
		after_dash = false;
		put_leaf(p, k, base, text);
	}
}

int
print_config(const struct config *c, FILE *out)
{
	struct printer p = { .out = out };

	print_table(&p, &keys_file, c, 0, false);
	return ferror(out) ? -EIO : 0;
}

static int
print_in_memory(struct printer *p, const struct schema_table *table,
    const void *base, char **ret_text, size_t *ret_len)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0;
	bool failed;

	p->out = open_memstream(&text, &len);
	if (p->out == NULL)
		return -ENOMEM;
	print_table(p, table, base, 0, false);
	failed = ferror(p->out) != 0;
	/* glibc closes without a word where it cannot trim the text. */
	if (fclose(p->out) == EOF || failed || text == NULL)
		return -ENOMEM;
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	return 0;
}

int
print_keys(const struct schema_table *table, const void *base, char **ret_text,
    size_t *ret_len)
{
	struct printer p = { 0 };

	return print_in_memory(&p, table, base, ret_text, ret_len);
}

int
print_brief(const struct config *c, char **ret_text, size_t *ret_len)
{
	struct printer p = { .brief = true };

	return print_in_memory(&p, &keys_file, c, ret_text, ret_len);
}

int
print_text(const struct config *c, char **ret_text, size_t *ret_len)
{
	return print_keys(&keys_file, c, ret_text, ret_len);
}

int
print_check(const struct config_check *c, char **ret_text)
{
	size_t len;

	return print_keys(&keys_check_table, c, ret_text, &len);
}
