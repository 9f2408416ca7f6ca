#pragma once

/*
 * How a connection ended: haproxy's two letters, which operators know, and
 * words. The first letter tells who ended it, the second in which phase.
 *
 * Pure.
 */

#include "core/base.h"

enum ending {
	ENDING_NORMAL,
	ENDING_CLIENT_QUEUE,   /* the client left while it was queued */
	ENDING_CLIENT_CONNECT, /* the client left before there was a server */
	ENDING_CLIENT_SILENT,  /* it said nothing in time (at_first_byte) */
	ENDING_CLIENT_DATA,    /* the client reset the connection */
	ENDING_CLIENT_GONE,    /* the client's host does not answer any more */
	ENDING_SERVER_REFUSED, /* no server could be reached */
	ENDING_SERVER_TIMEOUT, /* no server answered in time */
	ENDING_SERVER_DATA,    /* the server reset the connection */
	ENDING_SERVER_GONE,    /* the server's host does not answer any more */
	ENDING_SERVER_DOWN,    /* it was given up, or put out of service */
	ENDING_NO_SERVER,      /* none was up */
	ENDING_QUEUE_TIMEOUT,  /* no server had a place in time */
	ENDING_IDLE,           /* nothing moved for timeouts.idle */
	ENDING_CLIENT_HALF,    /* the client did not end for half_closed */
	ENDING_SERVER_HALF,    /* the server did not end for half_closed */
	ENDING_RESOURCES,      /* ours: ports, descriptors, memory */
	ENDING_ADDRESS_MOVED,  /* the virtual IP has left this node */
	ENDING_STOPPED,        /* this node is being stopped */
};

#define ENDING_COUNT (ENDING_STOPPED + 1)

/* "--", "CD", … */
const char *ending_code(enum ending ending);

/* "closed in order", "client reset the connection", … */
const char *ending_words(enum ending ending);
