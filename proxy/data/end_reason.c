#include "proxy/data/end_reason.h"

static const struct row {
	const char *code, *words;
} rows[] = {
	[END_REASON_NORMAL] = { "--", "closed in order" },
	[END_REASON_CLIENT_QUEUE] = { "CQ", "client left the queue" },
	[END_REASON_CLIENT_CONNECT] = { "CC",
	    "client left before a server was reached" },
	[END_REASON_CLIENT_SILENT] = { "cC", "client said nothing in time" },
	[END_REASON_CLIENT_DATA] = { "CD", "client reset the connection" },
	[END_REASON_CLIENT_GONE] = { "cD", "client does not answer any more" },
	[END_REASON_SERVER_REFUSED] = { "SC", "no server could be reached" },
	[END_REASON_SERVER_TIMEOUT] = { "sC", "no server answered in time" },
	[END_REASON_SERVER_DATA] = { "SD", "server reset the connection" },
	[END_REASON_SERVER_GONE] = { "sD", "server does not answer any more" },
	[END_REASON_SERVER_DOWN] = { "DD", "its server was given up" },
	[END_REASON_NO_SERVER] = { "SC", "no server is up" },
	[END_REASON_QUEUE_TIMEOUT] = { "sQ", "no server had a place in time" },
	[END_REASON_IDLE] = { "cD", "nothing moved for timeouts.idle" },
	[END_REASON_CLIENT_HALF] = { "cD",
	    "client did not end its side for timeouts.half_closed" },
	[END_REASON_SERVER_HALF] = { "sD",
	    "server did not end its side for timeouts.half_closed" },
	[END_REASON_RESOURCES] = { "RC",
	    "out of ports, descriptors or memory" },
	[END_REASON_ADDRESS_MOVED] = { "KD", "virtual IP has left this node" },
	[END_REASON_STOPPED] = { "KD", "node is being stopped" },
	[END_REASON_DRAINED] = { "KD", "drain_timeout is over" },
	[END_REASON_OPERATOR] = { "KD", "closed by an operator" },
};
_Static_assert(ARRAY_LEN(rows) == END_REASON_COUNT, "a row for each ending");

const char *
end_reason_code(enum end_reason reason)
{
	return rows[reason].code;
}

const char *
end_reason_words(enum end_reason reason)
{
	return rows[reason].words;
}
