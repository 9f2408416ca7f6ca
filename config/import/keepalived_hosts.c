#include "config/import/keepalived_hosts.h"

#include "config/import/haproxy_value.h"
#include "config/rules/address_faults.h"
#include "config/schema/scalar.h"

#include <string.h>

#define PRIORITY 100 /* keepalived's default, and ours */
#define PRIORITY_MAX 254
#define INSTANCES_MAX 256 /* as many as have a number of their own */

const struct keepalived_text_line *
keepalived_hosts_line(const struct keepalived_hosts_instance *i)
{
	return i->of[0] != NULL ? i->of[0] : i->of[1];
}

static const char *
name_of(const struct keepalived_text_line *l)
{
	return l->n > 1 ? l->words[1] : "";
}

static size_t
count(const struct keepalived_text *t, const char *word)
{
	size_t n = 0;

	for (const struct keepalived_text_line *l = t != NULL ? t->root.first
	                                                      : NULL;
	     l != NULL; l = l->next)
		n += strcmp(l->words[0], word) == 0;
	return n;
}

/* The same one on the other host: by its name, else by its number. */
static struct keepalived_hosts_instance *
find(struct keepalived_hosts *h, const struct keepalived_text_line *l,
    size_t host)
{
	const char *id = keepalived_text_value(l, "virtual_router_id", 1);

	for (size_t i = 0; i < h->n; i++)
		if (h->all[i].of[host] == NULL &&
		    strcmp(h->all[i].name, name_of(l)) == 0)
			return &h->all[i];
	for (size_t i = 0; id != NULL && i < h->n; i++) {
		const char *other = keepalived_text_value(
		    keepalived_hosts_line(&h->all[i]), "virtual_router_id", 1);

		if (h->all[i].of[host] == NULL && other != NULL &&
		    strcmp(other, id) == 0)
			return &h->all[i];
	}
	return NULL;
}

/* The sync group of a host whose `group` has the name. */
static const struct keepalived_text_line *
find_sync(const struct keepalived_text *t, const char *name)
{
	for (const struct keepalived_text_line *l = t->root.first; l != NULL;
	     l = l->next) {
		const struct keepalived_text_line *members;

		if (strcmp(l->words[0], "vrrp_sync_group") != 0)
			continue;
		members = keepalived_text_find(l, "group");
		for (const struct keepalived_text_line *m =
		         members != NULL ? members->first : NULL;
		     m != NULL; m = m->next)
			for (size_t i = 0; i < m->n; i++)
				if (strcmp(m->words[i], name) == 0)
					return l;
	}
	return NULL;
}

static void
add_instances(struct keepalived_hosts *h, size_t host)
{
	const struct keepalived_text *t = h->texts[host];

	for (const struct keepalived_text_line *l = t != NULL ? t->root.first
	                                                      : NULL;
	     l != NULL; l = l->next) {
		struct keepalived_hosts_instance *i;

		if (strcmp(l->words[0], "vrrp_instance") != 0)
			continue;
		i = host > 0 ? find(h, l, host) : NULL;
		if (i == NULL && h->n == INSTANCES_MAX) {
			import_notes_error(&h->plan->notes, l->at,
			    "there are more than %d vrrp_instances; this one "
			    "is left out",
			    INSTANCES_MAX);
			return;
		}
		if (i == NULL) {
			i = &h->all[h->n++];
			i->name = name_of(l);
			if (host > 0)
				import_notes_error(&h->plan->notes, l->at,
				    "'vrrp_instance %.60s' is not in the other "
				    "host's file; its group is on both here",
				    i->name);
		}
		i->of[host] = l;
		if (i->sync == NULL)
			i->sync = find_sync(t, name_of(l));
	}
}

struct keepalived_hosts
keepalived_hosts_read(struct import_plan *plan,
    const struct keepalived_text *first, const struct keepalived_text *second)
{
	struct keepalived_hosts h = { .plan = plan,
		.texts = { first, second } };
	const size_t room =
	    count(first, "vrrp_instance") + count(second, "vrrp_instance");

	h.all = import_plan_alloc(plan, (room + 1) * sizeof(*h.all));
	if (h.all == NULL)
		return h;
	add_instances(&h, 0);
	add_instances(&h, 1);
	return h;
}

