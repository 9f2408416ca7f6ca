#include "proxy/control/status.h"

#include "core/json_doc.h"
#include "core/version.h"
#include "proxy/control/standby.h"
#include "proxy/health/check.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 10.0.0.1, priority: 150, links: 10.1.0.1}\n"
    "    - {name: p2, address: 10.0.0.2, links: 10.1.0.2}\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "  track:\n"
    "    - {interface: eth1}\n"
    "    - {service: web, min_servers: 2, weight: 20}\n"
    "    - {script: /bin/t}\n"
    "services:\n"
    "  - name: web\n"
    "    listen: 10.0.0.100:80\n"
    "    servers: [10.0.0.31:80, 'w.example:81']\n"
    "  - name: db\n"
    "    mode: standby\n"
    "    standby_group: pg\n"
    "    listen: 10.0.0.100:5432\n"
    "    check: {type: http, role: r}\n"
    "    servers: [{name: d1, address: 10.0.0.41:1},\n"
    "        {name: d2, address: 10.0.0.42:1}]\n"
    "  - name: db2\n"
    "    mode: standby\n"
    "    standby_group: pg\n"
    "    listen: 10.0.0.100:5433\n"
    "    servers: [{name: d1, address: 10.0.0.41:2},\n"
    "        {name: d2, address: 10.0.0.42:2}]\n";

/* All that a report is made of; at first nothing is wrong. */
struct world {
	struct config *config;
	struct status report;
	struct msg_start start;
	struct msg_group group;
	struct msg_peer peer;
	struct msg_tracks tracks;
	struct standby standby;
	struct check_view checks[6];
	struct status_server servers[6];
	struct status_service services[3];
};

static void
set_up(struct world *w)
{
	*w = (struct world){ .config = from_yaml(yaml),
		.start = { .started_ns = 1000000000, .path = "/f" },
		.group = { .state = MSG_GROUP_MASTER, .reason = "it claims" },
		.peer = { .node = 1,
		    .version = VERSION,
		    .reachable = true,
		    .config_known = true,
		    .config_matches = true,
		    .last_heard_ms = 7,
		    .n_groups = 1,
		    .groups = { MSG_GROUP_BACKUP },
		    .n_links = 2,
		    .links = { { .up = true, .received = 3 }, { .up = true } },
		    .n_networks = 1,
		    .networks = { { .up = true, .received = 8 } } },
		.tracks = { .n = 3, .ok = { true, true, true } },
		.standby = { .active = 1, .epoch = 5, .phase = STANDBY_STEADY },
		.services = { { .state = "up", .queued = 4 },
		    { .state = "up", .standby = &w->standby },
		    { .state = "up", .standby = &w->standby } } };
	for (size_t i = 0; i < ARRAY_LEN(w->servers); i++) {
		w->checks[i] = (struct check_view){ .passed = true,
			.detail = "connected",
			.latency_ms = 1.5,
			.since_wall_ms = 1000 };
		w->servers[i] = (struct status_server){
			.view = { .state = SERVER_UP,
			    .usable = true,
			    .weight = 1,
			    .has_address = true },
			.sum = { .active = 2, .total = 9, .bytes_in = 10 },
			.check = &w->checks[i],
		};
		w->services[i / 2].servers = &w->servers[i & ~1UL];
	}
	assert_int_equal(
	    addr_parse("10.0.0.99:81", &w->servers[1].view.address), 0);
	w->services[0].sums.endings[END_REASON_IDLE] = 6;
	w->report = (struct status){ .config = w->config,
		.start = &w->start,
		.groups = &w->group,
		.peer = &w->peer,
		.tracks = &w->tracks,
		.services = w->services,
		.pid = 42,
		.now = { 3500000000 },
		.wall_ms = 1795600000000,
		.dropped_log_lines = 8 };
}

static struct json_doc *
report_of(struct world *w)
{
	CLEANUP(free_str) char *text = status_text(&w->report);
	struct json_doc *doc;

	assert_non_null(text);
	doc = json_doc_parse(text, strlen(text));
	assert_non_null(doc);
	return doc;
}

/* -- what is wrong ------------------------------------------------------ */

static void
nothing(struct world *w)
{
	(void)w;
}

static void
no_failover(struct world *w)
{
	w->report.groups = NULL;
	w->report.peer = NULL;
	w->report.tracks = NULL;
}

static void
no_relay(struct world *w)
{
	w->report.services = NULL;
}

static void
other_file(struct world *w)
{
	w->peer.config_matches = false;
}

static void
file_not_known(struct world *w)
{
	w->peer.config_known = w->peer.config_matches = false;
}

static void
group_in_fault(struct world *w)
{
	w->group.state = MSG_GROUP_FAULT;
	w->group.reason[0] = 'I';
}

