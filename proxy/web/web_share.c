#include "proxy/web/web_share.h"

#include "proxy/web/web_conns.h"

#define MILLI INT64_C(1000)
#define BURST (WEB_SHARE_BURST * MILLI)

/* Who was held back gets some work done before that happens again. */
#define RELEASE (BURST / 4)

/* However long it works with others, it need not pay more than so much. */
#define DEBT_MAX (2 * BURST)

/* Not more often: else little would be lost in each division. */
#define SHARED_OUT_MS 10
#define NS_PER_MS 1000000
#define WHILE_MAX_MS (INT64_C(60) * 1000)

void
web_share_init(struct web_share *s)
{
	*s = (struct web_share){ .others = { .left = BURST } };
}

static void
set_held(struct web_share *s, struct web_share_one *one, bool held)
{
	if (one->held == held)
		return;
	one->held = held;
	s->n_held += held ? 1 : -1U;
}

static bool
wants(const struct web_share_one *one)
{
	return one->left < BURST;
}

static void
give(struct web_share *s, struct web_share_one *one, int64_t part)
{
	if (!wants(one))
		return;
	one->left = one->left + part < BURST ? one->left + part : BURST;
	if (one->left >= RELEASE)
		set_held(s, one, false);
	/* Of no interest any more: one that begins has as much. */
	if (one->left == BURST)
		one->used = false;
}

/* What one has no room for is lost: that holds nobody back. */
void
web_share_pass(struct web_share *s, struct mono now)
{
	const int64_t ms = (now.ns - s->at.ns) / NS_PER_MS;
	int64_t part, n = wants(&s->others);

	if (s->at.ns == 0)
		s->at = now;
	if (ms < SHARED_OUT_MS || s->at.ns == now.ns)
		return;
	s->at = now;
	for (size_t i = 0; i < WEB_SHARE_CLIENTS; i++)
		n += s->all[i].used && wants(&s->all[i]);
	if (n == 0)
		return;
	part = (ms < WHILE_MAX_MS ? ms : WHILE_MAX_MS) * WEB_SHARE_EACH_S *
	    MILLI / 1000 / n;
	give(s, &s->others, part);
	for (size_t i = 0; i < WEB_SHARE_CLIENTS; i++)
		if (s->all[i].used)
			give(s, &s->all[i], part);
}

/* NULL: it has no account. */
static struct web_share_one *
find(struct web_share *s, const union addr *client)
{
	for (size_t i = 0; i < WEB_SHARE_CLIENTS; i++)
		if (s->all[i].used &&
		    web_conns_is_same_client(&s->all[i].client, client))
			return &s->all[i];
	return NULL;
}

static struct web_share_one *
open_account(struct web_share *s, const union addr *client)
{
	for (size_t i = 0; i < WEB_SHARE_CLIENTS; i++) {
		struct web_share_one *one = &s->all[i];

		if (one->used)
			continue;
		*one = (struct web_share_one){
			.used = true, .client = *client, .left = BURST
		};
		return one;
	}
	return &s->others;
}

bool
web_share_charge(struct web_share *s, const union addr *client, unsigned units,
    struct mono now)
{
	struct web_share_one *one;
	bool held;

	web_share_pass(s, now);
	one = find(s, client);
	if (one == NULL)
		one = open_account(s, client);
	held = one->held;
	one->left -= units * MILLI;
	if (one->left < -DEBT_MAX)
		one->left = -DEBT_MAX;
	if (one->left < 0)
		set_held(s, one, true);
	return one->held && !held;
}

bool
web_share_holds(struct web_share *s, const union addr *client, struct mono now)
{
	const struct web_share_one *one;
	bool room = false;

	web_share_pass(s, now);
	one = find(s, client);
	for (size_t i = 0; one == NULL && i < WEB_SHARE_CLIENTS; i++)
		room = room || !s->all[i].used;
	return one != NULL ? one->held : !room && s->others.held;
}
