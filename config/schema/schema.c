/*
 * Keys are read in the order of their table, not of the file: what a later key
 * inherits from an earlier one is there. A default is text that goes through
 * the same code as the user's.
 */
#include "config/schema/schema.h"

#include "config/arena.h"
#include "config/schema/matches.h"
#include "config/schema/schema_text.h"
#include "config/schema/schema_type.h"
#include "config/schema/unknown_key.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <stdio.h>
#include <string.h>

/* What to fill a struct from. */
struct source {
	const struct tree_node *map;      /* NULL: nothing was given */
	const struct tree_node *defaults; /* a map, NULL: none */
	bool keep;                        /* what is absent stays as it is */
};

static void fill_map(struct schema *s, const struct schema_table *table,
    struct source from, void *base);

void
schema_mark(struct schema *s, const void *field, const struct tree_node *node)
{
	if (node->at.line > 0 && s->in_defaults == 0 &&
	    source_marks_add(&s->marks, field, node) < 0)
		s->out_of_memory = true;
}

void *
schema_alloc(struct schema *s, size_t n, size_t size)
{
	void *items = arena_alloc(s->memory, n * size);

	if (items == NULL)
		s->out_of_memory = true;
	return items;
}

char *
schema_copy(struct schema *s, const char *text)
{
	const size_t len = strlen(text);
	char *copy = schema_alloc(s, len + 1, 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

uint64_t
schema_get_number(const struct schema_key *k, const void *base)
{
	const void *field = (const char *)base + k->offset;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;

	if (k->size == sizeof(u8)) {
		memcpy(&u8, field, sizeof(u8));
		return u8;
	}
	if (k->size == sizeof(u16)) {
		memcpy(&u16, field, sizeof(u16));
		return u16;
	}
	memcpy(&u32, field, sizeof(u32));
	return u32;
}

/* One item of a list. Returns how many it became. */
static size_t
fill_item(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, const struct tree_node *defaults, void *item)
{
	const struct schema_list *list = k->list;
	const char *q = node->type == TREE_TEXT ? "'" : "";
	int n;

	if (node->type == TREE_MAP && list->table != NULL) {
		if (list->defaults != NULL)
			defaults = list->defaults(s, node);
		fill_map(s, list->table,
		    (struct source){ .map = node, .defaults = defaults }, item);
		return 1;
	}
	if (node->is_none) {
		diag_error(
		    s->diag, &node->at, "'%s' has an empty item", k->name);
		return 0;
	}
	if (node->type == TREE_TEXT && list->form != NULL) {
		/* The text is for some of the keys, the others it lacks. */
		if (list->table != NULL)
			fill_map(s, list->table,
			    (struct source){ .defaults = defaults }, item);
		n = list->form->parse(s, node, item);
		return n > 0 ? (size_t)n : 0;
	}
	if (list->form == NULL)
		diag_error(s->diag, &node->at,
		    "'%s' wants keys here, found %s%s%s; expected %s, such as "
		    "'%s: ...'",
		    k->name, q, node->shown, q, list->table->what,
		    list->table->keys[0].name);
	else
		diag_error(s->diag, &node->at,
		    "an item of '%s' is %s; expected %s", k->name, node->shown,
		    list->form->name);
	return 0;
}

static bool
count_is_good(
    struct schema *s, const struct schema_key *k, const struct tree_node *node)
{
	const size_t n = tree_length(node);

	if (n >= (size_t)k->min && n <= (size_t)k->max)
		return true;
	if (k->min == k->max)
		diag_error(s->diag, &node->at,
		    "%zu in '%s'; this version expects exactly %d", n, k->name,
		    (int)k->max);
	else if (n == 0)
		diag_error(s->diag, &node->at,
		    "'%s' is empty; expected at least %d", k->name,
		    (int)k->min);
	else
		diag_error(s->diag, &node->at,
		    "%zu in '%s'; expected at most %d", n, k->name,
		    (int)k->max);
	return false;
}

/*
 * A list, or its only item alone. Where there are too many, the first ones are
 * still read: there may be other mistakes in them.
 */
static void
fill_list(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, const struct tree_node *defaults, void *base)
{
	const struct schema_list *list = k->list;
	struct tree_node *only = (struct tree_node *)node;
	bool is_list = node->type == TREE_LIST;
	struct tree_node **items = is_list ? node->items : &only;
	size_t n = is_list ? node->n_items : 1, used = 0;
	char *field = (char *)base + k->offset, *array = field;

	if (!count_is_good(s, k, node) && n > (size_t)k->max)
		n = (size_t)k->max;
	if (n == 0)
		return;
	if (!list->in_place) {
		array = schema_alloc(s, n * (1 + list->twice), list->item_size);
		if (array == NULL)
			return;
		memcpy(field, &array, sizeof(array));
		schema_mark(s, field, node);
	}
	for (size_t i = 0; i < n && !s->out_of_memory; i++) {
		char *item = array + used * list->item_size;
		const bool undecided = s->undecided;

		if (list->born != NULL)
			list->born(item, base);
		used += fill_item(s, k, items[i], defaults, item);
		s->undecided = undecided;
	}
	if (!list->in_place)
		memcpy((char *)base + list->count_at, &used, sizeof(used));
	if (list->done != NULL)
		list->done(s, base);
}

static void
refuse_map(struct schema *s, const struct schema_key *k,
    const struct schema_table *table, const struct tree_node *node)
{
	const char *q = node->type == TREE_TEXT ? "'" : "";

	if (node->is_none || node->type == TREE_MAP)
		diag_error(s->diag, &node->at,
		    "'%s' is empty; expected keys such as '%s'", k->name,
		    table->keys[0].name);
	else
		diag_error(s->diag, &node->at,
		    "'%s' wants keys, found %s%s%s; expected, for example, '%s: ...'",
		    k->name, q, node->shown, q, table->keys[0].name);
}

static void
set_present(const struct schema_key *k, void *base)
{
	static const bool present = true;

	if (k->optional)
		memcpy((char *)base + k->present_at, &present, sizeof(present));
}

/* Numbers by names that the file itself gave. */
static void
fill_named(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *base)
{
	struct schema_key keys[SCHEMA_NAMES_MAX];
	const struct schema_table table = schema_type_named(k, base, keys);

	/* Of names that were refused, nothing can be said. */
	if (table.n_keys == 0)
		return;
	if (node->type != TREE_MAP || node->n_items == 0) {
		refuse_map(s, k, &table, node);
		return;
	}
	set_present(k, base);
	fill_map(s, &table, (struct source){ .map = node },
	    (char *)base + k->offset);
}

/* Of what may be a list or a map; `defaults` are those of its parts. */
static void
fill_parts(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, const struct tree_node *defaults, void *base)
{
	void *field = (char *)base + k->offset;

	if (k->type == SCHEMA_LIST && node->is_none)
		diag_error(s->diag, &node->at,
		    "'%s' has no value; expected a list", k->name);
	else if (k->type == SCHEMA_LIST)
		fill_list(s, k, node, defaults, base);
	else if (k->name_at != NULL)
		fill_named(s, k, node, base);
	else if (node->type != TREE_MAP)
		refuse_map(s, k, k->table, node);
	else {
		set_present(k, base);
		fill_map(s, k->table,
		    (struct source){
		        .map = node, .defaults = defaults, .keep = k->inherit },
		    field);
	}
}

static void
fill_value(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, const struct tree_node *defaults, void *base)
{
	void *field = (char *)base + k->offset;
	char wanted[SCHEMA_TYPE_TEXT];
	bool good = true;

	if (k->type == SCHEMA_LIST || k->type == SCHEMA_MAP) {
		fill_parts(s, k, node, defaults, base);
	} else if (k->type == SCHEMA_MATCHES && node->type == TREE_MAP) {
		matches_fill(s, k, node, field);
	} else if (k->type != SCHEMA_MATCHES && node->type == TREE_TEXT) {
		good = schema_text_fill(s, k, node, field);
		if (good)
			set_present(k, base);
	} else {
		good = false;
		schema_type_text(k, wanted, sizeof(wanted));
		diag_error(s->diag, &node->at, "'%s' is %s; expected %s",
		    k->name, node->is_none ? "empty" : node->shown, wanted);
	}
	s->undecided |= k->decides && !good;
}

/* The default, as if the user had written it. */
static void
fill_absent(struct schema *s, const struct schema_key *k,
    const struct tree_node *given, void *base)
{
	const struct tree_node node = {
		.type = TREE_TEXT,
		.text = k->fallback,
		.shown = k->fallback,
		.weight = 1,
	};

	s->in_defaults++;
	if (given != NULL)
		fill_value(s, k, given, NULL, base);
	else if (k->type == SCHEMA_MAP && !k->optional && !k->inherit)
		fill_map(s, k->table, (struct source){ .map = NULL },
		    (char *)base + k->offset);
	else if (k->fallback != NULL)
		fill_value(s, k, &node, NULL, base);
	s->in_defaults--;
}

/* What of a table the file has. */
struct given {
	const struct tree_node *map; /* NULL: nothing */
	/*
	 * Keys that a key which the table lacks was meant for, a bit each: that
	 * they are missing is no mistake of its own.
	 */
	uint64_t meant;
};

/* The key itself, not its value; NULL: it is not there. */
static const struct tree_node *
find_key(const struct tree_node *map, const char *name)
{
	for (size_t i = 0; map != NULL && i < map->n_items; i += 2)
		if (strcmp(map->items[i]->text, name) == 0)
			return map->items[i];
	return NULL;
}

static bool
is_meant(const struct given *given, size_t i)
{
	return (given->meant & (uint64_t)1 << i) != 0;
}

static bool
is_given(const struct schema_table *table, const struct given *given,
    const char *name)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (strcmp(table->keys[i].name, name) == 0 &&
		    is_meant(given, i))
			return true;
	return find_key(given->map, name) != NULL;
}

/* Of keys that exclude each other, one has to be there. */
static void
check_choice(struct schema *s, const struct schema_table *table,
    const struct given *given)
{
	const struct tree_node *map = given->map, *first = NULL;
	bool meant = false;
	char names[SCHEMA_TYPE_TEXT];

	schema_type_choice(table, names, sizeof(names));
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct tree_node *key =
		    find_key(map, table->keys[i].name);

		meant |= table->keys[i].choice && is_meant(given, i);
		if (!table->keys[i].choice || key == NULL)
			continue;
		if (first != NULL) {
			diag_error(s->diag, &key->at,
			    "'%s' beside '%s'; %s has one of the keys %s",
			    key->shown, first->shown, table->what, names);
			diag_note(s->diag, &first->at, "the first one");
		} else {
			first = key;
		}
	}
	if (first == NULL && names[0] != '\0' && !meant)
		diag_error(s->diag, &map->at,
		    "%s lacks one of the keys %s, which is required",
		    table->what, names);
}