static void
peer_with_another_key(struct world *w)
{
	w->peer.reachable = false;
	w->peer.odd_kind = MSG_PEER_ODD_KEY;
	w->peer.odd = 0x119f2c01ab;
}

static void
peer_of_another_version(struct world *w)
{
	w->peer.reachable = false;
	w->peer.odd_kind = MSG_PEER_ODD_VERSION;
	w->peer.odd = 9;
}

/* What cannot be read may be anybody's, while the peer is heard. */
static void
somebody_odd(struct world *w)
{
	w->peer.odd_kind = MSG_PEER_ODD_VERSION;
	w->peer.odd = 9;
}

static void
peer_silent(struct world *w)
{
	w->peer.reachable = w->peer.links[0].up = w->peer.links[1].up = false;
}

static void
link_down(struct world *w)
{
	w->peer.links[1].up = false;
}

static void
network_down(struct world *w)
{
	w->peer.networks[0].up = false;
}

static void
network_never_up(struct world *w)
{
	w->peer.networks[0] = (struct msg_peer_link){ .up = false };
}

static void
tracks_bad(struct world *w)
{
	w->tracks.ok[0] = w->tracks.ok[1] = w->tracks.ok[2] = false;
}

/* A failover that has just begun knows of fewer. */
static void
tracks_unknown(struct world *w)
{
	tracks_bad(w);
	w->tracks.n = 1;
}

static void
server_down(struct world *w)
{
	w->servers[1].view.state = SERVER_DOWN;
	(void)snprintf(w->checks[1].detail, 8, "refused");
}

static void
maintenance(struct world *w)
{
	server_down(w);
	w->servers[1].view.admin = ACCORD_MAINT;
}

static void
nobody_fit(struct world *w)
{
	w->standby.phase = STANDBY_BLOCKED;
	w->standby.trouble = STANDBY_NOBODY_FIT;
}

/* Nobody but mariadb would say a word. */
static void
all_silent(struct world *w)
{
	w->config->services[0].connect = CONFIG_CONNECT_AT_FIRST_BYTE;
	w->services[0].sums.endings[END_REASON_CLIENT_SILENT] = 3;
	w->servers[0].sum.total = w->servers[1].sum.total = 0;
}

static void
two_silent(struct world *w)
{
	all_silent(w);
	w->services[0].sums.endings[END_REASON_CLIENT_SILENT] = 2;
}

static void
some_silent(struct world *w)
{
	all_silent(w);
	w->servers[1].sum.total = 1;
}

static void
cannot_hold(struct world *w)
{
	w->group.refused = w->peer.refused[0] = 1;
	(void)strcpy(w->group.refused_reason, "IPv4 is off");
}

static void
cannot_hold_other(struct world *w)
{
	other_file(w);
	w->peer.refused[0] = 6;
}

static const struct row {
	const char *name;
	void (*change)(struct world *w);
	const char *problems; /* each with a newline behind it */
} rows[] = {
	{ "all is well", nothing, "" },
	{ "no word of failover", no_failover,
	    "the failover process does not answer\n" },
	{ "no relay", no_relay, "the relay process is being restarted\n" },
	{ "the peer has another file", other_file,
	    "the peer runs another configuration\n" },
	{ "not known which file the peer has", file_not_known, "" },
	{ "a group in fault", group_in_fault,
	    "group main is in fault: It claims\n" },
	{ "F6: an address that both can't hold", cannot_hold,
	    "peer p2 cannot hold 10.0.0.100/24 of group main\n"
	    "group main: cannot hold 10.0.0.100/24 on eth0: IPv4 is off\n" },
	{ "F6: likewise, in another file", cannot_hold_other,
	    "the peer runs another configuration\n"
	    "peer p2 cannot hold all addresses of group main\n" },
	{ "a silent peer, whose links are no news", peer_silent,
	    "peer p2 is not heard\n" },
	{ "a peer with another key", peer_with_another_key,
	    "peer p2 is heard but not understood: it signs with key 9f2c01ab, which this node does not have\n" },
	{ "a peer of another version", peer_of_another_version,
	    "peer p2 is heard but not understood: its heartbeats are of version 9\n" },
	{ "somebody who is not understood", somebody_odd, "" },
	{ "one link", link_down, "link 2 to peer p2 is down\n" },
	{ "a group's network", network_down,
	    "peer p2 is not heard on interface eth0 of group main\n" },
	{ "a network that lets nothing pass but IP", network_never_up, "" },
	{ "all that is tracked", tracks_bad,
	    "tracked interface eth1 is down\n"
	    "tracked service web has fewer than 2 servers up\n"
	    "tracked script /bin/t failed\n" },
	{ "what is not known of a track is no problem", tracks_unknown,
	    "tracked interface eth1 is down\n" },
	{ "a server", server_down,
	    "server w.example of service web is down: refused\n" },
	{ "a server down for maintenance", maintenance, "" },
	{ "R24: a server that speaks first, and clients who must", all_silent,
	    "service web: 3 clients said nothing in time, and no other ever did: does this server speak first?\n" },
	{ "R24: two that only knock", two_silent, "" },
	{ "R24: a client has spoken, others rest", some_silent, "" },
	{ "a standby group, told once", nobody_fit,
	    "service db: active server stays d2: no other server is fit to take over\n" },
};

