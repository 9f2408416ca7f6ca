#pragma once

/*
 * An object of JSON in a line of its own, written and read without a document
 * of it. A list of connections has one for each: as a document (json_doc.h)
 * each of ten thousand takes 5 us to be written and 10 us to be read, beside
 * those who are served; so it takes one tenth of that.
 *
 * What is written is byte for byte what json_doc_text() makes of the same. What
 * is read is as much of JSON as is written so, of plain ASCII: for all else the
 * reader answers that it cannot tell, and a document can.
 *
 * Pure.
 */

#include "core/base.h"

struct json_line {
	char *text; /* the caller's */
	size_t room, len;
	bool full;  /* what came then is not there */
	bool first; /* of its object */
};

/* From its "{" on. Keys are ours: of letters. */
struct json_line json_line_begin(char *text, size_t room);

/* NULL is null. */
void json_line_put_string(
    struct json_line *l, const char *key, const char *value);
void json_line_put_int(struct json_line *l, const char *key, int64_t value);
void json_line_put_bool(struct json_line *l, const char *key, bool value);

/* An object in it, until the matching close. */
void json_line_open(struct json_line *l, const char *key);
void json_line_close(struct json_line *l);

/*
 * With its "}", a newline and a NUL. Returns the length without the NUL, or 0:
 * there was not room enough.
 */
MUST_CHECK size_t json_line_end(struct json_line *l);

/* Of a string without its quotes. */
struct json_line_value {
	const char *at; /* NULL: there is none, or it is null */
	size_t len;
};

/* Of keys that are asked for, and of a number: what has more is no line of
 * ours.
 */
#define JSON_LINE_KEYS_MAX 16
#define JSON_LINE_DIGITS_MAX 18

/*
 * The values of these keys, which may be in the line's object or in one within
 * it. False: the line is none of ours, or one of them is there twice.
 */
MUST_CHECK bool json_line_read(const char *text, size_t len,
    const char *const *keys, size_t n, struct json_line_value *ret_values);

/* As they are compared and reckoned with; 0 where it is no whole number. */
bool json_line_is(const struct json_line_value *v, const char *text);
int64_t json_line_int(const struct json_line_value *v);
