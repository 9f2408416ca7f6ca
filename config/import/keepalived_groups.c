#include "config/import/keepalived_groups.h"

#include "config/rules/address_faults.h"
#include "config/schema/scalar.h"

#include <stdio.h>
#include <string.h>

#define INTERFACE_MAX 15
#define NO_INTERFACE "eth0"

struct groups {
	struct keepalived_hosts *h;
	struct import_plan *plan;
	struct import_plan_group *last;
};

static bool
is_interface(const char *name)
{
	return name != NULL && scalar_is_name(name, INTERFACE_MAX, "");
}

const char *
keepalived_groups_interface(
    const struct keepalived_hosts *h, const struct keepalived_hosts_instance *i)
{
	for (size_t host = 0; host < CONFIG_NODES; host++) {
		const struct keepalived_text_line *l = i->of[host];
		const char *name =
		    l != NULL ? keepalived_text_value(l, "interface", 1) : NULL;
		const struct keepalived_text_line *global =
		    h->texts[host] != NULL
		    ? keepalived_text_find(&h->texts[host]->root, "global_defs")
		    : NULL;

		if (name == NULL && l != NULL && global != NULL)
			name = keepalived_text_value(
			    global, "default_interface", 1);
		if (is_interface(name))
			return name;
	}
	return NULL;
}

