#include "proxy/web/metrics_pair.h"

#include "config/config.h"
#include "core/msg.h"
#include "proxy/control/status.h"
#include "proxy/web/metric_text.h"
#include "proxy/web/metrics.h"

/* -- groups --------------------------------------------------------------- */

/* One value each of them: in the order of the table below. */
enum group_value {
	GROUP_SINCE,
	GROUP_TRANSITIONS,
	GROUP_TERM,
	GROUP_PRIORITY,
	GROUP_EFFECTIVE,
	GROUP_ADDRESSES,
	GROUP_REFUSED,
	GROUP_CONFLICT,
	GROUP_VALUES,
};

static const struct metric_text_family groups[GROUP_VALUES] = {
	{ "hapair_group_since_timestamp_seconds", METRIC_TEXT_GAUGE, "seconds",
	    "Since when the group is in its state here." },
	{ "hapair_group_transitions_total", METRIC_TEXT_COUNTER, "",
	    "Changes of its state here since the daemon was started." },
	{ "hapair_group_term", METRIC_TEXT_GAUGE, "",
	    "Rises with each claim of either node; the later claim wins." },
	{ "hapair_group_priority", METRIC_TEXT_GAUGE, "",
	    "This node's priority in the file." },
	{ "hapair_group_effective_priority", METRIC_TEXT_GAUGE, "",
	    "That, less the weights of what is tracked and not well." },
	{ "hapair_group_addresses", METRIC_TEXT_GAUGE, "",
	    "Virtual IPs of the group." },
	{ "hapair_group_addresses_refused", METRIC_TEXT_GAUGE, "",
	    "Of these, such as this node cannot hold." },
	{ "hapair_group_conflict", METRIC_TEXT_GAUGE, "",
	    "1: another host has shown that it has one of them, in the last five minutes." },
};

static void
put_group_value(struct metric_text *t, enum group_value which,
    const struct status *s, size_t i)
{
	const struct msg_group *g = &s->groups[i];

	switch (which) {
	case GROUP_SINCE:
		metric_text_moment(t, g->since_wall_ms);
		break;
	case GROUP_TRANSITIONS:
		metric_text_number(t, g->transitions);
		break;
	case GROUP_TERM:
		metric_text_number(t, (int64_t)g->term);
		break;
	case GROUP_PRIORITY:
		metric_text_number(t, g->priority);
		break;
	case GROUP_EFFECTIVE:
		metric_text_number(t, g->effective_priority);
		break;
	case GROUP_ADDRESSES:
		metric_text_number(
		    t, (int64_t)s->config->pair.groups[i].n_addresses);
		break;
	case GROUP_REFUSED:
		metric_text_number(t, __builtin_popcount(g->refused));
		break;
	case GROUP_CONFLICT:
		metric_text_number(
		    t, s->peer != NULL && s->peer->conflicts[i].there);
		break;
	case GROUP_VALUES:
		break;
	}
}

/* 1 for the state it is in, 0 for each other one. */
static void
put_states(struct metric_text *t, enum msg_group_state is)
{
	for (unsigned state = MSG_GROUP_INIT; state <= MSG_GROUP_FAULT; state++)
		metric_text_labelled(t, "state",
		    msg_group_state_name((enum msg_group_state)state),
		    state == (unsigned)is);
}

static void
put_groups(struct metric_text *t, const struct status *s)
{
	const struct config_pair *pair = &s->config->pair;
	struct metric_text_label label = { .name = "group" };

	if (s->groups == NULL || s->failover_gone)
		return;
	metric_text_label(t, &label, 1);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_group_state", GAUGE, "",
	        "1: the group is in this state on this node."));
	for (size_t i = 0; i < pair->n_groups; i++) {
		label.value = pair->groups[i].name;
		put_states(t, s->groups[i].state);
	}
	for (unsigned k = 0; k < GROUP_VALUES; k++) {
		metric_text_begin(t, &groups[k]);
		for (size_t i = 0; i < pair->n_groups; i++) {
			label.value = pair->groups[i].name;
			put_group_value(t, (enum group_value)k, s, i);
		}
	}
	metric_text_label(t, NULL, 0);
}

static void
put_tracks(struct metric_text *t, const struct status *s)
{
	const struct config_pair *pair = &s->config->pair;

	if (s->tracks == NULL || pair->n_tracks == 0)
		return;
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_track_ok", GAUGE, "",
	        "1: what is tracked is well on this node."));
	for (size_t i = 0; i < pair->n_tracks && i < s->tracks->n; i++) {
		const struct config_track *c = &pair->tracks[i];
		const struct metric_text_label labels[] = {
			{ "kind",
			    config_track_kind_name(config_track_kind(c)) },
			{ "name",
			    c->interface != NULL     ? c->interface
			        : c->service != NULL ? c->service
			                             : c->script },
		};

		metric_text_label(t, labels, ARRAY_LEN(labels));
		metric_text_number(t, s->tracks->ok[i]);
		metric_text_label(t, NULL, 0);
	}
}

