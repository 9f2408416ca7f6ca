#include "config/rules/check_rules.h"

#include "config/config.h"
#include "config/schema/source_marks.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

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

/* `from`: whose keys these are where they are not its own. */
static void
check_one(const struct config_check *c, const struct config_check *from,
    const struct source_marks *marks, struct diag *diag)
{
	if (c->type == CONFIG_CHECK_SCRIPT && c->script == NULL)
		lacks(diag, place(marks, &c->type, &from->type), "type: script",
		    "script");
	if (c->type != CONFIG_CHECK_HTTP)
		return;
	if (c->ca != NULL && !c->tls)
		lacks(diag, place(marks, &c->ca, &from->ca), "ca", "tls: true");
	if (c->user != NULL && c->password_file == NULL)
		lacks(diag, place(marks, &c->user, &from->user), "user",
		    "password_file");
	if (c->user == NULL && c->password_file != NULL)
		lacks(diag,
		    place(marks, &c->password_file, &from->password_file),
		    "password_file", "user");
	check_negotiate(c, from, marks, diag);
}

void
check_rules_check(const struct config_service *service,
    const struct source_marks *marks, struct diag *diag)
{
	for (size_t i = 0; i < service->n_servers; i++)
		check_one(
		    &service->servers[i].check, &service->check, marks, diag);
}
