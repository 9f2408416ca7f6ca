#include "hapair/supervisor/event_note.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/state_store.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <string.h>

static const char yaml[] = "services:\n"
                           "  - name: web\n"
                           "    listen: \"10.0.0.100:80\"\n"
                           "    servers: [{name: s1, address: 10.0.0.31:80}]\n";

static struct state_store store; /* of a node without a peer */
static struct event_sync events;
static struct generation g;

static int
killed(const struct msg_killed *m, bool lingers)
{
	static struct channel_packet p;
	struct buf b = BUF_WRITER(64);

	msg_put_killed(&b, m);
	p = (struct channel_packet){ .type = MSG_KILLED, .len = b.pos };
	memcpy(p.body, b.data, b.pos);
	return event_note_killed(&events, &g, lingers, &p);
}

/* One command asks the relay that runs, and those of before. */
static void
a_kill_is_one_event_whoever_tells_of_it(void **state)
{
	static const struct {
		const char *name, *asked;
		struct msg_killed m;
		bool lingers;
		const char *what; /* NULL: none */
	} rows[] = {
		{ "an id", "kill 1f", { .id = 0x1f }, false, "kill 1f" },
		{ "a server", "kill web/s1", { .id = 0 }, false,
		    "kill web/s1" },
		{ "of the relay before, too", "lingering 0 kill web/s1",
		    { .id = 0 }, true, NULL },
		{ "again", "kill web/s1", { .id = 0 }, false, "kill web/s1" },
		{ "an id that lingers", "lingering 0 kill 2f", { .id = 0x2f },
		    true, "kill 2f" },
		{ "that nobody asked for", "kill 3f", { .id = 0x4f }, false,
		    NULL },
	};
	const struct event_file_list *own = &events.log.lists[0];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const size_t was = own->n;

		test_row(rows[i].name);
		kill_orders_note(&events.kills, rows[i].asked);
		assert_int_equal(killed(&rows[i].m, rows[i].lingers), 0);
		assert_int_equal(own->n - was, rows[i].what != NULL);
		if (rows[i].what == NULL)
			continue;
		assert_text(own->all[was].subject, "an operator");
		assert_text(own->all[was].what, rows[i].what);
	}
}

static void
a_server_that_is_not_in_the_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    killed(&(const struct msg_killed){ .service = 1 }, false),
	    -EBADMSG);
	assert_int_equal(
	    killed(&(const struct msg_killed){ .server = 1 }, false), -EBADMSG);
}

static int
set_up(void **state)
{
	(void)state;
	g.setup.config = from_yaml(yaml);
	return event_sync_init(&events, ev_default_loop(0), NULL, &store);
}

static int
tear_down(void **state)
{
	(void)state;
	event_sync_fini(&events);
	config_free((struct config *)(uintptr_t)g.setup.config);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_is_one_event_whoever_tells_of_it),
		cmocka_unit_test(a_server_that_is_not_in_the_file_is_refused),
	};

	TEST_MAIN_WITH(tests, set_up, tear_down);
}
