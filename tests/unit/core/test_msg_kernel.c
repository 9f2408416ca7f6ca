#include "core/kernel/msg_kernel.h"

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
		const struct msg_kernel_##kind in = { __VA_ARGS__ };           \
		struct msg_kernel_##kind out;                                  \
		uint8_t room[2048];                                            \
		struct buf w = buf_writer(room, sizeof(room));                 \
		struct buf r;                                                  \
		msg_kernel_put_##kind(&w, &in);                                \
		assert_false(w.bad);                                           \
		memset(&out, 0, sizeof(out));                                  \
		r = buf_reader(room, w.pos);                                   \
		assert_int_equal(msg_kernel_get_##kind(&r, &out), 0);          \
		w = buf_writer(room + 1024, 1024);                             \
		msg_kernel_put_##kind(&w, &out);                               \
		assert_int_equal(w.pos, r.len);                                \
		assert_memory_equal(room, room + 1024, r.len);                 \
		for (size_t len = 0; len < w.pos; len++) {                     \
			r = buf_reader(room, len);                             \
			assert_int_equal(                                      \
			    msg_kernel_get_##kind(&r, &out), -EBADMSG);        \
		}                                                              \
		room[w.pos] = 0;                                               \
		r = buf_reader(room, w.pos + 1);                               \
		assert_int_equal(msg_kernel_get_##kind(&r, &out), -EBADMSG);   \
	} while (0)

#define V4(last, number)                                                       \
	{                                                                      \
		.ip = { [10] = 0xff, 0xff, 192, 0, 2, last }, .port = number   \
	}

static void
each_is_taken_whole_or_refused(void **state)
{
	(void)state;
	ROUND_TRIP(listener, .address = 1);
	ROUND_TRIP(claim, .group = 15, .term = 9, .peer_dead = true);
	ROUND_TRIP(release, .group = 3, .muted = true);
	ROUND_TRIP(group, .group = 3);
	ROUND_TRIP(term, .group = 3, .term = UINT64_MAX);
	ROUND_TRIP(life, .dead = true);
	ROUND_TRIP(level, .group = 3, .level = true);
	ROUND_TRIP(server, .service = 2, .server = 7, .at = V4(3, 5432),
	    .usable = true, .tier = 1, .weight = 10, .limit = 60,
	    .slow_start_ms = 30000, .up_ms = -1, .elsewhere = 4);
	ROUND_TRIP(cut, .service = 2, .server = MSG_KERNEL_ALL, .reason = 10);
	ROUND_TRIP(accused, .service = 2, .server = 7);
	ROUND_TRIP(kill, .ask = 5, .id = 0x123456789abcdef0);
	ROUND_TRIP(killed, .ask = 5, .found = true);
	ROUND_TRIP(
	    list, .ask = 6, .service = MSG_KERNEL_ALL, .from = 100, .most = 64);
	ROUND_TRIP(list_end, .ask = 6, .next = 164);
	ROUND_TRIP(conn, .ask = 6, .id = 99, .service = 2, .server = 7,
	    .client = V4(9, 40000), .listen = V4(1, 5432),
	    .source = V4(1, 33002), .to = V4(3, 5432), .age_ms = 5000,
	    .idle_ms = 20, .bytes_in = 11, .bytes_out = 12,
	    .phase = MSG_KERNEL_OPEN, .protected = true,
	    .why = MSG_KERNEL_WHY_DISPUTED);
	ROUND_TRIP(service, .service = 2, .open = 3, .protected = 2,
	    .silent = 1, .held = 1, .accepted = 4, .refused = 5, .failed = 6,
	    .retries = 7, .denied = 8, .too_many = 9, .bytes_in = 10,
	    .bytes_out = 11, .ended = { 1, [MSG_KERNEL_ENDINGS - 1] = 2 });
	ROUND_TRIP(count, .service = 2, .server = 7, .open = 3, .total = 4,
	    .failed = 1, .bytes_in = 5, .bytes_out = 6);
	ROUND_TRIP(state, .work = MSG_KERNEL_RELAY_ONLY,
	    .peer = MSG_KERNEL_PEER_MISMATCH,
	    .why = { MSG_KERNEL_WHY_DUMP, [15] = MSG_KERNEL_WHY_DISPUTED },
	    .slots = 65536, .slots_used = 9, .left = 3, .valve = true,
	    .counters = { 1, [MSG_KERNEL_COUNTERS - 1] = 3 },
	    .reason = "this kernel has no BPF");
}

/* Puts what cannot be, and hopes that it is not believed. */
#define REFUSED(kind, ...)                                                     \
	do {                                                                   \
		const struct msg_kernel_##kind in = { __VA_ARGS__ };           \
		struct msg_kernel_##kind out;                                  \
		struct buf w = BUF_WRITER(2048), r;                            \
		msg_kernel_put_##kind(&w, &in);                                \
		r = buf_reader(w.data, w.pos);                                 \
		assert_int_equal(msg_kernel_get_##kind(&r, &out), -EBADMSG);   \
	} while (0)

static void
what_cannot_be_is_refused(void **state)
{
	(void)state;
	REFUSED(claim, .group = MSG_PEER_GROUPS_MAX);
	REFUSED(release, .group = MSG_PEER_GROUPS_MAX);
	REFUSED(group, .group = MSG_PEER_GROUPS_MAX);
	REFUSED(term, .group = MSG_PEER_GROUPS_MAX);
	REFUSED(level, .group = MSG_PEER_GROUPS_MAX);
	REFUSED(server, .up_ms = -2);
	REFUSED(cut, .reason = MSG_KERNEL_ENDINGS);
	REFUSED(list, .most = 0);
	REFUSED(conn, .phase = MSG_KERNEL_DOUBTED + 1);
	REFUSED(conn, .why = MSG_KERNEL_WHY_DISPUTED + 1);
	REFUSED(state, .work = MSG_KERNEL_RELAY_ONLY + 1);
	REFUSED(state, .peer = MSG_KERNEL_PEER_MISMATCH + 1);
	REFUSED(state, .why = { [15] = MSG_KERNEL_WHY_DISPUTED + 1 });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_taken_whole_or_refused),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	TEST_MAIN(tests);
}
