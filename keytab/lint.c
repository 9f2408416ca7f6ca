#include "keytab/lint.h"

#include "keytab/spn.h"

#include <string.h>

struct findings {
	struct lint_finding *at;
	unsigned n;
};

/* gflags takes one dash or two. Returns what follows the '=', or NULL. */
static const char *
value_of(const char *word, size_t len, const char *name, size_t *ret_len)
{
	size_t n = strlen(name), dashes = 0;

	while (dashes < len && dashes < 2 && word[dashes] == '-')
		dashes++;
	if (dashes == 0 || len < dashes + n + 1 ||
	    memcmp(word + dashes, name, n) != 0 || word[dashes + n] != '=')
		return NULL;
	*ret_len = len - dashes - n - 1;
	return word + dashes + n + 1;
}

static void
take(struct lint_flag *f, const char *value, size_t len, unsigned line)
{
	if (len >= LINT_VALUE_MAX)
		len = LINT_VALUE_MAX - 1;
	memcpy(f->value, value, len);
	f->value[len] = '\0';
	f->line = line;
	f->times++;
}

static void
read_word(struct lint_flags *f, const char *word, size_t len, unsigned line)
{
	const char *value;
	size_t n;

	if ((value = value_of(word, len, "principal", &n)) != NULL)
		take(&f->principal, value, n, line);
	else if ((value = value_of(word, len, "be_principal", &n)) != NULL)
		take(&f->be_principal, value, n, line);
	else if ((value = value_of(word, len, "keytab_file", &n)) != NULL)
		take(&f->keytab_file, value, n, line);
}

/* What parts two flags; quotes are the shell's, and never part of a name. */
static bool
is_between(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"' ||
	    c == '\'' || c == '\\';
}

void
lint_parse(const char *text, size_t len, struct lint_flags *ret_flags)
{
	struct lint_flags f = { .principal = { .line = 0 } };
	unsigned line = 1;
	size_t i = 0;

	while (i < len) {
		size_t begun = i;

		if (text[i] == '#')
			while (i < len && text[i] != '\n')
				i++;
		else if (is_between(text[i]))
			line += text[i++] == '\n';
		else {
			while (i < len && !is_between(text[i]))
				i++;
			read_word(&f, text + begun, i - begun, line);
		}
	}
	*ret_flags = f;
}

static void
find(struct findings *all, enum lint_kind kind, const struct lint_flag *flag,
    const char *name)
{
	all->at[all->n++] =
	    (struct lint_finding){ .kind = kind, .flag = flag, .name = name };
}

static bool
is_in(const struct lint_world *w, const struct spn *name)
{
	struct spn s;

	for (size_t i = 0; i < w->n_entries; i++)
		if (spn_of(&w->entries[i], &s) == 0 && spn_is_same(&s, name))
			return true;
	return false;
}

/* What can be said of one principal alone. Returns whether it is one. */
static bool
judge_name(struct findings *all, const struct lint_flag *flag, const char *name,
    const struct lint_world *w, struct spn *ret_spn)
{
	if (flag->times > 1)
		find(all, LINT_TWICE, flag, name);
	if (spn_parse(flag->value, ret_spn) < 0 || ret_spn->realm[0] == '\0') {
		find(all, LINT_NO_NAME, flag, name);
		return false;
	}
	if (strcmp(ret_spn->host, "_HOST") == 0) {
		find(all, LINT_UNDERSCORE_HOST, flag, name);
		return false;
	}
	if (!spn_has_good_host(ret_spn))
		find(all, LINT_BAD_HOST, flag, name);
	if (w->entries != NULL && !is_in(w, ret_spn))
		find(all, LINT_NOT_IN_KEYTAB, flag, name);
	return true;
}

/*
 * --principal is what clients ask for, --be_principal what daemons are called
 * among themselves. Without being told the hosts, the services tell: daemons
 * are called impala everywhere, or they would not find each other.
 */
