#include "proxy/pool/acl.h"

#include "config/config.h"

#include <errno.h>
#include <stdlib.h>

enum access_rule {
	ACCESS_NONE, /* no network ends here: the shorter prefix decides */
	ACCESS_ALLOW,
	ACCESS_DENY,
};

/* A prefix; its children are a bit longer. */
struct access_node {
	uint32_t children[2]; /* indices; 0: none, since no root is a child */
	enum access_rule rule;
};

#define ROOT_V4 0
#define ROOT_V6 1
#define N_ROOTS 2

struct access {
	struct access_node *nodes; /* the roots, then as they came */
	uint32_t n_nodes;
	enum access_rule otherwise;
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

/* There is room: access_new() counted the bits of all networks. */
static void
add(struct access *a, const struct config_cidr *network, enum access_rule rule)
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
trim(struct access *a)
{
	struct access_node *nodes =
	    realloc(a->nodes, a->n_nodes * sizeof(*nodes));

	if (nodes != NULL)
		a->nodes = nodes;
}

int
access_new(const struct config_service *service, struct access **ret_access)
{
	size_t room = N_ROOTS + count_bits(service->allow, service->n_allow) +
	    count_bits(service->deny, service->n_deny);
	struct access *a;

	if (service->n_allow + service->n_deny == 0) {
		*ret_access = NULL;
		return 0;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	a->nodes = calloc(room, sizeof(*a->nodes));
	if (a->nodes == NULL) {
		access_free(a);
		return -ENOMEM;
	}
	a->n_nodes = N_ROOTS;
	a->otherwise = service->n_allow == 0 ? ACCESS_ALLOW : ACCESS_DENY;
	for (size_t i = 0; i < service->n_allow; i++)
		add(a, &service->allow[i], ACCESS_ALLOW);
	/* Last, so that of twins it is the one that stays. */
	for (size_t i = 0; i < service->n_deny; i++)
		add(a, &service->deny[i], ACCESS_DENY);
	trim(a);
	*ret_access = a;
	return 0;
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	free(a->nodes);
	free(a);
}

bool
access_is_allowed(const struct access *a, const union addr *client)
{
	const struct access_node *node;
	enum access_rule rule;
	const uint8_t *bytes;
	size_t len;

	if (a == NULL)
		return true;
	rule = a->otherwise;
	bytes = addr_bytes(client, &len);
	node = &a->nodes[root_of(client)];
	for (size_t i = 0;; i++) {
		uint32_t child;

		if (node->rule != ACCESS_NONE)
			rule = node->rule;
		if (i == len * 8)
			break;
		child = node->children[bit_at(bytes, i)];
		if (child == 0)
			break;
		node = &a->nodes[child];
	}
	return rule == ACCESS_ALLOW;
}
