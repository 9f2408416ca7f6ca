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
	struct lint_flag *const flags[] = { &f->principal, &f->be_principal,
		&f->keytab_file };
	const char *value;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if ((value = value_of(word, len, flags[i]->name, &n)) != NULL)
			take(flags[i], value, n, line);
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
	struct lint_flags f = { .principal = { .name = "principal" },
		.be_principal = { .name = "be_principal" },
		.keytab_file = { .name = "keytab_file" } };
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
find(struct findings *all, const struct lint_flag *flag, const char *words)
{
	all->at[all->n++] =
	    (struct lint_finding){ .flag = flag, .words = words };
}

static void
judge_times(struct findings *all, const struct lint_flag *flag)
{
	if (flag->times > 1)
		find(all, flag, "more than once, and only the last one counts");
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
judge_name(struct findings *all, const struct lint_flag *flag,
    const struct lint_world *w, struct spn *ret_spn)
{
	judge_times(all, flag);
	if (spn_parse(flag->value, ret_spn) < 0 || ret_spn->realm[0] == '\0') {
		find(all, flag, "not of the form SERVICE/HOST@REALM");
		return false;
	}
	if (strcmp(ret_spn->host, "_HOST") == 0) {
		find(all, flag,
		    "_HOST becomes what gethostname() says, which is neither the virtual IP's name nor always a full one; write the name");
		return false;
	}
	if (!spn_has_good_host(ret_spn))
		find(all, flag,
		    "the host is not a full name in lower case, which is what clients ask for");
	if (w->entries != NULL && !is_in(w, ret_spn))
		find(all, flag, "the keytab has no key of it; merge it");
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
		find(all, &f->principal,
		    "swapped with --be_principal: clients ask for what is in --principal, which is the virtual IP's; daemons know each other by --be_principal, which is this host's");
		return;
	}
	if (w->vip != NULL && strcmp(principal->host, w->vip) != 0)
		find(all, &f->principal,
		    "not the virtual IP's name, which is what clients ask for");
	if (w->host != NULL && strcmp(be->host, w->host) != 0)
		find(all, &f->be_principal, "not this host's name");
}

unsigned
lint_find(const struct lint_flags *f, const struct lint_world *w,
    struct lint_finding ret_findings[static LINT_MAX])
{
	struct findings all = { .at = ret_findings };
	struct spn principal, be;
	bool both = true;

	if (f->principal.line == 0) {
		find(&all, &f->principal,
		    "missing; impalad refuses to start, or lets anybody in");
		both = false;
	} else if (!judge_name(&all, &f->principal, w, &principal))
		both = false;
	if (f->be_principal.line == 0) {
		if (w->vip != NULL)
			find(&all, &f->be_principal,
			    "missing; daemons would ask each other for the virtual IP's name, and a coordinator needs both (an executor has --principal=impala/HOST alone)");
		both = false;
	} else if (!judge_name(&all, &f->be_principal, w, &be))
		both = false;
	if (both)
		judge_pair(&all, f, &principal, &be, w);
	if (f->keytab_file.line == 0)
		find(&all, &f->keytab_file, "missing; no key, no login");
	judge_times(&all, &f->keytab_file);
	if (f->keytab_file.line != 0 && w->keytab_path != NULL &&
	    strcmp(f->keytab_file.value, w->keytab_path) != 0)
		find(&all, &f->keytab_file,
		    "another file than the keytab given here");
	return all.n;
}
