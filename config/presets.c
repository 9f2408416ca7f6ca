#include "config/presets.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"
#include "config/tree.h"

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

static const struct preset {
	const char *text, *by_source; /* YAML; NULL: none */
} presets[] = {
	[CONFIG_PRESET_NONE] = { NULL, NULL },
	[CONFIG_PRESET_IMPALAD] = {
	    IMPALAD "servers: {max_connections: 60, slow_start: 30s}\n",
	    IMPALAD "servers: {max_connections: 60}\n",
	},
};

_Static_assert(2 * ARRAY_LEN(presets) <= SCHEMA_DEFAULTS_MAX, "room for each");

static bool
is_text(const struct tree_node *node, const char *text)
{
	return node != NULL && node->type == TREE_TEXT &&
	    strcmp(node->text, text) == 0;
}

const struct tree_node *
presets_of(struct schema *s, const struct tree_node *service)
{
	const char *const source = config_balance_words[CONFIG_BALANCE_SOURCE];
	const bool by_source = is_text(tree_get(service, "balance"), source);
	const struct tree_node *name = tree_get(service, "preset");
	struct tree **defaults;
	const char *text;
	size_t i = 0;

	/* What is no preset is refused where the key itself is read. */
	while (i < ARRAY_LEN(presets) && !is_text(name, config_preset_words[i]))
		i++;
	if (i == ARRAY_LEN(presets) || presets[i].text == NULL)
		return NULL;
	text = by_source ? presets[i].by_source : presets[i].text;
	defaults = &s->defaults[2 * i + by_source];
	if (*defaults == NULL &&
	    tree_parse(text, strlen(text), NULL, defaults) == -ENOMEM)
		s->out_of_memory = true;
	return *defaults == NULL ? NULL : tree_root(*defaults);
}
