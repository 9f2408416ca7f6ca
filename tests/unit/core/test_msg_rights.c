#include "core/msg_rights.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/kernel/msg_kernel.h"
#include "core/secret.h"
#include "tests/lib/test.h"

#include <string.h>

#define FROM_SUPERVISOR MSG_RIGHTS_SUPERVISOR, MSG_RIGHTS_RELAY
#define FROM_FAILOVER MSG_RIGHTS_FAILOVER, MSG_RIGHTS_SUPERVISOR
#define FROM_RELAY MSG_RIGHTS_RELAY, MSG_RIGHTS_SUPERVISOR

static const struct mono start = { .ns = 1000000000 };

/* Each message has a name, and somebody who may send it. */
static void
each_message_has_a_row(void **state)
{
	unsigned named = 0, with_row = 0;

	(void)state;
	for (uint16_t type = 0; type < 200; type++) {
		bool found = false;

		named += msg_rights_name(type) != NULL;
		for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++)
			found = found || msg_rights_rows[i].type == type;
		with_row += found;
		assert_int_equal(found, msg_rights_name(type) != NULL);
	}
	assert_int_equal(named, MSG_KILLED); /* the last */
	assert_int_equal(with_row, MSG_KILLED);
	assert_null(msg_rights_name(0));
	assert_null(msg_rights_name(UINT16_MAX));
}

static void
no_two_rows_are_about_the_same(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++) {
		const struct msg_rights_row *a = &msg_rights_rows[i];

		assert_int_not_equal(a->from, a->to);
		assert_int_not_equal(a->stages, 0);
		assert_true(a->least <= a->most);
		assert_true(a->most <= CHANNEL_BODY_MAX);
		/* Only the supervisor is not counted. */
		assert_int_equal(
		    a->burst == 0, a->from == MSG_RIGHTS_SUPERVISOR);
		for (unsigned k = 0; k < i; k++) {
			const struct msg_rights_row *b = &msg_rights_rows[k];

			assert_false(a->type == b->type && a->from == b->from &&
			    a->to == b->to && (a->stages & b->stages) != 0);
		}
	}
}

/*
 * Neither the relay nor the director gets a descriptor to anybody, and failover
 * none to these.
 */
static void
only_who_must_sends_descriptors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++) {
		const struct msg_rights_row *row = &msg_rights_rows[i];

		if (row->fd && row->from == MSG_RIGHTS_FAILOVER)
			assert_int_equal(row->to, MSG_RIGHTS_SUPERVISOR);
		assert_false(row->fd && row->from == MSG_RIGHTS_RELAY);
		assert_false(row->fd && row->from == MSG_RIGHTS_DIRECTOR);
	}
}

static void
check_size(enum msg_type type, size_t least, size_t most)
{
	for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++)
		if (msg_rights_rows[i].type == type) {
			assert_int_equal(msg_rights_rows[i].least, least);
			assert_int_equal(msg_rights_rows[i].most, most);
		}
}

/* The shortest and the longest that msg.c writes. */
#define SIZE(type, kind, small, large)                                         \
	do {                                                                   \
		struct buf a = BUF_WRITER(CHANNEL_BODY_MAX);                   \
		struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);                   \
		msg_put_##kind(&a, small);                                     \
		msg_put_##kind(&b, large);                                     \
		assert_false(a.bad || b.bad);                                  \
		check_size(type, a.pos, b.pos);                                \
	} while (0)

static void
sizes_of_role_ends_are_theirs(void **state)
{
	static struct msg_role_ends small, large;

	(void)state;
	memset(large.relay.reason, 'x', MSG_TEXT_MAX - 1);
	memset(large.failover.reason, 'x', MSG_TEXT_MAX - 1);
	SIZE(MSG_ROLE_ENDS, role_ends, &small, &large);
}

static void
sizes_of_events_are_theirs(void **state)
{
	static struct msg_event small, large;

	(void)state;
	memset(large.what, 'x', MSG_TEXT_MAX - 1);
	memset(large.reason, 'x', MSG_TEXT_MAX - 1);
	SIZE(MSG_EVENT, event, &small, &large);
}