unsigned
keepalived_hosts_priority(struct keepalived_hosts *h,
    const struct keepalived_hosts_instance *i, size_t host)
{
	const struct keepalived_text_line *l = i->of[host];
	const char *text;
	uint64_t n;

	if (l == NULL)
		return 0;
	text = keepalived_text_value(l, "priority", 1);
	if (text == NULL)
		return PRIORITY;
	if (!haproxy_value_number(text, &n) || n == 0) {
		import_notes_error(&h->plan->notes,
		    keepalived_text_find(l, "priority")->at,
		    "'%.40s' is no priority; expected 1 to %d, and it is %d",
		    text, PRIORITY_MAX, PRIORITY);
		return PRIORITY;
	}
	return n < PRIORITY_MAX ? (unsigned)n : PRIORITY_MAX;
}

/* One that a node may have: a single host's, and none that moves. */
static bool
is_address(const struct keepalived_hosts *h, const char *text)
{
	union addr a, vip;
	struct config_cidr c;

	if (text == NULL || addr_parse_ip(text, &a) < 0 ||
	    address_faults_of_node(&a) != NULL)
		return false;
	for (const struct import_plan_group *g = h->plan->pair.groups;
	     g != NULL; g = g->next)
		for (size_t i = 0; i < g->n_addresses; i++) {
			if (scalar_cidr(g->addresses[i].cidr, &c) < 0)
				continue;
			vip = c.addr;
			if (addr_is_same_ip(&vip, &a))
				return false;
		}
	return true;
}

/* Whether the node has it among its links already, or as its address. */
static bool
has_address(const struct import_plan_node *n, const char *text)
{
	if (n->address != NULL && strcmp(n->address, text) == 0)
		return true;
	for (size_t i = 0; i < n->n_links; i++)
		if (strcmp(n->links[i], text) == 0)
			return true;
	return false;
}

/* Some write it with a prefix length, which says nothing here. */
static const char *
without_prefix(const struct keepalived_hosts *h, const char *text)
{
	return text == NULL || strchr(text, '/') == NULL
	    ? text
	    : import_plan_text(h->plan, "%.*s", (int)strcspn(text, "/"), text);
}

/* What the instance says of the host's own address; NULL: nothing. */
static const char *
own_of(const struct keepalived_hosts *h, const struct keepalived_text_line *l,
    struct import_notes_place *ret_at)
{
	static const char *const words[] = { "unicast_src_ip", "mcast_src_ip" };

	for (size_t i = 0; l != NULL && i < ARRAY_LEN(words); i++) {
		const char *text =
		    without_prefix(h, keepalived_text_value(l, words[i], 1));

		if (text == NULL)
			continue;
		*ret_at = keepalived_text_find(l, words[i])->at;
		if (is_address(h, text))
			return text;
		import_notes_error(&h->plan->notes, *ret_at,
		    "'%.60s' is no address of a host, and is left out", text);
	}
	return NULL;
}

/* The one peer of an instance that is not the host itself; NULL: none. */
static const char *
peer_of(const struct keepalived_hosts *h, const struct keepalived_text_line *l,
    const char *own, struct import_notes_place *ret_at)
{
	const struct keepalived_text_line *peers =
	    l != NULL ? keepalived_text_find(l, "unicast_peer") : NULL;
	const char *found = NULL;

	for (const struct keepalived_text_line *p = peers != NULL ? peers->first
	                                                          : NULL;
	     p != NULL; p = p->next) {
		const char *text = without_prefix(h, p->words[0]);

		if (own != NULL && strcmp(text, own) == 0)
			continue;
		if (!is_address(h, text))
			import_notes_error(&h->plan->notes, p->at,
			    "'%.60s' is no address of a host, and is left out",
			    text);
		else if (found != NULL && strcmp(found, text) != 0)
			import_notes_error(&h->plan->notes, p->at,
			    "'%.60s' is one peer too many: a pair is two "
			    "nodes, and this one is left out",
			    text);
		else if (found == NULL) {
			found = text;
			*ret_at = p->at;
		}
	}
	return found;
}

