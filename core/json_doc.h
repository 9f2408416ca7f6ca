#pragma once

/*
 * JSON documents, written and read: the door to jansson. A struct jdoc is a
 * value in a document; values belong to their document (the one from jdoc_new
 * or jdoc_parse), which jdoc_free releases. Running out of memory is remembered
 * and shows as a NULL text.
 */

#include "core/base.h"

struct jdoc;

/* An empty object. NULL where memory is out; every call takes NULL. */
struct jdoc *jdoc_new(void);
/* NULL where it is no JSON. */
struct jdoc *jdoc_parse(const char *text, size_t len);
/* The same for what others wrote, who may say a key twice: the last counts. */
struct jdoc *jdoc_parse_foreign(const char *text, size_t len);
void jdoc_free(struct jdoc *doc);
void jdoc_free_at(struct jdoc **doc); /* for CLEANUP */

/*
 * `key` NULL where `at` is an array: the value is appended. A string that is
 * NULL is null.
 */
void jdoc_put_string(struct jdoc *at, const char *key, const char *value);
void jdoc_put_int(struct jdoc *at, const char *key, int64_t value);
void jdoc_put_real(struct jdoc *at, const char *key, double value);
void jdoc_put_bool(struct jdoc *at, const char *key, bool value);
void jdoc_put_null(struct jdoc *at, const char *key);
struct jdoc *jdoc_put_object(struct jdoc *at, const char *key);
struct jdoc *jdoc_put_array(struct jdoc *at, const char *key);

/* The whole text, which the caller frees; NULL where memory ran out. */
char *jdoc_text(const struct jdoc *doc, bool indented);

/* Reading: NULL, "", 0, false where there is no such thing. */
const struct jdoc *jdoc_get(const struct jdoc *at, const char *key);
const struct jdoc *jdoc_at(const struct jdoc *array, size_t index);
size_t jdoc_count(const struct jdoc *array);
const char *jdoc_string(const struct jdoc *at, const char *key);
int64_t jdoc_int(const struct jdoc *at, const char *key);
double jdoc_real(const struct jdoc *at, const char *key);
bool jdoc_bool(const struct jdoc *at, const char *key);
/* Of a value that is itself a string; "" where it is none. */
const char *jdoc_text_value(const struct jdoc *value);
bool jdoc_is_null(const struct jdoc *value);
bool jdoc_is_object(const struct jdoc *value);
bool jdoc_is_string(const struct jdoc *value);
/* Of a value that is itself a boolean or a number, and this one. */
bool jdoc_is_bool(const struct jdoc *value, bool wanted);
bool jdoc_is_number(const struct jdoc *value, double wanted);
/* For messages: true, 12, "text", [...]; cut to the room. */
void jdoc_show(const struct jdoc *value, char *buf, size_t room);
