#include "failover/election/peer.h"
#include "tests/lib/test.h"

#include <string.h>

/* A and B, and packets carried by hand. */
struct pair {
	struct peer a, b; /* a is what A knows of B */
};

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static struct peer
node(uint64_t self, uint64_t other, uint8_t boot)
{
	const struct peer_config config = { .keys = { 1 },
		.self = self,
		.other = other,
		.boot = { { boot } },
		.most_ms = 1000 };

	return peer_init(&config, 1000u + boot);
}

static struct pair
fresh(void)
{
	return (struct pair){ node('A', 'B', 1), node('B', 'A', 2) };
}

static struct hello
say_at(struct peer *p, const struct hello *answered, int64_t now_ms)
{
	struct hello h = { .type = answered ? HELLO_CHALLENGE : HELLO_BEAT,
		.interval_ms = 20,
		.misses = 3 };

	peer_stamp(p, &h, 60, at(now_ms));
	return h;
}

static struct hello
say(struct peer *p, const struct hello *answered)
{
	return say_at(p, answered, 0);
}

static enum peer_verdict
hear(struct peer *p, const struct hello *h, int64_t now_ms)
{
	static uint64_t fresh_nonce = 5000;

	return peer_receive(p, h, fresh_nonce++, at(now_ms));
}

static struct pair
acquainted(void)
{
	struct pair p = fresh();
	struct hello h = say(&p.a, NULL), answer;

	assert_int_equal(hear(&p.b, &h, 0), PEER_STRANGER);
	answer = say(&p.b, &h);
	assert_int_equal(hear(&p.a, &answer, 1), PEER_NEW_BOOT);
	h = say(&p.a, NULL);
	assert_int_equal(hear(&p.b, &h, 2), PEER_NEW_BOOT);
	return p;
}

static void
two_strangers_know_each_other_after_one_round_trip(void **state)
{
	struct pair p = acquainted();

	(void)state;
	assert_true(p.a.known && p.b.known);
	assert_int_equal(p.a.dead_ms, 60);
	assert_true(peer_hears_us(&p.a, 60, at(2)));
	assert_true(peer_hears_us(&p.b, 60, at(2)));
}

/* S12: what it says of its own pace binds it, and us no longer than our file.
 */
static void
it_is_not_waited_for_longer_than_our_file_says(void **state)
{
	static const struct {
		uint16_t interval_ms;
		uint8_t misses;
		uint32_t dead_ms;
		int64_t due_ms;
	} paces[] = { { 20, 3, 60, 20 }, { 50, 20, 1000, 50 },
		{ 1000, 20, 1000, 1000 }, { 10000, 20, 1000, 1000 } };
	struct pair p = acquainted();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
		struct hello h = say(&p.a, NULL);

		h.interval_ms = paces[i].interval_ms;
		h.misses = paces[i].misses;
		assert_int_equal(hear(&p.b, &h, 20), PEER_ACCEPTED);
		assert_int_equal(p.b.dead_ms, paces[i].dead_ms);
		assert_int_equal(p.b.due.ns, at(20 + paces[i].due_ms).ns);
	}
}

static void
a_stranger_changes_nothing(void **state)
{
	struct pair p = fresh();
	struct hello h = say(&p.a, NULL);

	(void)state;
	h.resigning = true;
	assert_int_equal(hear(&p.b, &h, 0), PEER_STRANGER);
	assert_false(p.b.known);
	assert_false(p.b.resigned);
	assert_true(mono_is_never(p.b.heard));
	assert_int_equal(p.b.rejected[PEER_REJECT_STALE], 1);
}

static void
who_is_heard_has_not_ended(void **state)
{
	struct pair p = acquainted();
	struct hello first = say(&p.a, NULL), second = say(&p.a, NULL);

	(void)state;
	assert_int_equal(hear(&p.b, &second, 20), PEER_ACCEPTED);
	p.b.ended = true;
	assert_int_equal(hear(&p.b, &first, 21), PEER_REPEATED);
	assert_true(p.b.ended);
	first = say(&p.a, NULL);
	assert_int_equal(hear(&p.b, &first, 22), PEER_ACCEPTED);
	assert_false(p.b.ended);
}

