#include "hapair/supervisor/role_ends.h"

#include <stdio.h>
#include <sys/wait.h>

/* Ends that are no further apart have something in common. */
#define RECENT_MS 3600000

void
role_ends_note(
    struct msg_ends *e, const char *said, int status, int64_t wall_ms)
{
	if (e->n == 0 || wall_ms - e->wall_ms > RECENT_MS)
		e->recent = 0;
	e->n++;
	e->recent++;
	e->wall_ms = wall_ms;
	if (*said != '\0')
		(void)snprintf(e->reason, sizeof(e->reason), "%s", said);
	else if (WIFSIGNALED(status))
		(void)snprintf(e->reason, sizeof(e->reason),
		    "killed by signal %d", WTERMSIG(status));
	else
		(void)snprintf(e->reason, sizeof(e->reason),
		    "ended with status %d", WEXITSTATUS(status));
}
