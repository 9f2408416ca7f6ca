#include "proxy/control/standby_view.h"

#include "proxy/pool/pool.h"
#include "tests/lib/test.h"

/* One that is well but for: its state, an operator's word, its own. */
#define SERVER(s, a, r)                                                        \
	{                                                                      \
		.state = SERVER_##s, .admin = ACCORD_##a,                      \
		.role = SERVER_ROLE_##r, .weight = 1, .has_address = true      \
	}
#define WELL SERVER(UP, READY, UNSAID)

static const struct row {
	const char *name;
	struct pool_view servers[3];
	size_t n;
	enum standby_fitness fitness;
	enum standby_claim claim;
} rows[] = {
	{ "up", { WELL }, 1, STANDBY_FIT, STANDBY_CLAIMS_NOTHING },
	{ "no check has ended", { SERVER(UNKNOWN, READY, UNSAID) }, 1,
	    STANDBY_UNKNOWN, STANDBY_CLAIMS_NOTHING },
	{ "down", { SERVER(DOWN, READY, UNSAID) }, 1, STANDBY_UNFIT,
	    STANDBY_CLAIMS_NOTHING },
	{ "drains by itself", { SERVER(DRAIN, READY, UNSAID) }, 1,
	    STANDBY_UNFIT, STANDBY_CLAIMS_NOTHING },
	{ "up, not resolved",
	    { { .state = SERVER_UP, .admin = ACCORD_READY, .weight = 1 } }, 1,
	    STANDBY_UNFIT, STANDBY_CLAIMS_NOTHING },
	{ "up, of no weight",
	    { { .state = SERVER_UP,
	        .admin = ACCORD_READY,
	        .has_address = true } },
	    1, STANDBY_UNFIT, STANDBY_CLAIMS_NOTHING },
	{ "an operator's drain goes before its state",
	    { SERVER(DOWN, DRAIN, UNSAID) }, 1, STANDBY_PARKED,
	    STANDBY_CLAIMS_NOTHING },
	{ "an operator's maint too, of what is unknown",
	    { SERVER(UNKNOWN, MAINT, UNSAID) }, 1, STANDBY_OUT,
	    STANDBY_CLAIMS_NOTHING },
	{ "it says that it is active", { SERVER(UP, READY, ACTIVE) }, 1,
	    STANDBY_FIT, STANDBY_CLAIMS_ACTIVE },
	{ "one of several is down", { WELL, SERVER(DOWN, READY, UNSAID), WELL },
	    3, STANDBY_UNFIT, STANDBY_CLAIMS_NOTHING },
	{ "down and unknown: nothing is decided yet",
	    { SERVER(DOWN, READY, UNSAID), SERVER(UNKNOWN, READY, UNSAID) }, 2,
	    STANDBY_UNKNOWN, STANDBY_CLAIMS_NOTHING },
	{ "unknown and parked",
	    { SERVER(UNKNOWN, READY, UNSAID), SERVER(UP, DRAIN, UNSAID) }, 2,
	    STANDBY_PARKED, STANDBY_CLAIMS_NOTHING },
	{ "out, whatever else",
	    { SERVER(UP, MAINT, UNSAID), WELL, SERVER(UP, DRAIN, UNSAID) }, 3,
	    STANDBY_OUT, STANDBY_CLAIMS_NOTHING },
	{ "one that says nothing does not contradict",
	    { WELL, SERVER(UP, READY, STANDBY), WELL }, 3, STANDBY_FIT,
	    STANDBY_CLAIMS_STANDBY },
	{ "they agree",
	    { SERVER(UP, READY, ACTIVE), SERVER(UP, READY, ACTIVE) }, 2,
	    STANDBY_FIT, STANDBY_CLAIMS_ACTIVE },
	{ "they contradict each other, so they say nothing",
	    { SERVER(UP, READY, ACTIVE), SERVER(UP, READY, STANDBY),
	        SERVER(UP, READY, ACTIVE) },
	    3, STANDBY_FIT, STANDBY_CLAIMS_NOTHING },
};

static void
a_host_is_what_the_worst_of_its_servers_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct standby_view v = { .seen = false };
		struct standby_host host;

		test_row(rows[i].name);
		for (size_t k = 0; k < rows[i].n; k++)
			standby_view_add(&v, &rows[i].servers[k]);
		host = standby_view_host(&v);
		assert_int_equal(host.fitness, rows[i].fitness);
		assert_int_equal(host.claim, rows[i].claim);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_what_the_worst_of_its_servers_is),
	};

	TEST_MAIN(tests);
}
