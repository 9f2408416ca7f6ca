#include "config/rules/check_rules.h"

#include "config/config.h"
#include "config/rules/rules.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

/* Where a value was given: at the server's check, else at the service's. */
static const struct tree_node *
place(const struct rules *r, const void *own, const void *inherited)
{
	const struct tree_node *node = rules_at(r, own);

	return node != NULL ? node : rules_at(r, inherited);
}

/* `needs` without `has`. */
static void
lacks(struct rules *r, const struct tree_node *at, const char *needs,
    const char *has)
{
	if (at != NULL)
		diag_error(r->diag, &at->at, "'%s' without '%s'; expected both",
		    needs, has);
}

/* `from`: whose keys these are where they are not its own. */
static void
check_http(struct rules *r, const struct config_check *c,
    const struct config_check *from)
{
	const struct tree_node *negotiate =
	    place(r, &c->negotiate, &from->negotiate);

	if (c->ca != NULL && !c->tls)
		lacks(r, place(r, &c->ca, &from->ca), "ca", "tls: true");
	if (c->user != NULL && c->password_file == NULL)
		lacks(r, place(r, &c->user, &from->user), "user",
		    "password_file");
	if (c->user == NULL && c->password_file != NULL)
		lacks(r, place(r, &c->password_file, &from->password_file),
		    "password_file", "user");
	if (!c->negotiate && c->negotiate_keytab != NULL)
		lacks(r,
		    place(r, &c->negotiate_keytab, &from->negotiate_keytab),
		    "negotiate_keytab", "negotiate: true");
	if (c->negotiate && c->user != NULL && negotiate != NULL)
		diag_error(r->diag, &negotiate->at,
		    "'negotiate' with 'user'; expected one of them");
}

void
check_rules_check(struct rules *r, const struct config_service *service)
{
	const struct config_check *from = &service->check;

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct config_check *c = &service->servers[i].check;

		if (c->type == CONFIG_CHECK_SCRIPT && c->script == NULL)
			lacks(r, place(r, &c->type, &from->type),
			    "type: script", "script");
		if (c->type == CONFIG_CHECK_HTTP)
			check_http(r, c, from);
	}
}