static void
sizes_of_kills_are_theirs(void **state)
{
	static const struct msg_killed killed;

	(void)state;
	SIZE(MSG_KILLED, killed, &killed, &killed);
}

/* The shortest is that of an earlier version. */
static void
sizes_of_a_fences_end_are_theirs(void **state)
{
	static struct msg_fenced large;
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

	(void)state;
	memset(large.fault, 'x', MSG_TEXT_MAX - 1);
	msg_put_fenced(&b, &large);
	check_size(MSG_FENCED, MSG_FENCED_LEAST, b.pos);
}

static void
sizes_of_threads_are_theirs(void **state)
{
	static const struct msg_thread thread;

	(void)state;
	SIZE(MSG_THREAD, thread, &thread, &thread);
}

#define KERNEL_SIZE(type, kind, small, large)                                  \
	do {                                                                   \
		struct buf a = BUF_WRITER(CHANNEL_BODY_MAX);                   \
		struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);                   \
		msg_kernel_put_##kind(&a, small);                              \
		msg_kernel_put_##kind(&b, large);                              \
		assert_false(a.bad || b.bad);                                  \
		check_size(type, a.pos, b.pos);                                \
	} while (0)

#define KERNEL_SAME(type, kind)                                                \
	do {                                                                   \
		static const struct msg_kernel_##kind m;                       \
		KERNEL_SIZE(type, kind, &m, &m);                               \
	} while (0)

static void
sizes_of_the_directors_are_theirs(void **state)
{
	static struct msg_kernel_state small, large;
	static struct msg_ends few, many;
	static const struct msg_ask ask;

	(void)state;
	memset(large.reason, 'x', MSG_TEXT_MAX - 1);
	KERNEL_SIZE(MSG_KERNEL_STATE, state, &small, &large);
	memset(many.reason, 'x', MSG_TEXT_MAX - 1);
	SIZE(MSG_DIRECTOR_ENDS, ends, &few, &many);
	SIZE(MSG_DIRECTOR_CHANNEL, ask, &ask, &ask);
	SIZE(MSG_FAILOVER_CHANNEL, ask, &ask, &ask);
	SIZE(MSG_RELAY_CHANNEL, ask, &ask, &ask);
	KERNEL_SAME(MSG_STREAM_LISTENER, listener);
	KERNEL_SAME(MSG_CLAIM, claim);
	KERNEL_SAME(MSG_RELEASE, release);
	KERNEL_SAME(MSG_RELEASED, group);
	KERNEL_SAME(MSG_TERM, term);
	KERNEL_SAME(MSG_PEER_LIFE, life);
	KERNEL_SAME(MSG_LEVEL, level);
	KERNEL_SAME(MSG_KERNEL_SERVER, server);
	KERNEL_SAME(MSG_KERNEL_CUT, cut);
	KERNEL_SAME(MSG_KERNEL_ACCUSED, accused);
	KERNEL_SAME(MSG_KERNEL_KILL, kill);
	KERNEL_SAME(MSG_KERNEL_KILLED, killed);
	KERNEL_SAME(MSG_KERNEL_LIST, list);
	KERNEL_SAME(MSG_KERNEL_CONN, conn);
	KERNEL_SAME(MSG_KERNEL_LIST_END, list_end);
	KERNEL_SAME(MSG_KERNEL_SERVICE, service);
	KERNEL_SAME(MSG_KERNEL_COUNT, count);
}

