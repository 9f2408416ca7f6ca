#include "config/presets.h"

#include "config/config.h"
#include "config/schema/schema.h"
#include "config/yaml/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * connect: two threads do all logins of a port, and a client that connects and
 * is silent holds one of them for 5 minutes. Clients of Thrift speak first.
 *
 * idle: sessions are silent for hours while a query runs or a pool rests.
 *
 * check: the client port accepts while it serves nobody, and each connection
 * to it that says nothing is an error in Impala's log. /healthz is well while a
 * coordinator drains, and for an executor; only the page says that much, from
 * 3.1 on.
 *
 * max_connections: 64 threads serve a port; the 65th client waits where it
 * holds up the logins of all. Four are left for who does not come through us.
 *
 * slow_start: one that returns is empty, and would get all new connections.
 * With `source` it does not apply: there the client's address alone decides.
 * A share that grows would be another on each node, and after each start.
 */
#define IMPALAD                                                                \
	"balance: leastconn\n"                                                 \
	"connect: at_first_byte\n"                                             \
	"timeouts: {idle: 0s}\n"                                               \
	"check:\n"                                                             \
	"  type: http\n"                                                       \
	"  port: 25000\n"                                                      \
	"  path: /?json\n"                                                     \
	"  json: {is_coordinator: true}\n"                                     \
	"  drain: {is_quiescing: true}\n"                                      \
	"  fallback: /healthz\n"

/*
 * mode: one of them is in use, by all. With two, half of the cluster follows
 * the one, and half the other.
 *
 * connect: their clients speak first, but connect seldom, and want to be
 * refused at once where nobody serves.
 *
 * idle: nothing is said for weeks on a statestored's port, for hours on a
 * catalogd's.
 *
 * check: the daemon's own word, not its port's, which a hung one accepts on.
 * Two that know of each other (4.3 and 4.4 on) say on another page who of them
 * is active, and that one is followed; the standby is well, too.
 */
#define MASTER(port, role)                                                     \
	"mode: standby\n"                                                      \
	"connect: at_accept\n"                                                 \
	"timeouts: {idle: 0s}\n"                                               \
	"check:\n"                                                             \
	"  type: http\n"                                                       \
	"  port: " port "\n"                                                   \
	"  path: /healthz\n"                                                   \
	"  role: " role "\n"                                                   \
	"  role_path: /?json\n"

#define STATESTORED MASTER("25010", "statestore_active_status")
#define CATALOGD MASTER("25020", "catalogd_active_status")

static const struct preset {
	const char *text, *by_source; /* YAML; NULL: none */
	bool standby;                 /* its mode */
} presets[] = {
	[CONFIG_PRESET_NONE] = { NULL, NULL, false },
	[CONFIG_PRESET_IMPALAD] = {
	    IMPALAD "servers: {max_connections: 60, slow_start: 30s}\n",
	    IMPALAD "servers: {max_connections: 60}\n",
	    false,
	},
	[CONFIG_PRESET_STATESTORED] = { STATESTORED, STATESTORED, true },
	[CONFIG_PRESET_CATALOGD] = { CATALOGD, CATALOGD, true },
};

_Static_assert(4 * ARRAY_LEN(presets) <= SCHEMA_DEFAULTS_MAX, "room for each");

/* What changes with `mode: standby`, beside or without a preset. */
static const char standby_text[] = "hold: 6s\n"
                                   "on_down: reset\n";

#define TEXT_MAX 1024

static bool
is_text(const struct tree_node *node, const char *text)
{
	return node != NULL && node->type == TREE_TEXT &&
	    strcmp(node->text, text) == 0;
}

/* What is no preset is refused where the key itself is read. */
static unsigned
preset_of(const struct tree_node *service)
{
	const struct tree_node *name = tree_get(service, "preset");

	for (unsigned i = 0; i < ARRAY_LEN(presets); i++)
		if (is_text(name, config_preset_words[i]))
			return i;
	return CONFIG_PRESET_NONE;
}

static bool
is_standby(const struct tree_node *service, bool fallback)
{
	const struct tree_node *mode = tree_get(service, "mode");

	return mode == NULL
	    ? fallback
	    : is_text(mode, config_mode_words[CONFIG_MODE_STANDBY]);
}

const struct tree_node *
presets_of(struct schema *s, const struct tree_node *service)
{
	const char *const source = config_balance_words[CONFIG_BALANCE_SOURCE];
	const bool by_source = is_text(tree_get(service, "balance"), source);
	const unsigned i = preset_of(service);
	const bool standby = is_standby(service, presets[i].standby);
	const char *text = by_source ? presets[i].by_source : presets[i].text;
	struct tree **defaults = &s->defaults[4 * i + 2 * standby + by_source];
	char whole[TEXT_MAX];

	if (text == NULL && !standby)
		return NULL;
	(void)snprintf(whole, sizeof(whole), "%s%s", text != NULL ? text : "",
	    standby ? standby_text : "");
	if (*defaults == NULL &&
	    tree_parse(whole, strlen(whole), NULL, defaults) == -ENOMEM)
		s->out_of_memory = true;
	return *defaults == NULL ? NULL : tree_root(*defaults);
}
