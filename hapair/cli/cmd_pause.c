#include "config/schema/scalar.h"
#include "core/json_doc.h"
#include "core/msg.h"
#include "failover/election/pause.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

#include <inttypes.h>
#include <stdio.h>

#define DEFAULT "30m"

int
cmd_pause(int argc, char **argv)
{
	struct client client = { .command = "pause",
		.path = COMMAND_CONFIG_PATH };
	const char *duration = NULL;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ .word = &duration },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char request[MSG_REQUEST_MAX];
	uint64_t ms;
	int status =
	    command_parse("pause", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (scalar_duration(duration != NULL ? duration : DEFAULT, &ms) < 0)
		return command_misused("pause",
		    "'%s' is no duration; expected one such as 30m or 2h",
		    duration);
	if (ms < PAUSE_LEAST_MS || ms > PAUSE_MOST_MS)
		return command_misused("pause",
		    "'%s' is out of range; expected 1s to 24h", duration);
	(void)snprintf(request, sizeof(request), "pause %" PRIu64, ms);
	status = client_ask(&client, request, &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}
