#include "hapair/cli/preflight.h"

#include "config/schema/check_forms.h"
#include "config/yaml/nearest.h"
#include "core/fd.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/user_name.h"

#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static __attribute__((format(printf, 3, 4))) enum command_exit
say(char *ret_text, enum command_exit status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_text, PREFLIGHT_TEXT, format, args);
	va_end(args);
	return status;
}

static bool
has_address(const struct ifaddrs *all, const union addr *wanted)
{
	for (; all != NULL; all = all->ifa_next) {
		const union addr *a =
		    (const union addr *)(const void *)all->ifa_addr;

		if (a == NULL ||
		    (a->sa.sa_family != AF_INET && a->sa.sa_family != AF_INET6))
			continue;
		if (addr_is_same_ip(a, wanted))
			return true;
	}
	return false;
}

/* What this host has of each node. */
struct traces {
	bool address[CONFIG_NODES], link[CONFIG_NODES], name[CONFIG_NODES];
};

static bool
has_link(const struct ifaddrs *all, const struct config_node *n)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (has_address(all, &n->links[i]))
			return true;
	return false;
}

/* With or without its domain. */
static bool
is_called(const char *name)
{
	char host[HOST_NAME_MAX + 1] = "";

	(void)gethostname(host, sizeof(host) - 1);
	if (strcasecmp(host, name) == 0)
		return true;
	host[strcspn(host, ".")] = '\0';
	return strcasecmp(host, name) == 0;
}

/* Returns 0 or -errno. */
static int
find_traces(const struct config_node *n, struct traces *ret_traces)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) == -1)
		return -errno;
	for (int i = 0; i < CONFIG_NODES; i++) {
		ret_traces->address[i] = has_address(all, &n[i].address);
		ret_traces->link[i] = has_link(all, &n[i]);
		ret_traces->name[i] = is_called(n[i].name);
	}
	freeifaddrs(all);
	return 0;
}

/* The only one of two, or CONFIG_NO_NODE. */
static int
only(const bool is[static CONFIG_NODES])
{
	if (is[0] == is[1])
		return CONFIG_NO_NODE;
	return is[0] ? 0 : 1;
}

/* The groups serve without the address: it is elsewhere, on a cable say. */
static bool
is_aside(const struct config_pair *p, int node)
{
	for (size_t i = 0; i < p->n_groups; i++)
		if (config_group_is_near_any(
		        &p->groups[i], &p->nodes[node].address))
			return false;
	return true;
}

/*
 * Where no node's address is here: the node that it is all the same, and that
 * can start without, or CONFIG_NO_NODE. An address on a cable may be missing
 * for as long as the peer has no power, and then this host alone can serve.
 */
static int
find_without(const struct config_pair *p, const struct traces *t)
{
	int node = only(t->link);

	if (t->address[0] || t->address[1])
		return CONFIG_NO_NODE;
	if (node == CONFIG_NO_NODE)
		node = only(t->name);
	return node != CONFIG_NO_NODE && is_aside(p, node) ? node
	                                                   : CONFIG_NO_NODE;
}

bool
preflight_lacks_address(
    const struct config *c, const char *name, char *ret_text)
{
	const struct config_node *n = c->pair.nodes;
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	struct traces t;

	if (!c->has_pair || name != NULL || find_traces(n, &t) < 0 ||
	    t.address[0] || t.address[1] ||
	    find_without(&c->pair, &t) != CONFIG_NO_NODE)
		return false;
	(void)say(ret_text, COMMAND_DONE,
	    "waiting for this node's address: the host has neither %s (%s) nor %s (%s); with --node NAME it starts without one",
	    addr_format_ip(&n[0].address, a), n[0].name,
	    addr_format_ip(&n[1].address, b), n[1].name);
	return true;
}

static enum command_exit
find_by_address(const struct config_pair *p, int *ret_node, char *ret_text)
{
	const struct config_node *n = p->nodes;
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	struct traces t;
	const int e = find_traces(n, &t);

	if (e < 0)
		return say(ret_text, COMMAND_FAILED,
		    "this host's addresses cannot be read: %s", strerror(-e));
	(void)addr_format_ip(&n[0].address, a);
	(void)addr_format_ip(&n[1].address, b);
	if (t.address[0] && t.address[1])
		return say(ret_text, COMMAND_FAILED,
		    "this host has both %s (%s) and %s (%s); expected --node NAME",
		    a, n[0].name, b, n[1].name);
	*ret_node = only(t.address);
	if (*ret_node != CONFIG_NO_NODE)
		return COMMAND_DONE;
	*ret_node = find_without(p, &t);
	if (*ret_node == CONFIG_NO_NODE)
		return say(ret_text, COMMAND_FAILED,
		    "this host is no node of the pair: it has neither %s (%s) nor %s (%s); expected one of them, or --node NAME",
		    a, n[0].name, b, n[1].name);
	return say(ret_text, COMMAND_DONE,
	    "this host lacks its own address %s; by its %s it is node %s, and starts without the address, which is on no group's network",
	    *ret_node == 0 ? a : b,
	    only(t.link) != CONFIG_NO_NODE ? "link's address" : "host name",
	    n[*ret_node].name);
}

