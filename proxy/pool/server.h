#pragma once

/*
 * What is known of a server: how it stands, by its checks, and what it says of
 * itself. The words of `status` and the log.
 *
 * Pure.
 */

enum server_state {
	SERVER_UNKNOWN, /* no check has ended yet: takes no connections */
	SERVER_UP,
	SERVER_DOWN,
	SERVER_DRAIN, /* serves what it has, wants no new connections */
};

/* Among several that back each other. */
enum server_role {
	SERVER_ROLE_UNSAID, /* nothing: is down, was not asked, or is mute */
	SERVER_ROLE_ACTIVE,
	SERVER_ROLE_STANDBY,
};

/* "unknown", "up", "down", "drain". */
const char *server_state_name(enum server_state state);

/* "active", "standby"; NULL: unsaid. */
const char *server_role_name(enum server_role role);
