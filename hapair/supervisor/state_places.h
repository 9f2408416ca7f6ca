#pragma once

/*
 * What the supervisor keeps of each service of a configuration for what is
 * agreed on (state_store.h). A value of its own, so that what another
 * configuration needs can be made before that one is in use.
 */

#include "hapair/supervisor/state_names.h"

struct active_choice;
struct config;
struct standby_guard;

struct state_places {
	struct active_choice *choices; /* by service */
	struct standby_guard *guards;  /* likewise */
	struct state_names names;
};

/* Returns 0 or -ENOMEM; state_places_fini() in any case. */
MUST_CHECK int state_places_init(
    struct state_places *p, const struct config *config);
void state_places_fini(struct state_places *p); /* takes zeros */
