#include "config/presets.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"
#include "config/tree.h"

static const char *const texts[] = {
	[CONFIG_PRESET_NONE] = NULL,
	[CONFIG_PRESET_IMPALAD] =
	    "balance: leastconn\n"
	    "connect: at_first_byte\n"
	    "timeouts: {idle: 0s}\n"
	    "check:\n"
	    "  type: http\n"
	    "  port: 25000\n"
	    "  path: /?json\n"
	    "  json: {is_coordinator: true}\n"
	    "  drain: {is_quiescing: true}\n"
	    "  fallback: /healthz\n"
	    "servers: {max_connections: 60, slow_start: 30s}\n",
};

_Static_assert(ARRAY_LEN(texts) <= SCHEMA_DEFAULTS_MAX, "room for each");

const char *
presets_text(unsigned preset)
{
	return preset < ARRAY_LEN(texts) ? texts[preset] : NULL;
}

const struct tree_node *
presets_of(struct schema *s, const struct tree_node *service)
{
	const struct tree_node *name = tree_get(service, "preset");
	unsigned i = 0;

	/* What is no preset is refused where the key itself is read. */
	if (name == NULL || name->type != TREE_TEXT)
		return NULL;
	while (i < ARRAY_LEN(texts) &&
	    strcmp(name->text, config_preset_words[i]) != 0)
		i++;
	if (presets_text(i) == NULL)
		return NULL;
	if (s->defaults[i] == NULL &&
	    tree_parse(texts[i], strlen(texts[i]), NULL, &s->defaults[i]) ==
	        -ENOMEM)
		s->out_of_memory = true;
	return s->defaults[i] == NULL ? NULL : tree_root(s->defaults[i]);
}
