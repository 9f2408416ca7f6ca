#include "proxy/pool/server.h"

#include "core/base.h"

const char *
server_state_name(enum server_state state)
{
	switch (state) {
	case SERVER_UNKNOWN:
		break;
	case SERVER_UP:
		return "up";
	case SERVER_DOWN:
		return "down";
	case SERVER_DRAIN:
		return "drain";
	}
	return "unknown";
}

const char *
server_role_name(enum server_role role)
{
	switch (role) {
	case SERVER_ROLE_UNSAID:
		break;
	case SERVER_ROLE_ACTIVE:
		return "active";
	case SERVER_ROLE_STANDBY:
		return "standby";
	}
	return NULL;
}
