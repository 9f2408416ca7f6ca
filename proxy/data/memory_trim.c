#include "proxy/data/memory_trim.h"

/* With what these had, 1 MiB at most, the process may stay as large as it is.
 */
#define WORTH_IT 250

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
memory_trim_is_due(struct memory_trim *t, unsigned n)
{
	const bool rush = n < t->last && t->last - n > t->most / RUSH;

	t->last = n;
	memory_trim_note(t, n);
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
