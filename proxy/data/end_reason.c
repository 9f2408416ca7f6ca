#include "proxy/data/end_reason.h"

static const struct row {
	const char *code, *words;
} rows[] = {
	[ENDING_NORMAL] = { "--", "closed in order" },
	[ENDING_CLIENT_QUEUE] = { "CQ", "client left the queue" },
	[ENDING_CLIENT_CONNECT] = { "CC",
	    "client left before a server was reached" },
	[ENDING_CLIENT_SILENT] = { "cC", "client said nothing in time" },
	[ENDING_CLIENT_DATA] = { "CD", "client reset the connection" },
	[ENDING_CLIENT_GONE] = { "cD", "client does not answer any more" },
	[ENDING_SERVER_REFUSED] = { "SC", "no server could be reached" },
	[ENDING_SERVER_TIMEOUT] = { "sC", "no server answered in time" },
	[ENDING_SERVER_DATA] = { "SD", "server reset the connection" },
	[ENDING_SERVER_GONE] = { "sD", "server does not answer any more" },
	[ENDING_SERVER_DOWN] = { "DD", "its server was given up" },
	[ENDING_NO_SERVER] = { "SC", "no server is up" },
	[ENDING_QUEUE_TIMEOUT] = { "sQ", "no server had a place in time" },
	[ENDING_IDLE] = { "cD", "nothing moved for timeouts.idle" },
	[ENDING_CLIENT_HALF] = { "cD",
	    "client did not end its side for timeouts.half_closed" },
	[ENDING_SERVER_HALF] = { "sD",
	    "server did not end its side for timeouts.half_closed" },
	[ENDING_RESOURCES] = { "RC", "out of ports, descriptors or memory" },
	[ENDING_ADDRESS_MOVED] = { "KD", "virtual IP has left this node" },
	[ENDING_STOPPED] = { "KD", "node is being stopped" },
};
_Static_assert(ARRAY_LEN(rows) == ENDING_COUNT, "a row for each ending");

const char *
ending_code(enum ending ending)
{
	return rows[ending].code;
}

const char *
ending_words(enum ending ending)
{
	return rows[ending].words;
}
