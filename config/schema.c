/*
 * Keys are read in the order of their table, not of the file: what a later key
 * inherits from an earlier one is there. A default is text that goes through
 * the same code as the user's.
 */
#include "config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diag.h"
#include "config/nearest.h"
#include "config/scalar.h"
#include "config/schema_type.h"
#include "config/tree.h"

static void fill_map(struct schema *s, const struct schema_table *table,
    const struct tree_node *map, void *base, bool keep);

void
schema_mark(struct schema *s, const void *field, const struct tree_node *node)
{
	if (node->at.line > 0 && marks_add(&s->marks, field, node) < 0)
		s->out_of_memory = true;
}

char *
schema_copy(struct schema *s, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		s->out_of_memory = true;
	return copy;
}

static void
put_number(const struct schema_key *k, void *field, uint64_t value)
{
	const uint8_t u8 = (uint8_t)value;
	const uint16_t u16 = (uint16_t)value;
	const uint32_t u32 = (uint32_t)value;

	if (k->size == sizeof(u8))
		memcpy(field, &u8, sizeof(u8));
	else if (k->size == sizeof(u16))
		memcpy(field, &u16, sizeof(u16));
	else
		memcpy(field, &u32, sizeof(u32));
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

static void
refuse(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, const char *fault)
{
	char wanted[SCHEMA_TYPE_TEXT];

	schema_type_text(k, wanted, sizeof(wanted));
	if (node->is_none)
		diag_error(s->diag, &node->at, "'%s' has no value; expected %s",
		    k->name, wanted);
	else
		diag_error(s->diag, &node->at, "'%s' %s; expected %s",
		    node->shown, fault, wanted);
}

static bool
fill_string(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	const char *extra = k->extra == NULL ? "" : k->extra;
	char *copy;

	if (k->type == SCHEMA_NAME &&
	    !scalar_is_name(node->text, (size_t)k->max, extra)) {
		refuse(s, k, node,
		    strlen(node->text) > (size_t)k->max ? "is too long"
		                                        : "is not a name");
		return false;
	}
	if (k->type == SCHEMA_PATH &&
	    (!scalar_is_path(node->text) ||
	        strlen(node->text) > (size_t)k->max)) {
		refuse(s, k, node,
		    strlen(node->text) > (size_t)k->max
		        ? "is too long"
		        : "is not the path of a file");
		return false;
	}
	copy = schema_copy(s, node->text);
	memcpy(field, &copy, sizeof(copy));
	return copy != NULL;
}

static bool
fill_number(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	uint64_t value;
	int r;

	if (k->zero != NULL && strcmp(node->text, k->zero) == 0) {
		put_number(k, field, 0);
		return true;
	}
	r = scalar_number(node->text, &value);
	if (r == -EINVAL) {
		refuse(s, k, node, "is not a number");
		return false;
	}
	if (r < 0 || (int64_t)value < k->min || (int64_t)value > k->max) {
		refuse(s, k, node, "is out of range");
		return false;
	}
	put_number(k, field, value);
	return true;
}

static bool
fill_duration(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	uint64_t ms;
	int r = scalar_duration(node->text, &ms);

	if (r == -ENODATA) {
		refuse(s, k, node, "has no unit (ms, s, m or h)");
		return false;
	}
	if (r == -EINVAL) {
		refuse(s, k, node,
		    "is not a whole number with its unit (ms, s, m or h)");
		return false;
	}
	if (r < 0 || (int64_t)ms < k->min || (int64_t)ms > k->max) {
		refuse(s, k, node, "is out of range");
		return false;
	}
	if (k->in_seconds && ms % 1000 != 0) {
		refuse(s, k, node, "has a fraction");
		return false;
	}
	put_number(k, field, ms);
	return true;
}

static bool
fill_bool(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	const bool value = strcmp(node->text, "true") == 0;

	if (!value && strcmp(node->text, "false") != 0) {
		refuse(s, k, node, "is neither true nor false");
		return false;
	}
	memcpy(field, &value, sizeof(value));
	return true;
}

static bool
fill_word(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	char wanted[SCHEMA_TYPE_TEXT];

	for (unsigned i = 0; k->words[i] != NULL; i++) {
		if (strcmp(node->text, k->words[i]) != 0)
			continue;
		put_number(k, field, i);
		return true;
	}
	schema_type_text(k, wanted, sizeof(wanted));
	diag_error(s->diag, &node->at, "unknown %s '%s'; expected %s", k->name,
	    node->shown, wanted);
	return false;
}

static bool
fill_ip(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	union addr a;

	if (addr_parse_ip(node->text, &a) < 0) {
		refuse(s, k, node,
		    addr_parse(node->text, &a) == 0 ? "has a port"
		                                    : "is not an address");
		return false;
	}
	memcpy(field, &a, sizeof(a));
	return true;
}

/* What is neither list nor map. Says whether there is a value now. */
static bool
fill_text(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	bool good = false;

	if (node->is_none) {
		refuse(s, k, node, "");
		return false;
	}
	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
		good = fill_string(s, k, node, field);
		break;
	case SCHEMA_NUMBER:
		good = fill_number(s, k, node, field);
		break;
	case SCHEMA_BOOL:
		good = fill_bool(s, k, node, field);
		break;
	case SCHEMA_DURATION:
		good = fill_duration(s, k, node, field);
		break;
	case SCHEMA_IP:
		good = fill_ip(s, k, node, field);
		break;
	case SCHEMA_WORD:
		good = fill_word(s, k, node, field);
		break;
	case SCHEMA_OTHER:
		good = k->form->parse(s, node, field) > 0;
		break;
	case SCHEMA_MAP:
	case SCHEMA_LIST:
		break;
	}
	/* A form knows itself which of its fields these are. */
	if (good && k->type != SCHEMA_OTHER)
		schema_mark(s, field, node);
	return good;
}

