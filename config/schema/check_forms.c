#include "config/schema/check_forms.h"

#include "config/config.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <string.h>

#define TEXT_MAX 200

bool
check_forms_is_text(const char *text, size_t min, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return len >= min && len <= max;
}

/* What libcurl takes as it is; a blank would end the request's line. */
static bool
is_url_path(const char *text)
{
	return text[0] == '/' && check_forms_is_text(text, 1, TEXT_MAX) &&
	    strpbrk(text, " #\"<>\\^`{|}") == NULL;
}

static int
keep(struct schema *s, const struct tree_node *text, void *ret_value)
{
	const char *copy = schema_copy(s, text->text);

	memcpy(ret_value, &copy, sizeof(copy));
	schema_mark(s, ret_value, text);
	return 1;
}

static int
parse_path(struct schema *s, const struct tree_node *text, void *ret_value)
{
	if (is_url_path(text->text))
		return keep(s, text, ret_value);
	return diag_error(s->diag, &text->at,
	    "'%s' is not a URL path; expected, for example, /healthz or "
	    "\"/?json\", of at most %d characters",
	    text->shown, TEXT_MAX);
}

static int
parse_text(struct schema *s, const struct tree_node *text, void *ret_value)
{
	if (check_forms_is_text(text->text, 1, TEXT_MAX))
		return keep(s, text, ret_value);
	return diag_error(s->diag, &text->at,
	    "'%s' cannot be used; expected 1 to %d characters of ASCII",
	    text->shown, TEXT_MAX);
}

static const char *
print_text(const void *value, char *buf, size_t room)
{
	const char *text;

	(void)buf;
	(void)room;
	memcpy(&text, value, sizeof(text));
	return text;
}

const struct schema_form check_forms_path = {
	.name = "a path of a URL",
	.parse = parse_path,
	.print = print_text,
};

const struct schema_form check_forms_text = {
	.name = "a text of ASCII",
	.parse = parse_text,
	.print = print_text,
};

bool
check_forms_is_http(const void *check)
{
	return ((const struct config_check *)check)->type == CONFIG_CHECK_HTTP;
}

bool
check_forms_is_script(const void *check)
{
	return ((const struct config_check *)check)->type ==
	    CONFIG_CHECK_SCRIPT;
}
