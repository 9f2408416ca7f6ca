/*
 * libyaml's events become nodes without recursion: a node that is complete
 * waits on a stack until the list or map around it ends and takes it. A frame
 * remembers where on that stack its items begin.
 */
#include "config/yaml/tree.h"

#include "config/arena.h"
#include "config/yaml/encoding.h"
#include "config/yaml/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define SHOWN_MAX 60 /* characters of a value in a message */

struct anchor {
	const char *name;
	struct tree_node *node; /* complete: so none contains itself */
};

struct frame {
	struct tree_node *node;
	const char *anchor; /* NULL: none */
	size_t first;       /* of its items, on the stack */
};

struct tree {
	struct arena arena;
	struct tree_node *root;
};

/* What lives while a text is being parsed. */
struct builder {
	yaml_parser_t parser;
	const char *text; /* borrowed: the caller's */
	size_t len;
	struct diag *diag; /* borrowed: the caller's */
	struct tree *tree;
	struct frame frames[TREE_DEPTH_MAX];
	size_t n_frames;
	struct anchor anchors[TREE_ANCHORS_MAX];
	size_t n_anchors;
	struct tree_node **stack;
	size_t n_stack, room;
	size_t n_nodes; /* and aliases, so far */
	unsigned documents;
};

/* libyaml counts from zero, people and editors from one. */
static struct diag_place
place_of(yaml_mark_t start, yaml_mark_t end)
{
	return (struct diag_place){
		.line = (unsigned)start.line + 1,
		.column = (unsigned)start.column + 1,
		.end_line = (unsigned)end.line + 1,
		.end_column = (unsigned)end.column + 1,
	};
}

static void
describe(struct builder *b, struct tree_node *n, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	char shown[SHOWN_MAX * 4 + 4];
	size_t n_shown;

	n->text = arena_copy(&b->tree->arena, text, len);
	n_shown = diag_quote(text, len, SHOWN_MAX, shown, sizeof(shown));
	n->shown = arena_copy(&b->tree->arena, shown, n_shown);
}

static bool
means_none(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static struct tree_node *
new_node(struct builder *b, enum tree_type type, const yaml_event_t *event)
{
	struct tree_node *n = arena_alloc(&b->tree->arena, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->type = type;
	n->weight = 1;
	n->at = place_of(event->start_mark, event->end_mark);
	n->shown = type == TREE_LIST ? "a list" : "a map of keys";
	if (type == TREE_TEXT) {
		describe(b, n, event);
		if (n->text == NULL || n->shown == NULL)
			return NULL;
		n->is_plain =
		    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		n->is_none = n->is_plain && means_none(n->text);
	}
	return n;
}

static int
push(struct builder *b, struct tree_node *n)
{
	if (b->n_stack == b->room) {
		size_t room = b->room == 0 ? 256 : b->room * 2;
		struct tree_node **stack =
		    realloc(b->stack, room * sizeof(struct tree_node *));

		if (stack == NULL)
			return -ENOMEM;
		b->stack = stack;
		b->room = room;
	}
	b->stack[b->n_stack++] = n;
	return 0;
}

static int
refuse_size(struct builder *b, const struct diag_place *at)
{
	return diag_error(b->diag, at,
	    "the file holds too much: more than %d values, with each alias "
	    "counted as what it stands for",
	    TREE_NODES_MAX);
}

/* A node is complete: it may be named, and waits for what is around it. */
static int
complete(struct builder *b, struct tree_node *n, const char *anchor)
{
	if (n->weight > TREE_NODES_MAX || ++b->n_nodes > TREE_NODES_MAX)
		return refuse_size(b, &n->at);
	if (anchor != NULL && b->n_anchors == TREE_ANCHORS_MAX)
		return diag_error(b->diag, &n->at,
		    "too many anchors; expected at most %d", TREE_ANCHORS_MAX);
	if (anchor != NULL)
		b->anchors[b->n_anchors++] =
		    (struct anchor){ .name = anchor, .node = n };
	return push(b, n);
}

static int
keep_anchor(struct builder *b, const yaml_char_t *anchor, const char **ret_name)
{
	const char *name = (const char *)anchor;

	*ret_name = NULL;
	if (name == NULL)
		return 0;
	*ret_name = arena_copy(&b->tree->arena, name, strlen(name));
	return *ret_name == NULL ? -ENOMEM : 0;
}

static int
refuse_tag(struct builder *b, const yaml_char_t *tag, const yaml_event_t *event)
{
	struct diag_place at = place_of(event->start_mark, event->end_mark);

	if (tag == NULL)
		return 0;
	return diag_error(b->diag, &at,
	    "tags ('!...') are not supported; expected a value without one, "
	    "or in quotes if it begins with '!'");
}

static int
on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct tree_node *n = new_node(b, TREE_TEXT, event);
	const char *anchor;
	int e = refuse_tag(b, event->data.scalar.tag, event);

	if (e < 0)
		return e;
	if (n == NULL)
		return -ENOMEM;
	if (strlen(n->text) != event->data.scalar.length)
		return diag_error(
		    b->diag, &n->at, "'%s' holds a NUL character", n->shown);
	e = keep_anchor(b, event->data.scalar.anchor, &anchor);
	return e < 0 ? e : complete(b, n, anchor);
}

static int
on_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct diag_place at = place_of(event->start_mark, event->end_mark);

	if (++b->n_nodes > TREE_NODES_MAX)
		return refuse_size(b, &at);
	/* From the end: an anchor may be given anew. */
	for (size_t i = b->n_anchors; i > 0; i--)
		if (strcmp(b->anchors[i - 1].name, name) == 0)
			return push(b, b->anchors[i - 1].node);
	return diag_error(b->diag, &at,
	    "'*%s' is an alias, but there is no '&%s' before it; a text that "
	    "begins with a star must be quoted",
	    name, name);
}