static void
each_problem_is_told_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
		const struct json_doc *list;
		struct world w;
		char said[1024] = "";
		size_t used = 0;

		test_row(rows[i].name);
		set_up(&w);
		rows[i].change(&w);
		doc = report_of(&w);
		list = json_doc_get(doc, "problems");
		for (size_t k = 0; k < json_doc_count(list); k++)
			used += (size_t)snprintf(said + used,
			    sizeof(said) - used, "%s\n",
			    json_doc_text_value(json_doc_at(list, k)));
		assert_text(said, rows[i].problems);
		assert_int_equal(
		    json_doc_bool(doc, "healthy"), said[0] == '\0');
		config_free(w.config);
	}
}

/* G6: a thousand servers down are no thousand lines. */
static void
what_comes_in_numbers_is_summed_up(void **state)
{
	static struct config_server servers[60];
	static struct config_service services[25];
	static struct status_server states[60];
	static struct status_service found[25];
	const struct check_view refused = { .detail = "refused" };
	struct config config = { .services = services, .n_services = 25 };
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const struct json_doc *list;
	struct world w;

	(void)state;
	set_up(&w);
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		servers[i].name = (char *)(uintptr_t) "s";
		states[i].view.state = i == 0 ? SERVER_UP : SERVER_DOWN;
		states[i].check = &refused;
	}
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		services[i].name = (char *)(uintptr_t) "web";
		services[i].servers = servers;
		services[i].n_servers = ARRAY_LEN(servers);
		found[i] =
		    (struct status_service){ .state = "up", .servers = states };
	}
	w.report.config = &config;
	w.report.services = found;
	doc = report_of(&w);
	list = json_doc_get(doc, "problems");
	assert_int_equal(json_doc_count(list), 41);
	assert_text(json_doc_text_value(json_doc_at(list, 19)),
	    "server s of service web is down: refused");
	assert_text(json_doc_text_value(json_doc_at(list, 20)),
	    "service web: 39 more of its 60 servers are down");
	assert_text(json_doc_text_value(json_doc_at(list, 39)),
	    "service web: 59 more of its 60 servers are down");
	assert_text(json_doc_text_value(json_doc_at(list, 40)),
	    "295 more servers of 5 more services are down");
	config_free(w.config);
}

/* -- what is where ------------------------------------------------------ */

static const struct place {
	const char *path, *shown;
} places[] = {
	{ "node", "\"p1\"" },
	{ "pid", "42" },
	{ "uptime_s", "2.5" },
	{ "dropped_log_lines", "8" },
	{ "config/path", "\"/f\"" },
	{ "config/loaded_at", "null" },
	{ "config/peer_matches", "true" },
	{ "groups/0/state", "\"master\"" },
	{ "groups/0/reason", "\"it claims\"" },
	{ "groups/0/addresses/0", "\"10.0.0.100/24\"" },
	{ "groups/0/track/0/weight", "null" },
	{ "groups/0/track/1/weight", "20" },
	{ "groups/0/track/1/ok", "true" },
	{ "groups/0/track/1/min_servers", "2" },
	{ "peers/0/name", "\"p2\"" },
	{ "peers/0/version", "\"" VERSION "\"" },
	{ "peers/0/last_heard_ms", "7" },
	{ "peers/0/groups/0/state", "\"backup\"" },
	{ "peers/0/groups/0/networks/0/interface", "\"eth0\"" },
	{ "peers/0/groups/0/networks/0/received", "8" },
	{ "peers/0/links/0/remote", "\"10.0.0.2\"" },
	{ "peers/0/links/0/received", "3" },
	{ "peers/0/links/1/local", "\"10.1.0.1\"" },
	{ "services/0/state", "\"up\"" },
	{ "services/0/connections/queued", "4" },
	{ "services/0/servers/0/address", "\"10.0.0.31:80\"" },
	{ "services/0/servers/0/bytes/in", "10" },
	{ "services/0/servers/0/check/last", "\"ok\"" },
	{ "services/0/servers/0/check/latency_ms", "1.5" },
	{ "services/0/servers/0/active", "true" },
	{ "services/0/servers/1/address", "\"w.example:81\"" },
	{ "services/0/servers/1/resolved", "\"10.0.0.99:81\"" },
	{ "services/1/standby/group", "\"pg\"" },
	{ "services/1/standby/active", "\"d2\"" },
	{ "services/1/standby/trouble", "null" },
	{ "services/1/servers/0/check/role", "null" },
};

