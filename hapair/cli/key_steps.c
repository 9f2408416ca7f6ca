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

/* It takes none of the file's: one of the nodes is not understood. */
static bool
put_together(const struct key_steps *s, char *text)
{
	return say(text, true,
	    "keys: the peer takes %s%s%s, which the key file here does not have; next: put the same keys into the key file of both nodes, and `hapair reload` on each that runs",
	    s->peers[0], s->peers[1] != NULL ? " and " : "",
	    s->peers[1] != NULL ? s->peers[1] : "");
}

/* The file has two: the new one, then the old one, if people did it right. */
static bool
next_of_two(const struct key_steps *s, char *text)
{
	const char *new = s->file[0], *old = s->file[1];

	if (s->peers[0] == NULL)
		return say(text, true,
		    "keys: changing %s to %s; the peer is not heard, so which it has is not known",
		    old, new);
	if (s->peers[1] != NULL && !is_same(s->peers[0], new))
		return say(text, true,
		    "keys: the key files name %s first here and %s first on the peer; next: make them the same on both nodes, the new key first, and `hapair reload`",
		    new, s->peers[0]);
	/* Both sign with it. Which of the two is new only people know. */
	if (is_same(s->peers[0], new))
		return say(text, true,
		    "keys: changed to %s on both nodes; next: take the line of %s out of the key file here, and `hapair reload`; or put it first, if that is the new one",
		    new, old);
	return say(text, true,
	    "keys: changing %s to %s; next: on the peer, put %s before the old line of its key file, and `hapair reload` there",
	    old, new, new);
}

static bool
next_of_one(const struct key_steps *s, char *text)
{
	const char *only = s->file[0];

	if (s->peers[0] == NULL)
		return say(text, false,
		    "key %s; the peer is not heard, so whether it has the same is not known",
		    only);
	if (s->peers[1] == NULL)
		return say(text, false, "key %s, the peer has the same", only);
	if (is_same(s->peers[0], only))
		return say(text, true,
		    "keys: the peer takes %s, too; next: take its line out of the key file there, and `hapair reload` there; or put it first there, if that is the new one",
		    s->peers[1]);
	return say(text, true,
	    "keys: the peer changes to %s; next: put it before the line of %s in the key file here, and `hapair reload`",
	    s->peers[0], only);
}

static bool
knows_peer(const struct key_steps *s)
{
	return s->peers[0] != NULL;
}

static bool
next(const struct key_steps *s, char *text)
{
	if (!is_same_list(s->file, s->ours))
		return say(text, true,
		    "keys: the key file is another than the daemon has read; next: `hapair reload`");
	if (knows_peer(s) && !has(s->peers, s->file[0]) &&
	    (s->file[1] == NULL || !has(s->peers, s->file[1])))
		return put_together(s, text);
	return s->file[1] != NULL ? next_of_two(s, text) : next_of_one(s, text);
}

bool
key_steps_next(const struct key_steps *s, char ret_text[static KEY_STEPS_TEXT])
{
	const bool to_do = next(s, ret_text);
	const size_t len = strlen(ret_text);

	if (knows_peer(s) && s->silent)
		(void)snprintf(ret_text + len, KEY_STEPS_TEXT - len,
		    "; the peer is silent now, and this is as last heard");
	return to_do;
}