static void
a_repeated_or_older_number_is_dropped(void **state)
{
	struct pair p = acquainted();
	struct hello first = say(&p.a, NULL), second = say(&p.a, NULL);

	(void)state;
	assert_int_equal(hear(&p.b, &second, 20), PEER_ACCEPTED);
	assert_int_equal(hear(&p.b, &second, 21), PEER_REPEATED);
	assert_int_equal(hear(&p.b, &first, 22), PEER_REPEATED);
	assert_int_equal(p.b.heard.ns, at(20).ns);
}

static void
road(struct peer_path *path, struct pair *p, const struct hello *h, int64_t ms)
{
	peer_path_note(path, &p->b, h, hear(&p->b, h, ms), at(ms));
}

static void
each_road_counts_for_itself(void **state)
{
	struct pair p = acquainted();
	struct hello h[5];
	struct peer_path a = peer_path_init(), b = peer_path_init();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(h); i++)
		h[i] = say(&p.a, NULL);
	assert_false(peer_path_is_alive(&a, 60, at(10)));
	road(&a, &p, &h[0], 10);
	road(&b, &p, &h[0], 11); /* the second to bring it */
	road(&b, &p, &h[3], 12); /* two of its own got lost */
	road(&a, &p, &h[1], 13); /* late, but the first on this road */
	road(&a, &p, &h[1], 14); /* somebody repeats it */
	assert_int_equal(a.received, 2);
	assert_int_equal(a.lost, 0);
	assert_int_equal(a.rejected, 1);
	assert_int_equal(b.received, 2);
	assert_int_equal(b.lost, 2);
	assert_int_equal(b.rejected, 0);
	assert_int_equal(p.b.rejected[PEER_REJECT_REPEATED], 1);
	assert_true(peer_path_is_alive(&a, 60, at(73)));
	assert_false(peer_path_is_alive(&a, 60, at(74)));
}

/* A boot that has said a thousand hellos, the last of them over this road. */
static struct hello
old_boot(struct pair *p, struct peer_path *path)
{
	struct hello h;

	*p = acquainted();
	*path = peer_path_init();
	h = say(&p->a, NULL);
	h.seq = 1000;
	road(path, p, &h, 10);
	return h;
}

static void
a_new_boot_begins_its_road_anew(void **state)
{
	struct pair p;
	struct peer_path path;
	struct hello h = old_boot(&p, &path);

	(void)state;
	h.seq = 1;
	peer_path_note(&path, &p.b, &h, PEER_NEW_BOOT, at(20));
	assert_int_equal(path.high, 1);
	assert_int_equal(path.received, 2);
	assert_int_equal(path.lost, 0);
	peer_path_note(&path, &p.b, &h, PEER_STRANGER, at(21));
	assert_int_equal(path.rejected, 1);
}

/* Else the others were down until the new one had said as much as the old. */
static void
a_new_boot_begins_the_other_roads_anew(void **state)
{
	struct pair p;
	struct peer_path path;
	struct hello h = old_boot(&p, &path);

	(void)state;
	assert_int_equal(path.missed, 0);
	peer_path_miss(&path, PEER_REPEATED);
	assert_int_equal(path.missed, 0);
	peer_path_miss(&path, PEER_NEW_BOOT);
	peer_path_miss(&path, PEER_ACCEPTED);
	assert_int_equal(path.missed, 2);
	h.seq = 3;
	peer_path_note(&path, &p.b, &h, PEER_ACCEPTED, at(20));
	assert_int_equal(path.received, 2);
	assert_int_equal(path.rejected, 0);
	assert_int_equal(path.missed, 0);
	assert_true(peer_path_is_alive(&path, 60, at(80)));
}

