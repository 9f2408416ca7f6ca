#include "core/msg.h"
#include "core/secret.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

/*
 * For each message: what was put is got, whole; every shorter text is refused,
 * and so is a longer one.
 */
#define ROUND_TRIP(kind, ...)                                                  \
	do {                                                                   \
		struct msg_##kind in = { __VA_ARGS__ }, out;                   \
		uint8_t room[2048];                                            \
		struct buf w = buf_writer(room, sizeof(room));                 \
		struct buf r;                                                  \
		msg_put_##kind(&w, &in);                                       \
		assert_false(w.bad);                                           \
		memset(&out, 0, sizeof(out));                                  \
		r = buf_reader(room, w.pos);                                   \
		assert_int_equal(msg_get_##kind(&r, &out), 0);                 \
		w = buf_writer(room + 1024, 1024);                             \
		msg_put_##kind(&w, &out);                                      \
		assert_int_equal(w.pos, r.len);                                \
		assert_memory_equal(room, room + 1024, r.len);                 \
		for (size_t len = 0; len < w.pos; len++) {                     \
			r = buf_reader(room, len);                             \
			assert_int_equal(msg_get_##kind(&r, &out), -EBADMSG);  \
		}                                                              \
		room[w.pos] = 0;                                               \
		r = buf_reader(room, w.pos + 1);                               \
		assert_int_equal(msg_get_##kind(&r, &out), -EBADMSG);          \
	} while (0)

/* Whole, or as one of version 0.2.0 says it. */
static void
why_a_fence_failed_need_not_be_told(void **state)
{
	const struct msg_fenced in = { .id = 9, .fault = "status 1" };
	uint8_t room[64];
	struct buf b = buf_writer(room, sizeof(room));
	struct msg_fenced m;

	(void)state;
	msg_put_fenced(&b, &in);
	for (size_t len = 0; len <= b.pos + 1; len++) {
		struct buf r = buf_reader(room, len);
		const bool whole = len == b.pos || len == MSG_FENCED_LEAST;

		memset(&m, 'x', sizeof(m));
		assert_int_equal(msg_get_fenced(&r, &m), whole ? 0 : -EBADMSG);
		if (!whole)
			continue;
		assert_int_equal(m.id, 9);
		assert_false(m.passed);
		assert_string_equal(m.fault, len == b.pos ? "status 1" : "");
	}
}

static void
each_message_is_taken_whole_or_refused(void **state)
{
	(void)state;
	ROUND_TRIP(start, .version = MSG_VERSION, .node = 1, .n_listeners = 3,
	    .workers = 2, .max_connections = 99,
	    .loaded_wall_ms = 1700000000000, .started_ns = 12345,
	    .path = "/etc/hapair/hapair.yaml");
	ROUND_TRIP(listener, .service = 7, .listen = 1, .worker = 3);
	ROUND_TRIP(control, .request = "status");
	ROUND_TRIP(group, .group = 2, .state = MSG_GROUP_MASTER,
	    .priority = 150, .effective_priority = 140, .transitions = 4,
	    .term = 9, .since_wall_ms = 5, .decided_wall_ms = 6,
	    .reason = "peer silent for 61 ms", .refused = 5,
	    .refused_reason = "IPv6 is switched off there");
	ROUND_TRIP(peer, .node = 1, .reachable = true, .config_known = true,
	    .conflicts[0] = { .there = true,
	        .peer = true,
	        .address = 3,
	        .mac = { 1, 2, 3, 4, 5, 6 },
	        .first_ms = 70,
	        .last_ms = 7 },
	    .wire_ms = -1, .last_heard_ms = -1, .wire_up = true,
	    .connections = 5000, .wire_rejected = 3, .told_clients = 7,
	    .told_servers = 2, .silent_clients = 1, .n_groups = 2,
	    .groups = { MSG_GROUP_BACKUP, MSG_GROUP_FAULT },
	    .refused = { 0, 1u << 31 }, .n_links = 2,
	    .links = { { .up = true,
	                   .heard_ms = -1,
	                   .received = 10,
	                   .lost = 2,
	                   .rejected = 1 },
	        { .rejected = 7 } },
	    .n_networks = 1, .networks = { { .up = true, .lost = 4 } });
	ROUND_TRIP(given, .left = 5000);
	ROUND_TRIP(role_ends,
	    .relay = { .n = 7,
	        .recent = 2,
	        .wall_ms = 5,
	        .reason = "killed by signal 9" });
	ROUND_TRIP(ends, .n = 7, .recent = 2, .wall_ms = 5,
	    .reason = "killed by signal 9");
	ROUND_TRIP(service, .service = 1, .servers = 3, .up = 2, .unknown = 1);
	ROUND_TRIP(ask, .id = 77);
	ROUND_TRIP(script, .track = 3, .passed = true);
	ROUND_TRIP(tracks, .n = 3, .ok = { true, false, true });
	ROUND_TRIP(pulse, .own = true);
	ROUND_TRIP(thread, .line = 64);
	ROUND_TRIP(mute, .group = 3, .wanted = true, .muted = false);
	ROUND_TRIP(known, .known = true);
	ROUND_TRIP(unsent, .unspoken = true);
	ROUND_TRIP(killed, .id = 0x1f, .service = 3, .server = 2);
	ROUND_TRIP(
	    fence, .id = 9, .service = 2, .promote = true, .from = 1, .to = 3);
	ROUND_TRIP(active, .service = 4, .server = 2, .epoch = 12);
	ROUND_TRIP(reset, .group = 3);
}

static void
keys_are_one_or_two(void **state)
{
	struct secret_keys in = { .n = 2, .all = { { { 1 } }, { { 2 } } } },
	                   out;
	struct buf w = BUF_WRITER(128), r;

	(void)state;
	msg_put_keys(&w, &in);
	r = buf_reader(w.data, w.pos);
	assert_int_equal(msg_get_keys(&r, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	for (size_t len = 0; len < w.pos; len++) {
		r = buf_reader(w.data, len);
		assert_int_equal(msg_get_keys(&r, &out), -EBADMSG);
	}
	w.data[0] = 0;
	r = buf_reader(w.data, 1);
	assert_int_equal(msg_get_keys(&r, &out), -EBADMSG);
}

static void
absurd_values_are_refused(void **state)
{
	const struct msg_service more_up_than_there_are = {
		.servers = 2, .up = 2, .unknown = 1
	};
	const struct msg_peer too_many_groups = { .n_groups = 17 };
	const struct msg_peer too_many_links = { .n_links = 6 };
	const struct msg_peer too_many_networks = { .n_networks = 65 };
	const struct msg_peer a_third_node = { .node = 2 };
	const struct msg_start nobody_to_work = { .version = MSG_VERSION,
		.max_connections = 1 };
	const struct msg_start of_another_version = {
		.version = MSG_VERSION + 1, .workers = 1, .max_connections = 1
	};
	const struct msg_group no_such_state = { .state = MSG_GROUP_FAULT + 1 };
	struct msg_service service;
	struct msg_start start;
	struct msg_group group;
	struct msg_peer peer;
	uint8_t room[2048];
	struct buf w, r;

	(void)state;
	w = buf_writer(room, sizeof(room));
	msg_put_service(&w, &more_up_than_there_are);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_service(&r, &service), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_peer(&w, &too_many_groups);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_peer(&r, &peer), -EBADMSG);

	w = buf_writer(room, sizeof(room));
	msg_put_peer(&w, &a_third_node);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_peer(&r, &peer), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_peer(&w, &too_many_links);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_peer(&r, &peer), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_peer(&w, &too_many_networks);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_peer(&r, &peer), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_start(&w, &nobody_to_work);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_start(&r, &start), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_start(&w, &of_another_version);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_start(&r, &start), -EBADMSG);
	w = buf_writer(room, sizeof(room));
	msg_put_group(&w, &no_such_state);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_group(&r, &group), -EBADMSG);
}

static void
more_tracks_than_there_may_be_are_refused(void **state)
{
	const struct msg_tracks many = { .n = MSG_TRACKS_MAX + 1 };
	struct msg_tracks tracks;
	uint8_t room[64];
	struct buf w = buf_writer(room, sizeof(room));
	struct buf r;

	(void)state;
	msg_put_tracks(&w, &many);
	r = buf_reader(room, w.pos);
	assert_int_equal(msg_get_tracks(&r, &tracks), -EBADMSG);
}

static void
group_states_have_the_words_of_status(void **state)
{
	(void)state;
	assert_string_equal(msg_group_state_name(MSG_GROUP_INIT), "init");
	assert_string_equal(msg_group_state_name(MSG_GROUP_BACKUP), "backup");
	assert_string_equal(msg_group_state_name(MSG_GROUP_MASTER), "master");
	assert_string_equal(msg_group_state_name(MSG_GROUP_FAULT), "fault");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_fence_failed_need_not_be_told),
		cmocka_unit_test(each_message_is_taken_whole_or_refused),
		cmocka_unit_test(keys_are_one_or_two),
		cmocka_unit_test(absurd_values_are_refused),
		cmocka_unit_test(more_tracks_than_there_may_be_are_refused),
		cmocka_unit_test(group_states_have_the_words_of_status),
	};

	TEST_MAIN(tests);
}