static bool
is_known(const struct import_plan *plan, const struct config_cidr *c)
{
	struct config_cidr have;

	for (const struct import_plan_group *g = plan->pair.groups; g != NULL;
	     g = g->next)
		for (size_t i = 0; i < g->n_addresses; i++)
			if (scalar_cidr(g->addresses[i].cidr, &have) == 0 &&
			    addr_is_same_ip(&have.addr, &c->addr))
				return true;
	return false;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A network of the group on that interface that holds it; 0: none. */
static unsigned
prefix_beside(const struct import_plan_group *g, const char *interface,
    const struct config_cidr *c)
{
	for (size_t i = 0; i < g->n_addresses; i++) {
		struct config_cidr have, both = *c;

		if (!is_same_text(g->addresses[i].interface, interface) ||
		    scalar_cidr(g->addresses[i].cidr, &have) < 0 ||
		    have.addr.sa.sa_family != c->addr.sa.sa_family)
			continue;
		both.prefix = have.prefix;
		have = scalar_network_of(&have);
		both = scalar_network_of(&both);
		if (addr_is_same_ip(&have.addr, &both.addr))
			return both.prefix;
	}
	return 0;
}

static unsigned
whole(const struct config_cidr *c)
{
	return c->addr.sa.sa_family == AF_INET6 ? 128 : 32;
}

/* As keepalived does it, it is a network of its own where it names none. */
static void
read_prefix(struct groups *b, const struct import_plan_group *g,
    const char *interface, const struct keepalived_text_line *l,
    const char *text, struct config_cidr *c)
{
	const unsigned beside = prefix_beside(g, interface, c);

	if (strchr(text, '/') == NULL && beside != 0) {
		c->prefix = (uint8_t)beside;
	} else if (strchr(text, '/') == NULL) {
		c->prefix = (uint8_t)whole(c);
		import_notes_warning(&b->plan->notes, l->at,
		    "'%.60s' has no prefix length, which is /%u to keepalived, "
		    "and so it is here; with that of the interface's network "
		    "hapair also knows who is near: '%.60s/%u', perhaps",
		    text, c->prefix, text, whole(c) == 32 ? 24U : 64U);
	}
	if (address_faults_of_cidr(c) == NULL)
		return;
	c->prefix = (uint8_t)whole(c);
}

/* False: it is none, and that was said. */
static bool
read_address(struct groups *b, const struct import_plan_group *g,
    const char *interface, const struct keepalived_text_line *l,
    const char *text, struct config_cidr *ret_cidr)
{
	const size_t len = strcspn(text, "/");
	char ip[ADDR_TEXT_MAX];
	struct config_cidr c;

	memset(&c, 0, sizeof(c));
	if (len >= sizeof(ip))
		return false;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (addr_parse_ip(ip, &c.addr) < 0)
		return false;
	if (text[len] == '/' && scalar_cidr(text, &c) < 0)
		return false;
	read_prefix(b, g, interface, l, text, &c);
	if (address_faults_of_cidr(&c) != NULL)
		return false;
	*ret_cidr = c;
	return true;
}

static size_t
count_interfaces(const struct import_plan_group *g, const char *more)
{
	size_t n = 1, k;

	for (size_t i = 0; i <= g->n_addresses; i++) {
		const char *name =
		    i < g->n_addresses ? g->addresses[i].interface : more;

		if (name == NULL)
			continue;
		for (k = 0; k < i; k++)
			if (is_same_text(g->addresses[k].interface, name))
				break;
		n += k == i;
	}
	return n;
}

static void
add_address(struct groups *b, struct import_plan_group *g,
    const char *interface, const struct keepalived_text_line *l,
    const char *text)
{
	struct import_plan_address *a;
	struct config_cidr c;
	char cidr[SCALAR_CIDR_TEXT];
	const char *made_up = NULL;

	if (g->n_addresses == CONFIG_GROUP_ADDRESSES_MAX) {
		import_notes_error(&b->plan->notes, l->at,
		    "'%.60s' is left out: a group has at most %d addresses",
		    text, CONFIG_GROUP_ADDRESSES_MAX);
		return;
	}
	if (!read_address(b, g, interface, l, text, &c)) {
		made_up = import_plan_made_up(b->plan, text);
		import_notes_error(&b->plan->notes, l->at,
		    "'%.60s' is no virtual IP; %s/32 stands for it, and is to "
		    "be replaced (" IMPORT_PLAN_FILL_IN ")",
		    text, made_up);
		memset(&c, 0, sizeof(c));
		if (addr_parse_ip(made_up, &c.addr) < 0)
			return;
		c.prefix = 32;
	}
	if (is_known(b->plan, &c)) /* the other host's file says it, too */
		return;
	if (count_interfaces(g, interface) > CONFIG_GROUP_INTERFACES_MAX) {
		import_notes_error(&b->plan->notes, l->at,
		    "'%.60s' is left out: a group has at most %d interfaces",
		    text, CONFIG_GROUP_INTERFACES_MAX);
		return;
	}
	a = &g->addresses[g->n_addresses++];
	a->cidr = import_plan_text(b->plan, "%s", scalar_cidr_text(&c, cidr));
	a->interface = interface;
	a->comment =
	    made_up != NULL ? IMPORT_PLAN_FILL_IN ": a virtual IP" : NULL;
}

/* "10.0.0.1/24 dev eth0 label eth0:1"; NULL: the instance's. */
static const char *
device_of(
    const struct keepalived_text_line *l, const char *own, const char *groups)
{
	const char *name = own;

	for (size_t i = 1; i + 1 < l->n; i++)
		if (strcmp(l->words[i], "dev") == 0 &&
		    is_interface(l->words[i + 1]))
			name = l->words[i + 1];
	return is_same_text(name, groups) ? NULL : name;
}

static void
add_block(struct groups *b, struct import_plan_group *g, const char *own,
    const struct keepalived_text_line *block)
{
	for (const struct keepalived_text_line *l = block->first; l != NULL;
	     l = l->next) {
		const char *interface = device_of(l, own, g->interface);
		union addr ip;

		add_address(b, g, interface, l, l->words[0]);
		/* Several on one line. */
		for (size_t i = 1; i < l->n; i++) {
			char text[ADDR_TEXT_MAX];

			(void)snprintf(text, sizeof(text), "%.*s",
			    (int)strcspn(l->words[i], "/"), l->words[i]);
			if (strcmp(l->words[i - 1], "brd") != 0 &&
			    strcmp(l->words[i - 1], "peer") != 0 &&
			    addr_parse_ip(text, &ip) == 0)
				add_address(b, g, interface, l, l->words[i]);
		}
	}
}

static void
add_instance(struct groups *b, struct import_plan_group *g,
    struct keepalived_hosts_instance *i)
{
	static const char *const words[] = { "virtual_ipaddress",
		"virtual_ipaddress_excluded" };
	const char *own = keepalived_groups_interface(b->h, i);

	i->is_done = true;
	i->group = g;
	for (size_t host = 0; host < CONFIG_NODES; host++) {
		const struct keepalived_text_line *l = i->of[host];

		if (l == NULL)
			continue;
		import_plan_comment(b->plan, &g->comments,
		    "%s: vrrp_instance %s", import_plan_where(b->plan, l->at),
		    i->name);
		for (l = l->first; l != NULL; l = l->next)
			for (size_t k = 0; k < ARRAY_LEN(words); k++)
				if (strcmp(l->words[0], words[k]) == 0)
					add_block(b, g,
					    own != NULL ? own : g->interface,
					    l);
	}
}

/* All addresses are elsewhere: the group is there then. */
static void
settle_interface(struct import_plan_group *g)
{
	const char *first = g->addresses[0].interface;

	for (size_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].interface == NULL)
			return;
	g->interface = first;
	for (size_t i = 0; i < g->n_addresses; i++)
		if (is_same_text(g->addresses[i].interface, first))
			g->addresses[i].interface = NULL;
}

static const char *
group_name(struct groups *b, const struct keepalived_hosts_instance *i)
{
	const char *theirs =
	    i->sync != NULL && i->sync->n > 1 ? i->sync->words[1] : i->name;
	const char *name = import_plan_name(b->plan, theirs, "", "main");
	const char *own = name;
	unsigned n = 2;

	for (const struct import_plan_group *g = b->plan->pair.groups;
	     g != NULL;) {
		if (strcmp(g->name, own) != 0) {
			g = g->next;
			continue;
		}
		own = import_plan_text(b->plan, "%.55s-%u", name, n++);
		g = b->plan->pair.groups;
		if (n > 100)
			break;
	}
	return own;
}

