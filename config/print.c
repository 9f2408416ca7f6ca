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

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 2

static void print_table(const struct schema_table *table, const void *base,
    int depth, bool after_dash, FILE *out);

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

static void
put_list(const struct schema_key *k, const void *base, int depth, FILE *out)
{
	const char *field = (const char *)base + k->offset, *items = field;
	const struct schema_list *list = k->list;
	size_t n = (size_t)k->max;

	if (!list->in_place) {
		memcpy(&items, field, sizeof(items));
		memcpy(&n, (const char *)base + list->count_at, sizeof(n));
	}
	if (n == 0)
		return;
	put_indent(depth, out);
	(void)fprintf(out, "%s:\n", k->name);
	for (size_t i = 0; i < n; i++) {
		const char *item = items + i * list->item_size;
		char buf[SCHEMA_FORM_TEXT];
		const char *text;

		put_indent(depth + 1, out);
		(void)fputs("- ", out);
		text = list->form == NULL || list->form->print == NULL
		    ? NULL
		    : list->form->print(item, buf, sizeof(buf));
		if (text == NULL) {
			print_table(list->table, item, depth + 2, true, out);
			continue;
		}
		put_text(text, out);
		(void)fputc('\n', out);
	}
}

static void
put_map(const struct schema_key *k, const void *base, int depth, FILE *out)
{
	const void *field = (const char *)base + k->offset;

	if (k->optional && !is_present(k, base))
		return;
	put_indent(depth, out);
	(void)fprintf(out, "%s:\n", k->name);
	if (k->name_at != NULL) {
		struct schema_key keys[SCHEMA_NAMES_MAX];
		const struct schema_table table =
		    schema_type_named(k, base, keys);

		print_table(&table, field, depth + 1, false, out);
		return;
	}
	print_table(k->table, field, depth + 1, false, out);
}

/* `after_dash`: the first key stands behind the dash of its list. */
static void
print_table(const struct schema_table *table, const void *base, int depth,
    bool after_dash, FILE *out)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		char buf[SCHEMA_FORM_TEXT];
		const char *text;

		if (k->applies != NULL && !k->applies(base))
			continue;
		if (k->type == SCHEMA_MATCHES) {
			put_indent(depth, out);
			(void)fprintf(out, "%s: ", k->name);
			matches_print(
			    (const void *)((const char *)base + k->offset),
			    out);
			(void)fputc('\n', out);
			continue;
		}
		if (k->type == SCHEMA_LIST) {
			put_list(k, base, depth, out);
			continue;
		}
		if (k->type == SCHEMA_MAP) {
			put_map(k, base, depth, out);
			continue;
		}
		text = value_text(k, base, buf, sizeof(buf));
		if (text == NULL)
			continue;
		/* A table in a list begins with a name: one that has a text. */
		if (!after_dash)
			put_indent(depth, out);
		after_dash = false;
		(void)fprintf(out, "%s: ", k->name);
		put_text(text, out);
		(void)fputc('\n', out);
	}
}

int
print_config(const struct config *c, FILE *out)
{
	print_table(&keys_file, c, 0, false, out);
	return ferror(out) ? -EIO : 0;
}

int
print_keys(const struct schema_table *table, const void *base, char **ret_text,
    size_t *ret_len)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool failed;

	if (out == NULL)
		return -ENOMEM;
	print_table(table, base, 0, false, out);
	failed = ferror(out) != 0;
	/* glibc closes without a word where it cannot trim the text. */
	if (fclose(out) == EOF || failed || text == NULL)
		return -ENOMEM;
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	return 0;
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
