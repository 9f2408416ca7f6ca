#include "proxy/web/metrics.h"

#include "core/json_doc.h"
#include "proxy/control/standby.h"
#include "proxy/control/status.h"
#include "proxy/health/check.h"
#include "proxy/web/metric_text.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 10.0.0.1, links: 10.1.0.1}\n"
    "    - {name: p2, address: 10.0.0.2, links: 10.1.0.2}\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "  track: {interface: eth1}\n"
    "services:\n"
    "  - name: web\n"
    "    listen: 10.0.0.100:80\n"
    "    servers: [10.0.0.31:80, 'w.example:81']\n"
    "  - name: db\n"
    "    mode: standby\n"
    "    listen: 10.0.0.100:5432\n"
    "    servers: [{name: d1, address: 10.0.0.41:1},\n"
    "        {name: d2, address: 10.0.0.42:1}]\n";

struct world {
	struct config *config;
	struct status status;
	struct msg_start start;
	struct msg_group group;
	struct msg_peer peer;
	struct msg_tracks tracks;
	struct standby standby;
	struct check_view checks[4];
	struct status_server servers[4];
	struct status_service services[2];
	struct metrics_process process;
	struct metrics_web web;
	struct metrics_moments moments;
};

static void
set_up(struct world *w)
{
	*w = (struct world){ .config = from_yaml(yaml),
		.start = { .started_ns = 1000000000,
		    .loaded_wall_ms = 1795599999005,
		    .max_connections = 500 },
		.group = { .state = MSG_GROUP_MASTER,
		    .priority = 100,
		    .transitions = 3,
		    .since_wall_ms = 1795600000120 },
		.peer = { .node = 1,
		    .reachable = true,
		    .config_known = true,
		    .last_heard_ms = 7,
		    .wire_ms = 1000,
		    .wire_up = true,
		    .n_groups = 1,
		    .groups = { MSG_GROUP_BACKUP },
		    .n_links = 2,
		    .links = { { .up = true, .received = 3 },
		        { .heard_ms = -1, .lost = 2 } },
		    .n_networks = 1,
		    .networks = { { .up = true, .received = 8 } } },
		.tracks = { .n = 1, .ok = { false } },
		.standby = { .active = 1, .epoch = 5, .phase = STANDBY_STEADY },
		.services = { { .state = "up", .queued = 4 },
		    { .state = "down", .standby = &w->standby } },
		.process = { .cpu_s = 1.25, .max_fds = 1024 },
		.web = { .connections = 2, .rests = 7 } };
	w->standby.hosts[0].fitness = STANDBY_FIT;
	for (size_t i = 0; i < ARRAY_LEN(w->servers); i++) {
		w->checks[i] = (struct check_view){ .passed = true,
			.latency_ms = 1.5,
			.since_wall_ms = i == 3 ? 0 : 1000 };
		w->servers[i] = (struct status_server){
			.view = { .state = SERVER_UP, .weight = 1 },
			.sum = { .active = 2, .total = 9, .bytes_in = 10 },
			.check = &w->checks[i],
		};
		w->services[i / 2].servers = &w->servers[i & ~1UL];
	}
	w->services[0].sums.endings[END_REASON_IDLE] = 6;
	w->services[0].sums.sum.bytes_in = UINT64_C(1) << 40;
	w->status = (struct status){ .config = w->config,
		.start = &w->start,
		.groups = &w->group,
		.peer = &w->peer,
		.tracks = &w->tracks,
		.services = w->services,
		.now = { 3500000000 },
		.wall_ms = 1795600000000 };
}

static char *
text_of(struct world *w, bool openmetrics)
{
	CLEANUP(json_doc_free_at)
	struct json_doc *doc = status_document(&w->status);
	const struct metrics m = { .status = &w->status,
		.document = doc,
		.process = &w->process,
		.web = &w->web,
		.moments = &w->moments };
	size_t len = 0;
	char *text = metrics_text(&m, openmetrics, &len);

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	return text;
}

static void
assert_line(const char *text, const char *line)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		print_error("no line %s in\n%s\n", line, text);
	assert_non_null(strstr(text, whole));
}

