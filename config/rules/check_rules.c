#include "config/rules/check_rules.h"

#include "config/config.h"
#include "config/rules/rules.h"
#include "config/schema/check_forms.h"
#include "config/schema/source_marks.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <string.h>

/* Where a value was given: at the server's check, else at the service's. */
static const struct tree_node *
place(const struct source_marks *marks, const void *own, const void *inherited)
{
	const struct tree_node *node = source_marks_get(marks, own);

	return node != NULL ? node : source_marks_get(marks, inherited);
}

/* `needs` without `has`. */
static void
lacks(struct diag *diag, const struct tree_node *at, const char *needs,
    const char *has)
{
	if (at != NULL)
		diag_error(diag, &at->at, "'%s' without '%s'; expected both",
		    needs, has);
}

static void
check_negotiate(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at =
	    place(marks, &c->negotiate_keytab, &from->negotiate_keytab);

	if (!c->negotiate && c->negotiate_keytab != NULL)
		lacks(diag, at, "negotiate_keytab", "negotiate: true");
	at = place(marks, &c->negotiate, &from->negotiate);
	if (c->negotiate && c->user != NULL && at != NULL)
		diag_error(diag, &at->at,
		    "'negotiate' with 'user'; expected one of them");
}

static void
check_dialog(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at = place(marks, &c->dialog, &from->dialog);

	const bool is_list = at != NULL && at->type == TREE_LIST;
	const size_t n = at == NULL ? 0 : is_list ? at->n_items : 1;

	for (size_t i = 0; i < n; i++) {
		const struct tree_node *item = is_list ? at->items[i] : at;

		/* What is no map was refused where it was read. */
		if (item->type == TREE_MAP && tree_get(item, "send") == NULL &&
		    tree_get(item, "expect") == NULL)
			diag_error(diag, &item->at,
			    "an item of 'dialog' without 'send' and 'expect'; "
			    "expected one of them, or both");
	}
}

/* RFC 9110, section 5.6.2. */
static bool
is_header_name(const char *text)
{
	const char *const others = "!#$%&'*+-.^_`|~";

	for (const char *t = text; *t != '\0'; t++)
		if (!(*t >= '0' && *t <= '9') && !(*t >= 'a' && *t <= 'z') &&
		    !(*t >= 'A' && *t <= 'Z') && strchr(others, *t) == NULL)
			return false;
	return true;
}

