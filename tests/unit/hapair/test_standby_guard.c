#include "hapair/supervisor/standby_guard.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <string.h>

enum {
	PLAIN,
	STORE,
	CATALOG,
	SAYING,
	FREE,
	SERVICES
};

static struct config_server servers[3] = { { .name = "m1" }, { .name = "m2" },
	{ .name = "m3" } };
static struct config_server talkers[3] = { { .name = "m1" },
	{ .name = "m2", .check = { .role = "active" } }, { .name = "m3" } };
static struct config_service services[SERVICES] = {
	[PLAIN] = { .name = "plain", .servers = servers, .n_servers = 3 },
	[STORE] = { .name = "store",
	    .mode = CONFIG_MODE_STANDBY,
	    .standby_group = "masters",
	    .servers = servers,
	    .n_servers = 3,
	    .fence = "/f",
	    .promote = "/p" },
	[CATALOG] = { .name = "catalog",
	    .mode = CONFIG_MODE_STANDBY,
	    .standby_group = "masters",
	    .servers = servers,
	    .n_servers = 3,
	    .fence = "/f" },
	[SAYING] = { .name = "saying",
	    .mode = CONFIG_MODE_STANDBY,
	    .servers = talkers,
	    .n_servers = 3,
	    .fence = "/f" },
	[FREE] = { .name = "free",
	    .mode = CONFIG_MODE_STANDBY,
	    .servers = servers,
	    .n_servers = 3,
	    .promote = "/p" },
};
static const struct config config = { .services = services,
	.n_services = SERVICES };

static struct standby_guard all[SERVICES];
static struct mono now;
static const char *why;

static const struct standby_guard_sight first = { .decides = true };

static void
begin(void)
{
	memset(all, 0, sizeof(all));
	now = (struct mono){ 0 };
	why = NULL;
}

static enum standby_guard_answer
run(uint16_t service, bool promote, uint16_t from, uint16_t to,
    struct standby_guard_sight sight)
{
	const struct msg_fence m = {
		.service = service, .promote = promote, .from = from, .to = to
	};

	return standby_guard_run(all, &m, &sight, now, &why);
}

static enum standby_guard_answer
choose(size_t leader, unsigned to, struct standby_guard_sight sight)
{
	return standby_guard_choose(
	    all, &config, leader, to, &sight, now, &why);
}

