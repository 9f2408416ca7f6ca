#include "tests/sim/broken.h"

#include <string.h>

struct election
broken_step(const char *rule, const struct election *before,
    const struct election_event *ev, struct mono now,
    struct election_out *ret_out)
{
	const struct election after = election_step(before, ev, now, ret_out);
	bool breaks = false;

	if (rule != NULL && strcmp(rule, "yield") == 0)
		breaks = before->state == ELECTION_MASTER &&
		    after.state == ELECTION_BACKUP &&
		    ret_out->reason != ELECTION_GAVE_OVER;
	if (rule != NULL && strcmp(rule, "doubt") == 0)
		breaks = ev->type == ELECTION_ANSWER;
	if (!breaks)
		return after;
	*ret_out = (struct election_out){ .wake = before->deadline };
	return *before;
}
