#pragma once

/*
 * The log line of a connection, written when it ends and its sockets are still
 * open. Only where the configuration wants it.
 */

struct session;

void conn_log_session(const struct session *s);
