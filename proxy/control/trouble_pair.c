#include "proxy/control/trouble_pair.h"

#include "core/json_doc.h"
#include "proxy/control/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * While a node starts, hands over or takes over, both are master for a moment,
 * or neither is, and the wire is not there yet.
 */
#define PASSES_MS 3000

/* Two things that are no further apart have one cause. */
#define SAME_CAUSE_MS 2000

/* Who shows our address does so when somebody asks for it, which may be rare.
 */
#define CONFLICT_MS 300000

static bool
is_state(const struct json_doc *group, const char *state)
{
	return strcmp(json_doc_string(group, "state"), state) == 0;
}

static void
find_config(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *config = json_doc_get(status, "config");
	struct json_doc *t;

	if (!json_doc_is_bool(json_doc_get(config, "peer_matches"), false))
		return;
	t = trouble_put(troubles, "config_differs", "",
	    "the peer runs another configuration");
	if (json_doc_bool(config, "accept_file"))
		trouble_advise(t,
		    "on the node that has the right %s: `hapair check --diff`, then `hapair reload --both`; where the other one does not take it, copy it there and `hapair reload`",
		    json_doc_string(config, "path"));
	else
		trouble_advise(t,
		    "copy the right %s to the other node, look with `hapair check --diff` there, then `hapair reload`",
		    json_doc_string(config, "path"));
}

/* It is heard, and nobody here can read what it says. */
static bool
find_odd(const struct json_doc *peer, struct json_doc *troubles)
{
	const struct json_doc *odd = json_doc_get(peer, "not_understood");
	const char *name = json_doc_string(peer, "name");
	const char *since = json_doc_string(peer, "last_heard_at");
	const char *key = json_doc_string(odd, "key");
	struct json_doc *t;

	if (*key != '\0') {
		t = trouble_put(troubles, "peer_key", since,
		    "peer %s is heard but not understood: it signs with key %s, which this node does not have",
		    name, key);
		trouble_advise(t,
		    "put the same keys into the key file of both nodes, and `hapair reload`; `hapair check --host` tells which key is where");
		return true;
	}
	if (!json_doc_is_object(odd))
		return false;
	t = trouble_put(troubles, "peer_version", since,
	    "peer %s is heard but not understood: its heartbeats are of version %" PRId64,
	    name, json_doc_int(odd, "version"));
	trouble_advise(t, "upgrade the older of the two nodes");
	return true;
}

/* Of the groups that this node does not serve: it asked, and must not. */
static size_t
find_waits(const struct json_doc *status, const char *name, const char *since,
    struct json_doc *troubles)
{
	const struct json_doc *groups = json_doc_get(status, "groups");
	size_t n = 0;

	for (size_t i = 0; i < json_doc_count(groups); i++) {
		const struct json_doc *g = json_doc_at(groups, i);
		struct json_doc *t;

		if (!is_state(g, "backup"))
			continue;
		n++;
		t = trouble_put(troubles, "peer_hangs", since,
		    "peer %s is not heard, and group %s stays backup here: %s",
		    name, json_doc_string(g, "name"),
		    json_doc_string(g, "reason"));
		trouble_advise(t,
		    "whether clients are served is not known here: look at %s; if hapair hangs there, `systemctl restart hapair`, and this node takes over meanwhile",
		    name);
	}
	return n;
}

static void
find_unheard(const struct json_doc *status, const struct json_doc *peer,
    struct json_doc *troubles)
{
	const char *name = json_doc_string(peer, "name");
	const char *since = json_doc_string(peer, "last_heard_at");
	struct json_doc *t;

	if (find_odd(peer, troubles) ||
	    find_waits(status, name, since, troubles) > 0)
		return;
	t = trouble_put(
	    troubles, "peer_unheard", since, "peer %s is not heard", name);
	trouble_advise(t,
	    "nobody can take over from this node: on %s, does the host run, and hapair (`systemctl status hapair`), and does its network?",
	    name);
}

/*
 * An interface of a group went in that very moment, and that is told: what was
 * heard over it is no trouble of its own.
 */
