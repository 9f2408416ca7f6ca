#include "failover/thread_wait.h"

/* Much more than any turn takes: who has had that and stands does not starve.
 */
#define CIRCLE_MS 400

/* Asleep once it may be on its way; the next look comes 50 ms later. */
#define ASLEEP 2

bool
thread_wait_look(
    struct thread_wait *w, const struct thread_stat *stat, int64_t stood_ms)
{
	if (stat == NULL || stood_ms >= THREAD_WAIT_MOST_MS)
		w->over = true;
	if (w->over)
		return true;
	if (!w->looks) {
		w->looks = true;
		w->cpu_ms = stat->cpu_ms;
	}
	switch (stat->state) {
	case 'R':
		w->asleep = 0;
		w->over = stat->cpu_ms - w->cpu_ms >= CIRCLE_MS;
		break;
	case 'S': /* waits for something */
	case 'D': /* ... for a disk */
		w->over = ++w->asleep >= ASLEEP;
		break;
	default: /* stopped, traced, ended */
		w->over = true;
	}
	return w->over;
}
