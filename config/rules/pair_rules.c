#include "config/rules/pair_rules.h"

#include "config/config.h"
#include "config/rules/address_faults.h"
#include "config/rules/duplicates.h"
#include "config/rules/rules.h"
#include "config/schema/scalar.h"
#include "config/yaml/diag.h"
#include "config/yaml/nearest.h"
#include "config/yaml/tree.h"

#include <string.h>

/* Of a node: its address first, then its links. */
static const union addr *
node_address(const struct config_node *n, size_t i)
{
	if (i == 0)
		return &n->address;
	return i - 1 < n->n_links ? &n->links[i - 1] : NULL;
}

/* A pair of addresses that are to talk to each other. */
static void
check_families(struct rules *r, const union addr *a, const union addr *b)
{
	const struct tree_node *at = rules_at(r, a);
	const struct tree_node *other = rules_at(r, b);

	if (at == NULL || other == NULL || a->sa.sa_family == b->sa.sa_family)
		return;
	diag_error(r->diag, &other->at,
	    "'%s' and '%s' cannot talk to each other; expected both IPv4 or "
	    "both IPv6",
	    at->shown, other->shown);
	diag_note(r->diag, &at->at, "the other node");
}

/* A link is two addresses, those at one place in the lists of both nodes. */
static void
check_links(struct rules *r)
{
	const struct config_node *a = &r->config->pair.nodes[0];
	const struct config_node *b = &r->config->pair.nodes[1];
	const struct tree_node *lists[] = { rules_at(r, &a->links),
		rules_at(r, &b->links) };
	size_t n[] = { tree_length(lists[0]), tree_length(lists[1]) };
	const size_t more = n[0] > n[1] ? 0 : 1;

	if (n[0] != n[1]) {
		const struct tree_node *other = lists[1 - more];

		diag_error(r->diag, &lists[more]->at,
		    "%zu in 'links' here and %zu at the other node; expected "
		    "the same number on both",
		    n[more], n[1 - more]);
		if (other != NULL)
			diag_note(r->diag, &other->at, "the other node's");
		return;
	}
	/* With one refused, positions no longer are those of the file. */
	if (a->n_links != n[0] || b->n_links != n[1])
		return;
	for (size_t i = 0; i < a->n_links; i++)
		check_families(r, &a->links[i], &b->links[i]);
}

static void
check_nodes(struct rules *r)
{
	const struct config_node *nodes = r->config->pair.nodes;
	CLEANUP(duplicates_fini)
	struct duplicates names = { .failed = &r->failed };
	CLEANUP(duplicates_fini)
	struct duplicates addrs = { .failed = &r->failed };

	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const union addr *a;

		duplicates_add(&names,
		    (struct duplicates_item){ .name = nodes[i].name,
		        .node = rules_at(r, &nodes[i].name) });
		for (size_t j = 0; (a = node_address(&nodes[i], j)); j++) {
			const struct tree_node *at = rules_at(r, a);

			duplicates_add(&addrs,
			    (struct duplicates_item){ .addr = a, .node = at });
			if (at != NULL)
				rules_refuse(r, at, address_faults_of_node(a));
		}
	}
	duplicates_report(&names, r->diag, "the node name", "");
	duplicates_report(&addrs, r->diag, "the node address", "");
	check_families(r, &nodes[0].address, &nodes[1].address);
	check_links(r);
}

/* Refuses `a`, a WHAT, where it is an address of one of the nodes. */
static void
refuse_nodes_own(struct rules *r, const union addr *a,
    const struct tree_node *where, const char *what, const char *expected)
{
	for (size_t i = 0; i < CONFIG_NODES; i++) {
		const union addr *own;

		for (size_t j = 0;
		     (own = node_address(&r->config->pair.nodes[i], j)); j++) {
			const struct tree_node *at = rules_at(r, own);

			if (at == NULL || !addr_is_same_ip(a, own))
				continue;
			diag_error(r->diag, &where->at,
			    "the %s '%s' is the address of a node; expected "
			    "one that %s",
			    what, where->shown, expected);
			diag_note(r->diag, &at->at, "the node");
		}
	}
}

