#include "hapair/supervisor/request_route.h"

#include "config/config.h"
#include "core/channel.h"
#include "core/fd.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/file_share.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/upgrade.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>

static const char yaml[] = "pair:\n"
                           "  nodes:\n"
                           "    - {name: p1, address: 10.0.0.1}\n"
                           "    - {name: p2, address: 10.0.0.2}\n"
                           "  key_file: /etc/hapair/pair.key\n"
                           "  groups:\n"
                           "    - name: main\n"
                           "      interface: eth0\n"
                           "      addresses: [10.0.0.100/24]\n"
                           "    - name: side\n"
                           "      interface: eth0\n"
                           "      addresses: [10.0.0.101/24]\n"
                           "services:\n"
                           "  - name: web\n"
                           "    listen: \"10.0.0.100:80\"\n"
                           "    servers: [{name: s1, address: 10.0.0.31:80}]\n";

/* A supervisor as far as requests are about it; its roles hear and are mute. */
struct bed {
	struct config *config;
	struct msg_group groups[2];
	bool known[2];
	struct generation g;
	struct generation_change change;
	struct state_store store;
	struct event_sync events;
	struct reload reload;
	struct file_share files;
	struct upgrade upgrade;
	int roles[2];
};

static void
set_up(struct bed *b)
{
	struct child *roles[] = { &b->g.failover, &b->g.relay };
	int ends[2];

	memset(b, 0, sizeof(*b));
	b->config = from_yaml(yaml);
	b->groups[0].state = MSG_GROUP_MASTER;
	b->groups[1].state = MSG_GROUP_BACKUP;
	b->known[0] = b->known[1] = true;
	b->g = (struct generation){ .setup = { .config = b->config, .node = 0 },
		.groups = b->groups,
		.known = b->known };
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(channel_pair(ends), 0);
		*roles[i] = (struct child){ .channel = ends[0], .ready = true };
		b->roles[i] = ends[1];
	}
	b->change = generation_change_none();
	b->change.now = &b->g;
	assert_int_equal(
	    state_store_init(&b->store,
	        &(struct state_store_setup){ .loop = ev_default_loop(0),
	            .config = b->config,
	            .groups = b->groups,
	            .failover = &b->g.failover,
	            .relay = &b->g.relay }),
	    0);
	assert_int_equal(
	    event_sync_init(&b->events, ev_default_loop(0), NULL, &b->store),
	    0);
	b->reload.socket = b->upgrade.socket = b->upgrade.program = -1;
	b->upgrade.loop = ev_default_loop(0);
	b->files.push.socket = -1;
}

static void
tear_down(struct bed *b)
{
	event_sync_fini(&b->events);
	state_store_fini(&b->store);
	fd_close(&b->g.failover.channel);
	fd_close(&b->g.relay.channel);
	fd_close(&b->roles[0]);
	fd_close(&b->roles[1]);
	config_free(b->config);
}

static void
ask(struct bed *b, const char *request, bool is_running)
{
	const struct request_route route = { .loop = ev_default_loop(0),
		.change = &b->change,
		.store = &b->store,
		.reload = &b->reload,
		.files = &b->files,
		.events = &b->events,
		.upgrade = &b->upgrade,
		.is_running = is_running };
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	request_route_take(&route, request, &ends[0]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* What is refused, or only asks, was no order. */
static void
orders_are_events_and_nothing_else_is(void **state)
{
	static const struct {
		const char *request, *what, *reason; /* what "": none */
	} rows[] = {
		{ "server web/s1 drain reason=a disk", "server web/s1 drain",
		    "a disk" },
		{ "server web/s1 ready", "server web/s1 ready", "" },
		{ "server web/s2 drain", "", "" },
		{ "server web/s1 dry", "", "" },
		{ "server web reset", "server web reset", "" },
		{ "server", "", "" },
		{ "handover", "handover", "" },
		{ "handover main", "handover main", "" },
		{ "handover side", "", "" }, /* it is backup there */
		{ "handover nix", "", "" },
		{ "dry-run handover", "", "" },
		{ "pause 1000", "pause 1000", "" },
		{ "pause", "", "" },
		{ "pause 1h", "", "" },
		{ "resume", "resume", "" },
		{ "kill web/s1", "", "" }, /* the relay says what it was */
		{ "kill 1f", "", "" },
		{ "lingering 0 kill 1f", "", "" },
		{ "connections", "", "" },
		{ "events last", "", "" },
		{ "upgrade somewhere", "", "" }, /* no path */
		{ "nonsense", "", "" },
	};
	const struct event_file_list *own;
	struct bed b;

	(void)state;
	set_up(&b);
	own = &b.events.log.lists[0];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const size_t was = own->n;

		test_row(rows[i].request);
		ask(&b, rows[i].request, true);
		assert_int_equal(own->n - was, *rows[i].what != '\0');
		if (*rows[i].what == '\0')
			continue;
		assert_text(own->all[was].what, rows[i].what);
		assert_text(own->all[was].reason, rows[i].reason);
	}
	tear_down(&b);
}

static void
what_nobody_can_do_now_is_none_either(void **state)
{
	const struct event_file_list *own;
	struct bed b;

	(void)state;
	set_up(&b);
	own = &b.events.log.lists[0];
	ask(&b, "server web/s1 drain", false); /* it is stopping */
	ask(&b, "handover", false);
	b.g.failover.ready = false;
	ask(&b, "handover", true);
	assert_int_equal(own->n, 0);
	tear_down(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_events_and_nothing_else_is),
		cmocka_unit_test(what_nobody_can_do_now_is_none_either),
	};

	TEST_MAIN(tests);
}
