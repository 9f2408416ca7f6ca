#include "proxy/health/talk_dialog.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

/* "'220 '", as far as it can be shown. */
static void
await(struct talk *t, const struct config_bytes *expected)
{
	char what[TALK_AWAITED_MAX - 4], quoted[PROBE_JUDGE_DETAIL_MAX];
	const bool fits = expected->len < sizeof(what);

	probe_judge_quote((const char *)expected->bytes, expected->len, quoted);
	(void)snprintf(what, sizeof(what), "'%.28s%s", quoted,
	    fits && strlen(quoted) <= 28 ? "'" : "...'");
	talk_await(t, what);
}

/* From `step` on, up to something that has to be heard. */
static enum talk_next
go_on(struct talk *t)
{
	const struct config_check *c = t->check;

	for (; t->step < c->n_dialog; t->step++) {
		const struct config_turn *turn = &c->dialog[t->step];

		/* There is room: keys_check.c's limits are less. */
		(void)talk_put(t, turn->send.bytes, turn->send.len);
		if (turn->expect.len == 0)
			continue;
		await(t, &turn->expect);
		return TALK_HEARS;
	}
	return talk_end(t, HEALTH_PASSED, "%s",
	    c->n_dialog > 0 ? "answers as expected" : "connected");
}

enum talk_next
talk_dialog_begin(struct talk *t)
{
	return go_on(t);
}

/* What was looked through goes, but for what may be the beginning of it. */
static void
forget(struct talk *t, size_t wanted)
{
	if (t->in_len >= wanted)
		talk_eat(t, t->in_len - (wanted - 1));
}

enum talk_next
talk_dialog_hear(struct talk *t)
{
	enum talk_next next = TALK_HEARS;

	while (next == TALK_HEARS) {
		const struct config_bytes *e =
		    &t->check->dialog[t->step].expect;
		const uint8_t *at = memmem(t->in, t->in_len, e->bytes, e->len);

		if (at == NULL) {
			forget(t, e->len);
			return TALK_HEARS;
		}
		talk_eat(t, (size_t)(at - t->in) + e->len);
		t->step++;
		next = go_on(t);
	}
	return next;
}
