#include "hapair/supervisor/status_request.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/generation.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
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
                           "services:\n"
                           "  - name: web\n"
                           "    listen: \"10.0.0.100:80\"\n"
                           "    servers: [10.0.0.31:80]\n";

/* A node whose roles are the test. */
struct run {
	struct ev_loop *loop;
	struct config *config;
	struct generation g;
	struct msg_group group;
	bool known;
	struct status_request query;
	struct msg_start start;
	int failover, relay; /* their ends */
	int client;
	struct channel_packet got;
};

static int
open_channel(int *ret_theirs)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	*ret_theirs = ends[1];
	return ends[0];
}

static void
set_up(struct run *r)
{
	memset(r, 0, sizeof(*r));
	r->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(r->loop);
	r->config = from_yaml(yaml);
	r->client = -1;
	r->known = true;
	r->group = (struct msg_group){ .state = MSG_GROUP_BACKUP,
		.since_wall_ms = 1000,
		.decided_wall_ms = 1000,
		.reason = "it listens" };
	r->g = (struct generation){ .setup = { .config = r->config, .node = 0 },
		.watchdog = role_watchdog_none(),
		.groups = &r->group,
		.known = &r->known,
		.failover = { .name = "failover", .ready = true },
		.relay = { .name = "relay", .ready = true } };
	r->g.director.g = &r->g;
	/* The watchdog has seen it move, a moment ago. */
	r->g.watchdog.relay.stalls[LIVENESS_MAIN].moved = mono_now();
	r->g.failover.channel = open_channel(&r->failover);
	r->g.relay.channel = open_channel(&r->relay);
	r->start = (struct msg_start){ .workers = 1,
		.max_connections = 9,
		.n_listeners = 1,
		.path = "/f" };
	status_request_init(&r->query, r->loop);
}

static void
tear_down(struct run *r)
{
	status_request_fini(&r->query);
	fd_close(&r->client);
	fd_close(&r->failover);
	fd_close(&r->relay);
	fd_close(&r->g.failover.channel);
	fd_close(&r->g.relay.channel);
	config_free(r->config);
	ev_loop_destroy(r->loop);
}

/* Somebody asks; without a relay where `relay` is false. */
static void
ask(struct run *r, bool relay)
{
	int ends[2];

	fd_close(&r->client);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	r->client = ends[1];
	if (relay)
		status_request_ask(&r->query, &r->g, &r->start, &ends[0]);
	else
		status_request_answer(&r->query, &r->g, &r->start, &ends[0]);
	assert_int_equal(ends[0], -1);
}

/* The number that failover is asked with; 0: it is not. */
static uint32_t
is_asked(struct run *r)
{
	struct msg_ask m;
	struct buf b;

	if (channel_recv(r->failover, &r->got) != 1)
		return 0;
	assert_int_equal(r->got.type, MSG_ASK);
	b = buf_reader(r->got.body, r->got.len);
	assert_int_equal(msg_get_ask(&b, &m), 0);
	return m.id;
}

static int
say(struct run *r, const struct generation *g, enum msg_type type,
    const struct buf *b)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = -1 };

	memcpy(p.body, b->data, b->pos);
	p.len = b->pos;
	return status_request_take(&r->query, g, &p);
}

static void
say_peer(struct run *r, const struct generation *g, const char *version)
{
	struct msg_peer m = { .node = 1,
		.reachable = true,
		.last_heard_ms = 7,
		.n_groups = 1,
		.groups = { MSG_GROUP_MASTER },
		.n_links = 1 };
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

	strcpy(m.version, version);
	msg_put_peer(&b, &m);
	assert_int_equal(say(r, g, MSG_PEER, &b), 0);
}

static void
say_answered(struct run *r, const struct generation *g, uint32_t id)
{
	struct buf tracks = BUF_WRITER(64);
	struct buf b = BUF_WRITER(8);

	msg_put_tracks(&tracks, &(struct msg_tracks){ .n = 0 });
	assert_int_equal(say(r, g, MSG_TRACKS, &tracks), 0);
	msg_put_ask(&b, &(struct msg_ask){ .id = id });
	assert_int_equal(say(r, g, MSG_ANSWERED, &b), 0);
}

/* NULL: there is no answer yet. */
static struct json_doc *
answer(struct run *r)
{
	static char text[65536];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(r->client, text + len, sizeof(text) - len, 0)) > 0)
		len += (size_t)n;
	return len > 0 ? json_doc_parse(text, len) : NULL;
}

static struct json_doc *
wait_for_answer(struct run *r)
{
	struct json_doc *d;

	while ((d = answer(r)) == NULL)
		(void)ev_run(r->loop, EVRUN_ONCE);
	return d;
}

static const char *
state_of(const struct json_doc *d, const char *process)
{
	return json_doc_string(
	    json_doc_named(json_doc_get(d, "processes"), process), "state");
}

static const struct json_doc *
peer_of(const struct json_doc *d)
{
	return json_doc_at(json_doc_get(d, "peers"), 0);
}