static bool
went_with_interface(const struct json_doc *status, const char *heard_at)
{
	const struct json_doc *groups = json_doc_get(status, "groups");

	for (size_t i = 0; i < json_doc_count(groups); i++) {
		const struct json_doc *g = json_doc_at(groups, i);
		const char *since = json_doc_string(g, "since");
		const int64_t apart_ms = trouble_age_ms(status, since) -
		    trouble_age_ms(status, heard_at);

		if (is_state(g, "fault") &&
		    strncmp(json_doc_string(g, "reason"), "interface ", 10) ==
		        0 &&
		    apart_ms > -SAME_CAUSE_MS && apart_ms < SAME_CAUSE_MS)
			return true;
	}
	return false;
}

static void
find_links(const struct json_doc *status, const struct json_doc *peer,
    struct json_doc *troubles)
{
	const struct json_doc *links = json_doc_get(peer, "links");

	for (size_t i = 0; i < json_doc_count(links); i++) {
		const struct json_doc *link = json_doc_at(links, i);
		struct json_doc *t;

		if (json_doc_bool(link, "up") ||
		    went_with_interface(
		        status, json_doc_string(link, "heard_at")))
			continue;
		t = trouble_put(troubles, "link_down",
		    json_doc_string(link, "heard_at"),
		    "link %zu to peer %s is down", i + 1,
		    json_doc_string(peer, "name"));
		trouble_advise(t,
		    "look for the cable, the interface and a firewall (UDP) between %s and %s",
		    json_doc_string(link, "local"),
		    json_doc_string(link, "remote"));
	}
}

/* Where it was heard once: some networks let nothing pass but IP. */
static void
find_networks(const struct json_doc *status, const struct json_doc *peer,
    const struct json_doc *group, struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(group, "networks");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *at = json_doc_at(list, i);
		const char *interface = json_doc_string(at, "interface");
		struct json_doc *t;

		if (json_doc_bool(at, "up") ||
		    json_doc_int(at, "received") == 0 ||
		    went_with_interface(
		        status, json_doc_string(at, "heard_at")))
			continue;
		t = trouble_put(troubles, "network_down",
		    json_doc_string(at, "heard_at"),
		    "peer %s is not heard on interface %s of group %s",
		    json_doc_string(peer, "name"), interface,
		    json_doc_string(group, "name"));
		trouble_advise(t,
		    "clients of that network may not reach one of the nodes: look at %s of both, and at the switch between them",
		    interface);
	}
}

/* In another file they may be others. */
static void
find_refused(const struct json_doc *peer, const struct json_doc *group,
    struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(group, "refused");
	const char *name = json_doc_string(peer, "name");
	struct json_doc *t;

	if (json_doc_bool(group, "refuses_some") && json_doc_count(list) == 0) {
		t = trouble_put(troubles, "peer_refuses", "",
		    "peer %s cannot hold all addresses of group %s", name,
		    json_doc_string(group, "name"));
		trouble_advise(t, "`hapair status` on %s tells why", name);
	}
	for (size_t i = 0; i < json_doc_count(list); i++) {
		t = trouble_put(troubles, "peer_refuses", "",
		    "peer %s cannot hold %s of group %s", name,
		    json_doc_text_value(json_doc_at(list, i)),
		    json_doc_string(group, "name"));
		trouble_advise(t, "`hapair status` on %s tells why", name);
	}
}

static void
find_wire(const struct json_doc *status, const struct json_doc *peer,
    struct json_doc *troubles)
{
	const struct json_doc *wire = json_doc_get(peer, "wire");
	const char *since = json_doc_string(wire, "since");
	struct json_doc *t;

	if (json_doc_bool(wire, "up") ||
	    trouble_age_ms(status, since) < PASSES_MS)
		return;
	t = trouble_put(troubles, "wire_down", since,
	    "the wire to peer %s is down: connections are not known there, and words for servers do not arrive",
	    json_doc_string(peer, "name"));
	trouble_advise(t,
	    "let TCP pass between the nodes on the pair's port, as UDP does");
}

