#include "config/change_class.h"

#include <string.h>

/*
 * What makes the nodes hear each other, and what this process holds open by
 * name, stays as long as the daemon does. All else can change: the relay has
 * what concerns connections, failover the rest.
 */
#define RELAY(path)                                                            \
	{                                                                      \
		path, CHANGE_CLASS_RELAY, NULL                                 \
	}
#define LISTENERS(path)                                                        \
	{                                                                      \
		path, CHANGE_CLASS_LISTENERS, NULL                             \
	}
#define FAILOVER(path)                                                         \
	{                                                                      \
		path, CHANGE_CLASS_FAILOVER, NULL                              \
	}
#define RESTART(path, why)                                                     \
	{                                                                      \
		path, CHANGE_CLASS_RESTART, why                                \
	}

static const char by_address[] =
    "the nodes would not hear each other while only one of them has it";

static const char by_start[] =
    "which of the nodes this is, is decided when the daemon starts";

static const char by_tables[] =
    "connections are in the kernel's tables, which would be others";

static const struct change_class_row rows[] = {
	RESTART("pair", "a pair begins and ends with the daemon"),
	RESTART("pair.nodes", by_start),
	RESTART("pair.nodes.name", by_start),
	RESTART("pair.nodes.address", by_address),
	FAILOVER("pair.nodes.priority"),
	RESTART("pair.nodes.links", by_address),
	RESTART("pair.port", by_address),
	FAILOVER("pair.key_file"),
	FAILOVER("pair.interval"),
	FAILOVER("pair.misses"),
	FAILOVER("pair.hang_timeout"),
	FAILOVER("pair.deaf_timeout"),
	FAILOVER("pair.preempt"),
	FAILOVER("pair.preempt_delay"),
	FAILOVER("pair.witness"),
	FAILOVER("pair.track"),
	FAILOVER("pair.track.*"),
	FAILOVER("pair.notify"),
	FAILOVER("pair.accept_file"),
	FAILOVER("pair.groups"),
	FAILOVER("pair.groups.name"),
	FAILOVER("pair.groups.interface"),
	FAILOVER("pair.groups.addresses"),
	FAILOVER("pair.groups.addresses.address"),
	FAILOVER("pair.groups.addresses.interface"),
	FAILOVER("pair.groups.priority"),

	LISTENERS("services"),
	LISTENERS("services.name"),
	RELAY("services.preset"),
	LISTENERS("services.listen"),
	RELAY("services.balance"),
	RELAY("services.backups"),
	RELAY("services.connect"),
	RELAY("services.path"),
	RELAY("services.mode"),
	RELAY("services.standby_group"),
	RELAY("services.failback"),
	RELAY("services.fence"),
	RELAY("services.fence_timeout"),
	RELAY("services.promote"),
	RELAY("services.hold"),
	RELAY("services.on_down"),
	RELAY("services.max_connections"),
	RELAY("services.max_connections_per_client"),
	RELAY("services.timeouts"),
	RELAY("services.timeouts.*"),
	RELAY("services.retries"),
	RELAY("services.keepalive"),
	RELAY("services.allow"),
	RELAY("services.deny"),
	RELAY("services.proxy_protocol"),
	RELAY("services.prefer"),
	RELAY("services.source"),
	RELAY("services.keytab"),
	RELAY("services.check"),
	RELAY("services.check.*"),
	RELAY("services.servers"),
	RELAY("services.servers.name"),
	RELAY("services.servers.address"),
	RELAY("services.servers.weight"),
	RELAY("services.servers.max_connections"),
	RELAY("services.servers.backup"),
	RELAY("services.servers.slow_start"),
	RELAY("services.servers.check"),
	RELAY("services.servers.check.*"),

	RESTART("threads",
	    "each thread has listening sockets of its own, and clients wait in them"),
	RELAY("user"),
	RELAY("group"),
	RELAY("max_connections"),
	RELAY("drain_timeout"),
	RESTART("control", "commands look for the daemon there"),
	RELAY("kernel"),
	RESTART("kernel.pins", by_tables),
	RESTART("kernel.slots", by_tables),
	LISTENERS("web"),
	LISTENERS("web.listen"),
	RELAY("web.allow"),
	RELAY("web.user"),
	RELAY("web.password_file"),
	FAILOVER("log"),
	FAILOVER("log.*"),
	RESTART("pid_file", "others look for the daemon there"),
};

static bool
covers(const char *row, const char *path)
{
	const size_t len = strlen(row);

	if (row[len - 1] == '*')
		return strncmp(row, path, len - 1) == 0;
	return strcmp(row, path) == 0;
}

const struct change_class_row *
change_class_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (covers(rows[i].path, path))
			return &rows[i];
	return NULL;
}

const struct change_class_row *
change_class_rows(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(rows);
	return rows;
}

const char *change_class_name(enum change_class class)
{
	switch (class) {
	case CHANGE_CLASS_RELAY:
		return "relay";
	case CHANGE_CLASS_LISTENERS:
		return "listeners";
	case CHANGE_CLASS_FAILOVER:
		return "failover";
	case CHANGE_CLASS_RESTART:
		break;
	}
	return "restart";
}
