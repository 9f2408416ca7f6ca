#include "keytab/spn.h"

#include <errno.h>
#include <string.h>

/* Up to `end`, or all of it where that is NULL. */
static bool
take(const char *from, const char *end, char ret_part[static SPN_PART_MAX])
{
	size_t len = end != NULL ? (size_t)(end - from) : strlen(from);

	if (len >= SPN_PART_MAX)
		return false;
	memcpy(ret_part, from, len);
	ret_part[len] = '\0';
	return true;
}

int
spn_parse(const char *text, struct spn *ret_spn)
{
	const char *slash = strchr(text, '/');
	const char *at = slash != NULL ? strchr(slash, '@') : NULL;
	struct spn s = { .realm = "" };

	if (slash == NULL || !take(text, slash, s.service) ||
	    !take(slash + 1, at, s.host) ||
	    (at != NULL && !take(at + 1, NULL, s.realm)))
		return -EINVAL;
	if (s.service[0] == '\0' || s.host[0] == '\0' ||
	    strchr(s.service, '@') != NULL || strchr(s.host, '/') != NULL ||
	    (at != NULL && (s.realm[0] == '\0' || strchr(s.realm, '@'))))
		return -EINVAL;
	*ret_spn = s;
	return 0;
}

int
spn_of(const struct keytab_entry *e, struct spn *ret_spn)
{
	char name[KEYTAB_TEXT_MAX];

	if (e->n_components != 2 ||
	    strchr(keytab_principal_text(e, name), '\\') != NULL)
		return -EINVAL;
	return spn_parse(name, ret_spn);
}

bool
spn_is_same(const struct spn *a, const struct spn *b)
{
	return strcmp(a->service, b->service) == 0 &&
	    strcmp(a->host, b->host) == 0 && strcmp(a->realm, b->realm) == 0;
}

bool
spn_has_good_host(const struct spn *s)
{
	size_t len = strlen(s->host);

	for (size_t i = 0; i < len; i++)
		if (s->host[i] >= 'A' && s->host[i] <= 'Z')
			return false;
	return strchr(s->host, '.') != NULL && s->host[len - 1] != '.';
}