bool
trouble_pair_has_no_master(
    const struct json_doc *status, const struct json_doc *group)
{
	const struct json_doc *peer =
	    json_doc_at(json_doc_get(status, "peers"), 0);
	const struct json_doc *there = json_doc_named(
	    json_doc_get(peer, "groups"), json_doc_string(group, "name"));

	return json_doc_bool(peer, "reachable") && there != NULL &&
	    !is_state(group, "master") && !is_state(there, "master") &&
	    trouble_age_ms(status, json_doc_string(group, "since")) >=
	    PASSES_MS;
}

/* Of a group, when the peer tells how it stands there. */
static void
find_masters(const struct json_doc *status, const struct json_doc *peer,
    const struct json_doc *there, struct json_doc *troubles)
{
	const char *name = json_doc_string(there, "name");
	const struct json_doc *here =
	    json_doc_named(json_doc_get(status, "groups"), name);
	const char *since = json_doc_string(here, "since");
	struct json_doc *t;

	if (is_state(here, "master") && is_state(there, "master") &&
	    trouble_age_ms(status, since) >= PASSES_MS) {
		t = trouble_put(troubles, "two_masters", since,
		    "both nodes are master of group %s", name);
		trouble_advise(t,
		    "stop hapair on %s until its network to this node is whole",
		    json_doc_string(peer, "name"));
	} else if (trouble_pair_has_no_master(status, here)) {
		t = trouble_put(troubles, "no_master", since,
		    "nobody serves group %s: %s here (%s), %s on %s", name,
		    json_doc_string(here, "state"),
		    json_doc_string(here, "reason"),
		    json_doc_string(there, "state"),
		    json_doc_string(peer, "name"));
		trouble_advise(t,
		    "mend what is at fault on either node: it claims at once");
	}
}

/* A third host, or a peer that is not heard, shows our address. */
static void
find_conflict(const struct json_doc *status, const struct json_doc *group,
    struct json_doc *troubles)
{
	const struct json_doc *c = json_doc_get(group, "conflict");
	const int64_t age_ms =
	    trouble_age_ms(status, json_doc_string(c, "seen_at"));
	const char *name = json_doc_string(group, "name");
	const char *mac = json_doc_string(c, "mac");
	const char *since = json_doc_string(c, "since");
	struct json_doc *t;

	if (age_ms < 0 || age_ms > CONFLICT_MS)
		return;
	if (json_doc_bool(c, "peer")) {
		t = trouble_put(troubles, "peer_shows", since,
		    "group %s: the peer, which is not heard, has %s, too (MAC %s)",
		    name, json_doc_string(c, "address"), mac);
		trouble_advise(t,
		    "two masters: mend the network between the nodes, or stop hapair on one of them");
		return;
	}
	t = trouble_put(troubles, "address_conflict", since,
	    "group %s: a third host, with MAC %s, has %s on %s", name, mac,
	    json_doc_string(c, "address"), json_doc_string(c, "interface"));
	trouble_advise(t,
	    "find that host by its MAC (the switch knows its port), and take the address away from it; clients may end there meanwhile");
}

static void
find_peer(const struct json_doc *status, const struct json_doc *peer,
    struct json_doc *troubles)
{
	const struct json_doc *groups = json_doc_get(peer, "groups");

	if (!json_doc_bool(peer, "reachable")) {
		find_unheard(status, peer, troubles);
		return;
	}
	for (size_t i = 0; i < json_doc_count(groups); i++)
		find_masters(status, peer, json_doc_at(groups, i), troubles);
	find_links(status, peer, troubles);
	find_wire(status, peer, troubles);
	for (size_t i = 0; i < json_doc_count(groups); i++) {
		find_networks(status, peer, json_doc_at(groups, i), troubles);
		find_refused(peer, json_doc_at(groups, i), troubles);
	}
}

void
trouble_pair_find(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *groups = json_doc_get(status, "groups");
	const struct json_doc *peers = json_doc_get(status, "peers");

	for (size_t i = 0; i < json_doc_count(groups); i++)
		find_conflict(status, json_doc_at(groups, i), troubles);
	find_config(status, troubles);
	for (size_t i = 0; i < json_doc_count(peers); i++)
		find_peer(status, json_doc_at(peers, i), troubles);
}
