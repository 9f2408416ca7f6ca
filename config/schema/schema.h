#pragma once

/*
 * The engine behind the tables in keys.c: fills structs from a tree, a row for
 * each key. Knows types, limits and defaults; knows nothing of what the keys
 * are for. A value that is wrong goes to `diag` and is left out; everything
 * else is still read, so that one run tells all mistakes.
 */

#include "config/schema/source_marks.h"
#include "core/base.h"

struct arena;
struct diag;
struct schema_table;
struct tree_node;

enum schema_type {
	SCHEMA_NAME,     /* const char *: of .max characters, also .extra */
	SCHEMA_PATH,     /* const char *: absolute, of .max characters */
	SCHEMA_NUMBER,   /* an unsigned of .size bytes, .min to .max */
	SCHEMA_BOOL,     /* bool */
	SCHEMA_DURATION, /* uint32_t, ms, .min to .max */
	SCHEMA_WORD,     /* an enum or unsigned: the index into .words */
	SCHEMA_MAP,      /* keys of the same struct: .table, or .name_at */
	SCHEMA_LIST,     /* .list, from .min to .max items */
	SCHEMA_MATCHES,  /* struct config_matches, at most .max of them */
	SCHEMA_OTHER,    /* .form */
};

#define SCHEMA_DEFAULTS_MAX 16

/* What one load needs; on the stack of its caller. */
struct schema {
	struct diag *diag;    /* borrowed */
	struct arena *memory; /* borrowed: of what is filled, and its owner's */
	struct source_marks marks; /* owned: schema_fini */
	bool out_of_memory;
	unsigned in_defaults; /* what is filled is not in the file: no marks */
	bool undecided; /* of this item: what .applies needs was refused */
	struct tree *defaults[SCHEMA_DEFAULTS_MAX]; /* owned; of .defaults */
};

/* A value with a form of its own. */
struct schema_form {
	const char *name; /* for the manual: "address", "ip/prefix" */
	/*
	 * Text to value, which may be more than one: fills an array and returns
	 * how many, -EINVAL where it is wrong and `diag` was told so. Marks
	 * what a rule may ask for.
	 */
	int (*parse)(
	    struct schema *s, const struct tree_node *text, void *ret_value);
	/* As parse reads it. NULL where the file cannot say it. */
	const char *(*print)(const void *value, char *buf, size_t room);
};

#define SCHEMA_NAMES_MAX 16   /* of a map of names */
#define SCHEMA_CHOICES_MAX 8  /* of a table */
#define SCHEMA_FORM_TEXT 4200 /* room for print: a path and something */

struct schema_list {
	size_t count_at; /* offset of the count; of an array in place, none */
	size_t item_size;
	bool twice;       /* one text may become two items */
	bool in_place;    /* an array of .max items within the struct */
	const char *item; /* what one is called; NULL: as its table or key */
	const struct schema_form *form;   /* of items that are text, or NULL */
	const struct schema_table *table; /* of items that are maps, or NULL */
	/*
	 * Of items that are maps: a map of what this one has where the file
	 * does not say, beside or instead of the fallbacks; NULL: none.
	 */
	const struct tree_node *(*defaults)(
	    struct schema *s, const struct tree_node *item);
	/* Before an item is filled, and when all are; NULL: nothing to do. */
	void (*born)(void *item, const void *parent);
	void (*done)(struct schema *s, void *parent);
};

struct schema_key {
	const char *name;
	enum schema_type type;
	size_t offset; /* of the value in its struct */
	size_t size;   /* of the value; see SCHEMA_AT */
	int64_t min, max;
	const char *fallback; /* as the user would write it; NULL: none */
	bool required;
	bool in_seconds;   /* of a duration: whole ones */
	bool inherit;      /* of a map: keys that are absent stay as they are */
	bool optional;     /* of a map or address: absent, nothing is filled */
	size_t present_at; /* of what is optional: a bool in the struct */
	bool choice;       /* of these keys of a table, one is there */
	const char *with;  /* makes sense beside this key only; or NULL */
	bool decides;      /* .applies of keys behind it depends on this one */
	/*
	 * Whether it has a meaning, given the struct as far as it is filled:
	 * else it is refused, and not printed; but where the word that decides
	 * was refused, that is the only mistake. `applies_to` tells to what it
	 * belongs. NULL: always.
	 */
	bool (*applies)(const void *base);
	const char *applies_to;
	bool hidden;      /* may hold a secret: no difference shows the value */
	const char *zero; /* of a number: the word for 0 */
	const char *extra; /* of a name: further characters; NULL: none */
	const char *const *words; /* ends with NULL */
	const struct schema_table *table;
	const struct schema_list *list;
	const struct schema_form *form;
	/*
	 * Of a map of names to numbers of a byte each, .min to .max: the i-th
	 * name, from the struct that the map is in; NULL: there is none.
	 */
	const char *(*name_at)(const void *base, size_t i);
	/* Of such a map: as that of a table. Of matches that are no JSON. */
	const char *what;
	const char *help; /* a sentence or two for the manual */
};

struct schema_table {
	const char *what; /* "a server": what has these keys, for messages */
	const struct schema_key *keys;
	size_t n_keys;
};

/* Offset and size of a member, in the order of struct schema_key. */
#define SCHEMA_AT(type, member)                                                \
	offsetof(type, member), sizeof(((type *)NULL)->member)

/* Fills `base`, zeroed before, from a map: the whole of the file. */
void schema_fill(struct schema *s, const struct schema_table *table,
    const struct tree_node *map, void *base);

/* For forms: `field` came from `node`; a default has no place to come from. */
void schema_mark(
    struct schema *s, const void *field, const struct tree_node *node);

/*
 * For forms: zeroed items, or a copy of the text, in `memory`. NULL (and
 * remembered) where it is out.
 */
void *schema_alloc(struct schema *s, size_t n, size_t size);
char *schema_copy(struct schema *s, const char *text);

/* The value of a number, word or duration. */
uint64_t schema_get_number(const struct schema_key *k, const void *base);

void schema_fini(struct schema *s);
