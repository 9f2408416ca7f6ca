#include "director/bpf/load_log.h"

#include <stdio.h>
#include <string.h>

void
load_log_tell(char *log, char *why, size_t why_bytes)
{
	char *cost;
	size_t len;

	if (!log || why_bytes == 0)
		return;
	/* What it took to find out is no reason. */
	cost = strstr(log, "\nprocessed ");
	if (cost)
		*cost = '\0';
	len = strlen(log);
	(void)snprintf(why, why_bytes, "%s",
	    log + (len < why_bytes ? 0 : len - why_bytes + 1));
}
