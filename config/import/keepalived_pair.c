#include "config/import/keepalived_pair.h"

#include "config/import/haproxy_value.h"
#include "config/import/import_plan.h"
#include "config/import/keepalived_groups.h"
#include "config/import/keepalived_hosts.h"
#include "config/import/keepalived_notify.h"
#include "config/import/keepalived_tracks.h"
#include "config/import/keepalived_words.h"

#include <string.h>

#define HOUR_MS 3600000

static void
look_at_block(struct import_plan *plan, const struct keepalived_text_line *of,
    enum keepalived_words_scope scope)
{
	for (const struct keepalived_text_line *l = of->first; l != NULL;
	     l = l->next)
		if (l->words[0][0] != '\0')
			(void)keepalived_words_look(
			    &plan->notes, l->at, scope, l->words[0]);
}

/* Every word of a file is known, or named. */
static void
look_at(struct import_plan *plan, const struct keepalived_text *t)
{
	static const struct block {
		const char *word;
		enum keepalived_words_scope scope;
	} blocks[] = {
		{ "global_defs", KEEPALIVED_WORDS_GLOBAL },
		{ "vrrp_instance", KEEPALIVED_WORDS_INSTANCE },
		{ "vrrp_script", KEEPALIVED_WORDS_SCRIPT },
		{ "vrrp_sync_group", KEEPALIVED_WORDS_SYNC },
	};

	look_at_block(plan, &t->root, KEEPALIVED_WORDS_FILE);
	for (const struct keepalived_text_line *l = t->root.first; l != NULL;
	     l = l->next)
		for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
			if (strcmp(l->words[0], blocks[i].word) == 0)
				look_at_block(plan, l, blocks[i].scope);
}

/* keepalived takes back what the node with the higher priority had. */
static void
take_preempt(struct keepalived_hosts *h)
{
	struct import_plan_pair *pair = &h->plan->pair;
	size_t without = 0, with = 0;
	const struct keepalived_text_line *odd = NULL;

	for (size_t i = 0; i < h->n; i++)
		for (size_t k = 0; k < CONFIG_NODES; k++) {
			const struct keepalived_text_line *l = h->all[i].of[k];
			const char *delay;
			uint64_t n;

			if (l == NULL)
				continue;
			if (keepalived_text_find(l, "nopreempt") != NULL) {
				without++;
				odd = l;
				continue;
			}
			with++;
			delay = keepalived_text_value(l, "preempt_delay", 1);
			if (delay != NULL && haproxy_value_number(delay, &n) &&
			    n > 0)
				pair->preempt_delay_ms =
				    n < 3600 ? n * 1000 : HOUR_MS;
		}
	pair->preempt = without == 0;
	if (without == 0)
		return;
	pair->preempt_delay_ms = 0;
	if (with > 0 && h->n > 1)
		import_notes_warning(&h->plan->notes, odd->at,
		    "'nopreempt' is not with every vrrp_instance; here "
		    "'preempt' is for the pair, and false");
}

static void
take_interval(struct keepalived_hosts *h)
{
	const struct keepalived_text_line *l = keepalived_text_find(
	    keepalived_hosts_line(&h->all[0]), "advert_int");

	if (l != NULL)
		import_notes_note(&h->plan->notes, l->at,
		    "'advert_int' is not carried over: heartbeats come every "
		    "20 ms here, and a peer that is silent for 3 of them is "
		    "asked after; 'interval' and 'misses' of 'pair' change it");
}

void
keepalived_pair_read(struct import_plan *plan,
    const struct keepalived_text *first, const struct keepalived_text *second)
{
	struct keepalived_hosts h;

	look_at(plan, first);
	if (second != NULL) {
		const size_t before = plan->notes.n;

		look_at(plan, second);
		/* They are alike: what is no error was said of the first. */
		import_notes_forget(&plan->notes, before);
	}
	h = keepalived_hosts_read(plan, first, second);
	if (h.n == 0 || h.all == NULL)
		return;
	keepalived_groups_read(&h);
	if (plan->pair.n_groups == 0)
		return;
	plan->has_pair = true;
	keepalived_hosts_name(&h);
	keepalived_groups_rank(&h);
	take_preempt(&h);
	take_interval(&h);
	keepalived_tracks_read(&h);
	keepalived_notify_read(&h);
}
