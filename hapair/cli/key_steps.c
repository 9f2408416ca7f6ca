#include "hapair/cli/key_steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same_list(
    const char *const a[SECRET_KEYS_MAX], const char *const b[SECRET_KEYS_MAX])
{
	return is_same(a[0], b[0]) && is_same(a[1], b[1]);
}

static bool
has(const char *const keys[SECRET_KEYS_MAX], const char *key)
{
	return is_same(keys[0], key) || is_same(keys[1], key);
}

static __attribute__((format(printf, 3, 4))) bool
say(char *text, bool to_do, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, KEY_STEPS_TEXT, format, args);
	va_end(args);
	return to_do;
}

/* The file has two: the new one, then the old one. */
static bool
next_of_two(const struct key_steps *s, char *text)
{
	const char *new = s->file[0], *old = s->file[1];

	if (s->peers[0] == NULL)
		return say(text, true,
		    "keys: changing %s to %s; the peer is not heard, so which it has is not known",
		    old, new);
	if (has(s->peers, new))
		return say(text, true,
		    "keys: changed to %s on both nodes; next: take the line of %s out of the key file here, and `hapair reload`",
		    new, old);
	return say(text, true,
	    "keys: changing %s to %s; next: on the peer, put %s before the old line of its key file, and `hapair reload` there",
	    old, new, new);
}

static bool
next_of_one(const struct key_steps *s, char *text)
{
	const char *only = s->file[0];

	if (s->peers[1] == NULL)
		return say(text, false, "key %s, %s", only,
		    s->peers[0] == NULL ? "the peer is not heard"
		                        : "the peer has the same");
	if (is_same(s->peers[0], only))
		return say(text, true,
		    "keys: the peer takes %s, too; next: take its line out of the key file there, and `hapair reload` there",
		    s->peers[1]);
	return say(text, true,
	    "keys: the peer changes to %s; next: put it before the line of %s in the key file here, and `hapair reload`",
	    s->peers[0], only);
}

bool
key_steps_next(const struct key_steps *s, char ret_text[static KEY_STEPS_TEXT])
{
	if (!is_same_list(s->file, s->ours))
		return say(ret_text, true,
		    "keys: the key file is another than the daemon has read; next: `hapair reload`");
	return s->file[1] != NULL ? next_of_two(s, ret_text)
	                          : next_of_one(s, ret_text);
}