static void
fill_key(struct schema *s, const struct schema_table *table,
    const struct schema_key *k, const struct given *given,
    const struct source *from, void *base)
{
	const struct tree_node *key = find_key(given->map, k->name);

	if (k->with != NULL && !is_given(table, given, k->with))
		diag_error(s->diag, &key->at,
		    "'%s' belongs to '%s', which is missing here", key->shown,
		    k->with);
	else if (k->applies != NULL && !s->undecided && !k->applies(base))
		diag_error(s->diag, &key->at,
		    "'%s' belongs to '%s', which is missing here", key->shown,
		    k->applies_to);
	else
		fill_value(s, k, tree_get(given->map, k->name),
		    tree_get(from->defaults, k->name), base);
}

/* What the file does not say of it. */
static void
miss_key(struct schema *s, const struct schema_table *table, size_t i,
    const struct given *given, const struct source *from, void *base)
{
	const struct schema_key *k = &table->keys[i];

	s->undecided |= k->decides && is_meant(given, i);
	if (k->required && given->map != NULL) {
		if (!is_meant(given, i))
			diag_error(s->diag, &given->map->at,
			    "%s lacks the key '%s', which is required",
			    table->what, k->name);
	} else if (!from->keep &&
	    (k->with == NULL || find_key(given->map, k->with) != NULL)) {
		fill_absent(s, k, tree_get(from->defaults, k->name), base);
	}
}

static void
fill_map(struct schema *s, const struct schema_table *table, struct source from,
    void *base)
{
	const struct tree_node *map = from.map;
	struct given given = { .map = map };

	for (size_t i = 0; map != NULL && i < map->n_items; i += 2)
		if (!unknown_key_is_there(table, map->items[i]->text))
			given.meant |=
			    unknown_key_refuse(s->diag, table, map->items[i]);
	for (size_t i = 0; i < table->n_keys && !s->out_of_memory; i++) {
		const struct schema_key *k = &table->keys[i];

		if (find_key(map, k->name) != NULL)
			fill_key(s, table, k, &given, &from, base);
		else
			miss_key(s, table, i, &given, &from, base);
	}
	if (map != NULL)
		check_choice(s, table, &given);
}

void
schema_fill(struct schema *s, const struct schema_table *table,
    const struct tree_node *map, void *base)
{
	fill_map(s, table, (struct source){ .map = map }, base);
}

void
schema_fini(struct schema *s)
{
	source_marks_fini(&s->marks);
	for (size_t i = 0; i < SCHEMA_DEFAULTS_MAX; i++)
		tree_free_at(&s->defaults[i]);
}