static void
a_restarted_peer_is_believed_after_one_round_trip(void **state)
{
	struct pair p = acquainted();
	struct hello h, answer;

	(void)state;
	p.a = node('A', 'B', 3);
	h = say(&p.a, NULL);
	assert_int_equal(hear(&p.b, &h, 100), PEER_STRANGER);
	answer = say(&p.b, &h);
	assert_int_equal(hear(&p.a, &answer, 101), PEER_NEW_BOOT);
	h = say(&p.a, NULL);
	assert_int_equal(hear(&p.b, &h, 102), PEER_NEW_BOOT);
}

static void
recordings_of_a_dead_boot_are_not_believed(void **state)
{
	struct pair p = acquainted();
	struct hello old = say(&p.a, NULL), h, answer;

	(void)state;
	/* Recorded and kept back: of the boot before, never delivered. */
	p.a = node('A', 'B', 3);
	h = say(&p.a, NULL);
	(void)hear(&p.b, &h, 100);
	answer = say(&p.b, &h);
	(void)hear(&p.a, &answer, 101);
	h = say(&p.a, NULL);
	assert_int_equal(hear(&p.b, &h, 102), PEER_NEW_BOOT);
	assert_int_equal(hear(&p.b, &old, 103), PEER_STRANGER);
	/* The receiver's restart forgets nothing that it needs. */
	p.b = node('B', 'A', 4);
	assert_int_equal(hear(&p.b, &old, 104), PEER_STRANGER);
	assert_int_equal(hear(&p.b, &h, 105), PEER_STRANGER);
}

static void
a_proof_needs_our_boot_and_our_nonce(void **state)
{
	struct pair p = acquainted();
	struct hello h;

	(void)state;
	p.a = node('A', 'B', 3);
	h = say(&p.a, NULL);
	h.echo_boot = p.b.config.boot;
	h.echo_nonce = p.b.nonce + 1;
	assert_int_equal(hear(&p.b, &h, 100), PEER_STRANGER);
	h.echo_boot.bytes[0]++;
	h.echo_nonce = p.b.nonce;
	assert_int_equal(hear(&p.b, &h, 101), PEER_STRANGER);
	h.echo_boot = p.b.config.boot;
	assert_int_equal(hear(&p.b, &h, 102), PEER_NEW_BOOT);
}

static void
our_own_packets_and_those_of_other_pairs_are_dropped(void **state)
{
	struct pair p = acquainted();
	struct hello h = say(&p.a, NULL);

	(void)state;
	assert_int_equal(hear(&p.a, &h, 10), PEER_MISDIRECTED);
	assert_int_equal(p.a.rejected[PEER_REJECT_REFLECTED], 1);
	h.keys[0] = 99;
	assert_int_equal(hear(&p.b, &h, 10), PEER_MISDIRECTED);
	assert_int_equal(p.b.rejected[PEER_REJECT_FOREIGN], 1);
}

static void
a_road_open_one_way_is_seen(void **state)
{
	struct pair p = acquainted();
	struct hello h;

	(void)state;
	/* B hears nothing any more; A goes on hearing B. */
	for (int64_t ms = 20; ms <= 200; ms += 20) {
		(void)say(&p.a, NULL);
		h = say(&p.b, NULL);
		assert_int_equal(hear(&p.a, &h, ms), PEER_ACCEPTED);
	}
	assert_true(peer_is_alive(&p.a, 60, at(200)));
	assert_false(peer_hears_us(&p.a, 60, at(200)));
	assert_false(peer_is_alive(&p.b, 60, at(200)));
}

