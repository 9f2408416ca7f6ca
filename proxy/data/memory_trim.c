#include "proxy/data/memory_trim.h"

/* With what these had, 1 MiB at most, the process may stay as large as it is.
 */
#define WORTH_IT 250

/*
 * Whoever has many connections asks more often, and a rush of many would look
 * like calm, a short moment like a long one.
 */
#define LOOK_MS 100

/* Looks without a rush to the exit: the rest of the crowd may follow. */
#define CALM_LOOKS 10

/* More than this part of all leave within a look: a rush. */
#define RUSH 16

void
memory_trim_note(struct memory_trim *t, unsigned n)
{
	if (n > t->most)
		t->most = n;
}

bool
memory_trim_is_due(struct memory_trim *t, unsigned n, struct mono now)
{
	bool rush;

	memory_trim_note(t, n);
	if (mono_before(now, t->next))
		return false;
	t->next = mono_add_ms(now, LOOK_MS);
	rush = n < t->last && t->last - n > t->most / RUSH;
	t->last = n;
	if (t->most - n < WORTH_IT || n >= t->most / 2 || rush) {
		t->calm = 0;
		return false;
	}
	if (++t->calm < CALM_LOOKS)
		return false;
	t->most = n;
	t->calm = 0;
	return true;
}