static void
fences_are_for_who_decides_and_of_the_active_one(void **state)
{
	static const struct row {
		const char *name;
		struct standby_guard_sight sight;
		uint16_t from;
		enum standby_guard_answer answer;
	} rows[] = {
		{ "as it should be", { true, false, 0 }, 0, STANDBY_GUARD_YES },
		{ "a backup", { false, false, 0 }, 0, STANDBY_GUARD_LATER },
		{ "another one", { true, false, 1 }, 0, STANDBY_GUARD_NO },
		{ "one that may be active in a moment", { true, true, 1 }, 0,
		    STANDBY_GUARD_LATER },
		{ "nobody knows who is active", { true, false, -1 }, 2,
		    STANDBY_GUARD_YES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		begin();
		assert_int_equal(run(STORE, false, rows[i].from,
		                     1 - rows[i].from % 2, rows[i].sight),
		    rows[i].answer);
		assert_int_equal(
		    why != NULL, rows[i].answer != STANDBY_GUARD_YES);
	}
}

/* Ten at once, then one in ten seconds. */
static void
fences_run_now_and_then(void **state)
{
	unsigned ran = 0;

	(void)state;
	begin();
	for (unsigned i = 0; i < 1000; i++)
		ran += run(STORE, false, 0, 1, first) == STANDBY_GUARD_YES;
	assert_int_equal(ran, 10);
	assert_string_equal(why, "it has run too often");
	for (unsigned s = 1; s <= 60; s++) {
		now = mono_add_ms(now, 1000);
		ran += run(STORE, false, 0, 1, first) == STANDBY_GUARD_YES;
	}
	assert_int_equal(ran, 16);
	/* Others have their own. */
	assert_int_equal(run(CATALOG, false, 0, 1, first), STANDBY_GUARD_YES);
	/* And who waits long has no more of them at once. */
	now = mono_add_ms(now, 86400000);
	for (unsigned i = 0; i < 100; i++)
		ran += run(STORE, false, 0, 1, first) == STANDBY_GUARD_YES;
	assert_int_equal(ran, 26);
}

/* Each fence of the group, of whom is active, and not long ago. */
static void
nobody_is_chosen_before_the_fence(void **state)
{
	static const struct standby_guard_sight other = { true, false, 1 };
	static const struct standby_guard_sight unknown = { true, false, -1 };

	(void)state;
	begin();
	assert_int_equal(choose(STORE, 1, first), STANDBY_GUARD_NO);
	standby_guard_note_fence(&all[STORE], 0, now);
	assert_int_equal(choose(STORE, 1, first), STANDBY_GUARD_NO);
	/* The second took long. */
	now = mono_add_ms(now, 100000);
	standby_guard_note_fence(&all[CATALOG], 0, now);
	assert_int_equal(choose(STORE, 1, first), STANDBY_GUARD_YES);
	assert_int_equal(choose(STORE, 2, other), STANDBY_GUARD_NO);
	assert_int_equal(choose(STORE, 2, unknown), STANDBY_GUARD_YES);
	now = mono_add_ms(now, 30000);
	assert_int_equal(choose(STORE, 1, first), STANDBY_GUARD_NO);
	standby_guard_note_fence(&all[STORE], 0, now);
	assert_int_equal(choose(STORE, 1, first), STANDBY_GUARD_YES);
	standby_guard_note_choice(all, &config, STORE, 0, 1, now);
	assert_int_equal(choose(STORE, 2, other), STANDBY_GUARD_NO);
	/* Nothing changes. */
	assert_int_equal(choose(STORE, 1, other), STANDBY_GUARD_YES);
	standby_guard_note_fence(&all[STORE], 1, now);
	standby_guard_note_fence(&all[CATALOG], 1, now);
	standby_guard_forget(all, &config);
	assert_int_equal(choose(STORE, 2, other), STANDBY_GUARD_NO);
}

static void
no_fence_is_asked_for_where_there_is_none_or_servers_say_it(void **state)
{
	(void)state;
	begin();
	assert_int_equal(choose(FREE, 1, first), STANDBY_GUARD_YES);
	assert_int_equal(choose(SAYING, 1, first), STANDBY_GUARD_YES);
	assert_int_equal(
	    choose(SAYING, 1, (struct standby_guard_sight){ .active = 0 }),
	    STANDBY_GUARD_LATER);
}

static void
changes_wait_for_their_turn(void **state)
{
	unsigned n = 0;

	(void)state;
	begin();
	while (choose(FREE, 1, first) == STANDBY_GUARD_YES)
		n++;
	assert_int_equal(n, 10);
	assert_int_equal(choose(FREE, 1, first), STANDBY_GUARD_LATER);
	now = mono_add_ms(now, 200);
	assert_int_equal(choose(FREE, 1, first), STANDBY_GUARD_YES);
}

static void
promote_follows_a_change_once(void **state)
{
	static const struct standby_guard_sight after = { true, false, 1 };

	(void)state;
	begin();
	assert_int_equal(run(FREE, true, 0, 1, first), STANDBY_GUARD_NO);
	standby_guard_note_choice(all, &config, FREE, 0, 1, now);
	assert_int_equal(run(FREE, true, 0, 2, after), STANDBY_GUARD_NO);
	assert_int_equal(run(FREE, true, 2, 1, after), STANDBY_GUARD_NO);
	assert_int_equal(run(STORE, true, 0, 1, after), STANDBY_GUARD_NO);
	assert_int_equal(run(FREE, true, 0, 1,
	                     (struct standby_guard_sight){ .waits = true }),
	    STANDBY_GUARD_LATER);
	assert_int_equal(run(FREE, true, 0, 1, after), STANDBY_GUARD_YES);
	assert_int_equal(run(FREE, true, 0, 1, after), STANDBY_GUARD_NO);
	/* Whoever it was before. */
	standby_guard_note_choice(all, &config, FREE, -1, 1, now);
	assert_int_equal(run(FREE, true, 2, 1, after), STANDBY_GUARD_YES);
	/* It was active already. */
	standby_guard_note_choice(all, &config, FREE, 1, 1, now);
	assert_int_equal(run(FREE, true, 1, 1, after), STANDBY_GUARD_NO);
	standby_guard_note_choice(all, &config, FREE, 0, 1, now);
	now = mono_add_ms(now, 10000);
	assert_int_equal(run(FREE, true, 0, 1, after), STANDBY_GUARD_NO);
	/* For each of the group. */
	standby_guard_note_choice(all, &config, STORE, 0, 1, now);
	assert_int_equal(run(STORE, true, 0, 1, after), STANDBY_GUARD_YES);
	assert_int_equal(run(CATALOG, true, 0, 1, after), STANDBY_GUARD_YES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    fences_are_for_who_decides_and_of_the_active_one),
		cmocka_unit_test(fences_run_now_and_then),
		cmocka_unit_test(nobody_is_chosen_before_the_fence),
		cmocka_unit_test(
		    no_fence_is_asked_for_where_there_is_none_or_servers_say_it),
		cmocka_unit_test(changes_wait_for_their_turn),
		cmocka_unit_test(promote_follows_a_change_once),
	};

	TEST_MAIN(tests);
}
