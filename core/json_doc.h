#pragma once

/*
 * JSON documents, written and read: the door to jansson. A struct json_doc is a
 * value in a document; values belong to their document (the one from
 * json_doc_new or json_doc_parse), which json_doc_free_at releases. Running out
 * of memory is remembered and shows as a NULL text.
 */

#include "core/base.h"

struct json_doc;

/* An empty object. NULL where memory is out; every call takes NULL. */
struct json_doc *json_doc_new(void);
/* NULL where it is no JSON. */
struct json_doc *json_doc_parse(const char *text, size_t len);
/* The same for what others wrote, who may say a key twice: the last counts. */
struct json_doc *json_doc_parse_foreign(const char *text, size_t len);
void json_doc_free_at(struct json_doc **doc); /* for CLEANUP */

/*
 * `key` NULL where `at` is an array: the value is appended. A string that is
 * NULL is null.
 */
void json_doc_put_string(
    struct json_doc *at, const char *key, const char *value);
void json_doc_put_int(struct json_doc *at, const char *key, int64_t value);
void json_doc_put_real(struct json_doc *at, const char *key, double value);
void json_doc_put_bool(struct json_doc *at, const char *key, bool value);
void json_doc_put_null(struct json_doc *at, const char *key);
struct json_doc *json_doc_put_object(struct json_doc *at, const char *key);
struct json_doc *json_doc_put_array(struct json_doc *at, const char *key);
/* Of a value in another document; NULL: there is nothing to be put. */
void json_doc_put_copy(
    struct json_doc *at, const char *key, const struct json_doc *value);

/* The whole text, which the caller frees; NULL where memory ran out. */
char *json_doc_text(const struct json_doc *doc, bool indented);
/* The same, indented and of ASCII alone, for a terminal: \u009b is no escape.
 */
char *json_doc_text_ascii(const struct json_doc *doc);

/*
 * Each string of it, but for keys, becomes what `call` makes of it in `buf`.
 * Returns 0 or -ENOMEM.
 */
typedef void json_doc_change_fn(const char *text, char *buf, size_t room);
MUST_CHECK int json_doc_change_strings(
    struct json_doc *doc, json_doc_change_fn *call, char *buf, size_t room);

/* Reading: NULL, "", 0, false where there is no such thing. */
const struct json_doc *json_doc_get(const struct json_doc *at, const char *key);
const struct json_doc *json_doc_at(const struct json_doc *array, size_t index);
size_t json_doc_count(const struct json_doc *array);
/* Of an array of objects: whose "name" it is. */
const struct json_doc *json_doc_named(
    const struct json_doc *array, const char *name);
const char *json_doc_string(const struct json_doc *at, const char *key);
int64_t json_doc_int(const struct json_doc *at, const char *key);
double json_doc_real(const struct json_doc *at, const char *key);
bool json_doc_bool(const struct json_doc *at, const char *key);
/* Of a value that is itself a string; "" where it is none. */
const char *json_doc_text_value(const struct json_doc *value);
bool json_doc_is_null(const struct json_doc *value);
bool json_doc_is_object(const struct json_doc *value);
bool json_doc_is_string(const struct json_doc *value);
/* Of a value that is itself a boolean or a number, and this one. */
bool json_doc_is_bool(const struct json_doc *value, bool wanted);
bool json_doc_is_number(const struct json_doc *value, double wanted);
/* For messages: true, 12, "text", [...]; cut to the room. */
void json_doc_show(const struct json_doc *value, char *buf, size_t room);
