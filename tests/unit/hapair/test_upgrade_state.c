#include "hapair/supervisor/upgrade_state.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Too large for a stack, twice. */
static struct upgrade_state in, out;
static uint8_t room[64 * 1024];

static const char file[] = "services: []\n";
static const char accords[] = "{\"version\": 1, \"accords\": []}";
static const char events[] = "{\"version\": 1, \"events\": []}";

static struct upgrade_state_child
child_at(uint32_t pid)
{
	return (struct upgrade_state_child){ .pid = pid,
		.channel = pid + 1,
		.report = pid + 2,
		.pulse = pid + 3,
		.uid = 65520,
		.gid = 65521,
		.ready = 1,
		.row = 2,
		.pause_ms = 100,
		.started_ns = UINT64_MAX };
}

static void
fill_generation(struct upgrade_state_generation *g, uint32_t base)
{
	static uint8_t fds[] = { 0, 0, 0, 200, 0, 0, 0, 0 };
	static uint8_t scripts[] = { 0, 3, 1 };

	g->text = (const uint8_t *)file;
	g->len = sizeof(file) - 1;
	g->loaded_wall_ms = 1795600000000;
	g->node_and_one = 2;
	g->workers = 4;
	g->pipes = 16;
	g->max_connections = 10000;
	g->begun = 1;
	g->introduction = 7;
	g->failover = child_at(base);
	g->relay = child_at(base + 10);
	g->directs = base == 100;
	if (g->directs != 0)
		g->director = child_at(base + 20);
	g->director_prepared = g->director_begun = g->directs;
	g->director_failover = 0x80000003;
	g->director_relay = 0xc0000004;
	g->listeners = buf_reader(fds, sizeof(fds));
	g->scripts = buf_reader(scripts, sizeof(scripts));
	g->n_groups = 1;
	g->groups[0] = (struct msg_group){ .group = 1,
		.state = MSG_GROUP_MASTER,
		.priority = 150,
		.effective_priority = 100,
		.transitions = 3,
		.term = UINT64_MAX - 1,
		.since_wall_ms = 1795600000001,
		.reason = "peer silent for 150 ms",
		.refused = 1,
		.refused_reason = "IPv6 is off" };
}

static void
fill(void)
{
	memset(&in, 0, sizeof(in));
	strcpy(in.version, "0.1.0");
	strcpy(in.program, "/usr/sbin/hapair");
	strcpy(in.path, "/etc/hapair/hapair.yaml");
	in.started_ns = 12345;
	in.lock = 5;
	in.control = 6;
	in.wire = 7;
	in.socket = 8;
	in.null = 9;
	in.present.n = 2;
	for (unsigned i = 0; i < UPGRADE_STATE_SLOTS_MAX; i++) {
		in.present.slots[i] = 20 + i;
		in.past.slots[i] = 30 + i;
	}
	in.accords = (const uint8_t *)accords;
	in.accords_len = sizeof(accords) - 1;
	in.events = (const uint8_t *)events;
	in.events_len = sizeof(events) - 1;
	in.known = 1;
	in.wire_number = 3;
	in.told = 4;
	in.n_generations = 2;
	fill_generation(&in.generations[0], 100);
	fill_generation(&in.generations[1], 150);
}

static size_t
encode(void)
{
	struct buf b = buf_writer(room, sizeof(room));

	assert_true(upgrade_state_room(&in) <= sizeof(room));
	upgrade_state_encode(&b, &in);
	assert_false(b.bad);
	assert_true(b.pos <= upgrade_state_room(&in));
	return b.pos;
}

static int
decode(size_t len)
{
	struct buf b = buf_reader(room, len);

	return upgrade_state_decode(&b, &out);
}

static void
compare_generations(const struct upgrade_state_generation *a,
    const struct upgrade_state_generation *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->text, b->text, a->len);
	assert_int_equal(a->listeners.len, b->listeners.len);
	assert_memory_equal(
	    a->listeners.data, b->listeners.data, a->listeners.len);
	assert_int_equal(a->scripts.len, b->scripts.len);
	assert_memory_equal(a->scripts.data, b->scripts.data, a->scripts.len);
	assert_memory_equal(&a->failover, &b->failover, sizeof(a->failover));
	assert_memory_equal(&a->relay, &b->relay, sizeof(a->relay));
	assert_memory_equal(&a->director, &b->director, sizeof(a->director));
	assert_int_equal(a->directs, b->directs);
	assert_int_equal(a->director_prepared, b->director_prepared);
	assert_int_equal(a->director_begun, b->director_begun);
	assert_int_equal(a->director_failover, b->director_failover);
	assert_int_equal(a->director_relay, b->director_relay);
	assert_int_equal(a->n_groups, b->n_groups);
	assert_memory_equal(a->groups, b->groups, sizeof(a->groups));
	assert_int_equal(a->loaded_wall_ms, b->loaded_wall_ms);
	assert_int_equal(a->node_and_one, b->node_and_one);
	assert_int_equal(a->workers, b->workers);
	assert_int_equal(a->pipes, b->pipes);
	assert_int_equal(a->max_connections, b->max_connections);
	assert_int_equal(a->begun, b->begun);
	assert_int_equal(a->given, b->given);
	assert_int_equal(a->introduction, b->introduction);
}