/* It knows no boot of A's, so it echoes what it is shown: old recordings. */
static void
echoes_of_recordings_are_no_sign_of_hearing(void **state)
{
	struct pair p = acquainted();
	struct hello h = say_at(&p.a, NULL, 0), recorded[10];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		recorded[i] = say_at(&p.a, NULL, 20 * i);
	p.b = node('B', 'A', 3); /* and hears the first only, then nothing */
	assert_int_equal(hear(&p.b, &h, 200), PEER_STRANGER);
	h = say_at(&p.b, NULL, 200);
	assert_int_equal(hear(&p.a, &h, 200), PEER_NEW_BOOT);
	for (int64_t ms = 200; ms < 5000; ms += 20)
		(void)say_at(&p.a, NULL, ms);
	for (unsigned i = 0; i < 10; i++) {
		const int64_t ms = 5000 + 20 * i;

		(void)say_at(&p.a, NULL, ms);
		assert_int_equal(hear(&p.b, &recorded[i], ms), PEER_STRANGER);
		h = say_at(&p.b, NULL, ms);
		assert_int_equal(hear(&p.a, &h, ms), PEER_ACCEPTED);
		assert_false(peer_hears_us(&p.a, 60, at(ms)));
	}
}

/*
 * One turn: both speak, as their intervals would have it, and hear each other
 * where they take the other's key. Returns whether both did.
 */
static bool
beat(struct pair *p, int64_t *now_ms)
{
	struct hello a, b, a_again, b_again;
	bool heard;

	*now_ms += 20;
	a = say_at(&p->a, NULL, *now_ms);
	b = say_at(&p->b, NULL, *now_ms);
	heard = hear(&p->b, &a, *now_ms) != PEER_MISDIRECTED;
	heard = hear(&p->a, &b, *now_ms) != PEER_MISDIRECTED && heard;
	/* What a challenge is for, in a node: see node_peer.c. */
	a_again = say_at(&p->a, &b, *now_ms);
	heard = hear(&p->b, &a_again, *now_ms) != PEER_MISDIRECTED && heard;
	b_again = say_at(&p->b, &a, *now_ms);
	return hear(&p->a, &b_again, *now_ms) != PEER_MISDIRECTED && heard;
}

enum {
	OLD = 1,
	NEW = 2
};

static const struct change {
	const char *name;
	uint64_t a[2], b[2]; /* keys from now on */
	uint64_t signs_a, signs_b;
	bool in_use; /* what is taken out is in use: one hello is lost */
} changes[] = {
	{ "the old one alone", { OLD }, { OLD }, OLD, OLD, false },
	{ "A knows both", { NEW, OLD }, { OLD }, OLD, OLD, false },
	{ "B knows both", { NEW, OLD }, { NEW, OLD }, NEW, NEW, false },
	{ "A forgets the old one", { NEW }, { NEW, OLD }, NEW, NEW, false },
	{ "B forgets the old one", { NEW }, { NEW }, NEW, NEW, false },
	{ "the other way round: B knows both", { NEW }, { OLD, NEW }, NEW, NEW,
	    false },
	{ "A knows both", { NEW, OLD }, { OLD, NEW }, NEW, OLD, false },
	{ "B changes its mind", { NEW, OLD }, { OLD }, OLD, OLD, true },
};

static void
set_keys(struct pair *p, const struct change *c)
{
	memcpy(p->a.config.keys, c->a, sizeof(c->a));
	memcpy(p->b.config.keys, c->b, sizeof(c->b));
}

static void
keys_are_changed_node_by_node(void **state)
{
	struct pair p = acquainted();
	int64_t now_ms = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const struct change *c = &changes[i];

		test_row(c->name);
		set_keys(&p, c);
		for (unsigned n = 0; n < 3; n++)
			assert_true(beat(&p, &now_ms) || (c->in_use && n == 0));
		assert_true(peer_key(&p.a) == c->signs_a);
		assert_true(peer_key(&p.b) == c->signs_b);
		assert_true(p.a.signs == c->signs_b);
		assert_true(p.b.signs == c->signs_a);
		assert_true(peer_takes(&p.a, c->b));
	}
	assert_int_equal(p.a.rejected[PEER_REJECT_FOREIGN], 0);
	assert_int_equal(p.b.rejected[PEER_REJECT_FOREIGN], 1);
}

