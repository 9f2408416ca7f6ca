#pragma once

/*
 * A YAML text as a tree of nodes that know where they stand in the file: the
 * door to libyaml. Every scalar is text here; what it means is its reader's
 * question, so there are no booleans called "no" and no octal numbers.
 *
 * Bounded, whatever the text: its length, the depth, and the number of nodes
 * with each alias counted as the nodes it stands for. An alias is a pointer to
 * the node that its anchor names, so nodes are shared and never changed.
 */

#include "config/yaml/diag.h"
#include "core/base.h"

#define TREE_TEXT_MAX ((size_t)4 * 1024 * 1024)
#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 200000
#define TREE_ANCHORS_MAX 256

enum tree_type {
	TREE_TEXT,
	TREE_LIST,
	TREE_MAP,
};

struct tree_node {
	enum tree_type type;
	bool is_plain; /* a text without quotes */
	bool is_none;  /* a text that YAML takes for nothing: no value */
	/*
	 * Of a list or map: where it begins. Of a map in lines: its first key.
	 */
	struct diag_place at;
	const char *text; /* of a text, UTF-8 without NUL; else NULL */
	const char
	    *shown; /* as a message quotes it: cut, nothing unprintable */
	struct tree_node *
	    *items;     /* of a list; of a map: key, value, key, ... */
	size_t n_items; /* of a map: twice its keys */
	size_t weight;  /* nodes from here down, aliases expanded */
};

struct tree;

/*
 * Mistakes go to `diag`. Returns 0 where there is a tree, which may be less
 * than the text said (a key given twice is there once, and is in `diag`),
 * -EINVAL where there is none, -ENOMEM. The caller frees the tree.
 */
MUST_CHECK int tree_parse(
    const char *text, size_t len, struct diag *diag, struct tree **ret_tree);
void tree_free_at(struct tree **t); /* for CLEANUP */

/* NULL where the text is empty, or nothing but comments. Borrowed. */
const struct tree_node *tree_root(const struct tree *t);

/* The value of a key in a map, NULL where it, or the map, is not there. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);

/* Of a list its items; of what may stand for its only one, 1. NULL: 0. */
size_t tree_length(const struct tree_node *list);
