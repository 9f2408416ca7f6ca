#pragma once

/*
 * What is known of a kind of server, as defaults for its service. Why each of
 * them is as it is: doc/hapair.yaml.5.
 */

struct schema;
struct tree_node;

/*
 * The defaults of the preset that a service names, as a map of its keys; what
 * is under `servers` is for each of them. NULL where it names none.
 */
const struct tree_node *presets_of(
    struct schema *s, const struct tree_node *service);

/* The text of a preset by its number, in YAML; NULL: has none. */
const char *presets_text(unsigned preset);