/* -- roads to the peer ----------------------------------------------------- */

/* A link, by both addresses, or a network of a group, by its interface. */
struct road {
	struct metric_text_label labels[3];
	const struct msg_peer_link *m;
};

enum road_value {
	ROAD_UP,
	ROAD_HEARD,
	ROAD_RECEIVED,
	ROAD_LOST,
	ROAD_REJECTED,
	ROAD_VALUES,
};

static const struct metric_text_family links[ROAD_VALUES] = {
	{ "hapair_link_up", METRIC_TEXT_GAUGE, "",
	    "1: heartbeats of the peer arrive over this link." },
	{ "hapair_link_last_heard_timestamp_seconds", METRIC_TEXT_GAUGE,
	    "seconds", "When the last one came; absent: never." },
	{ "hapair_link_received_total", METRIC_TEXT_COUNTER, "",
	    "Heartbeats that came over it." },
	{ "hapair_link_lost_total", METRIC_TEXT_COUNTER, "",
	    "Numbers missing between those." },
	{ "hapair_link_rejected_total", METRIC_TEXT_COUNTER, "",
	    "Packets that were none of the peer's, or came twice." },
};

static const struct metric_text_family networks[ROAD_VALUES] = {
	{ "hapair_network_up", METRIC_TEXT_GAUGE, "",
	    "1: heartbeats of the peer arrive on this interface of a group." },
	{ "hapair_network_last_heard_timestamp_seconds", METRIC_TEXT_GAUGE,
	    "seconds", "When the last one came there; absent: never." },
	{ "hapair_network_received_total", METRIC_TEXT_COUNTER, "",
	    "Heartbeats that came there." },
	{ "hapair_network_lost_total", METRIC_TEXT_COUNTER, "",
	    "Numbers missing between these." },
	{ "hapair_network_rejected_total", METRIC_TEXT_COUNTER, "",
	    "Frames that were none of the peer's, or came twice." },
};

static void
put_road_value(struct metric_text *t, enum road_value which,
    const struct status *s, const struct msg_peer_link *m)
{
	switch (which) {
	case ROAD_UP:
		metric_text_number(t, m->up);
		break;
	case ROAD_HEARD:
		metric_text_moment(
		    t, m->heard_ms < 0 ? 0 : s->wall_ms - m->heard_ms);
		break;
	case ROAD_RECEIVED:
		metric_text_number(t, (int64_t)m->received);
		break;
	case ROAD_LOST:
		metric_text_number(t, (int64_t)m->lost);
		break;
	case ROAD_REJECTED:
		metric_text_number(t, (int64_t)m->rejected);
		break;
	case ROAD_VALUES:
		break;
	}
}

static void
put_roads(struct metric_text *t, const struct status *s,
    const struct metric_text_family *families, const struct road *roads,
    size_t n)
{
	for (unsigned k = 0; n > 0 && k < ROAD_VALUES; k++) {
		metric_text_begin(t, &families[k]);
		for (size_t i = 0; i < n; i++) {
			metric_text_label(
			    t, roads[i].labels, ARRAY_LEN(roads[i].labels));
			put_road_value(t, (enum road_value)k, s, roads[i].m);
		}
		metric_text_label(t, NULL, 0);
	}
}

static void
put_links(struct metric_text *t, const struct status *s)
{
	const struct config_node *self = &s->config->pair.nodes[s->start->node];
	const struct config_node *other = &s->config->pair.nodes[s->peer->node];
	char local[MSG_PEER_LINKS_MAX][ADDR_TEXT_MAX];
	char remote[MSG_PEER_LINKS_MAX][ADDR_TEXT_MAX];
	struct road roads[MSG_PEER_LINKS_MAX];
	size_t n = 0;

	for (; n < s->peer->n_links && n <= other->n_links &&
	     n < MSG_PEER_LINKS_MAX;
	     n++)
		roads[n] = (struct road){ .m = &s->peer->links[n],
			.labels = {
			    { "peer", other->name },
			    { "local",
			        addr_format_ip(n == 0 ? &self->address
			                              : &self->links[n - 1],
			            local[n]) },
			    { "remote",
			        addr_format_ip(n == 0 ? &other->address
			                              : &other->links[n - 1],
			            remote[n]) },
			} };
	put_roads(t, s, links, roads, n);
}