static void
every_figure_of_status_is_there(void **state)
{
	static const char *const lines[] = {
		"hapair_node_info{node=\"p1\"} 1",
		"hapair_start_time_seconds 1795599997.500",
		"hapair_healthy 0",
		"hapair_troubles{trouble=\"track_interface\"} 1",
		"hapair_config_loaded_timestamp_seconds 1795599999.005",
		"hapair_config_peer_matches 0",
		"hapair_connections_limit 500",
		"hapair_process_answers{process=\"failover\"} 1",
		"hapair_group_state{group=\"main\",state=\"master\"} 1",
		"hapair_group_state{group=\"main\",state=\"backup\"} 0",
		"hapair_group_since_timestamp_seconds{group=\"main\"} 1795600000.120",
		"hapair_group_transitions_total{group=\"main\"} 3",
		"hapair_track_ok{kind=\"interface\",name=\"eth1\"} 0",
		"hapair_paused 0",
		"hapair_peer_reachable{peer=\"p2\"} 1",
		"hapair_peer_last_heard_timestamp_seconds{peer=\"p2\"} 1795599999.993",
		"hapair_peer_group_state{peer=\"p2\",group=\"main\",state=\"backup\"} 1",
		"hapair_link_up{peer=\"p2\",local=\"10.0.0.1\",remote=\"10.0.0.2\"} 1",
		"hapair_link_lost_total{peer=\"p2\",local=\"10.1.0.1\",remote=\"10.1.0.2\"} 2",
		"hapair_network_received_total{peer=\"p2\",group=\"main\",interface=\"eth0\"} 8",
		"hapair_wire_up{peer=\"p2\"} 1",
		"hapair_service_info{service=\"db\",mode=\"standby\",balance=\"roundrobin\"} 1",
		"hapair_service_state{service=\"db\",state=\"down\"} 1",
		"hapair_service_servers{service=\"web\",state=\"up\"} 2",
		"hapair_service_connections_queued{service=\"web\"} 4",
		"hapair_service_received_bytes_total{service=\"web\"} 1099511627776",
		"hapair_service_endings_total{service=\"web\",ending=\"nothing moved for timeouts.idle\"} 6",
		"hapair_standby_active{service=\"db\",server=\"d2\"} 1",
		"hapair_standby_spares{service=\"db\"} 1",
		"hapair_standby_phase{service=\"db\",phase=\"steady\"} 1",
		"hapair_server_info{service=\"web\",server=\"w.example\",address=\"w.example:81\"} 1",
		"hapair_server_state{service=\"db\",server=\"d1\",state=\"up\"} 1",
		"hapair_server_admin{service=\"web\",server=\"10.0.0.31\",admin=\"ready\"} 1",
		"hapair_server_connections_opened_total{service=\"web\",server=\"10.0.0.31\"} 9",
		"hapair_server_check_latency_seconds{service=\"db\",server=\"d1\"} 0.0015",
		"hapair_web_connections 2",
		"hapair_web_rests_total 7",
		"process_cpu_seconds_total 1.25",
		"process_max_fds 1024",
	};
	CLEANUP(free_str) char *text = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	text = text_of(&w, true);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_line(text, lines[i]);
	/* Nothing is known of these. */
	assert_null(strstr(text,
	    "hapair_link_last_heard_timestamp_seconds{"
	    "peer=\"p2\",local=\"10.1.0.1\""));
	assert_null(strstr(
	    text, "hapair_server_check_ok{service=\"db\",server=\"d2\"}"));
	assert_null(strstr(text, "process_open_fds"));
	config_free(w.config);
}

/* The family that a line of values is of: its name up to '{' or ' '. */
static size_t
name_len(const char *line)
{
	return strcspn(line, "{ ");
}

static bool
ends_with(const char *name, size_t len, const char *end)
{
	const size_t n = strlen(end);

	return len > n && strncmp(name + len - n, end, n) == 0;
}

/*
 * Each value stands behind the HELP and TYPE of its family, each family is
 * there once, and no two lines have the same name and labels.
 */
