#include "hapair/supervisor/state_places.h"

#include "config/config.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/standby_guard.h"

#include <errno.h>
#include <stdlib.h>

int
state_places_init(struct state_places *p, const struct config *config)
{
	*p = (struct state_places){
		.choices = calloc(config->n_services + 1, sizeof(*p->choices)),
		.guards = calloc(config->n_services + 1, sizeof(*p->guards)),
	};
	if (p->choices == NULL || p->guards == NULL)
		return -ENOMEM;
	return state_names_init(&p->names, config);
}

void
state_places_fini(struct state_places *p)
{
	free(p->choices);
	free(p->guards);
	state_names_fini(&p->names);
	*p = (struct state_places){ 0 };
}