/* One item of a list. Returns how many it became. */
static size_t
fill_item(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *item)
{
	const struct schema_list *list = k->list;
	const char *q = node->type == TREE_TEXT ? "'" : "";

	if (node->type == TREE_MAP && list->table != NULL) {
		fill_map(s, list->table, node, item, false);
		return 1;
	}
	if (node->is_none) {
		diag_error(
		    s->diag, &node->at, "'%s' has an empty item", k->name);
		return 0;
	}
	if (node->type == TREE_TEXT && list->form != NULL)
		return list->form->parse(s, node, item);
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
	size_t n = node->type == TREE_LIST ? node->n_items : 1;

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
    const struct tree_node *node, void *base)
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
		array = calloc(n * list->spread, list->item_size);
		if (array == NULL) {
			s->out_of_memory = true;
			return;
		}
		memcpy(field, &array, sizeof(array));
		schema_mark(s, field, node);
	}
	for (size_t i = 0; i < n && !s->out_of_memory; i++) {
		char *item = array + used * list->item_size;

		if (list->born != NULL)
			list->born(item, base);
		used += fill_item(s, k, items[i], item);
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
		    "'%s' wants keys, found %s%s%s; expected such as '%s: ...'",
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
	fill_map(s, &table, node, (char *)base + k->offset, false);
}

static void
fill_value(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *base)
{
	if (k->type == SCHEMA_LIST) {
		if (node->is_none)
			diag_error(s->diag, &node->at,
			    "'%s' has no value; expected a list", k->name);
		else
			fill_list(s, k, node, base);
		return;
	}
	if (k->type != SCHEMA_MAP) {
		char wanted[SCHEMA_TYPE_TEXT];

		if (node->type == TREE_TEXT) {
			if (fill_text(s, k, node, (char *)base + k->offset))
				set_present(k, base);
			return;
		}
		schema_type_text(k, wanted, sizeof(wanted));
		diag_error(s->diag, &node->at, "'%s' is %s; expected %s",
		    k->name, node->shown, wanted);
		return;
	}
	if (k->name_at != NULL) {
		fill_named(s, k, node, base);
		return;
	}
	if (node->type != TREE_MAP) {
		refuse_map(s, k, k->table, node);
		return;
	}
	set_present(k, base);
	fill_map(s, k->table, node, (char *)base + k->offset, k->inherit);
}