static void
what_was_written_is_read(void **state)
{
	(void)state;
	fill();
	assert_int_equal(decode(encode()), 0);
	assert_string_equal(out.version, in.version);
	assert_string_equal(out.program, in.program);
	assert_string_equal(out.path, in.path);
	assert_int_equal(out.started_ns, in.started_ns);
	assert_int_equal(out.lock, 5);
	assert_int_equal(out.control, 6);
	assert_int_equal(out.wire, 7);
	assert_int_equal(out.ready, 0);
	assert_int_equal(out.socket, 8);
	assert_int_equal(out.null, 9);
	assert_int_equal(out.present.n, 2);
	assert_memory_equal(
	    out.present.slots, in.present.slots, sizeof(in.present.slots));
	assert_int_equal(out.past.n, 0);
	assert_memory_equal(
	    out.past.slots, in.past.slots, sizeof(in.past.slots));
	assert_int_equal(out.accords_len, in.accords_len);
	assert_memory_equal(out.accords, accords, in.accords_len);
	assert_int_equal(out.events_len, in.events_len);
	assert_memory_equal(out.events, events, in.events_len);
	assert_int_equal(out.known, 1);
	assert_int_equal(out.wire_number, 3);
	assert_int_equal(out.told, 4);
	assert_int_equal(out.n_generations, 2);
	for (unsigned i = 0; i < 2; i++)
		compare_generations(&out.generations[i], &in.generations[i]);
}

static void
what_is_cut_off_is_refused(void **state)
{
	size_t len;

	(void)state;
	fill();
	len = encode();
	for (size_t i = 0; i < len; i++)
		assert_int_equal(decode(i), -EBADMSG);
	room[len] = 0;
	assert_int_equal(decode(len + 1), -EBADMSG);
}

/* Where a field stands is not fixed: any that is not known is skipped. */
static void
what_is_not_known_is_skipped(void **state)
{
	static const uint8_t field[] = { 200, 0, 0, 0, 1, 'x' };
	const size_t head = strlen("hapair state\n");
	size_t len;

	(void)state;
	fill();
	len = encode();
	memmove(
	    room + head + 5 + sizeof(field), room + head + 5, len - head - 5);
	memcpy(room + head + 5, field, sizeof(field));
	/* The value's length is below 64 KiB: two of its four bytes. */
	len += sizeof(field);
	room[head + 3] += sizeof(field);
	room[head + 2] += room[head + 3] < sizeof(field);
	assert_int_equal(decode(len), 0);
	assert_int_equal(out.n_generations, 2);
}

static void
a_later_version_is_refused_by_name(void **state)
{
	const size_t head = strlen("hapair state\n");
	size_t len;

	(void)state;
	fill();
	len = encode();
	room[head + 4] = UPGRADE_STATE_VERSION + 1;
	assert_int_equal(decode(len), -EPROTONOSUPPORT);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	fill();
	in.n_generations = 0;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.generations[1].workers = 0;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.generations[0].len = 0;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.generations[0].listeners.len = 7;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.generations[0].groups[0].state = MSG_GROUP_FAULT + 1;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.generations[0].groups[0].group = UPGRADE_STATE_GROUPS_MAX;
	assert_int_equal(decode(encode()), -EBADMSG);
	fill();
	in.present.n = UPGRADE_STATE_SLOTS_MAX + 1;
	assert_int_equal(decode(encode()), -EBADMSG);
}

static int
note(void *arg, int fd)
{
	uint8_t *seen = arg;

	assert_in_range(fd, 3, 255);
	assert_int_equal(seen[fd]++, 0);
	return 0;
}

static int
stop_at(void *arg, int fd)
{
	return fd == *(const int *)arg ? -EBADF : 0;
}

static void
each_descriptor_is_told_once(void **state)
{
	uint8_t seen[256] = { 0 };
	const int third = 7;
	unsigned n = 0;

	(void)state;
	fill();
	in.generations[1].listeners.len = 0;
	assert_int_equal(upgrade_state_each_fd(&in, note, seen), 0);
	for (unsigned i = 0; i < sizeof(seen); i++)
		n += seen[i];
	/* Five of the head, 16 slots, one listener, three of each child. */
	assert_int_equal(n, 5 + 16 + 1 + 5 * 3);
	assert_int_equal(
	    upgrade_state_each_fd(&in, stop_at, (void *)(uintptr_t)&third),
	    -EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(what_is_not_known_is_skipped),
		cmocka_unit_test(a_later_version_is_refused_by_name),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(each_descriptor_is_told_once),
	};

	TEST_MAIN(tests);
}
