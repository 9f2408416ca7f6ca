#pragma once

/*
 * How a connection ended: haproxy's two letters, which operators know, and
 * words. The first letter tells who ended it, the second in which phase.
 *
 * Pure.
 */

#include "core/base.h"

enum end_reason {
	END_REASON_NORMAL,
	END_REASON_CLIENT_QUEUE, /* the client left while it was queued */
	/* the client left before there was a server */
	END_REASON_CLIENT_CONNECT,
	END_REASON_CLIENT_SILENT, /* it said nothing in time (at_first_byte) */
	END_REASON_CLIENT_DATA,   /* the client reset the connection */
	END_REASON_CLIENT_GONE, /* the client's host does not answer any more */
	END_REASON_SERVER_REFUSED, /* no server could be reached */
	END_REASON_SERVER_TIMEOUT, /* no server answered in time */
	END_REASON_SERVER_DATA,    /* the server reset the connection */
	END_REASON_SERVER_GONE, /* the server's host does not answer any more */
	END_REASON_SERVER_DOWN, /* it was given up, or put out of service */
	END_REASON_NO_SERVER,   /* none was up */
	END_REASON_QUEUE_TIMEOUT, /* no server had a place in time */
	END_REASON_IDLE,          /* nothing moved for timeouts.idle */
	END_REASON_CLIENT_HALF,   /* the client did not end for half_closed */
	END_REASON_SERVER_HALF,   /* the server did not end for half_closed */
	END_REASON_RESOURCES,     /* ours: ports, descriptors, memory */
	END_REASON_ADDRESS_MOVED, /* the virtual IP has left this node */
	END_REASON_STOPPED,       /* this node is being stopped */
	/* Nobody new is sent to its server, and drain_timeout is over. */
	END_REASON_DRAINED,
	END_REASON_OPERATOR, /* `hapair kill` */
};

#define END_REASON_COUNT (END_REASON_OPERATOR + 1)

/* "--", "CD", … */
const char *end_reason_code(enum end_reason reason);

/* "closed in order", "client reset the connection", … */
const char *end_reason_words(enum end_reason reason);