static void
what_failover_knows_is_told_without_a_relay(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	struct run r;
	uint32_t id;

	(void)state;
	set_up(&r);
	ask(&r, false);
	id = is_asked(&r);
	assert_int_not_equal(id, 0);
	assert_null(answer(&r));
	say_peer(&r, &r.g, "0.9.9");
	say_answered(&r, &r.g, id + 1); /* of something else */
	assert_null(answer(&r));
	say_peer(&r, &r.g, "0.9.9");
	say_answered(&r, &r.g, id);
	d = wait_for_answer(&r);
	assert_text(json_doc_string(peer_of(d), "name"), "p2");
	assert_text(json_doc_string(peer_of(d), "version"), "0.9.9");
	assert_true(json_doc_bool(peer_of(d), "reachable"));
	assert_text(state_of(d, "relay"), "restarting");
	assert_text(state_of(d, "failover"), "answers");
	tear_down(&r);
}

static void
nobody_waits_for_a_failover_that_stands_too(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	struct run r;

	(void)state;
	set_up(&r);
	ask(&r, false);
	assert_int_not_equal(is_asked(&r), 0);
	d = wait_for_answer(&r);
	assert_null(peer_of(d));
	assert_text(state_of(d, "failover"), "silent");
	tear_down(&r);
}

/* It is just starting; or of a version that would end with the question. */
static void
who_cannot_answer_is_not_asked(void **state)
{
	struct run r;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;

		set_up(&r);
		r.g.failover.ready = i == 1;
		r.g.failover.adopted = i == 1;
		ask(&r, false);
		assert_int_equal(is_asked(&r), 0);
		d = answer(&r);
		assert_non_null(d);
		assert_text(state_of(d, "failover"), "unknown");
		tear_down(&r);
	}
}

/* Asked before it is clear that the relay will not answer. */
static void
a_relay_that_stands_costs_no_more_time(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	struct run r;
	uint32_t id;

	(void)state;
	set_up(&r);
	ask(&r, true);
	assert_int_equal(is_asked(&r), 0);
	while ((id = is_asked(&r)) == 0)
		(void)ev_run(r.loop, EVRUN_ONCE);
	assert_null(answer(&r));
	say_peer(&r, &r.g, "0.9.9");
	say_answered(&r, &r.g, id);
	assert_null(answer(&r)); /* it may still come */
	d = wait_for_answer(&r);
	assert_text(json_doc_string(peer_of(d), "version"), "0.9.9");
	tear_down(&r);
}

/* Both roles may be gone then, and what they ran goes with them. */
static void
who_waits_is_told_when_a_role_ends(void **state)
{
	struct run r;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;

		set_up(&r);
		ask(&r, i == 0);
		if (i == 0) {
			status_request_note_end(&r.query, &r.g, &r.g.relay);
			assert_null(answer(&r));
		}
		assert_int_not_equal(is_asked(&r), 0);
		r.g.failover.ready = false;
		status_request_note_end(&r.query, &r.g, &r.g.failover);
		d = answer(&r);
		assert_non_null(d);
		assert_null(peer_of(d));
		assert_int_equal(r.query.n_asked, 0);
		tear_down(&r);
	}
}

/* Two failovers, while a reload is under way, in one another's words. */
static void
facts_of_another_configuration_are_not_mixed_in(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	struct generation other;
	struct run r;
	uint32_t id;

	(void)state;
	set_up(&r);
	other = r.g;
	ask(&r, false);
	id = is_asked(&r);
	say_peer(&r, &r.g, "0.9.9");
	say_peer(&r, &other, "1.1.1");
	say_answered(&r, &r.g, id);
	d = wait_for_answer(&r);
	assert_null(peer_of(d));
	tear_down(&r);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	const struct msg_peer self = { .node = 0 };
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	struct buf none = BUF_WRITER(1);
	struct run r;

	(void)state;
	set_up(&r);
	msg_put_peer(&b, &self);
	assert_int_equal(say(&r, &r.g, MSG_PEER, &b), -EBADMSG);
	assert_int_equal(say(&r, &r.g, MSG_PEER, &none), -EBADMSG);
	assert_int_equal(say(&r, &r.g, MSG_TRACKS, &none), -EBADMSG);
	assert_int_equal(say(&r, &r.g, MSG_ANSWERED, &none), -EBADMSG);
	assert_int_equal(say(&r, &r.g, MSG_GROUP, &none), -EBADMSG);
	r.g.setup.node = CONFIG_NO_NODE;
	b.pos = 0;
	msg_put_peer(&b, &(struct msg_peer){ .node = 1 });
	assert_int_equal(say(&r, &r.g, MSG_PEER, &b), -EBADMSG);
	tear_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_failover_knows_is_told_without_a_relay),
		cmocka_unit_test(nobody_waits_for_a_failover_that_stands_too),
		cmocka_unit_test(who_cannot_answer_is_not_asked),
		cmocka_unit_test(a_relay_that_stands_costs_no_more_time),
		cmocka_unit_test(who_waits_is_told_when_a_role_ends),
		cmocka_unit_test(
		    facts_of_another_configuration_are_not_mixed_in),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	TEST_MAIN(tests);
}