static void
sizes_are_those_of_the_messages(void **state)
{
	static struct msg_start start_small, start_large;
	static struct msg_control control_small, control_large;
	static struct msg_group group_small, group_large;
	static struct msg_peer peer_small;
	static const struct msg_peer peer_large = { .n_groups =
		                                        MSG_PEER_GROUPS_MAX,
		.version = "123456789012345",
		.n_links = MSG_PEER_LINKS_MAX,
		.n_networks = MSG_PEER_NETWORKS_MAX };
	static const struct msg_tracks tracks_small,
	    tracks_large = { .n = MSG_TRACKS_MAX };
	static const struct secret_keys one = { .n = 1 },
	                                two = { .n = SECRET_KEYS_MAX };
	static const struct msg_listener listener;
	static const struct msg_service service;
	static const struct msg_ask ask;
	static const struct msg_lost lost;
	static const struct msg_script script;
	static const struct msg_pulse pulse;
	static const struct msg_mute mute;
	static const struct msg_reset reset;
	static const struct msg_known known;
	static const struct msg_fence fence;
	static const struct msg_active active;
	static const struct msg_pause pause;

	(void)state;
	memset(start_large.path, 'x', sizeof(start_large.path) - 1);
	memset(control_large.request, 'x', sizeof(control_large.request) - 1);
	memset(group_large.reason, 'x', sizeof(group_large.reason) - 1);
	memset(group_large.refused_reason, 'x',
	    sizeof(group_large.refused_reason) - 1);
	SIZE(MSG_START, start, &start_small, &start_large);
	SIZE(MSG_CONTROL, control, &control_small, &control_large);
	SIZE(MSG_GROUP, group, &group_small, &group_large);
	SIZE(MSG_PEER, peer, &peer_small, &peer_large);
	SIZE(MSG_TRACKS, tracks, &tracks_small, &tracks_large);
	SIZE(MSG_KEYS, keys, &one, &two);
	SIZE(MSG_LISTENER, listener, &listener, &listener);
	SIZE(MSG_SERVICE, service, &service, &service);
	SIZE(MSG_ASK, ask, &ask, &ask);
	SIZE(MSG_ANSWERED, ask, &ask, &ask);
	SIZE(MSG_WANTED, ask, &ask, &ask);
	SIZE(MSG_SIBLING, ask, &ask, &ask);
	SIZE(MSG_SIBLING_LOST, lost, &lost, &lost);
	SIZE(MSG_SCRIPT, script, &script, &script);
	SIZE(MSG_PULSE, pulse, &pulse, &pulse);
	SIZE(MSG_MUTE, mute, &mute, &mute);
	SIZE(MSG_RESET, reset, &reset, &reset);
	SIZE(MSG_KNOWN, known, &known, &known);
	SIZE(MSG_FENCE, fence, &fence, &fence);
	SIZE(MSG_CHOSEN, active, &active, &active);
	SIZE(MSG_ACTIVATE, active, &active, &active);
	SIZE(MSG_PAUSE, pause, &pause, &pause);
}

/* Each message from and to each, at each stage, with and without: as it says.
 */
static void
what_no_row_allows_is_refused(void **state)
{
	static const struct row {
		const char *name;
		enum msg_rights_party from, to;
		enum msg_rights_stage stage;
		struct msg_rights_message m;
		enum msg_rights_fault fault;
	} rows[] = {
		{ "the wire's end", FROM_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_WIRE_DOWN, 0, 0 }, MSG_RIGHTS_ALLOWED },
		{ "the same of the relay", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_WIRE_DOWN, 0, 0 }, MSG_RIGHTS_FOREIGN },
		{ "no such thing", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { 999, 0, 0 }, MSG_RIGHTS_STRANGE },
		{ "zero", FROM_RELAY, MSG_RIGHTS_WORKING, { 0, 0, 0 },
		    MSG_RIGHTS_STRANGE },
		{ "ready again", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_READY, 0, 0 }, MSG_RIGHTS_UNTIMELY },
		{ "a wire", FROM_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_WIRE, 0, 1 }, MSG_RIGHTS_ALLOWED },
		{ "a wire that is none", FROM_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_WIRE, 0, 0 }, MSG_RIGHTS_FD_MISSING },
		{ "two wires", FROM_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_WIRE, 0, 2 }, MSG_RIGHTS_FD_SURPLUS },
		{ "a socket with a fence", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_FENCE, 11, 1 }, MSG_RIGHTS_FD_SURPLUS },
		{ "a short fence", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_FENCE, 10, 0 }, MSG_RIGHTS_WRONG_SIZE },
		{ "a long one", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_FENCE, 12, 0 }, MSG_RIGHTS_WRONG_SIZE },
		{ "an operator to the relay", FROM_SUPERVISOR,
		    MSG_RIGHTS_WORKING, { MSG_CONTROL, 8, 1 },
		    MSG_RIGHTS_ALLOWED },
		{ "an operator of the relay's", FROM_RELAY, MSG_RIGHTS_WORKING,
		    { MSG_CONTROL, 8, 1 }, MSG_RIGHTS_FOREIGN },
		{ "keys to begin with", MSG_RIGHTS_SUPERVISOR,
		    MSG_RIGHTS_FAILOVER, MSG_RIGHTS_STARTING,
		    { MSG_KEYS, 33, 0 }, MSG_RIGHTS_ALLOWED },
		{ "keys that somebody waits for", MSG_RIGHTS_SUPERVISOR,
		    MSG_RIGHTS_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_KEYS, 33, 1 }, MSG_RIGHTS_ALLOWED },
		{ "keys that nobody waits for", MSG_RIGHTS_SUPERVISOR,
		    MSG_RIGHTS_FAILOVER, MSG_RIGHTS_WORKING,
		    { MSG_KEYS, 33, 0 }, MSG_RIGHTS_FD_MISSING },
	};

	(void)state;
	for (const struct row *r = rows; r < rows + ARRAY_LEN(rows); r++) {
		struct msg_rights_meter meter = { 0 };

		test_row(r->name);
		assert_int_equal(msg_rights_ask(&meter, r->from, r->to,
		                     r->stage, &r->m, start),
		    r->fault);
	}
}