static int
on_start(struct builder *b, const yaml_event_t *event, enum tree_type type)
{
	bool list = type == TREE_LIST;
	struct tree_node *n = new_node(b, type, event);
	const char *anchor;
	int e = refuse_tag(b,
	    list ? event->data.sequence_start.tag
	         : event->data.mapping_start.tag,
	    event);

	if (e < 0)
		return e;
	if (n == NULL)
		return -ENOMEM;
	if (b->n_frames == TREE_DEPTH_MAX)
		return diag_error(b->diag, &n->at,
		    "lists and maps are nested too deep; expected at most %d "
		    "levels",
		    TREE_DEPTH_MAX);
	e = keep_anchor(b,
	    list ? event->data.sequence_start.anchor
	         : event->data.mapping_start.anchor,
	    &anchor);
	b->frames[b->n_frames++] = (struct frame){
		.node = n,
		.anchor = anchor,
		.first = b->n_stack,
	};
	return e;
}

struct key {
	const char *text;
	size_t index; /* of the key, in items */
};

static int
by_text_and_index(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	int order = strcmp(a->text, b->text);

	if (order != 0)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void
close_gaps(struct tree_node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->n_items; i += 2) {
		if (map->items[i] == NULL)
			continue;
		map->items[kept++] = map->items[i];
		map->items[kept++] = map->items[i + 1];
	}
	map->n_items = kept;
}

/*
 * The first of each key stays; the others go, with a word to the user. Sorted,
 * since a hostile map has a hundred thousand keys.
 */
static int
drop_twins(struct builder *b, struct tree_node *map)
{
	size_t n = map->n_items / 2;
	struct key *keys = calloc(n + 1, sizeof(*keys));

	if (keys == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct key){
			.text = map->items[2 * i]->text,
			.index = 2 * i,
		};
	qsort(keys, n, sizeof(*keys), by_text_and_index);
	for (size_t i = 1, first = 0; i < n; i++) {
		struct tree_node **twin = &map->items[keys[i].index];

		if (strcmp(keys[first].text, keys[i].text) != 0) {
			first = i;
			continue;
		}
		diag_error(b->diag, &(*twin)->at,
		    "the key '%s' is given twice; expected once",
		    (*twin)->shown);
		diag_note(b->diag, &map->items[keys[first].index]->at,
		    "the first one");
		*twin = NULL;
	}
	close_gaps(map);
	free(keys);
	return 0;
}

static int
check_map(struct builder *b, struct tree_node *map)
{
	for (size_t i = 0; i < map->n_items; i += 2) {
		const struct tree_node *key = map->items[i];

		if (key->type != TREE_TEXT)
			return diag_error(b->diag, &key->at,
			    "a key must be a word; this one is %s", key->shown);
		if (key->is_plain && strcmp(key->text, "<<") == 0)
			return diag_error(b->diag, &key->at,
			    "merging with '<<' is not supported; expected the "
			    "keys themselves, or an alias for a whole value");
	}
	if (map->n_items > 0)
		map->at = map->items[0]->at;
	return drop_twins(b, map);
}

static int
on_end(struct builder *b)
{
	const struct frame *f = &b->frames[--b->n_frames];
	struct tree_node *n = f->node;
	size_t count = b->n_stack - f->first;
	int e = 0;

	n->items =
	    arena_alloc(&b->tree->arena, count * sizeof(struct tree_node *));
	if (n->items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		n->items[i] = b->stack[f->first + i];
		n->weight += n->items[i]->weight;
	}
	n->n_items = count;
	b->n_stack = f->first;
	if (n->type == TREE_MAP)
		e = check_map(b, n);
	return e < 0 ? e : complete(b, n, f->anchor);
}

static int
on_document(struct builder *b, const yaml_event_t *event)
{
	struct diag_place at = place_of(event->start_mark, event->end_mark);

	if (b->documents++ == 0)
		return 0;
	return diag_error(b->diag, &at,
	    "a second document begins here; expected one in a file");
}

static int
on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, event, TREE_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event, TREE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(b);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