/* Headers on which it hangs where a request or an answer ends. */
static bool
is_ours(const char *name)
{
	static const char *const names[] = { "Connection", "Content-Length",
		"Host", "Transfer-Encoding" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
check_headers(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at = place(marks, &c->headers, &from->headers);

	for (size_t i = 0; at != NULL && i < c->headers.n; i++) {
		const char *name = c->headers.all[i].key;

		if (!is_header_name(name))
			diag_error(diag, &at->at,
			    "'%s' is no name of a header; expected letters, "
			    "digits and '-'",
			    name);
		else if (is_ours(name))
			diag_error(diag, &at->at,
			    "the header '%s' is hapair's own; expected others"
			    "%s",
			    name,
			    strcasecmp(name, "Host") == 0
			        ? ", and 'host' for this one"
			        : "");
	}
}

/* What is looked for in a body that HEAD does not bring. */
static void
check_head(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at = place(marks, &c->method, &from->method);
	const char *needs = c->expect != NULL ? "expect"
	    : c->json.n > 0                   ? "json"
	    : c->drain.n > 0                  ? "drain"
	    : c->role != NULL                 ? "role"
	                                      : NULL;

	if (c->method == CONFIG_METHOD_HEAD && needs != NULL && at != NULL)
		diag_error(diag, &at->at,
		    "'method: HEAD' with '%s'; expected one of them, since the "
		    "answer has no body",
		    needs);
}

static void
check_tls(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at = place(marks, &c->verify, &from->verify);

	const bool has_tls = c->tls || c->type == CONFIG_CHECK_TLS;

	if (!has_tls && c->ca != NULL)
		lacks(diag, place(marks, &c->ca, &from->ca), "ca", "tls: true");
	if (!has_tls && !c->verify)
		lacks(diag, at, "verify: false", "tls: true");
	if (has_tls && !c->verify && c->ca != NULL && at != NULL)
		diag_error(diag, &at->at,
		    "'verify: false' with 'ca'; expected one of them");
}

/* Who may be asked for a password, and who cannot do without one. */
static void
check_login(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *type = place(marks, &c->type, &from->type);

	if (c->user == NULL && c->type == CONFIG_CHECK_MYSQL && type != NULL)
		diag_error(diag, &type->at,
		    "'type: mysql' without 'user'; expected both, since a "
		    "server counts who leaves without a login, and shuts this "
		    "host out after max_connect_errors of them");
	/* A bind with a name and no password is none (RFC 4513, 5.1.2). */
	if (c->user != NULL && c->password_file == NULL &&
	    (c->type == CONFIG_CHECK_HTTP || c->type == CONFIG_CHECK_REDIS ||
	        c->type == CONFIG_CHECK_LDAP))
		lacks(diag, place(marks, &c->user, &from->user), "user",
		    "password_file");
	if (c->user == NULL && c->password_file != NULL &&
	    c->type != CONFIG_CHECK_REDIS)
		lacks(diag,
		    place(marks, &c->password_file, &from->password_file),
		    "password_file", "user");
	if (c->user == NULL && c->role != NULL &&
	    c->type == CONFIG_CHECK_POSTGRES)
		lacks(
		    diag, place(marks, &c->role, &from->role), "role", "user");
}

static void
check_role(const struct config_check *c, const struct config_service *service,
    const struct source_marks *marks, struct diag *diag)
{
	const struct tree_node *at =
	    place(marks, &c->role, &service->check.role);

	if (c->role == NULL || at == NULL || c->type == CONFIG_CHECK_HTTP)
		return;
	if (strcmp(c->role, CONFIG_ROLE_PRIMARY) != 0 &&
	    strcmp(c->role, CONFIG_ROLE_REPLICA) != 0)
		diag_error(diag, &at->at,
		    "'%s' is no role of a database; expected primary or "
		    "replica",
		    at->shown);
	else if (service->mode == CONFIG_MODE_STANDBY &&
	    strcmp(c->role, CONFIG_ROLE_PRIMARY) != 0)
		diag_error(diag, &at->at,
		    "'role: replica' with 'mode: standby'; expected 'role: "
		    "primary', which is the server that is followed");
}

/* What the type says of the keys that belong to several. */
static void
check_type(const struct config_check *c, const struct config_service *service,
    const struct source_marks *marks, struct diag *diag)
{
	const struct config_check *from = &service->check;

	/* One that is no path was refused where it was read. */
	if (c->type == CONFIG_CHECK_SCRIPT && c->script == NULL &&
	    place(marks, &c->script, &from->script) == NULL)
		lacks(diag, place(marks, &c->type, &from->type), "type: script",
		    "script");
	if (c->type == CONFIG_CHECK_TCP)
		check_dialog(c, from, marks, diag);
	if (check_forms_has_certificate(c))
		check_tls(c, from, marks, diag);
	if (check_forms_has_user(c))
		check_login(c, from, marks, diag);
	if (check_forms_has_role(c))
		check_role(c, service, marks, diag);
	if (c->type != CONFIG_CHECK_HTTP)
		return;
	check_headers(c, from, marks, diag);
	check_head(c, from, marks, diag);
	check_negotiate(c, from, marks, diag);
}

/* The port of MySQL: nothing else is usual there. */
#define MYSQL_PORT 3306

static void
warn_of_blocking(const struct config_server *server,
    const struct source_marks *marks, struct diag *diag)
{
	const struct config_check *c = &server->check;
	const unsigned port =
	    c->port != 0 ? c->port : addr_port(&server->address);
	const struct tree_node *at = source_marks_get(marks, &server->address);

	if (c->type == CONFIG_CHECK_TCP && port == MYSQL_PORT && at != NULL)
		diag_warning(diag, &at->at,
		    "a check by tcp at port %d: MySQL and MariaDB count who "
		    "leaves without a login, and shut this host out after "
		    "max_connect_errors of them; 'type: mysql' with a 'user' "
		    "logs in",
		    MYSQL_PORT);
}

void
check_rules_check(struct rules *r, const struct config_service *service)
{
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct config_server *server = &service->servers[i];

		check_type(&server->check, service, r->marks, r->diag);
		warn_of_blocking(server, r->marks, r->diag);
	}
}