enum command_exit
preflight_node(const struct config *c, const char *path, const char *name,
    int *ret_node, char *ret_text)
{
	const struct config_node *n = c->pair.nodes;
	struct nearest near = nearest_to(name != NULL ? name : "");
	char meant[NEAREST_TEXT];

	*ret_text = '\0';
	if (!c->has_pair && name != NULL)
		return say(ret_text, COMMAND_WRONG,
		    "--node %s: %s has no 'pair'", name, path);
	if (!c->has_pair) {
		*ret_node = CONFIG_NO_NODE;
		return COMMAND_DONE;
	}
	if (name == NULL)
		return find_by_address(&c->pair, ret_node, ret_text);
	for (int i = 0; i < CONFIG_NODES; i++)
		if (strcmp(n[i].name, name) == 0) {
			*ret_node = i;
			return COMMAND_DONE;
		}
	for (int i = 0; i < CONFIG_NODES; i++)
		nearest_offer(&near, n[i].name);
	if (near.word != NULL)
		return say(ret_text, COMMAND_WRONG, "--node %s: no such node%s",
		    name, nearest_text(&near, meant));
	return say(ret_text, COMMAND_WRONG,
	    "--node %s: no such node; expected '%s' or '%s'", name, n[0].name,
	    n[1].name);
}

enum command_exit
preflight_key(const struct config *c, char *ret_text)
{
	char why[TRUSTED_PATH_WHY_MAX];
	struct secret_keys keys;
	int e;

	if (!c->has_pair)
		return COMMAND_DONE;
	e = secret_load(c->pair.key_file, &keys);
	secret_wipe(&keys, sizeof(keys));
	if (e < 0)
		return say(ret_text, COMMAND_WRONG, "key file %s: %s",
		    c->pair.key_file, secret_fault(c->pair.key_file, e, why));
	return COMMAND_DONE;
}

/* -- files ----------------------------------------------------------------- */

/* A check, asked for each file; `path` NULL: there is none. */
static bool
refuses(const char *what, const char *path, enum trusted_path_rule rule,
    char *ret_text)
{
	char why[TRUSTED_PATH_WHY_MAX];
	const int e = path != NULL ? trusted_path_look(path, rule, why) : 0;

	if (e == -EPERM || (e == -EINVAL && rule == TRUSTED_PATH_ANYBODYS))
		(void)say(
		    ret_text, COMMAND_WRONG, "%s %s: %s", what, path, why);
	return *ret_text != '\0';
}

/* Of a file that is made anew, and of the directory alone. */
static bool
refuses_place(const char *what, const char *path, char *ret_text)
{
	char why[TRUSTED_PATH_WHY_MAX], name[TRUSTED_PATH_NAME_MAX];
	CLEANUP(fd_close) int dir = -1;

	if (path == NULL)
		return false;
	dir = trusted_path_parent(path, TRUSTED_PATH_ROOTS, name, why);
	if (dir == -EPERM)
		(void)say(
		    ret_text, COMMAND_WRONG, "%s %s: %s", what, path, why);
	if (dir < 0)
		dir = -1;
	return *ret_text != '\0';
}

static bool
refuses_service(const struct config_service *s, char *ret_text)
{
	const char *ca = NULL, *script = NULL;

	if (refuses("fence", s->fence, TRUSTED_PATH_ROOTS, ret_text) ||
	    refuses("promote", s->promote, TRUSTED_PATH_ROOTS, ret_text))
		return true;
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct config_check *c = &s->servers[i].check;

		/* Most have what the one before them has. */
		if (c->type == CONFIG_CHECK_SCRIPT && c->script != script &&
		    refuses("check script", c->script, TRUSTED_PATH_ROOTS,
		        ret_text))
			return true;
		if (check_forms_has_certificate(c) && c->ca != ca &&
		    refuses("ca", c->ca, TRUSTED_PATH_ROOTS, ret_text))
			return true;
		script = c->script;
		ca = c->ca;
	}
	return false;
}

enum command_exit
preflight_places(const struct config *c, char *ret_text)
{
	CLEANUP(fd_close) int state = -1;
	char why[TRUSTED_PATH_WHY_MAX];

	*ret_text = '\0';
	if (c->log.target == LOG_TARGET_FILE &&
	    refuses("log", c->log.path, TRUSTED_PATH_ANYBODYS, ret_text))
		return COMMAND_WRONG;
	if (refuses("pid file", c->pid_file, TRUSTED_PATH_ROOTS, ret_text) ||
	    refuses_place("control socket", c->control, ret_text))
		return COMMAND_WRONG;
	state = trusted_path_directory(
	    state_file_directory(), TRUSTED_PATH_ROOTS, 0, why);
	if (state == -EPERM)
		return say(ret_text, COMMAND_WRONG, "state: %s", why);
	if (state < 0)
		state = -1;
	return COMMAND_DONE;
}

enum command_exit
preflight_files(const struct config *c, char *ret_text)
{
	*ret_text = '\0';
	for (size_t i = 0; i < c->n_services; i++)
		if (refuses_service(&c->services[i], ret_text))
			return COMMAND_WRONG;
	if (!c->has_pair)
		return COMMAND_DONE;
	if (refuses("notify", c->pair.notify, TRUSTED_PATH_ROOTS, ret_text))
		return COMMAND_WRONG;
	for (size_t i = 0; i < c->pair.n_tracks; i++)
		if (refuses("track script", c->pair.tracks[i].script,
		        TRUSTED_PATH_ROOTS, ret_text))
			return COMMAND_WRONG;
	return COMMAND_DONE;
}

enum command_exit
preflight_user(const struct config *c, char *ret_text)
{
	struct proc_user user = { .uid = 1 };
	gid_t gid;

	if (c->user != NULL && !user_name_find(c->user, &user))
		return say(ret_text, COMMAND_WRONG, "user '%s' does not exist",
		    c->user);
	if (user.uid == 0)
		return say(ret_text, COMMAND_WRONG,
		    "user '%s' is root, which owns too much for a relay; expected a user of its own",
		    c->user);
	if (c->group != NULL && !user_name_find_group(c->group, &gid))
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