/* How A last knew of B, and whether another key alone would part them. */
static const struct parting {
	const char *name;
	bool known, resigned, ended;
	uint64_t keys[HELLO_KEYS_MAX];
	bool parts;
} partings[] = {
	{ "never heard", false, false, false, { 2 }, false },
	{ "heard once, whenever that was", true, false, false, { 2 }, true },
	{ "it takes the second", true, false, false, { 2, 1 }, false },
	{ "it was stopped", true, true, false, { 2 }, false },
	{ "its processes ended", true, false, true, { 2 }, false },
};

static void
a_silent_peer_has_the_keys_that_it_had(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(partings); i++) {
		const struct parting *row = &partings[i];
		struct pair p = row->known ? acquainted() : fresh();

		test_row(row->name);
		p.a.resigned = row->resigned;
		p.a.ended = row->ended;
		assert_int_equal(
		    peer_is_parted_by(&p.a, row->keys), row->parts);
	}
}

/* Each step, and B is started anew: soon both know each other. */
static void
a_node_that_starts_finds_the_key_that_both_have(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		for (unsigned who = 0; who < 3; who++) {
			struct pair p = acquainted();
			int64_t now_ms = 0;

			test_row(changes[i].name);
			if (who != 1)
				p.a = node('A', 'B', 8);
			if (who != 0)
				p.b = node('B', 'A', 9);
			set_keys(&p, &changes[i]);
			for (unsigned n = 0; n < 4; n++)
				(void)beat(&p, &now_ms);
			assert_true(p.a.known && p.b.known);
			assert_true(peer_is_alive(&p.a, 20, at(now_ms)));
			assert_true(peer_is_alive(&p.b, 20, at(now_ms)));
			assert_true(peer_key(&p.a) == changes[i].signs_a);
			assert_true(peer_key(&p.b) == changes[i].signs_b);
		}
}

/* A recording of when another key was in use does not make us use that. */
static void
a_recording_does_not_choose_our_key(void **state)
{
	struct pair p = acquainted();
	const struct hello recorded = say(&p.b, NULL);
	int64_t now_ms = 0;
	struct hello h;

	(void)state;
	p.b = node('B', 'A', 9);
	set_keys(&p, &changes[2]);
	for (unsigned n = 0; n < 4; n++)
		(void)beat(&p, &now_ms);
	assert_int_equal(hear(&p.a, &recorded, now_ms), PEER_STRANGER);
	h = say_at(&p.a, NULL, now_ms);
	assert_true(h.keys[h.key] == NEW);
	/* The challenge is for whoever says that, and in its key. */
	h = say_at(&p.a, &recorded, now_ms);
	assert_true(h.keys[h.key] == OLD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    two_strangers_know_each_other_after_one_round_trip),
		cmocka_unit_test(
		    it_is_not_waited_for_longer_than_our_file_says),
		cmocka_unit_test(a_stranger_changes_nothing),
		cmocka_unit_test(who_is_heard_has_not_ended),
		cmocka_unit_test(a_repeated_or_older_number_is_dropped),
		cmocka_unit_test(each_road_counts_for_itself),
		cmocka_unit_test(a_new_boot_begins_its_road_anew),
		cmocka_unit_test(a_new_boot_begins_the_other_roads_anew),
		cmocka_unit_test(
		    a_restarted_peer_is_believed_after_one_round_trip),
		cmocka_unit_test(recordings_of_a_dead_boot_are_not_believed),
		cmocka_unit_test(a_proof_needs_our_boot_and_our_nonce),
		cmocka_unit_test(
		    our_own_packets_and_those_of_other_pairs_are_dropped),
		cmocka_unit_test(a_road_open_one_way_is_seen),
		cmocka_unit_test(echoes_of_recordings_are_no_sign_of_hearing),
		cmocka_unit_test(keys_are_changed_node_by_node),
		cmocka_unit_test(a_silent_peer_has_the_keys_that_it_had),
		cmocka_unit_test(
		    a_node_that_starts_finds_the_key_that_both_have),
		cmocka_unit_test(a_recording_does_not_choose_our_key),
	};

	TEST_MAIN(tests);
}
