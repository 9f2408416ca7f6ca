#include "config/schema/schema_text.h"

#include "config/schema/scalar.h"
#include "config/schema/schema_type.h"
#include "config/yaml/diag.h"
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
	int e;

	if (k->zero != NULL && strcmp(node->text, k->zero) == 0) {
		put_number(k, field, 0);
		return true;
	}
	e = scalar_number(node->text, &value);
	if (e == -EINVAL) {
		refuse(s, k, node, "is not a number");
		return false;
	}
	if (e < 0 || (int64_t)value < k->min || (int64_t)value > k->max) {
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
	int e = scalar_duration(node->text, &ms);

	if (e == -ENODATA) {
		refuse(s, k, node, "has no unit (ms, s, m or h)");
		return false;
	}
	if (e == -EINVAL) {
		refuse(s, k, node,
		    "is not a whole number with its unit (ms, s, m or h)");
		return false;
	}
	if (e < 0 || (int64_t)ms < k->min || (int64_t)ms > k->max) {
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

bool
schema_text_fill(struct schema *s, const struct schema_key *k,
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
	case SCHEMA_MATCHES:
		break;
	}
	/* A form knows itself which of its fields these are. */
	if (good && k->type != SCHEMA_OTHER)
		schema_mark(s, field, node);
	return good;
}
