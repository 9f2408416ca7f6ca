/*
 * Lines fit a terminal. What goes on behind a line begins with four blanks, so
 * that the manual can put it together again.
 */
#include "config/keys_document.h"

#include "config/keys.h"
#include "config/schema/schema.h"
#include "config/schema/schema_type.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 79

/* `column`: where the first line begins. */
static void
print_wrapped(const char *text, size_t column, FILE *out)
{
	const char *blank = "";

	while (*text != '\0') {
		const size_t len = strcspn(text, " ");

		if (*blank != '\0' && column + 1 + len > WIDTH) {
			blank = "\n    ";
			column = 3;
		}
		(void)fprintf(out, "%s%.*s", blank, (int)len, text);
		column += (*blank != '\0') + len;
		blank = " ";
		text += len;
		while (*text == ' ')
			text++;
	}
	(void)fputc('\n', out);
}

/* Words as they are typed: "`a`, `b` or `c`". */
static void
document_words(const char *const *words, FILE *out)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		const char *join = words[i + 1] == NULL ? " or " : ", ";

		(void)fprintf(out, "%s`%s`", i == 0 ? "" : join, words[i]);
	}
}

static void
document_type(const struct schema_key *k, FILE *out)
{
	static const char *const yes_no[] = { "true", "false", NULL };
	char type[320];

	schema_type_text(k, type, sizeof(type));
	if (k->list != NULL && k->list->form != NULL)
		(void)fprintf(out, "a list of %s", k->list->form->name);
	else if (k->type == SCHEMA_WORD)
		document_words(k->words, out);
	else if (k->type == SCHEMA_BOOL)
		document_words(yes_no, out);
	else if (k->zero != NULL)
		(void)fprintf(out, "`%s`%s", k->zero, type + strlen(k->zero));
	else
		(void)fputs(type, out);
}

static void
document_key(const struct schema_key *k, const char *prefix, FILE *out)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *line = open_memstream(&text, &len);

	if (line == NULL)
		return;
	(void)fprintf(line, "`%s%s`: ", prefix, k->name);
	document_type(k, line);
	if (k->required)
		(void)fputs(", required", line);
	else if (k->fallback != NULL)
		(void)fprintf(line, ", default `%s`", k->fallback);
	if (fclose(line) == 0)
		print_wrapped(text, 0, out);
	(void)fputs(":   ", out);
	print_wrapped(k->help, 4, out);
	(void)fputc('\n', out);
}

/* Of the keys under a key: `servers[].check.` */
static void
document_table(const struct schema_table *table, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		bool is_list = k->list != NULL;
		const struct schema_table *below =
		    is_list ? k->list->table : k->table;
		char path[128];

		document_key(k, prefix, out);
		/* What is inherited was told where it is inherited from. */
		if (below == NULL || k->inherit)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s.", prefix, k->name,
		    is_list ? "[]" : "");
		document_table(below, path, out);
	}
}

void
keys_document(FILE *out)
{
	document_table(&keys_file, "", out);
}
