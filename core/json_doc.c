#include "core/json_doc.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

/*
 * A struct jdoc is jansson's json_t under a name of ours; a failed put leaves
 * a mark on nothing but the text, which then is missing the value. Since only
 * memory can fail here, and jansson steals references, that is all there is.
 */

static json_t *
in(const struct jdoc *doc)
{
	return (json_t *)(uintptr_t)doc;
}

static struct jdoc *
out(json_t *value)
{
	return (struct jdoc *)value;
}

struct jdoc *
jdoc_new(void)
{
	return out(json_object());
}

struct jdoc *
jdoc_parse(const char *text, size_t len)
{
	return out(json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL));
}

struct jdoc *
jdoc_parse_foreign(const char *text, size_t len)
{
	return out(json_loadb(text, len, JSON_ALLOW_NUL, NULL));
}

void
jdoc_free(struct jdoc *doc)
{
	json_decref(in(doc));
}

void
jdoc_free_at(struct jdoc **doc)
{
	jdoc_free(*doc);
	*doc = NULL;
}

/* Takes the reference; gives the value back, borrowed, or NULL. */
static json_t *
put(struct jdoc *at, const char *key, json_t *value)
{
	int r;

	if (key != NULL)
		r = json_object_set_new(in(at), key, value);
	else
		r = json_array_append_new(in(at), value);
	return r == 0 ? value : NULL;
}

void
jdoc_put_string(struct jdoc *at, const char *key, const char *value)
{
	json_t *string = value != NULL ? json_string(value) : json_null();

	/* Bytes that are no UTF-8 (a file's name): better than no value. */
	if (string == NULL)
		string = json_string("(not UTF-8)");
	(void)put(at, key, string);
}

void
jdoc_put_int(struct jdoc *at, const char *key, int64_t value)
{
	(void)put(at, key, json_integer(value));
}

void
jdoc_put_real(struct jdoc *at, const char *key, double value)
{
	(void)put(at, key, json_real(value));
}

void
jdoc_put_bool(struct jdoc *at, const char *key, bool value)
{
	(void)put(at, key, json_boolean(value));
}

void
jdoc_put_null(struct jdoc *at, const char *key)
{
	(void)put(at, key, json_null());
}

struct jdoc *
jdoc_put_object(struct jdoc *at, const char *key)
{
	return out(put(at, key, json_object()));
}

struct jdoc *
jdoc_put_array(struct jdoc *at, const char *key)
{
	return out(put(at, key, json_array()));
}

char *
jdoc_text(const struct jdoc *doc, bool indented)
{
	/* 15 digits print 0.4 as 0.4: 17 would show the binary fraction. */
	size_t flags = JSON_REAL_PRECISION(15) |
	    (indented ? JSON_INDENT(2) : JSON_COMPACT);

	return json_dumps(in(doc), flags);
}

const struct jdoc *
jdoc_get(const struct jdoc *at, const char *key)
{
	return out(json_object_get(in(at), key));
}

const struct jdoc *
jdoc_at(const struct jdoc *array, size_t index)
{
	return out(json_array_get(in(array), index));
}

size_t
jdoc_count(const struct jdoc *array)
{
	return json_array_size(in(array));
}

const char *
jdoc_string(const struct jdoc *at, const char *key)
{
	const char *s = json_string_value(json_object_get(in(at), key));

	return s != NULL ? s : "";
}

int64_t
jdoc_int(const struct jdoc *at, const char *key)
{
	return json_integer_value(json_object_get(in(at), key));
}

double
jdoc_real(const struct jdoc *at, const char *key)
{
	return json_number_value(json_object_get(in(at), key));
}

bool
jdoc_bool(const struct jdoc *at, const char *key)
{
	return json_is_true(json_object_get(in(at), key));
}

const char *
jdoc_text_value(const struct jdoc *value)
{
	const char *s = json_string_value(in(value));

	return s != NULL ? s : "";
}

bool
jdoc_is_null(const struct jdoc *value)
{
	return value == NULL || json_is_null(in(value));
}

bool
jdoc_is_object(const struct jdoc *value)
{
	return json_is_object(in(value));
}

bool
jdoc_is_string(const struct jdoc *value)
{
	return json_is_string(in(value));
}

bool
jdoc_is_bool(const struct jdoc *value, bool wanted)
{
	return wanted ? json_is_true(in(value)) : json_is_false(in(value));
}

bool
jdoc_is_number(const struct jdoc *value, double wanted)
{
	const double n = json_number_value(in(value));

	/* Not ==: both come from a text, and equal texts give equal numbers. */
	return json_is_number(in(value)) && n <= wanted && n >= wanted;
}

void
jdoc_show(const struct jdoc *value, char *buf, size_t room)
{
	CLEANUP(free_str) char *text = NULL;

	if (json_is_object(in(value)) || json_is_array(in(value))) {
		(void)snprintf(buf, room, "%s",
		    json_is_object(in(value)) ? "{...}" : "[...]");
		return;
	}
	text = json_dumps(
	    in(value), JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);
	(void)snprintf(buf, room, "%s", text == NULL ? "?" : text);
}
