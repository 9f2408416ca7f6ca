#include "proxy/pool/acl.h"

#include "config/config.h"

#include <errno.h>
#include <stdlib.h>

enum acl_rule {
	ACL_NONE, /* no network ends here: the shorter prefix decides */
	ACL_ALLOW,
	ACL_DENY,
};

/* A prefix; its children are a bit longer. */
struct acl_node {
	uint32_t children[2]; /* indices; 0: none, since no root is a child */
	enum acl_rule rule;
};

#define ROOT_V4 0
#define ROOT_V6 1
#define N_ROOTS 2

struct acl {
	struct acl_node *nodes; /* the roots, then as they came */
	uint32_t n_nodes;
	enum acl_rule otherwise;
};

static uint32_t
root_of(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? ROOT_V6 : ROOT_V4;
}

static unsigned
bit_at(const uint8_t *bytes, size_t at)
{
	return bytes[at / 8] >> (7 - at % 8) & 1;
}

/* There is room: acl_new() counted the bits of all networks. */
static void
add(struct acl *a, const struct config_cidr *network, enum acl_rule rule)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(&network->addr, &len);
	uint32_t at = root_of(&network->addr);

	for (size_t i = 0; i < network->prefix && i < len * 8; i++) {
		uint32_t *child = &a->nodes[at].children[bit_at(bytes, i)];

		if (*child == 0)
			*child = a->n_nodes++;
		at = *child;
	}
	a->nodes[at].rule = rule;
}

static size_t
count_bits(const struct config_cidr *networks, size_t n)
{
	size_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits += networks[i].prefix;
	return bits;
}

/* Most networks share their first bits: what they left over goes back. */
static void
trim(struct acl *a)
{
	struct acl_node *nodes = realloc(a->nodes, a->n_nodes * sizeof(*nodes));

	if (nodes != NULL)
		a->nodes = nodes;
}

int
acl_new(const struct config_service *service, struct acl **ret_access)
{
	size_t room = N_ROOTS + count_bits(service->allow, service->n_allow) +
	    count_bits(service->deny, service->n_deny);
	struct acl *a;

	if (service->n_allow + service->n_deny == 0) {
		*ret_access = NULL;
		return 0;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	a->nodes = calloc(room, sizeof(*a->nodes));
	if (a->nodes == NULL) {
		acl_free(a);
		return -ENOMEM;
	}
	a->n_nodes = N_ROOTS;
	a->otherwise = service->n_allow == 0 ? ACL_ALLOW : ACL_DENY;
	for (size_t i = 0; i < service->n_allow; i++)
		add(a, &service->allow[i], ACL_ALLOW);
	/* Last, so that of two alike it is the one that stays. */
	for (size_t i = 0; i < service->n_deny; i++)
		add(a, &service->deny[i], ACL_DENY);
	trim(a);
	*ret_access = a;
	return 0;
}

void
acl_free(struct acl *a)
{
	if (a == NULL)
		return;
	free(a->nodes);
	free(a);
}

bool
acl_is_allowed(const struct acl *a, const union addr *client)
{
	const struct acl_node *node;
	enum acl_rule rule;
	const uint8_t *bytes;
	size_t len;

	if (a == NULL)
		return true;
	rule = a->otherwise;
	bytes = addr_bytes(client, &len);
	node = &a->nodes[root_of(client)];
	for (size_t i = 0;; i++) {
		uint32_t child;

		if (node->rule != ACL_NONE)
			rule = node->rule;
		if (i == len * 8)
			break;
		child = node->children[bit_at(bytes, i)];
		if (child == 0)
			break;
		node = &a->nodes[child];
	}
	return rule == ACL_ALLOW;
}