static void
put_address(struct keepalived_hosts *h, size_t host, const char *text,
    struct import_notes_place at)
{
	struct import_plan_node *n = &h->plan->pair.nodes[host];

	n->address = text;
	n->address_comment = import_plan_where(h->plan, at);
}

static bool
is_same_family(const char *a, const char *b)
{
	return (strchr(a, ':') != NULL) == (strchr(b, ':') != NULL);
}

/* Of the first instance the addresses; of others, on other networks, links. */
static void
take_addresses(
    struct keepalived_hosts *h, const struct keepalived_hosts_instance *i)
{
	struct import_plan_node *nodes = h->plan->pair.nodes;
	const char *text[CONFIG_NODES];
	struct import_notes_place at[CONFIG_NODES] = { { 0, 0 }, { 0, 0 } };

	for (size_t host = 0; host < CONFIG_NODES; host++)
		text[host] = own_of(h, i->of[host], &at[host]);
	for (size_t host = 0; host < CONFIG_NODES; host++) {
		const size_t other = 1 - host;
		struct import_notes_place where = { 0, 0 };
		const char *peer = peer_of(h, i->of[host], text[host], &where);

		if (text[other] == NULL && peer != NULL) {
			text[other] = peer;
			at[other] = where;
		}
	}
	if (text[0] != NULL && text[1] != NULL &&
	    strcmp(text[0], text[1]) == 0) {
		import_notes_error(&h->plan->notes, at[1],
		    "'%.60s' is the address of both hosts", text[1]);
		text[1] = NULL;
	}
	for (size_t host = 0; host < CONFIG_NODES; host++)
		if (nodes[host].address == NULL && text[host] != NULL)
			put_address(h, host, text[host], at[host]);
	if (text[0] == NULL || text[1] == NULL ||
	    has_address(&nodes[0], text[0]) ||
	    has_address(&nodes[1], text[1]) ||
	    has_address(&nodes[0], text[1]) ||
	    has_address(&nodes[1], text[0]) ||
	    nodes[0].n_links == CONFIG_LINKS_MAX ||
	    !is_same_family(text[0], text[1]))
		return;
	for (size_t host = 0; host < CONFIG_NODES; host++)
		nodes[host].links[nodes[host].n_links++] = text[host];
}

static const char *
router_id(const struct keepalived_text *t)
{
	const struct keepalived_text_line *global =
	    t != NULL ? keepalived_text_find(&t->root, "global_defs") : NULL;
	const char *id = global != NULL
	    ? keepalived_text_value(global, "router_id", 1)
	    : NULL;

	/* What the example that everybody copies has says nothing. */
	if (id == NULL || strncmp(id, "LVS_", 4) == 0 ||
	    !scalar_is_name(id, CONFIG_NAME_MAX - 1, ""))
		return NULL;
	return id;
}

/*
 * Whether haproxy's second peer is the first host: 1 or 0, by an address or a
 * name; -1: that cannot be told.
 */
static int
peers_are_turned(const struct keepalived_hosts *h)
{
	const struct import_plan_node *nodes = h->plan->pair.nodes;

	for (size_t i = 0; i < CONFIG_NODES; i++)
		for (size_t k = 0; k < CONFIG_NODES; k++) {
			const struct import_plan_peer *p = &h->plan->peers[k];
			const char *id = router_id(h->texts[i]);

			if (has_address(&nodes[i], p->address) ||
			    (id != NULL && strcmp(id, p->name) == 0))
				return i != k;
		}
	return -1;
}

/* haproxy's `peers` are the two hosts as well. */
static void
take_peers(struct keepalived_hosts *h)
{
	struct import_plan_node *nodes = h->plan->pair.nodes;
	const struct import_plan_peer *peers = h->plan->peers;
	int turned;

	if (h->plan->n_peers != CONFIG_NODES ||
	    !is_address(h, peers[0].address) ||
	    !is_address(h, peers[1].address) ||
	    strcmp(peers[0].address, peers[1].address) == 0)
		return;
	turned = peers_are_turned(h);
	if (turned < 0 &&
	    (nodes[0].address != NULL || nodes[1].address != NULL))
		return;
	if (turned < 0)
		import_notes_warning(&h->plan->notes, peers[0].at,
		    "which of haproxy's peers is the host of the first "
		    "keepalived.conf no file says: '%.60s' is taken for it",
		    peers[0].name);
	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const struct import_plan_peer *p =
		    &peers[turned > 0 ? 1 - i : i];

		if (nodes[i].address == NULL)
			put_address(h, i, p->address, p->at);
		if (nodes[i].name == NULL &&
		    scalar_is_name(p->name, CONFIG_NAME_MAX - 1, ""))
			nodes[i].name = p->name;
	}
}