static void
link_group(struct groups *b, struct import_plan_group *g)
{
	if (b->last == NULL)
		b->plan->pair.groups = g;
	else
		b->last->next = g;
	b->last = g;
	b->plan->pair.n_groups++;
}

static void
unlink_last(struct groups *b, struct import_plan_group *before)
{
	if (before == NULL)
		b->plan->pair.groups = NULL;
	else
		before->next = NULL;
	b->last = before;
	b->plan->pair.n_groups--;
}

/* Of the first instance, and those of its sync group. */
static void
add_group(struct groups *b, struct keepalived_hosts_instance *first)
{
	const struct keepalived_text_line *l = keepalived_hosts_line(first);
	struct import_plan_group *g = import_plan_alloc(b->plan, sizeof(*g));
	struct import_plan_group *before = b->last;

	if (g == NULL)
		return;
	g->name = group_name(b, first);
	g->interface = keepalived_groups_interface(b->h, first);
	if (g->interface == NULL) {
		g->interface = NO_INTERFACE;
		import_notes_error(&b->plan->notes, l->at,
		    "the interface of 'vrrp_instance %.60s' is not said; it is " NO_INTERFACE
		    " (" IMPORT_PLAN_FILL_IN ")",
		    first->name);
	}
	link_group(b, g);
	if (first->sync == NULL)
		add_instance(b, g, first);
	else
		import_plan_comment(b->plan, &g->comments,
		    "%s: vrrp_sync_group %s",
		    import_plan_where(b->plan, first->sync->at),
		    first->sync->n > 1 ? first->sync->words[1] : "");
	for (size_t i = 0; first->sync != NULL && i < b->h->n; i++)
		if (b->h->all[i].sync == first->sync)
			add_instance(b, g, &b->h->all[i]);
	if (g->n_addresses > 0) {
		settle_interface(g);
		return;
	}
	unlink_last(b, before);
	for (size_t i = 0; i < b->h->n; i++)
		if (b->h->all[i].group == g)
			b->h->all[i].group = NULL;
	import_notes_warning(&b->plan->notes, l->at,
	    "'vrrp_instance %.60s' has no virtual IP of its own, and is left "
	    "out",
	    first->name);
}

void
keepalived_groups_read(struct keepalived_hosts *h)
{
	struct groups b = { .h = h, .plan = h->plan };

	for (size_t i = 0; i < h->n; i++) {
		if (h->all[i].is_done)
			continue;
		if (h->plan->pair.n_groups < CONFIG_GROUPS_MAX) {
			add_group(&b, &h->all[i]);
			continue;
		}
		import_notes_error(&h->plan->notes,
		    keepalived_hosts_line(&h->all[i])->at,
		    "'vrrp_instance %.60s' is left out: there are at most %d "
		    "groups; one may have several addresses",
		    h->all[i].name, CONFIG_GROUPS_MAX);
	}
}

/* Whether an instance before it is of the same group, and decides. */
static bool
is_second(
    const struct keepalived_hosts *h, const struct keepalived_hosts_instance *i)
{
	for (const struct keepalived_hosts_instance *k = h->all; k < i; k++)
		if (i->sync != NULL && k->sync == i->sync)
			return true;
	return false;
}

static void
rank(struct keepalived_hosts *h, const struct keepalived_hosts_instance *i,
    struct import_plan_group *g)
{
	const struct import_plan_node *nodes = h->plan->pair.nodes;
	const size_t known = i->of[0] != NULL ? 0 : 1;
	unsigned own[CONFIG_NODES];

	for (size_t k = 0; k < CONFIG_NODES; k++)
		own[k] = keepalived_hosts_priority(h, i, k);
	if (own[1 - known] == 0)
		own[1 - known] = keepalived_hosts_guess(
		    keepalived_hosts_line(i), own[known]);
	if (own[0] == nodes[0].priority && own[1] == nodes[1].priority)
		return;
	for (size_t k = 0; k < CONFIG_NODES; k++)
		g->priority[k] = own[k];
	if (i->of[1 - known] == NULL)
		import_notes_warning(&h->plan->notes,
		    keepalived_hosts_line(i)->at,
		    "the other host's priority of 'vrrp_instance %.60s' is not "
		    "known; it is %u",
		    i->name, own[1 - known]);
}

void
keepalived_groups_rank(struct keepalived_hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct import_plan_group *g = h->all[i].group;

		if (g != NULL && !is_second(h, &h->all[i]))
			rank(h, &h->all[i], g);
	}
}
