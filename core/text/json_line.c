#include "core/text/json_line.h"

#include <string.h>

/* -- writing --------------------------------------------------------------- */

static void
put(struct json_line *l, const char *bytes, size_t len)
{
	l->full = l->full || len > l->room - l->len;
	if (l->full)
		return;
	memcpy(l->text + l->len, bytes, len);
	l->len += len;
}

static void
put_text(struct json_line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* So many of them stand as they are. */
static size_t
plain_len(const char *text)
{
	size_t n = 0;

	while (
	    (unsigned char)text[n] >= ' ' && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

/* As jansson does it. */
static void
put_escaped(struct json_line *l, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = strchr(from, c);

	put(l, "\\", 1);
	if (known != NULL) {
		put(l, &to[known - from], 1);
		return;
	}
	put_text(l, "u00");
	put(l, &hex[(unsigned char)c >> 4], 1);
	put(l, &hex[(unsigned char)c & 0xf], 1);
}

static void
put_quoted(struct json_line *l, const char *text)
{
	put(l, "\"", 1);
	while (*text != '\0') {
		const size_t plain = plain_len(text);

		put(l, text, plain);
		text += plain;
		if (*text != '\0')
			put_escaped(l, *text++);
	}
	put(l, "\"", 1);
}

static void
put_key(struct json_line *l, const char *key)
{
	if (!l->first)
		put(l, ",", 1);
	l->first = false;
	put(l, "\"", 1);
	put_text(l, key);
	put(l, "\":", 2);
}

struct json_line
json_line_begin(char *text, size_t room)
{
	struct json_line l = { .text = text, .room = room, .first = true };

	put(&l, "{", 1);
	return l;
}

void
json_line_put_string(struct json_line *l, const char *key, const char *value)
{
	put_key(l, key);
	if (value != NULL)
		put_quoted(l, value);
	else
		put_text(l, "null");
}

void
json_line_put_int(struct json_line *l, const char *key, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	put_key(l, key);
	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		digits[--at] = '-';
	put(l, digits + at, sizeof(digits) - at);
}

void
json_line_put_bool(struct json_line *l, const char *key, bool value)
{
	put_key(l, key);
	put_text(l, value ? "true" : "false");
}

void
json_line_open(struct json_line *l, const char *key)
{
	put_key(l, key);
	put(l, "{", 1);
	l->first = true;
}

void
json_line_close(struct json_line *l)
{
	put(l, "}", 1);
	l->first = false;
}

size_t
json_line_end(struct json_line *l)
{
	put(l, "}\n", sizeof("}\n"));
	return l->full ? 0 : l->len - 1;
}

/* -- reading --------------------------------------------------------------- */

struct reader {
	const char *at, *end;
	const char *const *keys;
	size_t n, next; /* as they are written, the next one is the next */
	struct json_line_value *values;
	bool seen[JSON_LINE_KEYS_MAX];
};

static bool
take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
take_word(struct reader *r, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

static bool
take_string(struct reader *r, struct json_line_value *ret_value)
{
	const char *begin;

	if (!take(r, '"'))
		return false;
	for (begin = r->at; r->at < r->end && *r->at != '"'; r->at++)
		if (*r->at < ' ' || *r->at > '~' || *r->at == '\\')
			return false;
	*ret_value = (struct json_line_value){ begin, (size_t)(r->at - begin) };
	return take(r, '"');
}

/* A whole one, as it is written: without a zero in front. */
static bool
take_number(struct reader *r, struct json_line_value *ret_value)
{
	const char *begin = r->at;
	const char *digits;

	(void)take(r, '-');
	for (digits = r->at; r->at < r->end && *r->at >= '0' && *r->at <= '9';)
		r->at++;
	*ret_value = (struct json_line_value){ begin, (size_t)(r->at - begin) };
	return r->at - digits == 1 ||
	    (r->at > digits && *digits != '0' &&
	        r->at - digits <= JSON_LINE_DIGITS_MAX);
}

static bool
take_value(struct reader *r, struct json_line_value *ret_value)
{
	const char *begin = r->at;

	*ret_value = (struct json_line_value){ NULL, 0 };
	if (r->at < r->end && *r->at == '"')
		return take_string(r, ret_value);
	if (take_word(r, "null"))
		return true;
	if (!take_word(r, "true") && !take_word(r, "false"))
		return take_number(r, ret_value);
	*ret_value = (struct json_line_value){ begin, (size_t)(r->at - begin) };
	return true;
}

/* False: it is there for the second time. */
static bool
keep(struct reader *r, const struct json_line_value *key,
    const struct json_line_value *value)
{
	for (size_t i = 0; i < r->n; i++) {
		const size_t k = (r->next + i) % r->n;

		if (!json_line_is(key, r->keys[k]))
			continue;
		if (r->seen[k])
			return false;
		r->seen[k] = true;
		r->values[k] = *value;
		r->next = k + 1;
		return true;
	}
	return true;
}

/* An object in another one has none in it. */
static bool
take_pairs(struct reader *r, bool within)
{
	struct json_line_value key, value;

	if (take(r, '}'))
		return true;
	do {
		if (!take_string(r, &key) || !take(r, ':'))
			return false;
		if (!within && take(r, '{')) {
			if (!take_pairs(r, true))
				return false;
			continue;
		}
		if (!take_value(r, &value) || !keep(r, &key, &value))
			return false;
	} while (take(r, ','));
	return take(r, '}');
}

bool
json_line_read(const char *text, size_t len, const char *const *keys, size_t n,
    struct json_line_value *ret_values)
{
	struct reader r = { .at = text,
		.end = text + len,
		.keys = keys,
		.n = n,
		.values = ret_values };

	for (size_t i = 0; i < n; i++)
		ret_values[i] = (struct json_line_value){ NULL, 0 };
	return n <= JSON_LINE_KEYS_MAX && take(&r, '{') &&
	    take_pairs(&r, false) && r.at == r.end;
}

bool
json_line_is(const struct json_line_value *v, const char *text)
{
	/* Of what is compared most differs in the first character. */
	return v->len > 0 && *v->at == *text && strlen(text) == v->len &&
	    memcmp(v->at, text, v->len) == 0;
}

int64_t
json_line_int(const struct json_line_value *v)
{
	const bool negative = v->len > 0 && *v->at == '-';
	int64_t sum = 0;

	for (size_t i = negative; i < v->len; i++) {
		if (v->at[i] < '0' || v->at[i] > '9')
			return 0;
		sum = 10 * sum + (v->at[i] - '0');
	}
	return negative ? -sum : sum;
}
