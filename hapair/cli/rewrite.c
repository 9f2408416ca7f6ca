#include "hapair/cli/rewrite.h"

#include "core/secret.h"
#include "hapair/cli/cmd_keytab.h"
#include "keytab/advice.h"
#include "keytab/enctype.h"
#include "keytab/kerberos.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

_Static_assert(
    KERBEROS_WHY_MAX <= KEYFILE_WHY_MAX && REPLACE_WHY_MAX <= KEYFILE_WHY_MAX,
    "one buffer for all reasons");

struct rewrite
rewrite_nothing(void)
{
	return (struct rewrite){ .replace = replace_nothing() };
}

/*
 * An operator who is used to ktutil, which appends, may have forgotten to name
 * the old file among those to merge.
 */
static void
warn_of_loss(const struct rewrite *w)
{
	CLEANUP(keyfile_close) struct keyfile old = { .path = NULL };
	char why[KEYFILE_WHY_MAX];
	char name[KEYTAB_TEXT_MAX], kind[ENCTYPE_TEXT_MAX];

	/* What cannot be read is nothing that could be missed. */
	if (keyfile_open(&old, w->out, why) < 0)
		return;
	for (size_t i = 0; i < old.n; i++)
		if (!bundle_has(&w->bundle, &old.entries[i]))
			cmd_keytab_say(w->out,
			    "warning: no longer in it: %s, kvno %" PRIu32
			    ", %s; to keep what it has, name it among the files to merge",
			    keytab_principal_text(&old.entries[i], name),
			    old.entries[i].kvno,
			    enctype_name(old.entries[i].enctype, kind));
}

static void
warn_of_names(const struct rewrite *w)
{
	const struct bundle *b = &w->bundle;
	bool impala = false, several = false;
	char name[KEYTAB_TEXT_MAX];

	for (size_t i = 0; i < b->n; i++) {
		const struct keytab_entry *e = b->items[i].entry;
		const char *words[ADVICE_MAX];
		unsigned n = advice_on(e, words);

		for (unsigned k = 0; k < n; k++)
			cmd_keytab_say(w->out, "warning: %s: %s",
			    keytab_principal_text(e, name), words[k]);
		impala |= e->n_components == 2 &&
		    keytab_span_is(keytab_component(e, 0), "impala");
		several |= !keytab_is_same_span(keytab_component(e, 1),
		    keytab_component(b->items[0].entry, 1));
	}
	if (!impala)
		cmd_keytab_say(w->out,
		    "warning: no impala/HOST in it, by which daemons know each other");
	if (!several)
		cmd_keytab_say(w->out,
		    "warning: all of it is of one host; behind a virtual IP an impalad needs its own name and the virtual IP's");
}

/* What was written is what libkrb5 and we read, or it is not used. */
static int
read_back(const struct rewrite *w, char why[static KEYFILE_WHY_MAX])
{
	CLEANUP(keyfile_close) struct keyfile f = { .path = NULL };
	CLEANUP(kerberos_free_at) struct kerberos *k = NULL;
	int e = keyfile_open(&f, w->replace.path, why);

	if (e < 0)
		return e;
	if (f.len != w->bundle.len ||
	    !secret_is_same(f.vault.bytes, w->bundle.vault.bytes, f.len)) {
		(void)snprintf(why, KEYFILE_WHY_MAX,
		    "what was written reads back as something else");
		return -EIO;
	}
	k = kerberos_new(why);
	if (k == NULL)
		return -EIO;
	return kerberos_compare(k, w->replace.path, f.entries, f.n, why);
}

int
rewrite_prepare(struct rewrite *w, const char *out, const struct keyfile *files,
    size_t n_files, const struct bundle_rules *rules,
    struct replace_owner owner)
{
	char long_why[BUNDLE_WHY_MAX], why[KEYFILE_WHY_MAX];
	int e = bundle_make(&w->bundle, files, n_files, rules, long_why);

	w->out = out;
	if (e < 0) {
		cmd_keytab_say(out, "not made: %s", long_why);
		return e;
	}
	e = replace_prepare(
	    &w->replace, out, w->bundle.vault.bytes, w->bundle.len, owner, why);
	if (e == 0 && !w->replace.unchanged)
		e = read_back(w, why);
	vault_scrub_stack();
	if (e < 0)
		cmd_keytab_say(out, "left as it was: %s", why);
	return e;
}

int
rewrite_commit(struct rewrite *w)
{
	char why[REPLACE_WHY_MAX];
	int e;

	if (!w->replace.unchanged)
		warn_of_loss(w);
	warn_of_names(w);
	e = replace_commit(&w->replace, why);
	if (e < 0) {
		cmd_keytab_say(w->out, "%s", why);
		return e;
	}
	(void)printf("%s: %zu key%s%s\n", w->out, w->bundle.n,
	    w->bundle.n == 1 ? "" : "s",
	    w->replace.unchanged ? ", as before" : "");
	return 0;
}

void
rewrite_close(struct rewrite *w)
{
	replace_close(&w->replace);
	bundle_close(&w->bundle);
}