/* Each is there for an address, and there are not too many. */
static void
check_interfaces(struct rules *r, const struct config_group *g)
{
	const struct tree_node *at = rules_at(r, &g->interface);
	bool used = g->n_addresses == 0; /* that is the mistake */

	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct config_address *a = &g->addresses[i];
		const struct tree_node *own = rules_at(r, &a->interface);

		used = used || a->at == 0;
		if (own != NULL && a->at >= CONFIG_GROUP_INTERFACES_MAX)
			diag_error(r->diag, &own->at,
			    "'%s' is one interface too many; expected at most "
			    "%u in a group",
			    own->shown, CONFIG_GROUP_INTERFACES_MAX);
	}
	if (at != NULL && !used)
		diag_error(r->diag, &at->at,
		    "no address of the group is on '%s'; expected the "
		    "interface of one of them",
		    at->shown);
}

/* Whether an earlier group, or the same one, has it, too. */
static bool
is_known_interface(const struct config_pair *pair, size_t group, size_t k)
{
	const char *name = pair->groups[group].interfaces[k];

	for (size_t i = 0; i < group; i++)
		for (size_t j = 0; j < pair->groups[i].n_interfaces; j++)
			if (strcmp(pair->groups[i].interfaces[j], name) == 0)
				return true;
	return false;
}

static void
check_all_interfaces(struct rules *r)
{
	const struct config_pair *pair = &r->config->pair;
	unsigned n = 0;

	for (size_t i = 0; i < pair->n_groups; i++) {
		const struct config_group *g = &pair->groups[i];
		const struct tree_node *at = rules_at(r, &g->interface);

		for (size_t k = 0; k < g->n_interfaces; k++)
			if (!is_known_interface(pair, i, k))
				n++;
		if (n <= CONFIG_INTERFACES_MAX || at == NULL)
			continue;
		diag_error(r->diag, &at->at,
		    "with this group there are %u interfaces; expected at most "
		    "%u of all groups",
		    n, CONFIG_INTERFACES_MAX);
		return;
	}
}

static void
check_groups(struct rules *r)
{
	CLEANUP(duplicates_fini)
	struct duplicates names = { .failed = &r->failed };
	CLEANUP(duplicates_fini)
	struct duplicates addrs = { .failed = &r->failed };

	for (size_t i = 0; i < r->config->pair.n_groups; i++) {
		const struct config_group *g = &r->config->pair.groups[i];

		duplicates_add(&names,
		    (struct duplicates_item){
		        .name = g->name, .node = rules_at(r, &g->name) });
		for (size_t j = 0; j < g->n_addresses; j++) {
			const struct config_address *c = &g->addresses[j];
			const struct config_cidr cidr = { c->addr, c->prefix };
			const struct tree_node *at = rules_at(r, c);

			duplicates_add(&addrs,
			    (struct duplicates_item){
			        .addr = &c->addr, .node = at });
			if (at == NULL)
				continue;
			rules_refuse(r, at, address_faults_of_cidr(&cidr));
			refuse_nodes_own(r, &c->addr, at, "virtual IP",
			    "no host has of its own");
		}
	}
	for (size_t i = 0; i < r->config->pair.n_groups; i++)
		check_interfaces(r, &r->config->pair.groups[i]);
	check_all_interfaces(r);
	duplicates_report(&names, r->diag, "the group name", "");
	duplicates_report(&addrs, r->diag, "the virtual IP", "");
}

/* One that the pair itself has would be a witness of nothing. */
static void
check_witnesses(struct rules *r)
{
	CLEANUP(duplicates_fini)
	struct duplicates addrs = { .failed = &r->failed };

	for (size_t i = 0; i < r->config->pair.n_witnesses; i++) {
		const union addr *a = &r->config->pair.witnesses[i];
		const struct tree_node *at = rules_at(r, a);

		if (at == NULL)
			continue;
		duplicates_add(
		    &addrs, (struct duplicates_item){ .addr = a, .node = at });
		rules_refuse(r, at, address_faults_of_node(a));
		refuse_nodes_own(
		    r, a, at, "witness", "belongs to a third host");
		if (config_has_virtual(&r->config->pair, a))
			diag_error(r->diag, &at->at,
			    "the witness '%s' is a virtual IP of the pair; "
			    "expected one that belongs to a third host",
			    at->shown);
	}
	duplicates_report(&addrs, r->diag, "the witness", "");
}