static void
take_names(struct keepalived_hosts *h)
{
	struct import_plan_node *nodes = h->plan->pair.nodes;
	const char *ids[] = { router_id(h->texts[0]), router_id(h->texts[1]) };
	const bool same =
	    ids[0] != NULL && ids[1] != NULL && strcmp(ids[0], ids[1]) == 0;

	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const struct import_plan_node *other = &nodes[1 - i];

		if (nodes[i].name == NULL && ids[i] != NULL && !same &&
		    (other->name == NULL || strcmp(other->name, ids[i]) != 0))
			nodes[i].name = ids[i];
	}
	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const char *other = nodes[1 - i].name;
		const char *name = i == 0 ? "proxy1" : "proxy2";

		if (nodes[i].name != NULL)
			continue;
		nodes[i].name =
		    other != NULL && strcmp(other, name) == 0 ? "proxy3" : name;
	}
}

static void
make_up_addresses(struct keepalived_hosts *h)
{
	struct import_plan *plan = h->plan;
	struct import_plan_node *nodes = plan->pair.nodes;

	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const size_t file = h->texts[i] != NULL ? i : 0;
		const struct import_notes_place at = h->n > 0
		    ? keepalived_hosts_line(&h->all[0])->at
		    : (struct import_notes_place){ .file = (unsigned)file };

		if (nodes[i].address != NULL &&
		    (i == 0 ||
		        is_same_family(nodes[0].address, nodes[1].address)))
			continue;
		nodes[i].address =
		    import_plan_made_up(plan, i == 0 ? "node 1" : "node 2");
		/* Two families cannot talk to each other. */
		if (nodes[1 - i].address != NULL &&
		    strchr(nodes[1 - i].address, ':') != NULL)
			nodes[i].address = i == 0 ? "2001:db8::1" /* RFC 3849 */
			                          : "2001:db8::2";
		nodes[i].address_comment = IMPORT_PLAN_FILL_IN
		    ": an address of this host; no file says one";
		import_notes_error(&plan->notes, at,
		    "no file says the address of %s host (unicast_src_ip, "
		    "unicast_peer); %s stands for it, and is to be replaced "
		    "(" IMPORT_PLAN_FILL_IN ")",
		    i == 0 ? "the first" : "the other", nodes[i].address);
	}
}

unsigned
keepalived_hosts_guess(const struct keepalived_text_line *l, unsigned own)
{
	const char *state = keepalived_text_value(l, "state", 1);

	/* As near as can be, for whatever weight is to make a difference. */
	if (state != NULL && strcmp(state, "MASTER") == 0)
		return own > 1 ? own - 1 : 1;
	return own < PRIORITY_MAX ? own + 1 : PRIORITY_MAX - 1;
}

static void
take_priorities(struct keepalived_hosts *h)
{
	struct import_plan_node *nodes = h->plan->pair.nodes;
	const struct keepalived_hosts_instance *first = &h->all[0];
	const size_t known = first->of[0] != NULL ? 0 : 1;
	unsigned *unknown = &nodes[1 - known].priority;

	for (size_t i = 0; i < CONFIG_NODES; i++)
		nodes[i].priority = keepalived_hosts_priority(h, first, i);
	if (*unknown != 0)
		return;
	*unknown = keepalived_hosts_guess(
	    keepalived_hosts_line(first), nodes[known].priority);
	nodes[1 - known].priority_comment =
	    "made up: the other host's file would say it";
}

void
keepalived_hosts_name(struct keepalived_hosts *h)
{
	if (h->n == 0)
		return;
	for (size_t i = 0; i < h->n; i++)
		take_addresses(h, &h->all[i]);
	take_peers(h);
	take_names(h);
	make_up_addresses(h);
	take_priorities(h);
}
