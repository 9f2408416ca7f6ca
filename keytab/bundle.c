#include "keytab/bundle.h"

#include "keytab/enctype.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
matches(const struct keytab_entry *e, const char *pattern)
{
	char name[KEYTAB_TEXT_MAX];

	return fnmatch(pattern, keytab_principal_text(e, name), FNM_NOESCAPE) ==
	    0;
}

static bool
is_wanted(const struct keytab_entry *e, const struct bundle_rules *rules)
{
	for (size_t i = 0; i < rules->n_patterns; i++)
		if (matches(e, rules->patterns[i]))
			return true;
	return rules->n_patterns == 0;
}

/* A pattern that finds nothing is a slip of the pen. */
static int
check_patterns(const struct bundle *b, const struct bundle_rules *rules,
    char ret_why[static BUNDLE_WHY_MAX])
{
	for (size_t p = 0; p < rules->n_patterns; p++) {
		size_t i = 0;

		while (
		    i < b->n && !matches(b->items[i].entry, rules->patterns[p]))
			i++;
		if (i < b->n)
			continue;
		(void)snprintf(ret_why, BUNDLE_WHY_MAX,
		    "no principal matches '%s'", rules->patterns[p]);
		return -ENOENT;
	}
	return 0;
}

static int
collect(struct bundle *b, const struct keyfile *files, size_t n_files,
    const struct bundle_rules *rules)
{
	size_t all = 0;

	for (size_t f = 0; f < n_files; f++)
		all += files[f].n;
	if (all > MERGE_ITEMS_MAX)
		return -E2BIG;
	b->items = calloc(all + 1, sizeof(*b->items));
	if (b->items == NULL)
		return -ENOMEM;
	for (size_t f = 0; f < n_files; f++)
		for (size_t i = 0; i < files[f].n; i++)
			if (is_wanted(&files[f].entries[i], rules))
				b->items[b->n++] = (struct merge_item){
					.entry = &files[f].entries[i],
					.path = files[f].path,
				};
	return 0;
}

static int
tell_conflict(
    const struct merge_conflict *c, char ret_why[static BUNDLE_WHY_MAX])
{
	char name[KEYTAB_TEXT_MAX], kind[ENCTYPE_TEXT_MAX];

	(void)snprintf(ret_why, BUNDLE_WHY_MAX,
	    "%s (byte %zu) and %s (byte %zu) have different keys for %s, kvno %" PRIu32
	    ", %s: extracted twice, or from two realms of one name; keep the one that `verify` finds good",
	    c->first.path, c->first.entry->offset, c->second.path,
	    c->second.entry->offset,
	    keytab_principal_text(c->first.entry, name), c->first.entry->kvno,
	    enctype_name(c->first.entry->enctype, kind));
	return -EEXIST;
}

static int
serialize(struct bundle *b)
{
	size_t bytes = KEYTAB_HEAD_BYTES;
	struct buf out;
	int e;

	for (size_t i = 0; i < b->n; i++)
		bytes += keytab_entry_bytes(b->items[i].entry);
	e = vault_open(&b->vault, bytes);
	if (e < 0)
		return e;
	out = buf_writer(b->vault.bytes, bytes);
	keytab_put_head(&out);
	for (size_t i = 0; i < b->n; i++)
		keytab_put_entry(&out, b->items[i].entry);
	b->len = bytes;
	return buf_is_done(&out) ? 0 : -EBADMSG;
}

int
bundle_make(struct bundle *b, const struct keyfile *files, size_t n_files,
    const struct bundle_rules *rules, char ret_why[static BUNDLE_WHY_MAX])
{
	struct merge_conflict conflict;
	int e;

	*b = (struct bundle){ .n = 0 };
	ret_why[0] = '\0';
	e = collect(b, files, n_files, rules);
	if (e == 0)
		e = check_patterns(b, rules, ret_why);
	if (e == 0 && merge_union(b->items, &b->n, &conflict) < 0)
		e = tell_conflict(&conflict, ret_why);
	if (e == 0) {
		b->n = merge_prune(b->items, b->n, rules->oldest_kvno);
		if (b->n == 0)
			e = -ENODATA;
	}
	if (e == 0)
		e = serialize(b);
	if (e == -ENODATA)
		(void)snprintf(ret_why, BUNDLE_WHY_MAX, "no entries at all");
	else if (e < 0 && ret_why[0] == '\0')
		(void)snprintf(ret_why, BUNDLE_WHY_MAX, "%s", strerror(-e));
	return e;
}

void
bundle_close(struct bundle *b)
{
	free(b->items);
	vault_close(&b->vault);
	*b = (struct bundle){ .n = 0 };
}

bool
bundle_has(const struct bundle *b, const struct keytab_entry *e)
{
	for (size_t i = 0; i < b->n; i++)
		if (merge_is_same_key(b->items[i].entry, e))
			return true;
	return false;
}
