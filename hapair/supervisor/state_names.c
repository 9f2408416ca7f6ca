#include "hapair/supervisor/state_names.h"

#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
compare(const void *left, const void *right)
{
	const struct state_names_one *a = left, *b = right;
	const int order = strcmp(a->service, b->service);

	return order != 0 ? order : strcmp(a->server, b->server);
}

int
state_names_init(struct state_names *n, const struct config *config)
{
	size_t room = 1;

	for (size_t i = 0; i < config->n_services; i++)
		room += config->services[i].n_servers;
	*n = (struct state_names){ .config = config };
	n->servers = calloc(room, sizeof(*n->servers));
	if (n->servers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t k = 0; k < s->n_servers; k++)
			n->servers[n->n++] =
			    (struct state_names_one){ .service = s->name,
				    .server = s->servers[k].name };
	}
	qsort(n->servers, n->n, sizeof(*n->servers), compare);
	return 0;
}

static bool
has_server(const struct state_names *n, const struct accord *a)
{
	const struct state_names_one wanted = { .service = a->subject,
		.server = a->server };

	return bsearch(&wanted, n->servers, n->n, sizeof(*n->servers),
	           compare) != NULL;
}

static bool
has_standby(const struct state_names *n, const struct accord *a)
{
	for (size_t i = 0; i < n->config->n_services; i++) {
		const struct config_service *s = &n->config->services[i];
		const bool grouped = s->standby_group != NULL;

		if (s->mode == CONFIG_MODE_STANDBY &&
		    grouped == (a->kind == ACCORD_ACTIVE_GROUP) &&
		    strcmp(grouped ? s->standby_group : s->name, a->subject) ==
		        0)
			return true;
	}
	return false;
}

bool
state_names_has(const struct state_names *n, const struct accord *a)
{
	switch (a->kind) {
	case ACCORD_ADMIN:
	case ACCORD_WEIGHT:
		return has_server(n, a);
	case ACCORD_ACTIVE:
	case ACCORD_ACTIVE_GROUP:
		return has_standby(n, a);
	}
	return false;
}

void
state_names_fini(struct state_names *n)
{
	free(n->servers);
	*n = (struct state_names){ .n = 0 };
}
