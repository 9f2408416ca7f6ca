#include "proxy/web/web_guests.h"

#include "config/config.h"
#include "core/limiter.h"
#include "core/log.h"
#include "proxy/pool/acl.h"

#include <inttypes.h>
#include <stdlib.h>

#define THEMSELVES 2 /* 127.0.0.0/8 and ::1 */
#define DEFAULTS_MAX (THEMSELVES + CONFIG_NODES * (1 + CONFIG_LINKS_MAX))

struct web_guests {
	struct acl *acl;
	struct limiter lines;
};

static void
add(struct config_service *s, struct config_cidr *all, const union addr *a)
{
	size_t len;

	(void)addr_bytes(a, &len);
	all[s->n_allow].addr = *a;
	addr_set_port(&all[s->n_allow].addr, 0);
	all[s->n_allow++].prefix = (uint8_t)(len * 8);
}

static void
add_text(struct config_service *s, struct config_cidr *all, const char *ip,
    uint8_t prefix)
{
	union addr a;

	if (addr_parse_ip(ip, &a) < 0)
		return;
	add(s, all, &a);
	all[s->n_allow - 1].prefix = prefix;
}

/* This host, and whom the file calls its nodes. */
static void
add_defaults(
    struct config_service *s, struct config_cidr *all, const struct config *c)
{
	add_text(s, all, "127.0.0.0", 8);
	add_text(s, all, "::1", 128);
	for (size_t i = 0; c->has_pair && i < CONFIG_NODES; i++) {
		const struct config_node *n = &c->pair.nodes[i];

		add(s, all, &n->address);
		for (size_t k = 0; k < n->n_links; k++)
			add(s, all, &n->links[k]);
	}
}

struct web_guests *
web_guests_new(const struct config *c)
{
	struct web_guests *g = calloc(1, sizeof(*g));
	struct config_cidr defaults[DEFAULTS_MAX] = { 0 };
	struct config_service front = { .allow = c->web.front.allow,
		.n_allow = c->web.front.n_allow };

	if (g == NULL)
		return NULL;
	if (front.n_allow == 0) {
		front.allow = defaults;
		add_defaults(&front, defaults, c);
	}
	if (acl_new(&front, &g->acl) == 0)
		return g;
	free(g);
	return NULL;
}

void
web_guests_free(struct web_guests *g)
{
	if (g == NULL)
		return;
	acl_free(g->acl);
	free(g);
}

bool
web_guests_are_welcome(struct web_guests *g, const union addr *client)
{
	char ip[ADDR_TEXT_MAX];
	uint64_t left_out;

	if (acl_is_allowed(g->acl, client))
		return true;
	if (limiter_allows(&g->lines, mono_now(), &left_out))
		log_info("web",
		    "%s is not in web.allow, closed (%" PRIu64 " more before)",
		    addr_format_ip(client, ip), left_out);
	return false;
}
