#include "config/schema/schema_text.h"

#include "config/schema/foreign_words.h"
#include "config/schema/scalar.h"
#include "config/schema/schema_type.h"
#include "config/yaml/diag.h"
#include "config/yaml/nearest.h"
#include "config/yaml/tree.h"

#include <errno.h>
#include <string.h>

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

/* Returns false, for whoever ends with that. */
static bool
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
	return false;
}

static bool
fill_string(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	const char *extra = k->extra == NULL ? "" : k->extra;
	char *copy;

	if (k->type == SCHEMA_NAME &&
	    !scalar_is_name(node->text, (size_t)k->max, extra))
		return refuse(s, k, node,
		    strlen(node->text) > (size_t)k->max ? "is too long"
		                                        : "is not a name");
	if (k->type == SCHEMA_PATH &&
	    (!scalar_is_path(node->text) ||
	        strlen(node->text) > (size_t)k->max))
		return refuse(s, k, node,
		    strlen(node->text) > (size_t)k->max
		        ? "is too long"
		        : "is not the path of a file");
	copy = schema_copy(s, node->text);
	memcpy(field, &copy, sizeof(copy));
	return copy != NULL;
}

static bool
fill_number(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	uint64_t value;
	int e;

	if (k->zero != NULL && strcmp(node->text, k->zero) == 0) {
		put_number(k, field, 0);
		return true;
	}
	e = scalar_number(node->text, &value);
	if (e == -EINVAL)
		return refuse(s, k, node, "is not a number");
	if (e < 0 || (int64_t)value < k->min || (int64_t)value > k->max)
		return refuse(s, k, node, "is out of range");
	put_number(k, field, value);
	return true;
}

static bool
fill_duration(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	uint64_t ms;
	int e = scalar_duration(node->text, &ms);

	if (e == -ENODATA)
		return refuse(s, k, node, "has no unit (ms, s, m or h)");
	if (e == -EINVAL)
		return refuse(s, k, node,
		    "is not a whole number with its unit (ms, s, m or h)");
	if (e < 0 || (int64_t)ms < k->min || (int64_t)ms > k->max)
		return refuse(s, k, node, "is out of range");
	if (k->in_seconds && ms % 1000 != 0)
		return refuse(s, k, node, "has a fraction");
	put_number(k, field, ms);
	return true;
}

static bool
fill_bool(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	const bool value = strcmp(node->text, "true") == 0;

	if (!value && strcmp(node->text, "false") != 0)
		return refuse(s, k, node, "is neither true nor false");
	memcpy(field, &value, sizeof(value));
	return true;
}

/* Of v3 nobody can say whether v1 or v2 was meant. */
#define TYPED_MIN 4

/* Another program's word, a slip of the hand, or one that nobody knows. */
static void
refuse_word(
    struct schema *s, const struct schema_key *k, const struct tree_node *node)
{
	const char *foreign = foreign_words_value(k->name, node->text);
	char wanted[SCHEMA_TYPE_TEXT], text[NEAREST_TEXT];
	struct nearest near = nearest_to(node->text);

	for (unsigned i = 0; k->words[i] != NULL; i++)
		nearest_offer(&near, k->words[i]);
	schema_type_text(k, wanted, sizeof(wanted));
	if (foreign != NULL)
		diag_error(s->diag, &node->at, "unknown %s '%s'; %s", k->name,
		    node->shown, foreign);
	else if (near.word != NULL && strlen(node->text) >= TYPED_MIN)
		diag_error(s->diag, &node->at, "unknown %s '%s'%s", k->name,
		    node->shown, nearest_text(&near, text));
	else
		diag_error(s->diag, &node->at, "unknown %s '%s'; expected %s",
		    k->name, node->shown, wanted);
}

static bool
fill_word(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	for (unsigned i = 0; k->words[i] != NULL; i++) {
		if (strcmp(node->text, k->words[i]) != 0)
			continue;
		put_number(k, field, i);
		return true;
	}
	refuse_word(s, k, node);
	return false;
}

static bool
fill(struct schema *s, const struct schema_key *k, const struct tree_node *node,
    void *field)
{
	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
		return fill_string(s, k, node, field);
	case SCHEMA_NUMBER:
		return fill_number(s, k, node, field);
	case SCHEMA_BOOL:
		return fill_bool(s, k, node, field);
	case SCHEMA_DURATION:
		return fill_duration(s, k, node, field);
	case SCHEMA_WORD:
		return fill_word(s, k, node, field);
	case SCHEMA_OTHER:
		return k->form->parse(s, node, field) > 0;
	case SCHEMA_MAP:
	case SCHEMA_LIST:
	case SCHEMA_MATCHES:
		break;
	}
	return false;
}

bool
schema_text_fill(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field)
{
	const bool good =
	    node->is_none ? refuse(s, k, node, "") : fill(s, k, node, field);

	/*
	 * A form knows itself which of its fields these are. What is no path is
	 * not there, and yet was given: nobody need say that it lacks.
	 */
	if ((good && k->type != SCHEMA_OTHER) || k->type == SCHEMA_PATH)
		schema_mark(s, field, node);
	return good;
}