/* The default, as if the user had written it. */
static void
fill_absent(struct schema *s, const struct schema_key *k, void *base)
{
	const struct tree_node node = {
		.type = TREE_TEXT,
		.text = k->fallback,
		.shown = k->fallback,
		.weight = 1,
	};

	if (k->type == SCHEMA_MAP && !k->optional && !k->inherit)
		fill_map(s, k->table, NULL, (char *)base + k->offset, false);
	else if (k->fallback != NULL)
		fill_value(s, k, &node, base);
}

static void
refuse_key(struct schema *s, const struct schema_table *table,
    const struct tree_node *key)
{
	unsigned best = nearest_limit(key->text) + 1;
	const char *near = NULL;
	char keys[SCHEMA_TYPE_TEXT];
	size_t used = 0;

	keys[0] = '\0';
	for (size_t i = 0; i < table->n_keys; i++) {
		const char *name = table->keys[i].name;
		unsigned d = nearest_distance(key->text, name);

		if (d < best) {
			best = d;
			near = name;
		}
		if (used < sizeof(keys))
			used +=
			    (size_t)snprintf(keys + used, sizeof(keys) - used,
			        "%s%s", i == 0 ? "" : ", ", name);
	}
	if (near != NULL)
		diag_error(s->diag, &key->at,
		    "unknown key '%s'; did you mean '%s'?", key->shown, near);
	else
		diag_error(s->diag, &key->at,
		    "unknown key '%s'; %s has the keys %s", key->shown,
		    table->what, keys);
}

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
has_key(const struct schema_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return true;
	return false;
}

/* Of keys that exclude each other, one has to be there. */
static void
check_choice(struct schema *s, const struct schema_table *table,
    const struct tree_node *map)
{
	const struct tree_node *first = NULL;
	char names[SCHEMA_TYPE_TEXT];

	schema_type_choice(table, names, sizeof(names));
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct tree_node *key =
		    find_key(map, table->keys[i].name);

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
	if (first == NULL && names[0] != '\0')
		diag_error(s->diag, &map->at,
		    "%s lacks one of the keys %s, which is required",
		    table->what, names);
}

static void
fill_key(struct schema *s, const struct schema_key *k,
    const struct tree_node *map, void *base)
{
	const struct tree_node *key = find_key(map, k->name);

	if (k->with != NULL && find_key(map, k->with) == NULL)
		diag_error(s->diag, &key->at,
		    "'%s' belongs to '%s', and there is none here", key->shown,
		    k->with);
	else
		fill_value(s, k, tree_get(map, k->name), base);
}

/* `map` NULL: nothing was given. `keep`: what is absent stays as it is. */
static void
fill_map(struct schema *s, const struct schema_table *table,
    const struct tree_node *map, void *base, bool keep)
{
	for (size_t i = 0; map != NULL && i < map->n_items; i += 2)
		if (!has_key(table, map->items[i]->text))
			refuse_key(s, table, map->items[i]);
	for (size_t i = 0; i < table->n_keys && !s->out_of_memory; i++) {
		const struct schema_key *k = &table->keys[i];

		if (find_key(map, k->name) != NULL)
			fill_key(s, k, map, base);
		else if (k->required && map != NULL)
			diag_error(s->diag, &map->at,
			    "%s lacks the key '%s', which is required",
			    table->what, k->name);
		else if (!keep && (k->with == NULL || find_key(map, k->with)))
			fill_absent(s, k, base);
	}
	if (map != NULL)
		check_choice(s, table, map);
}

void
schema_fill(struct schema *s, const struct schema_table *table,
    const struct tree_node *map, void *base)
{
	fill_map(s, table, map, base, false);
}

void
schema_fini(struct schema *s)
{
	marks_fini(&s->marks);
}
