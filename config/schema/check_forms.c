#include "config/schema/check_forms.h"

#include "config/config.h"
#include "config/schema/scalar.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 200
#define STATUS_MIN 100 /* RFC 9110, section 15 */
#define STATUS_MAX 599

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

static int
parse_host(struct schema *s, const struct tree_node *text, void *ret_value)
{
	if (scalar_is_host(text->text))
		return keep(s, text, ret_value);
	return diag_error(s->diag, &text->at,
	    "'%s' is not a host name; expected, for example, www.example.org",
	    text->shown);
}

/* "200", or "200-399". */
static bool
read_status(const char *text, struct config_status *ret_status)
{
	char first[8];
	const char *dash = strchr(text, '-');
	const size_t len = dash != NULL ? (size_t)(dash - text) : strlen(text);
	uint64_t min, max;

	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	if (scalar_number(first, &min) < 0 ||
	    scalar_number(dash != NULL ? dash + 1 : first, &max) < 0)
		return false;
	if (min < STATUS_MIN || max > STATUS_MAX || min > max)
		return false;
	*ret_status = (struct config_status){ .min = (uint16_t)min,
		.max = (uint16_t)max };
	return true;
}

static int
parse_status(struct schema *s, const struct tree_node *text, void *ret_value)
{
	if (read_status(text->text, ret_value)) {
		schema_mark(s, ret_value, text);
		return 1;
	}
	return diag_error(s->diag, &text->at,
	    "'%s' is not a status; expected a number from %d to %d, or a "
	    "range such as 200-399",
	    text->shown, STATUS_MIN, STATUS_MAX);
}

static const char *
print_status(const void *value, char *buf, size_t room)
{
	const struct config_status *status = value;

	if (status->min == status->max)
		(void)snprintf(buf, room, "%u", status->min);
	else
		(void)snprintf(buf, room, "%u-%u", status->min, status->max);
	return buf;
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

const struct schema_form check_forms_host = {
	.name = "a host name",
	.parse = parse_host,
	.print = print_text,
};

const struct schema_form check_forms_status = {
	.name = "a status of HTTP, or a range such as 200-399",
	.parse = parse_status,
	.print = print_status,
};

bool
check_forms_has_connection(const void *check)
{
	const enum config_check_type type =
	    ((const struct config_check *)check)->type;

	return type != CONFIG_CHECK_NONE && type != CONFIG_CHECK_SCRIPT;
}

bool
check_forms_is_tcp(const void *check)
{
	return ((const struct config_check *)check)->type == CONFIG_CHECK_TCP;
}

bool
check_forms_is_http(const void *check)
{
	return ((const struct config_check *)check)->type == CONFIG_CHECK_HTTP;
}

bool
check_forms_has_certificate(const void *check)
{
	return check_forms_is_http(check) ||
	    ((const struct config_check *)check)->type == CONFIG_CHECK_TLS;
}

bool
check_forms_has_user(const void *check)
{
	return check_forms_has_role(check) ||
	    ((const struct config_check *)check)->type == CONFIG_CHECK_LDAP;
}

bool
check_forms_has_role(const void *check)
{
	switch (((const struct config_check *)check)->type) {
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
		return true;
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_NONE:
	case CONFIG_CHECK_SCRIPT:
	case CONFIG_CHECK_TLS:
	case CONFIG_CHECK_LDAP:
		break;
	}
	return false;
}

bool
check_forms_is_script(const void *check)
{
	return ((const struct config_check *)check)->type ==
	    CONFIG_CHECK_SCRIPT;
}