static unsigned
send_many(struct msg_rights_meter *meter, enum msg_type type, size_t len,
    unsigned n, struct mono now)
{
	const struct msg_rights_message m = { .type = (uint16_t)type,
		.len = len };
	unsigned allowed = 0;

	for (unsigned i = 0; i < n; i++) {
		const enum msg_rights_fault fault = msg_rights_ask(
		    meter, FROM_RELAY, MSG_RIGHTS_STARTING, &m, now);

		assert_true(fault == MSG_RIGHTS_ALLOWED ||
		    fault == MSG_RIGHTS_TOO_MANY);
		allowed += fault == MSG_RIGHTS_ALLOWED;
	}
	return allowed;
}

static void
more_than_so_many_are_refused(void **state)
{
	struct msg_rights_meter meter = { 0 };

	(void)state;
	assert_int_equal(send_many(&meter, MSG_FENCE, 11, 9000, start), 4096);
	/* Others are counted for themselves. */
	assert_int_equal(send_many(&meter, MSG_CHOSEN, 12, 10, start), 10);
	assert_int_equal(
	    send_many(&meter, MSG_FENCE, 11, 500, mono_add_ms(start, 500)),
	    128);
	assert_int_equal(
	    send_many(&meter, MSG_FENCE, 11, 500, mono_add_ms(start, 499)), 0);
	/* After a long rest as many as at first, and not more. */
	assert_int_equal(send_many(&meter, MSG_FENCE, 11, 9000,
	                     mono_add_ms(start, 86400000)),
	    4096);
}

static void
once_is_once(void **state)
{
	struct msg_rights_meter meter = { 0 };

	(void)state;
	assert_int_equal(send_many(&meter, MSG_READY, 0, 3, start), 1);
	assert_int_equal(
	    send_many(&meter, MSG_READY, 0, 3, mono_add_ms(start, 86400000)),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_has_a_row),
		cmocka_unit_test(no_two_rows_are_about_the_same),
		cmocka_unit_test(only_who_must_sends_descriptors),
		cmocka_unit_test(sizes_of_role_ends_are_theirs),
		cmocka_unit_test(sizes_of_events_are_theirs),
		cmocka_unit_test(sizes_of_kills_are_theirs),
		cmocka_unit_test(sizes_of_threads_are_theirs),
		cmocka_unit_test(sizes_of_a_fences_end_are_theirs),
		cmocka_unit_test(sizes_of_the_directors_are_theirs),
		cmocka_unit_test(sizes_are_those_of_the_messages),
		cmocka_unit_test(what_no_row_allows_is_refused),
		cmocka_unit_test(more_than_so_many_are_refused),
		cmocka_unit_test(once_is_once),
	};

	TEST_MAIN(tests);
}
