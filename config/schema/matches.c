#include "config/schema/matches.h"

#include "config/config.h"
#include "config/schema/check_forms.h"
#include "config/schema/schema_type.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <string.h>

#define TEXT_MAX 200

/* As JSON writes one, but for the exponent: -12.5, no plus, no 012. */
static bool
is_number(const char *text)
{
	const char *const digits = "0123456789";
	const char *t = text + (text[0] == '-');
	size_t whole = strspn(t, digits), part = 0;

	if (whole == 0 || whole > 15 || (t[0] == '0' && whole > 1))
		return false;
	t += whole;
	if (t[0] == '.') {
		part = strspn(t + 1, digits);
		if (part == 0 || part > 15)
			return false;
		t += 1 + part;
	}
	return t[0] == '\0';
}

static enum config_match_kind
kind_of(const struct tree_node *value)
{
	if (!value->is_plain)
		return CONFIG_MATCH_STRING;
	if (strcmp(value->text, "true") == 0 ||
	    strcmp(value->text, "false") == 0)
		return CONFIG_MATCH_BOOL;
	return is_number(value->text) ? CONFIG_MATCH_NUMBER
	                              : CONFIG_MATCH_STRING;
}

static bool
is_good(struct schema *s, const struct schema_key *k,
    const struct tree_node *key, const struct tree_node *value)
{
	const struct tree_node *wrong = NULL;

	if (!check_forms_is_text(key->text, 1, TEXT_MAX))
		wrong = key;
	else if (value->type != TREE_TEXT || value->is_none ||
	    !check_forms_is_text(value->text, 0, TEXT_MAX))
		wrong = value;
	if (wrong != NULL)
		diag_error(s->diag, &wrong->at,
		    "'%s' cannot be %s; expected at most %d characters of "
		    "ASCII, such as '%s'",
		    wrong->shown, k->what != NULL ? "sent" : "matched",
		    TEXT_MAX,
		    k->what != NULL ? "X-Probe: hapair" : "ready: true");
	return wrong == NULL;
}

void
matches_fill(struct schema *s, const struct schema_key *k,
    const struct tree_node *map, struct config_matches *field)
{
	struct config_matches m = { .n = 0 };
	char wanted[SCHEMA_TYPE_TEXT];

	if (map->n_items / 2 > (size_t)k->max) {
		schema_type_text(k, wanted, sizeof(wanted));
		diag_error(s->diag, &map->at, "%zu keys in '%s'; expected %s",
		    map->n_items / 2, k->name, wanted);
		return;
	}
	m.all = schema_alloc(s, map->n_items / 2, sizeof(*m.all));
	if (m.all == NULL)
		return;
	for (size_t i = 0; i < map->n_items; i += 2) {
		const struct tree_node *value = map->items[i + 1];

		if (!is_good(s, k, map->items[i], value))
			continue;
		m.all[m.n++] = (struct config_match){
			.key = schema_copy(s, map->items[i]->text),
			.kind = kind_of(value),
			.value = schema_copy(s, value->text),
		};
	}
	*field = m;
	schema_mark(s, field, map);
}

void
matches_print_quoted(const char *text, FILE *out)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

void
matches_print(const struct config_matches *m, FILE *out)
{
	(void)fputc('{', out);
	for (size_t i = 0; i < m->n; i++) {
		const struct config_match *one = &m->all[i];

		(void)fputs(i == 0 ? "" : ", ", out);
		matches_print_quoted(one->key, out);
		(void)fputs(": ", out);
		if (one->kind == CONFIG_MATCH_STRING)
			matches_print_quoted(one->value, out);
		else
			(void)fputs(one->value, out);
	}
	(void)fputc('}', out);
}
