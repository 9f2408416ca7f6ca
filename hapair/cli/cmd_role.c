#include "core/proc.h"
#include "director/director.h"
#include "failover/failover.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/child.h"
#include "proxy/relay.h"

#include <string.h>
#include <sys/socket.h>

/* Started by hand there is no channel: say so instead of waiting on one. */
static bool
has_channel(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(CHILD_CHAN_FD, SOL_SOCKET, SO_TYPE, &type, &len) !=
	    -1 &&
	    type == SOCK_SEQPACKET;
}

int
cmd_role(int argc, char **argv)
{
	struct proc_user user;

	if (argc == 4 && has_channel()) {
		proc_shut(077);
		user.uid = (uid_t)strtoul(argv[2], NULL, 10);
		user.gid = (gid_t)strtoul(argv[3], NULL, 10);
		if (strcmp(argv[1], "failover") == 0)
			return failover_run(
			    CHILD_CHAN_FD, CHILD_REPORT_FD, &user);
		if (strcmp(argv[1], "relay") == 0)
			return relay_run(CHILD_CHAN_FD, CHILD_REPORT_FD, &user);
		if (strcmp(argv[1], "director") == 0)
			return director_run(
			    CHILD_CHAN_FD, CHILD_REPORT_FD, &user);
	}
	return command_refuse(
	    NULL, COMMAND_WRONG, "'role' is for the supervisor alone");
}
