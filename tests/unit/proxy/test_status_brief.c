/*
 * The brief document has the troubles and hints of the whole one, whatever
 * stands how: compared over many states, of which each seed gives one.
 */
#include "core/json_doc.h"
#include "proxy/control/standby.h"
#include "proxy/control/status.h"
#include "proxy/health/check.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES 3
#define SERVERS 8 /* of each */
#define SEEDS 400

static const char yaml[] =
    "pair:\n"
    "  nodes: [{name: p1, address: 10.0.0.1}, {name: p2, address: 10.0.0.2}]\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "services:\n"
    "  - name: web\n"
    "    listen: 10.0.0.100:80\n"
    "    connect: at_first_byte\n"
    "    max_connections: 9\n"
    "    servers: [10.0.0.31:1, 10.0.0.31:2, 10.0.0.31:3, 10.0.0.32:1,\n"
    "        10.0.0.32:2, 'w.example:1', 'w.example:2', '[fd00::1]:1']\n"
    "  - name: api\n"
    "    listen: 10.0.0.100:81\n"
    "    check: {type: postgres}\n"
    "    servers: [10.0.0.31:4, 10.0.0.31:5, 10.0.0.31:6, 10.0.0.32:4,\n"
    "        10.0.0.33:5, 'w.example:4', 'w.example:5', '[fd00::1]:4']\n"
    "  - name: db\n"
    "    mode: standby\n"
    "    listen: 10.0.0.100:5432\n"
    "    check: {type: http, role: r}\n"
    "    servers: [{name: d1, address: 10.0.0.41:1},\n"
    "        {name: d2, address: 10.0.0.42:1}]\n";

struct world {
	struct config *config;
	struct status status;
	struct msg_start start;
	struct msg_group group;
	struct msg_peer peer;
	struct standby standby;
	struct check_view checks[SERVICES][SERVERS];
	struct status_server servers[SERVICES][SERVERS];
	struct status_service services[SERVICES];
};

/* Of a seed, and no better than needed. */
static unsigned
draw(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % n;
}

static void
set_server(struct world *w, size_t i, size_t k, unsigned *seed)
{
	static const char *const why[] = { "refused", "timed out" };
	struct check_view *check = &w->checks[i][k];

	check->since_wall_ms = 1000 * (int64_t)draw(seed, 5000);
	(void)snprintf(
	    check->detail, sizeof(check->detail), "%s", why[draw(seed, 2)]);
	w->servers[i][k] = (struct status_server){
		.view = { .state =
		              (enum server_state)draw(seed, SERVER_DRAIN + 1),
		    .admin = (enum accord_admin)draw(seed, ACCORD_MAINT + 1) },
		.sum = { .active = draw(seed, 3), .total = draw(seed, 2) },
		.check = check,
	};
	/* Many that are down, or nothing would ever be told of a host. */
	if (draw(seed, 3) > 0)
		w->servers[i][k].view.state = SERVER_DOWN;
}

static void
set_up(struct world *w, unsigned seed)
{
	static const char *const states[] = { "up", "down", "unknown" };

	*w = (struct world){ .config = from_yaml(yaml),
		.start = { .path = "/f", .workers = 1, .n_listeners = 3 },
		.group = { .state = MSG_GROUP_MASTER, .since_wall_ms = 1 },
		.peer = { .node = 1,
		    .reachable = draw(&seed, 2) == 0,
		    .n_groups = 1 },
		.standby = { .active = (unsigned)draw(&seed, 2),
		    .phase = STANDBY_BLOCKED,
		    .trouble = draw(&seed, 2) == 0 ? STANDBY_FENCE_FAILED
		                                   : STANDBY_NO_TROUBLE } };
	for (size_t i = 0; i < SERVICES; i++) {
		for (size_t k = 0; k < SERVERS; k++)
			set_server(w, i, k, &seed);
		w->services[i] =
		    (struct status_service){ .state = states[draw(&seed, 3)],
			    .servers = w->servers[i],
			    .fence_fault = "no route",
			    .sums.sum.active = draw(&seed, 12) };
		w->services[i].sums.endings[END_REASON_CLIENT_SILENT] =
		    draw(&seed, 6);
	}
	w->services[2].standby = &w->standby;
	w->status = (struct status){ .config = w->config,
		.start = &w->start,
		.groups = &w->group,
		.peer = draw(&seed, 4) > 0 ? &w->peer : NULL,
		.services = draw(&seed, 8) > 0 ? w->services : NULL,
		.wall_ms = 6000000 };
}

static void
the_brief_one_has_the_same_troubles(void **state)
{
	static const char *const keys[] = { "troubles", "hints", "problems" };
	size_t told = 0, shorter = 0;

	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		CLEANUP(json_doc_free_at) struct json_doc *whole = NULL;
		CLEANUP(json_doc_free_at) struct json_doc *brief = NULL;
		CLEANUP(free_str) char *long_text = NULL;
		CLEANUP(free_str) char *short_text = NULL;
		struct world w;
		char name[16];

		(void)snprintf(name, sizeof(name), "seed %u", seed);
		test_row(name);
		set_up(&w, seed);
		whole = status_document(&w.status);
		brief = status_brief(&w.status);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			CLEANUP(free_str)
			char *a =
			    json_doc_text(json_doc_get(whole, keys[i]), true);
			CLEANUP(free_str)
			char *b =
			    json_doc_text(json_doc_get(brief, keys[i]), true);

			assert_text(b, a);
		}
		assert_int_equal(json_doc_bool(whole, "healthy"),
		    json_doc_bool(brief, "healthy"));
		told += json_doc_count(json_doc_get(whole, "troubles"));
		long_text = json_doc_text(whole, false);
		short_text = json_doc_text(brief, false);
		shorter += strlen(short_text) < strlen(long_text);
		config_free(w.config);
	}
	assert_true(told > SEEDS);
	assert_int_equal(shorter, SEEDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_brief_one_has_the_same_troubles),
	};

	TEST_MAIN(tests);
}