/* A byte of the text by libyaml's mark, which counts characters. */
static const char *
at_mark(const struct builder *b, yaml_mark_t mark)
{
	size_t at = 0;

	for (size_t i = 0; i < mark.index && at < b->len; i++) {
		uint32_t point;
		size_t n = utf8_decode(b->text + at, b->len - at, &point);

		at += n == 0 ? 1 : n;
	}
	return b->text + at; /* the text ends with a NUL */
}

/* The mistakes that people make with addresses, in words that help. */
static bool
explain(struct builder *b, const struct diag_place *at)
{
	const yaml_parser_t *p = &b->parser;
	const char *problem = at_mark(b, p->problem_mark);
	const char *context = at_mark(b, p->context_mark);
	struct diag_place begin = place_of(p->context_mark, p->problem_mark);

	if (p->context != NULL &&
	    strcmp(p->context, "while scanning an alias") == 0 &&
	    context[0] == '*') {
		char shown[SHOWN_MAX * 4 + 4];
		size_t len = strcspn(context, " \t\r\n,]}#");

		begin.end_column = begin.column + (unsigned)len;
		(void)diag_quote(context, len, SHOWN_MAX, shown, sizeof(shown));
		diag_error(b->diag, &begin,
		    "'%s' must be quoted, since YAML takes a star for an alias; "
		    "expected \"%s\"",
		    shown, shown);
		return true;
	}
	if (*problem == ':' && problem > b->text && problem[-1] == ']') {
		diag_error(b->diag, at,
		    "an address in brackets must be quoted, since YAML takes a "
		    "bracket for a list; expected, for example, \"[fd00::1]:80\"");
		return true;
	}
	if (p->problem != NULL &&
	    strncmp(p->problem, "mapping values are not", 22) == 0) {
		diag_error(b->diag, at,
		    "a key cannot stand here; expected it on a line of its "
		    "own, indented like its neighbours, or the text around "
		    "this colon in quotes");
		return true;
	}
	if (*problem == '\t') {
		diag_error(b->diag, at,
		    "a tab where YAML wants spaces; expected spaces");
		return true;
	}
	return false;
}

static int
on_failure(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	struct diag_place at = place_of(p->problem_mark, p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (explain(b, &at))
		return -EINVAL;
	diag_error(b->diag, &at, "this is not valid YAML: %s%s%s",
	    p->problem == NULL ? "cannot be read" : p->problem,
	    p->context == NULL ? "" : " ",
	    p->context == NULL ? "" : p->context);
	if (p->context != NULL &&
	    p->context_mark.index < p->problem_mark.index) {
		struct diag_place from =
		    place_of(p->context_mark, p->context_mark);

		diag_note(b->diag, &from, "which begins here");
	}
	return -EINVAL;
}

static int
run(struct builder *b)
{
	int e = 0;

	if (yaml_parser_initialize(&b->parser) == 0)
		return -ENOMEM;
	yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &b->parser, (const unsigned char *)b->text, b->len);
	for (bool more = true; e == 0 && more;) {
		yaml_event_t event;

		if (yaml_parser_parse(&b->parser, &event) == 0) {
			e = on_failure(b);
			break;
		}
		more = event.type != YAML_STREAM_END_EVENT;
		e = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&b->parser);
	if (e == 0 && b->n_stack > 0)
		b->tree->root = b->stack[0];
	return e;
}

int
tree_parse(
    const char *text, size_t len, struct diag *diag, struct tree **ret_tree)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	CLEANUP(free_str) char *copy = NULL;
	struct builder *b;
	int e;

	if (len > TREE_TEXT_MAX)
		return diag_error(diag, &(struct diag_place){ .line = 0 },
		    "the file is too large; expected at most %zu bytes",
		    TREE_TEXT_MAX);
	copy = malloc(len + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	e = encoding_check(copy, len, diag);
	if (e < 0)
		return e;
	t = calloc(1, sizeof(*t));
	b = calloc(1, sizeof(*b));
	if (t == NULL || b == NULL) {
		free(b);
		return -ENOMEM;
	}
	b->text = copy;
	b->len = len;
	b->diag = diag;
	b->tree = t;
	e = run(b);
	free(b->stack);
	free(b);
	if (e == 0) {
		*ret_tree = t;
		t = NULL;
	}
	return e;
}

void
tree_free_at(struct tree **t)
{
	if (*t != NULL)
		arena_fini(&(*t)->arena);
	free(*t);
	*t = NULL;
}

const struct tree_node *
tree_root(const struct tree *t)
{
	return t->root;
}

const struct tree_node *
tree_get(const struct tree_node *map, const char *key)
{
	for (size_t i = 0; map != NULL && i + 1 < map->n_items; i += 2)
		if (strcmp(map->items[i]->text, key) == 0)
			return map->items[i + 1];
	return NULL;
}

size_t
tree_length(const struct tree_node *list)
{
	if (list == NULL)
		return 0;
	return list->type == TREE_LIST ? list->n_items : 1;
}