static const struct json_doc *
find(const struct json_doc *at, const char *path)
{
	char step[32];
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		(void)snprintf(step, sizeof(step), "%.*s", (int)len, path);
		at = step[0] >= '0' && step[0] <= '9'
		    ? json_doc_at(at, (size_t)(step[0] - '0'))
		    : json_doc_get(at, step);
	}
	return at;
}

static void
assert_shown(const struct json_doc *doc, const char *path, const char *expected)
{
	char shown[64];

	test_row(path);
	assert_non_null(find(doc, path));
	json_doc_show(find(doc, path), shown, sizeof(shown));
	assert_text(shown, expected);
}

static void
values_have_their_place(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	doc = report_of(&w);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		assert_shown(doc, places[i].path, places[i].shown);
	/* A check of another kind has no role to tell. */
	assert_null(find(doc, "services/0/servers/0/check/role"));
	/* Only those endings that there were. */
	assert_int_equal(json_doc_int(find(doc, "services/0/endings"),
	                     end_reason_words(END_REASON_IDLE)),
	    6);
	assert_null(json_doc_get(find(doc, "services/0/endings"),
	    end_reason_words(END_REASON_NORMAL)));
	config_free(w.config);
}

/* By the supervisor: the file's services, of which nothing is known. */
static void
without_a_relay_nothing_is_known_of_servers(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	no_relay(&w);
	doc = report_of(&w);
	assert_shown(doc, "services/0/state", "\"unknown\"");
	assert_shown(doc, "services/0/servers/1/state", "\"unknown\"");
	assert_shown(doc, "services/0/servers/1/admin", "\"unknown\"");
	assert_shown(doc, "services/0/servers/1/resolved", "null");
	assert_shown(doc, "services/0/servers/1/active", "false");
	assert_null(find(doc, "services/0/servers/1/check"));
	assert_null(find(doc, "services/0/connections"));
	assert_null(find(doc, "services/1/standby"));
	config_free(w.config);
}

static void
what_was_never_there_is_null(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	w.peer.last_heard_ms = -1;
	w.peer.version[0] = '\0';
	w.peer.config_known = false;
	w.checks[0].since_wall_ms = 0;
	w.servers[1].view.has_address = false;
	w.servers[2].view.role = SERVER_ROLE_STANDBY;
	w.tracks.n = 0;
	doc = report_of(&w);
	assert_shown(doc, "peers/0/last_heard_ms", "null");
	assert_shown(doc, "peers/0/version", "null");
	assert_int_equal(json_doc_count(find(doc, "hints")), 0);
	assert_shown(doc, "config/peer_matches", "null");
	assert_shown(doc, "services/0/servers/0/check/last", "null");
	assert_shown(doc, "services/0/servers/0/check/since", "null");
	assert_shown(doc, "services/0/servers/1/resolved", "null");
	assert_shown(doc, "services/1/servers/0/check/role", "\"standby\"");
	assert_shown(doc, "groups/0/track/0/ok", "null");
	config_free(w.config);
}

/* No problem: it is so in each upgrade. */
static void
two_versions_are_told(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	(void)strcpy(w.peer.version, "0.0.1");
	doc = report_of(&w);
	assert_shown(doc, "peers/0/version", "\"0.0.1\"");
	assert_int_equal(json_doc_count(find(doc, "problems")), 0);
	assert_text(json_doc_text_value(json_doc_at(find(doc, "hints"), 0)),
	    "this node runs hapair " VERSION
	    " and peer p2 hapair 0.0.1: a pair is of two versions while it is upgraded; upgrade the older one, too, when the other has proven itself");
	config_free(w.config);
}

/* When it ends is a time of day. */
static void
a_pause_is_told_first(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const char *first;
	struct world w;

	(void)state;
	set_up(&w);
	peer_silent(&w);
	w.peer.pause_ms = 60000;
	doc = report_of(&w);
	first =
	    json_doc_text_value(json_doc_at(json_doc_get(doc, "problems"), 0));
	assert_non_null(strstr(first, "AUTOMATIC MOVES ARE PAUSED until 20"));
	assert_non_null(strstr(first, "by a word on p2"));
	assert_string_equal(
	    json_doc_string(json_doc_get(doc, "pause"), "by"), "p2");
	config_free(w.config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_problem_is_told_in_words),
		cmocka_unit_test(what_comes_in_numbers_is_summed_up),
		cmocka_unit_test(values_have_their_place),
		cmocka_unit_test(without_a_relay_nothing_is_known_of_servers),
		cmocka_unit_test(what_was_never_there_is_null),
		cmocka_unit_test(two_versions_are_told),
		cmocka_unit_test(a_pause_is_told_first),
	};

	TEST_MAIN(tests);
}
