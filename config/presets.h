#pragma once

/*
 * What is known of a kind of server, as defaults for its service. Why each of
 * them is as it is, is said beside it.
 */

struct schema;
struct tree_node;

/*
 * The defaults that follow from a service's preset and mode, as a map of its
 * keys; what is under `servers` is for each of them. NULL where there are none.
 */
const struct tree_node *presets_of(
    struct schema *s, const struct tree_node *service);