static void
put_networks(struct metric_text *t, const struct status *s)
{
	const struct config_pair *pair = &s->config->pair;
	struct road roads[MSG_PEER_NETWORKS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_interfaces &&
		     n < s->peer->n_networks && n < MSG_PEER_NETWORKS_MAX;
		     k++, n++)
			roads[n] = (struct road){ .m = &s->peer->networks[n],
				.labels = {
				    { "peer", pair->nodes[s->peer->node].name },
				    { "group", pair->groups[i].name },
				    { "interface",
				        pair->groups[i].interfaces[k] },
				} };
	put_roads(t, s, networks, roads, n);
}

/* -- the peer -------------------------------------------------------------- */

static void
put_wire(
    struct metric_text *t, const struct status *s, struct metrics_moments *kept)
{
	const struct msg_peer *m = s->peer;

	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_wire_up", GAUGE, "",
	        "1: the TCP connection between the nodes stands."),
	    m->wire_up);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_wire_since_timestamp_seconds", GAUGE,
	        "seconds", "Since when that is so."));
	metric_text_steady(
	    t, &kept->wire_since, m->wire_ms < 0 ? 0 : s->wall_ms - m->wire_ms);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_wire_version", GAUGE, "",
	        "Of its protocol; absent: it is down."));
	if (m->wire_up)
		metric_text_number(t, m->wire_version);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_wire_connections", GAUGE, "",
	        "Connections of the peer that this node would tell of a takeover."),
	    m->connections);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_wire_rejected_total", COUNTER, "",
	        "Connections to the wire's port that were not the peer's."),
	    (int64_t)m->wire_rejected);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_told_clients_total", COUNTER, "",
	        "Clients of the peer that this node has told of its takeovers."),
	    m->told_clients);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY(
	        "hapair_told_servers_total", COUNTER, "", "Servers, likewise."),
	    m->told_servers);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_told_silent_total", COUNTER, "",
	        "Of these clients, those that never answered."),
	    m->silent_clients);
}

static void
put_peer(
    struct metric_text *t, const struct status *s, struct metrics_moments *kept)
{
	const struct config_pair *pair = &s->config->pair;
	const struct msg_peer *m = s->peer;
	const struct metric_text_label label[] = { { "peer",
	    pair->nodes[m->node].name } };
	struct metric_text_label group[] = { label[0], { .name = "group" } };

	metric_text_label(t, label, 1);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_peer_info", INFO, "",
	        "The other node, and the version of its program."));
	metric_text_labelled(t, "version", m->version, 1);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_peer_reachable", GAUGE, "",
	        "1: its heartbeats arrive."),
	    m->reachable);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_peer_last_heard_timestamp_seconds",
	        GAUGE, "seconds", "When the last one came; absent: never."));
	metric_text_moment(
	    t, m->last_heard_ms < 0 ? 0 : s->wall_ms - m->last_heard_ms);
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_peer_not_understood", GAUGE, "",
	        "1: packets come from its address that nobody here can read."),
	    !m->reachable && m->odd_kind != MSG_PEER_NOT_ODD);
	put_wire(t, s, kept);
	metric_text_label(t, group, ARRAY_LEN(group));
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_peer_group_state", GAUGE, "",
	        "1: the group is in this state on the peer, as it says."));
	for (size_t i = 0; i < m->n_groups && i < pair->n_groups; i++) {
		group[1].value = pair->groups[i].name;
		put_states(t, m->groups[i]);
	}
	metric_text_label(t, NULL, 0);
	put_links(t, s);
	put_networks(t, s);
}

static void
put_pause(
    struct metric_text *t, const struct status *s, struct metrics_moments *kept)
{
	metric_text_one(t,
	    METRIC_TEXT_FAMILY("hapair_paused", GAUGE, "",
	        "1: automatic moves are paused by an operator."),
	    s->peer->pause_ms > 0);
	metric_text_begin(t,
	    METRIC_TEXT_FAMILY("hapair_pause_end_timestamp_seconds", GAUGE,
	        "seconds",
	        "When the pause ends by itself; absent: there is none."));
	metric_text_steady(t, &kept->pause_end,
	    s->peer->pause_ms > 0 ? s->wall_ms + s->peer->pause_ms : 0);
}

void
metrics_pair_write(
    struct metric_text *t, const struct status *s, struct metrics_moments *kept)
{
	if (!s->config->has_pair)
		return;
	put_groups(t, s);
	put_tracks(t, s);
	if (s->peer == NULL)
		return;
	put_pause(t, s, kept);
	put_peer(t, s, kept);
}
