#include "core/json_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/*
 * A struct json_doc is jansson's json_t under a name of ours; a failed put
 * leaves a mark on nothing but the text, which then is missing the value. Since
 * only memory can fail here, and jansson steals references, that is all there
 * is.
 */

static json_t *
in(const struct json_doc *doc)
{
	return (json_t *)(uintptr_t)doc;
}

static struct json_doc *
out(json_t *value)
{
	return (struct json_doc *)value;
}

struct json_doc *
json_doc_new(void)
{
	return out(json_object());
}

struct json_doc *
json_doc_parse(const char *text, size_t len)
{
	return out(json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL));
}

struct json_doc *
json_doc_parse_foreign(const char *text, size_t len)
{
	return out(json_loadb(text, len, JSON_ALLOW_NUL, NULL));
}

void
json_doc_free_at(struct json_doc **doc)
{
	json_decref(in(*doc));
	*doc = NULL;
}

/* Takes the reference; gives the value back, borrowed, or NULL. */
static json_t *
put(struct json_doc *at, const char *key, json_t *value)
{
	int e;

	if (key != NULL)
		e = json_object_set_new(in(at), key, value);
	else
		e = json_array_append_new(in(at), value);
	return e == 0 ? value : NULL;
}

void
json_doc_put_string(struct json_doc *at, const char *key, const char *value)
{
	json_t *string = value != NULL ? json_string(value) : json_null();

	/* Bytes that are no UTF-8 (a file's name): better than no value. */
	if (string == NULL)
		string = json_string("(not UTF-8)");
	(void)put(at, key, string);
}

void
json_doc_put_int(struct json_doc *at, const char *key, int64_t value)
{
	(void)put(at, key, json_integer(value));
}

void
json_doc_put_real(struct json_doc *at, const char *key, double value)
{
	(void)put(at, key, json_real(value));
}

void
json_doc_put_bool(struct json_doc *at, const char *key, bool value)
{
	(void)put(at, key, json_boolean(value));
}

void
json_doc_put_null(struct json_doc *at, const char *key)
{
	(void)put(at, key, json_null());
}

struct json_doc *
json_doc_put_object(struct json_doc *at, const char *key)
{
	return out(put(at, key, json_object()));
}

struct json_doc *
json_doc_put_array(struct json_doc *at, const char *key)
{
	return out(put(at, key, json_array()));
}

void
json_doc_put_copy(
    struct json_doc *at, const char *key, const struct json_doc *value)
{
	if (value != NULL)
		(void)put(at, key, json_deep_copy(in(value)));
}

/* 15 digits print 0.4 as 0.4: 17 would show the binary fraction. */
#define REALS JSON_REAL_PRECISION(15)

char *
json_doc_text(const struct json_doc *doc, bool indented)
{
	return json_dumps(
	    in(doc), REALS | (indented ? JSON_INDENT(2) : JSON_COMPACT));
}

char *
json_doc_text_ascii(const struct json_doc *doc)
{
	return json_dumps(in(doc), REALS | JSON_INDENT(2) | JSON_ENSURE_ASCII);
}

/* Recursive: jansson reads no document that is deeper than 2,048. */
int
json_doc_change_strings(
    struct json_doc *doc, json_doc_change_fn *call, char *buf, size_t room)
{
	json_t *value = in(doc);
	void *at = json_object_iter(value);
	int e = 0;

	if (json_is_string(value)) {
		call(json_string_value(value), buf, room);
		if (strcmp(json_string_value(value), buf) == 0)
			return 0;
		return json_string_set(value, buf) == 0 ? 0 : -ENOMEM;
	}
	for (size_t i = 0; e == 0 && i < json_array_size(value); i++)
		e = json_doc_change_strings(
		    out(json_array_get(value, i)), call, buf, room);
	for (; e == 0 && at != NULL; at = json_object_iter_next(value, at))
		e = json_doc_change_strings(
		    out(json_object_iter_value(at)), call, buf, room);
	return e;
}

const struct json_doc *
json_doc_get(const struct json_doc *at, const char *key)
{
	return out(json_object_get(in(at), key));
}

const struct json_doc *
json_doc_at(const struct json_doc *array, size_t index)
{
	return out(json_array_get(in(array), index));
}

size_t
json_doc_count(const struct json_doc *array)
{
	return json_array_size(in(array));
}

const struct json_doc *
json_doc_named(const struct json_doc *array, const char *name)
{
	for (size_t i = 0; i < json_doc_count(array); i++) {
		const struct json_doc *one = json_doc_at(array, i);

		if (strcmp(json_doc_string(one, "name"), name) == 0)
			return one;
	}
	return NULL;
}

const char *
json_doc_string(const struct json_doc *at, const char *key)
{
	const char *s = json_string_value(json_object_get(in(at), key));

	return s != NULL ? s : "";
}

int64_t
json_doc_int(const struct json_doc *at, const char *key)
{
	return json_integer_value(json_object_get(in(at), key));
}

double
json_doc_real(const struct json_doc *at, const char *key)
{
	return json_number_value(json_object_get(in(at), key));
}

bool
json_doc_bool(const struct json_doc *at, const char *key)
{
	return json_is_true(json_object_get(in(at), key));
}

const char *
json_doc_text_value(const struct json_doc *value)
{
	const char *s = json_string_value(in(value));

	return s != NULL ? s : "";
}

bool
json_doc_is_null(const struct json_doc *value)
{
	return value == NULL || json_is_null(in(value));
}

bool
json_doc_is_object(const struct json_doc *value)
{
	return json_is_object(in(value));
}

bool
json_doc_is_string(const struct json_doc *value)
{
	return json_is_string(in(value));
}

bool
json_doc_is_bool(const struct json_doc *value, bool wanted)
{
	return wanted ? json_is_true(in(value)) : json_is_false(in(value));
}

bool
json_doc_is_number(const struct json_doc *value, double wanted)
{
	const double n = json_number_value(in(value));

	/* Not ==: both come from a text, and equal texts give equal numbers. */
	return json_is_number(in(value)) && n <= wanted && n >= wanted;
}

void
json_doc_show(const struct json_doc *value, char *buf, size_t room)
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