static void
check_times(struct rules *r)
{
	const struct config_pair *p = &r->config->pair;
	const struct tree_node *hang = rules_at(r, &p->hang_ms);
	const struct tree_node *delay = rules_at(r, &p->preempt_delay_ms);
	const struct tree_node *interval = rules_at(r, &p->interval_ms);
	const struct tree_node *misses = rules_at(r, &p->misses);
	const uint32_t silent_ms = p->interval_ms * p->misses;
	char hang_text[SCALAR_DURATION_TEXT], silent_text[SCALAR_DURATION_TEXT];
	const struct tree_node *at = hang;

	if (at == NULL)
		at = interval != NULL ? interval : misses;
	/* Zero: one of them was refused. */
	if (at != NULL && silent_ms != 0 && p->hang_ms != 0 &&
	    p->hang_ms <= silent_ms)
		diag_error(r->diag, &at->at,
		    "'hang_timeout' is %s, and a peer is suspect only after %s "
		    "('interval' x 'misses'); expected a 'hang_timeout' that "
		    "is longer",
		    scalar_duration_text(p->hang_ms, hang_text),
		    scalar_duration_text(silent_ms, silent_text));
	if (delay != NULL && p->preempt_delay_ms != 0 && !p->preempt)
		diag_error(r->diag, &delay->at,
		    "'preempt_delay' has no effect without 'preempt: true'; expected both or neither");
}

static void
refuse_service(struct rules *r, const struct tree_node *at, const char *name)
{
	const struct config *c = r->config;
	struct nearest near = nearest_to(name);
	char text[NEAREST_TEXT];
	bool unsure = c->n_services == 0 && diag_count(r->diag) > 0;

	for (size_t i = 0; i < c->n_services; i++)
		if (c->services[i].name != NULL)
			nearest_offer(&near, c->services[i].name);
		else
			unsure = true;
	/* Of a name that was refused it would be a mistake twice. */
	if (unsure)
		return;
	diag_error(r->diag, &at->at, "there is no service '%s'%s", at->shown,
	    near.word != NULL ? nearest_text(&near, text)
	                      : "; expected one of 'services'");
}

static void
check_tracked_service(struct rules *r, const struct config_track *t)
{
	const struct tree_node *at = rules_at(r, &t->service);
	const struct tree_node *min = rules_at(r, &t->min_servers);
	const struct config_service *s;
	int i;

	if (at == NULL)
		return;
	i = config_find_service(r->config, t->service);
	if (i < 0) {
		refuse_service(r, at, t->service);
		return;
	}
	s = &r->config->services[i];
	if (min == NULL || s->n_servers == 0 || t->min_servers <= s->n_servers)
		return;
	diag_error(r->diag, &min->at,
	    "'%s' is more than the servers of service '%s'; expected at most "
	    "%zu",
	    min->shown, t->service, s->n_servers);
	diag_note(r->diag, &at->at, "the service");
}

static bool
is_same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Of one service, several numbers of servers may each have their weight. */
static bool
is_same_track(const struct config_track *a, const struct config_track *b)
{
	return is_same_text(a->interface, b->interface) ||
	    is_same_text(a->script, b->script) ||
	    (is_same_text(a->service, b->service) &&
	        a->min_servers == b->min_servers);
}

static const struct tree_node *
track_mark(struct rules *r, const struct config_track *t)
{
	switch (config_track_kind(t)) {
	case CONFIG_TRACK_INTERFACE:
		return rules_at(r, &t->interface);
	case CONFIG_TRACK_SERVICE:
		return rules_at(r, &t->service);
	case CONFIG_TRACK_SCRIPT:
		return rules_at(r, &t->script);
	}
	return NULL;
}

static void
check_tracks(struct rules *r)
{
	const struct config_track *all = r->config->pair.tracks;

	for (size_t i = 0; i < r->config->pair.n_tracks; i++) {
		const struct tree_node *at = track_mark(r, &all[i]), *first;

		if (at == NULL)
			continue;
		check_tracked_service(r, &all[i]);
		for (size_t j = 0; j < i; j++) {
			if (!is_same_track(&all[i], &all[j]))
				continue;
			first = track_mark(r, &all[j]);
			diag_error(r->diag, &at->at,
			    "'%s' is tracked twice; expected once", at->shown);
			diag_note(r->diag, &first->at, "the first one");
			break;
		}
	}
}

void
pair_rules_check(struct rules *r)
{
	check_nodes(r);
	check_groups(r);
	check_witnesses(r);
	check_times(r);
	check_tracks(r);
}
