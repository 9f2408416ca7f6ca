#include "keytab/advice.h"

#include "keytab/enctype.h"

static bool
holds(struct keytab_span s, char from, char to)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= (uint8_t)from && s.at[i] <= (uint8_t)to)
			return true;
	return false;
}

unsigned
advice_on(
    const struct keytab_entry *e, const char *ret_words[static ADVICE_MAX])
{
	struct keytab_span host = keytab_component(e, 1);
	unsigned n = 0;

	if (enctype_is_weak(e->enctype))
		ret_words[n++] =
		    "an enctype that today's Kerberos passes over; extract an AES key";
	if (e->kvno == 0)
		ret_words[n++] =
		    "kvno 0, as ktpass of Active Directory writes it; it works, but two keys of kvno 0 are never in one keytab";
	if (holds(e->realm, 'a', 'z'))
		ret_words[n++] =
		    "a realm with lower-case letters; realms are compared letter by letter";
	/* One component is a user, three are something else altogether. */
	if (e->n_components != 2)
		return n;
	if (holds(host, 'A', 'Z'))
		ret_words[n++] =
		    "a host with capital letters; clients ask for it in lower case";
	if (host.len > 0 && host.at[host.len - 1] == '.')
		ret_words[n++] =
		    "a host with a dot at its end; no client asks for it like that";
	if (!holds(host, '.', '.'))
		ret_words[n++] =
		    "a host without a domain; clients ask for its full name";
	return n;
}