static bool
is_swapped(const struct spn *principal, const struct spn *be,
    const struct lint_world *w)
{
	if (w->vip != NULL && strcmp(principal->host, be->host) != 0)
		return strcmp(be->host, w->vip) == 0;
	if (w->host != NULL && strcmp(principal->host, be->host) != 0)
		return strcmp(principal->host, w->host) == 0;
	return strcmp(principal->service, "impala") == 0 &&
	    strcmp(be->service, "impala") != 0;
}

static void
judge_pair(struct findings *all, const struct lint_flags *f,
    const struct spn *principal, const struct spn *be,
    const struct lint_world *w)
{
	if (is_swapped(principal, be, w)) {
		find(all, LINT_SWAPPED, &f->principal, "principal");
		return;
	}
	if (w->vip != NULL && strcmp(principal->host, w->vip) != 0)
		find(all, LINT_NOT_THE_VIP, &f->principal, "principal");
	if (w->host != NULL && strcmp(be->host, w->host) != 0)
		find(all, LINT_NOT_THE_HOST, &f->be_principal, "be_principal");
}

unsigned
lint_find(const struct lint_flags *f, const struct lint_world *w,
    struct lint_finding ret_findings[static LINT_MAX])
{
	struct findings all = { .at = ret_findings };
	struct spn principal, be;
	bool both = true;

	if (f->principal.line == 0) {
		find(&all, LINT_NO_PRINCIPAL, &f->principal, "principal");
		both = false;
	} else if (!judge_name(&all, &f->principal, "principal", w, &principal))
		both = false;
	if (f->be_principal.line == 0) {
		if (w->vip != NULL)
			find(&all, LINT_ONE_FOR_ALL, &f->be_principal,
			    "be_principal");
		both = false;
	} else if (!judge_name(&all, &f->be_principal, "be_principal", w, &be))
		both = false;
	if (both)
		judge_pair(&all, f, &principal, &be, w);
	if (f->keytab_file.line == 0)
		find(&all, LINT_NO_KEYTAB, &f->keytab_file, "keytab_file");
	else if (f->keytab_file.times > 1)
		find(&all, LINT_TWICE, &f->keytab_file, "keytab_file");
	if (f->keytab_file.line != 0 && w->keytab_path != NULL &&
	    strcmp(f->keytab_file.value, w->keytab_path) != 0)
		find(&all, LINT_OTHER_KEYTAB, &f->keytab_file, "keytab_file");
	return all.n;
}

const char *
lint_words(enum lint_kind kind)
{
	switch (kind) {
	case LINT_NO_PRINCIPAL:
		return "missing; impalad refuses to start, or lets anybody in";
	case LINT_NO_KEYTAB:
		return "missing; no key, no login";
	case LINT_TWICE:
		return "more than once, and only the last one counts";
	case LINT_NO_NAME:
		return "not of the form SERVICE/HOST@REALM";
	case LINT_UNDERSCORE_HOST:
		return "_HOST becomes what gethostname() says, which is neither the virtual IP's name nor always a full one; write the name";
	case LINT_BAD_HOST:
		return "the host is not a full name in lower case, which is what clients ask for";
	case LINT_SWAPPED:
		return "swapped with --be_principal: clients ask for what is in --principal, which is the virtual IP's; daemons know each other by --be_principal, which is this host's";
	case LINT_ONE_FOR_ALL:
		return "missing; daemons would ask each other for the virtual IP's name, and a coordinator needs both (an executor has --principal=impala/HOST alone)";
	case LINT_NOT_THE_VIP:
		return "not the virtual IP's name, which is what clients ask for";
	case LINT_NOT_THE_HOST:
		return "not this host's name";
	case LINT_NOT_IN_KEYTAB:
		return "the keytab has no key of it; merge it";
	case LINT_OTHER_KEYTAB:
		return "another file than the keytab given here";
	}
	return "";
}
