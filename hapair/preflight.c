#include "hapair/preflight.h"

#include "core/secret.h"
#include "hapair/whoami.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum command_exit say(char *ret_text, enum command_exit status,
    const char *format, ...) PRINTF_LIKE(3, 4);

static enum command_exit
say(char *ret_text, enum command_exit status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_text, PREFLIGHT_TEXT, format, args);
	va_end(args);
	return status;
}

enum command_exit
preflight_node(const struct config *c, const char *path, const char *name,
    int *ret_node, char *ret_text)
{
	const struct config_node *n = c->pair.nodes;
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	int e = whoami_find(c, name, ret_node);

	if (e == 0)
		return COMMAND_DONE;
	if (e == -ENOENT && !c->has_pair)
		return say(ret_text, COMMAND_WRONG,
		    "--node %s: %s has no 'pair'", name, path);
	(void)addr_format_ip(&n[0].address, a);
	(void)addr_format_ip(&n[1].address, b);
	if (e == -ENOENT)
		return say(ret_text, COMMAND_WRONG,
		    "--node %s: no such node; expected '%s' or '%s'", name,
		    n[0].name, n[1].name);
	if (e == -EADDRNOTAVAIL)
		return say(ret_text, COMMAND_FAILED,
		    "this host is no node of the pair: it has neither %s (%s) nor %s (%s); expected one of them, or --node NAME",
		    a, n[0].name, b, n[1].name);
	if (e == -EEXIST)
		return say(ret_text, COMMAND_FAILED,
		    "this host has both %s (%s) and %s (%s); expected --node NAME",
		    a, n[0].name, b, n[1].name);
	return say(ret_text, COMMAND_FAILED,
	    "reading this host's addresses: %s", strerror(-e));
}

enum command_exit
preflight_key(const struct config *c, char *ret_text)
{
	struct secret_key key;
	int e;

	if (!c->has_pair)
		return COMMAND_DONE;
	e = secret_load(c->pair.key_file, &key);
	secret_wipe(&key, sizeof(key));
	if (e == -EPERM)
		return say(ret_text, COMMAND_WRONG,
		    "key file %s: others can read it, or it is not yours; expected mode 0400 and owner root",
		    c->pair.key_file);
	if (e == -EINVAL)
		return say(ret_text, COMMAND_WRONG,
		    "key file %s: holds no key; expected what `hapair genkey` writes",
		    c->pair.key_file);
	if (e < 0)
		return say(ret_text, COMMAND_WRONG, "key file %s: %s",
		    c->pair.key_file, strerror(-e));
	return COMMAND_DONE;
}

enum command_exit
preflight_user(const struct config *c, char *ret_text)
{
	if (c->user != NULL && getpwnam(c->user) == NULL)
		return say(ret_text, COMMAND_WRONG, "user '%s' does not exist",
		    c->user);
	if (c->group != NULL && getgrnam(c->group) == NULL)
		return say(ret_text, COMMAND_WRONG, "group '%s' does not exist",
		    c->group);
	if (c->has_pair && geteuid() != 0)
		return say(ret_text, COMMAND_FAILED,
		    "a pair needs root, to move its addresses");
	return COMMAND_DONE;
}

enum command_exit
preflight_budget(const struct config *c, unsigned workers,
    struct limits *ret_limits, char *ret_text)
{
	const int e = limits_budget(c, workers, ret_limits);

	if (e == -EMFILE)
		return say(ret_text, COMMAND_FAILED,
		    "max_connections %u needs %llu descriptors, the limit is %llu; expected a higher LimitNOFILE (ulimit -Hn) or a lower max_connections",
		    c->max_connections > 0 ? c->max_connections : 1,
		    (unsigned long long)ret_limits->needed,
		    (unsigned long long)ret_limits->limit);
	if (e < 0)
		return say(ret_text, COMMAND_FAILED, "descriptor limit: %s",
		    strerror(-e));
	return COMMAND_DONE;
}