static void
assert_well_formed(char *text, bool openmetrics)
{
	char *lines[2048], *save = NULL;
	const char *family = "";
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		assert_true(n < ARRAY_LEN(lines));
		lines[n++] = line;
	}
	for (size_t i = 0; i < n; i++) {
		const char *line = lines[i];
		size_t len = name_len(line);

		for (size_t k = 0; k < i; k++)
			if (strncmp(line, "# TYPE", 6) == 0)
				assert_string_not_equal(line, lines[k]);
			else if (*line != '#')
				assert_false(strrchr(line, ' ') - line ==
				        strrchr(lines[k], ' ') - lines[k] &&
				    strncmp(line, lines[k],
				        (size_t)(strrchr(line, ' ') - line)) ==
				        0);
		if (strncmp(line, "# HELP ", 7) == 0) {
			family = line + 7;
			assert_int_equal(
			    strncmp(lines[i + 1], "# TYPE ", 7), 0);
		}
		if (*line == '#')
			continue;
		if (openmetrics && ends_with(line, len, "_total"))
			len -= strlen("_total");
		else if (openmetrics && ends_with(line, len, "_info"))
			len -= strlen("_info");
		assert_int_equal(name_len(family), len);
		assert_int_equal(strncmp(line, family, len), 0);
	}
}

static void
both_forms_are_well_formed(void **state)
{
	(void)state;
	for (int openmetrics = 0; openmetrics < 2; openmetrics++) {
		CLEANUP(free_str) char *text = NULL;
		struct world w;

		set_up(&w);
		text = text_of(&w, openmetrics != 0);
		if (openmetrics != 0)
			assert_text(text + strlen(text) - 7, "\n# EOF\n");
		else
			assert_null(strstr(text, "# EOF"));
		assert_int_equal(
		    strstr(text, "# TYPE hapair_build info") != NULL,
		    openmetrics != 0);
		assert_int_equal(
		    strstr(text, "# TYPE hapair_build_info gauge") != NULL,
		    openmetrics == 0);
		assert_int_equal(
		    strstr(text, "# UNIT hapair_service_sent_bytes bytes") !=
		        NULL,
		    openmetrics != 0);
		assert_well_formed(text, openmetrics != 0);
		config_free(w.config);
	}
}

static void
what_nobody_told_is_left_out(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	w.status.groups = NULL;
	w.status.peer = NULL;
	w.status.tracks = NULL;
	w.status.services = NULL;
	text = text_of(&w, true);
	assert_line(text, "hapair_process_answers{process=\"failover\"} 0");
	assert_null(strstr(text, "hapair_peer"));
	assert_null(strstr(text, "hapair_group"));
	assert_null(strstr(text, "hapair_service"));
	assert_well_formed(text, true);
	config_free(w.config);
}

static void
groups_without_failover_are_in_no_state(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	struct world w;

	(void)state;
	set_up(&w);
	w.status.peer = NULL;
	w.status.failover_gone = true;
	text = text_of(&w, true);
	assert_null(strstr(text, "hapair_group_state{"));
	config_free(w.config);
}

/* It is reckoned anew each time, and to the millisecond not the same. */
static void
a_moment_stays(void **state)
{
	static const struct {
		int64_t later_ms;
		const char *line;
	} rows[] = {
		{ 0, "hapair_start_time_seconds 1795599997.500" },
		{ 1, "hapair_start_time_seconds 1795599997.500" },
		{ -2, "hapair_start_time_seconds 1795599997.500" },
		{ 60000, "hapair_start_time_seconds 1795600057.499" },
	};
	struct world w;

	(void)state;
	set_up(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_str) char *text = NULL;

		w.status.wall_ms += rows[i].later_ms;
		text = text_of(&w, true);
		assert_line(text, rows[i].line);
	}
	config_free(w.config);
}

static void
a_label_says_what_it_says(void **state)
{
	const struct metric_text_label label = { "a", "x\"y\\z\nw" };
	CLEANUP(free_str) char *text = NULL;
	struct metric_text m = { .openmetrics = true };
	size_t len;

	(void)state;
	metric_text_label(&m, &label, 1);
	metric_text_one(&m, METRIC_TEXT_FAMILY("n", GAUGE, "", "h"), -3);
	metric_text_moment(&m, 0);
	text = grown_text_take(&m.out, &len);
	assert_text(
	    text, "# HELP n h\n# TYPE n gauge\nn{a=\"x\\\"y\\\\z\\nw\"} -3\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_of_status_is_there),
		cmocka_unit_test(both_forms_are_well_formed),
		cmocka_unit_test(what_nobody_told_is_left_out),
		cmocka_unit_test(groups_without_failover_are_in_no_state),
		cmocka_unit_test(a_moment_stays),
		cmocka_unit_test(a_label_says_what_it_says),
	};

	TEST_MAIN(tests);
}
