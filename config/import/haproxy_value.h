#pragma once

/*
 * How haproxy writes times, numbers and addresses. Pure text to value.
 */

#include "core/base.h"

struct import_plan;

/* "10", "10s", "500ms", "1m", "1h", "1d", "100us"; without a unit it is ms. */
bool haproxy_value_time(const char *text, uint64_t *ret_ms);

bool haproxy_value_number(const char *text, uint64_t *ret_number);

enum haproxy_value_kind {
	HAPROXY_VALUE_TCP,
	HAPROXY_VALUE_UNIX,  /* a socket that is a file, or has a name */
	HAPROXY_VALUE_OTHER, /* a descriptor, QUIC, UDP ... */
};

struct haproxy_value_address {
	enum haproxy_value_kind kind;
	const char *host;         /* "": every address; without brackets */
	bool has_port, is_offset; /* offset: +N or -N of the client's */
	uint64_t port, last_port; /* last_port: of a range, else port */
	bool is_ip, is_v6;        /* of the host: a number, and of which */
};

/* False: the port is none. */
bool haproxy_value_address(struct import_plan *plan, const char *text,
    struct haproxy_value_address *ret_address);

/* "HOST:PORT" as we write it, with brackets where they belong. */
const char *haproxy_value_with_port(
    struct import_plan *plan, const char *host, uint64_t port);
