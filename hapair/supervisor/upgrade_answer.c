#include "hapair/supervisor/upgrade_answer.h"

#include "core/msg.h"
#include "core/version.h"
#include "hapair/supervisor/upgrade_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct upgrade_answer
upgrade_answer_own(void)
{
	return (struct upgrade_answer){ .version = VERSION,
		.state_from = UPGRADE_STATE_OLDEST,
		.state_to = UPGRADE_STATE_VERSION,
		.roles_from = MSG_VERSION,
		.roles_to = MSG_VERSION };
}

const char *
upgrade_answer_text(
    const struct upgrade_answer *a, char buf[static UPGRADE_ANSWER_MAX])
{
	(void)snprintf(buf, UPGRADE_ANSWER_MAX,
	    "hapair %s takes over from state %u-%u, roles %u-%u\n", a->version,
	    a->state_from, a->state_to, a->roles_from, a->roles_to);
	return buf;
}

int
upgrade_answer_parse(const char *text, struct upgrade_answer *ret_answer)
{
	struct upgrade_answer a;
	int end = -1;

	if (sscanf(text,
	        "hapair %31s takes over from state %9u-%9u, roles %9u-%9u%n",
	        a.version, &a.state_from, &a.state_to, &a.roles_from,
	        &a.roles_to, &end) != 5 ||
	    end == -1 || strcmp(text + end, "\n") != 0)
		return -EBADMSG;
	*ret_answer = a;
	return 0;
}

const char *
upgrade_answer_fault(const struct upgrade_answer *a,
    const struct upgrade_answer *own, char buf[static UPGRADE_ANSWER_MAX])
{
	if (own->state_to < a->state_from || own->state_to > a->state_to)
		(void)snprintf(buf, UPGRADE_ANSWER_MAX,
		    "hapair %s reads states of version %u to %u, and this is %u: it is too %s",
		    a->version, a->state_from, a->state_to, own->state_to,
		    own->state_to > a->state_to ? "old" : "new");
	else if (own->roles_to < a->roles_from || own->roles_to > a->roles_to)
		(void)snprintf(buf, UPGRADE_ANSWER_MAX,
		    "hapair %s talks with roles of version %u to %u, and this is %u: it is too %s",
		    a->version, a->roles_from, a->roles_to, own->roles_to,
		    own->roles_to > a->roles_to ? "old" : "new");
	else
		return NULL;
	return buf;
}
