#include "keytab/merge.h"

#include <errno.h>

static bool
is_same_slot(const struct keytab_entry *a, const struct keytab_entry *b)
{
	return a->kvno == b->kvno && a->enctype == b->enctype &&
	    keytab_is_same_principal(a, b);
}

bool
merge_is_same_key(const struct keytab_entry *a, const struct keytab_entry *b)
{
	return is_same_slot(a, b) && keytab_is_same_span(a->key, b->key);
}

int
merge_union(
    struct merge_item *items, size_t *n, struct merge_conflict *ret_conflict)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		size_t k = 0;

		while (
		    k < kept && !is_same_slot(items[k].entry, items[i].entry))
			k++;
		if (k == kept) {
			items[kept++] = items[i];
		} else if (!merge_is_same_key(items[k].entry, items[i].entry)) {
			*ret_conflict = (struct merge_conflict){
				.first = items[k],
				.second = items[i],
			};
			return -EEXIST;
		}
	}
	*n = kept;
	return 0;
}

/*
 * As libkrb5 sees it (kt_file.c, "more recent"): where numbers of 8 bits may
 * have run over, 255 to 0, the time of the entry decides.
 */
static bool
is_newer(const struct keytab_entry *a, const struct keytab_entry *b)
{
	if ((a->kvno < 128 && b->kvno > 240) ||
	    (a->kvno > 240 && b->kvno < 128))
		return a->timestamp > b->timestamp;
	return a->kvno > b->kvno;
}

/* Whether a principal of the list has a newer kvno than this entry's. */
static bool
is_outdated(
    const struct merge_item *items, size_t n, const struct keytab_entry *e)
{
	for (size_t i = 0; i < n; i++)
		if (keytab_is_same_principal(items[i].entry, e) &&
		    items[i].entry->kvno != e->kvno &&
		    is_newer(items[i].entry, e))
			return true;
	return false;
}

size_t
merge_prune(struct merge_item *items, size_t n, uint32_t kvno)
{
	size_t kept = 0;

	/* An entry that makes others outdated is never dropped before them:
	 * what is dropped is older than something that stays. */
	for (size_t i = 0; i < n; i++)
		if (items[i].entry->kvno >= kvno ||
		    (!is_outdated(items, kept, items[i].entry) &&
		        !is_outdated(items + i, n - i, items[i].entry)))
			items[kept++] = items[i];
	return kept;
}
